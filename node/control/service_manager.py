"""What runs services for this user, and what is asked of it: a systemd user unit or a launchd agent. Never root.

One file in the user's own folders; everything else is asked of `systemctl --user` or `launchctl`. Where there is
neither, that is said and nothing is changed. Blocks for up to half a minute: call it from a worker thread.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from node.control import config, launcher
from node.control.errors import ServiceUnavailable
from node.control.paths import create_home, log_path
from node.control.service_units import kept_environment, launchd_agent, service_name, systemd_unit

_TIMEOUT_S: Final = 30.0  # of one request to the manager; stopping a node is waited for by `neurond down`
_OUTPUT_CHARS_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Manager:
    """What runs services here, and what it needs for this home."""

    kind: str
    name: str
    path: Path
    text: str
    install: tuple[tuple[str, ...], ...]
    start: tuple[str, ...]
    stop: tuple[str, ...]
    remove: tuple[tuple[str, ...], ...]
    after_removal: tuple[tuple[str, ...], ...]
    status: tuple[str, ...]


def install_commands(found: Manager, *, start: bool) -> tuple[tuple[str, ...], ...]:
    """Return what is asked of the manager after the file was written."""
    return (*found.install, *((found.start,) if start else ()))


def install(found: Manager, home: Path, *, start: bool) -> None:
    """Write the service's file and let the system start it at login, and now if `start`.

    Raises:
        ServiceUnavailable: nothing runs services here, root by sudo, or a node of this home runs outside of it.
        ConfigError: the configuration does not hold; a service that cannot start is worse than none.
    """
    config.load(home)
    _refuse_sudo()
    if start and launcher.find(home) is not None and not is_active(found):
        raise ServiceUnavailable(
            "A node of this home runs already, outside of the service.", remedy="Stop it first: `neurond down`."
        )
    require(found)
    create_home(home)
    _write(found.path, found.text)
    for each in install_commands(found, start=start):
        ask(each)


def uninstall(found: Manager) -> None:
    """Stop the service and remove its file. Raises ServiceUnavailable."""
    _refuse_sudo()
    require(found)
    for each in found.remove:
        ask(each, may_fail=True)
    found.path.unlink(missing_ok=True)
    for each in found.after_removal:
        ask(each, may_fail=True)


def manager_of(home: Path) -> Manager:
    """Return what runs services on this system. Raises ServiceUnavailable where nothing does."""
    command = [*launcher.neurond_command(), "up", "--foreground", "--home", os.fspath(home)]
    name = service_name(home, Path(platformdirs.user_data_dir("neurond")))
    environment = kept_environment(os.environ)
    if sys.platform == "darwin":
        label, domain = f"org.{name}", f"gui/{os.getuid()}"
        path = Path.home() / "Library" / "LaunchAgents" / f"{label}.plist"
        target = f"{domain}/{label}"
        return Manager(
            "launchd", label, path, launchd_agent(label, command, launchd_log(home), environment),
            (("launchctl", "enable", target),), ("launchctl", "bootstrap", domain, os.fspath(path)),
            ("launchctl", "bootout", target), (("launchctl", "bootout", target),), (),
            ("launchctl", "print", target),
        )  # fmt: skip
    if not sys.platform.startswith("linux"):
        raise ServiceUnavailable("Services are written for systemd and launchd; this system has neither.")
    unit = f"{name}.service"
    folder = Path(platformdirs.user_config_dir("systemd")) / "user"
    asked = ("systemctl", "--user")
    return Manager(
        "systemd", unit, folder / unit, systemd_unit(command, home, environment),
        ((*asked, "daemon-reload"), (*asked, "enable", unit)), (*asked, "start", "--no-block", unit),
        (*asked, "stop", unit), ((*asked, "disable", "--now", unit),),
        ((*asked, "daemon-reload"), (*asked, "reset-failed", unit)), (*asked, "is-active", "--quiet", unit),
    )  # fmt: skip


def launchd_log(home: Path) -> Path:
    """Return the file that launchd writes what a service prints to."""
    return log_path(home).with_name("service.log")


def require(found: Manager) -> None:
    """Raise ServiceUnavailable when the manager of this system cannot be asked."""
    program = found.start[0]
    if shutil.which(program) is None:
        raise ServiceUnavailable(f"The command {program} is missing: nothing here runs services for users.")
    if found.kind == "systemd":
        outcome = _run(("systemctl", "--user", "show-environment"))
        if outcome.returncode != 0:
            raise ServiceUnavailable(f"systemd does not run services for this user: {_said(outcome)}")


def is_active(found: Manager) -> bool:
    """Return whether the manager says that it runs."""
    return shutil.which(found.status[0]) is not None and _run(found.status).returncode == 0


def lingers() -> bool:
    """Return whether services of this user run on after a logout."""
    name = os.environ.get("USER", "")
    return bool(name) and Path("/var/lib/systemd/linger", name).exists()


def _refuse_sudo() -> None:
    if os.getuid() == 0 and os.environ.get("SUDO_UID"):
        raise ServiceUnavailable(
            "A service belongs to a user, and this is root by way of sudo.", remedy="Leave sudo out."
        )


def _write(path: Path, text: str) -> None:
    if path.is_symlink():
        raise ServiceUnavailable(f"{path} is a link.", remedy="Remove it first; nothing is written through it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(path)


def ask(command: Sequence[str], *, may_fail: bool = False) -> None:
    """Run one request to the manager. Raises ServiceUnavailable with what it said."""
    outcome = _run(command)
    if outcome.returncode != 0 and not may_fail:
        raise ServiceUnavailable(f"`{' '.join(command)}` failed: {_said(outcome)}")


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command, check=False, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ServiceUnavailable(f"`{' '.join(command)}` did not answer within {_TIMEOUT_S:g} s.") from error
    except OSError as error:
        raise ServiceUnavailable(f"`{command[0]}` cannot be run: {error.strerror}.") from error


def _said(outcome: "subprocess.CompletedProcess[str]") -> str:
    lines = (outcome.stderr or outcome.stdout or "")[:_OUTPUT_CHARS_MAX].strip().splitlines()
    if not lines:
        return f"exit code {outcome.returncode}"
    return "".join(each if each.isprintable() else "?" for each in lines[-1][:200])
