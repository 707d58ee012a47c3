"""What can be said of this machine before a node is put on it: the folder, the port, the disk, what starts services.

Writes nothing: whether a folder can be made is told from the rights of the one above it.
"""

import os
import shutil
import socket
from pathlib import Path
from typing import Final

from node.control.errors import ServiceUnavailable
from node.control.limits import SETUP_FREE_MB_MIN
from node.control.paths import home_to_ask, socket_path_to_connect, somebody_listens
from node.control.setup import Answers
from node.control.setup_views import CheckStep

_MB: Final = 1_000_000


def host_steps(answers: Answers, default_home: Path) -> tuple[CheckStep, ...]:
    """Return the tests of home, disk, port and start at login for these answers."""
    home = answers.home(default_home)
    steps = [home_step(home)]
    if steps[0].ok is not False:
        steps.append(disk_step(home, answers.host.disk_mb))
        if not answers.is_devnet:
            steps.append(port_step(answers.host.port))
        if answers.host.at_login:
            steps.append(login_step(home))
    return tuple(steps)


def home_step(home: Path) -> CheckStep:
    """Return whether a node can live in `home`: a folder of ours, or one that can be made, with no node in it."""
    other = "Choose another folder."
    try:
        if home.exists() and not home.is_dir():
            return CheckStep("home", False, f"{home} is a file, not a folder.", other)
        above = _existing(home)
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            return CheckStep("home", False, f"{above} cannot be written by this user.", other)
        running = home_to_ask(home)
        if somebody_listens(socket_path_to_connect(running)):
            return CheckStep(
                "home", False, f"A node runs in {running} already.", "Attach to it, or choose another folder."
            )
    except (OSError, ValueError) as error:
        return CheckStep("home", False, f"{str(home)[:200]!r} cannot be used: {error}.", other)
    return CheckStep("home", True, f"{home} can be used" if home.is_dir() else f"{home} will be made")


def disk_step(home: Path, disk_mb: int) -> CheckStep:
    """Return whether the disk has room for a node, and for the budget."""
    try:
        free_mb = shutil.disk_usage(_existing(home)).free // _MB
    except OSError as error:
        return CheckStep("disk", None, f"free space is not known: {error.strerror}")
    need_mb = max(disk_mb, SETUP_FREE_MB_MIN)
    if free_mb < need_mb:
        return CheckStep(
            "disk", False, f"{free_mb:,} MB are free, {need_mb:,} are needed.", "Free some, or name a smaller budget."
        )
    return CheckStep("disk", True, f"{free_mb:,} MB are free")


def port_step(port: int) -> CheckStep:
    """Return whether a TCP port can be listened on; whether others reach it is known once the node runs."""
    if port == 0:
        return CheckStep("port", True, "any free port; a fixed one is easier to open in a router")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # the node will listen just so
        except OSError as error:
            return CheckStep(
                "port", False, f"Port {port} cannot be listened on: {error.strerror}.", "Choose another, or 0."
            )
    return CheckStep("port", True, f"port {port} is free")


def login_step(home: Path) -> CheckStep:
    """Return whether something here can start the node at login; it is asked, and told nothing."""
    from node.control.service_manager import manager_of, require

    try:
        found = manager_of(home)
        require(found)
    except ServiceUnavailable as error:
        return CheckStep("login", False, error.message, "Leave it out; `neurond up` starts the node by hand.")
    return CheckStep("login", True, f"{found.kind} will start {found.name} at every login")


def _existing(path: Path) -> Path:
    """The nearest folder above that is there."""
    return next((each for each in (path, *path.parents) if each.exists()), Path("/"))
