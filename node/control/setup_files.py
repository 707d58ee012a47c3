"""The answers of an unfinished setup on the disk: private, whole or not there, gone when the node runs.

They hold no secret; what they are for is to go on after the terminal was closed or the machine went down.
"""

import contextlib
import os
from pathlib import Path

from node.control.limits import SETUP_BYTES_MAX
from node.control.paths import create_home
from node.control.setup import Saved, read_saved, write_saved

FILE = "setup.toml"


def setup_path(home: Path) -> Path:
    """Return where a home keeps the answers of an unfinished setup."""
    return home / FILE


def save(home: Path, saved: Saved) -> None:
    """Keep the answers so far, making the home if need be. Raises SocketUnusable or OSError when it cannot."""
    create_home(home)
    path = setup_path(home)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(write_saved(saved))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def saved_setup(home: Path) -> Saved | None:
    """Return the answers of an unfinished setup, None without any. Raises BadAnswers for a file that is damaged."""
    path = setup_path(home)
    try:
        with path.open("rb") as file:
            return read_saved(file.read(SETUP_BYTES_MAX + 1), str(path))
    except OSError:
        return None  # it cannot be read: then there is nothing to go on with


def forget(home: Path) -> None:
    """Remove the answers, and the home if nothing else was ever put there."""
    with contextlib.suppress(OSError):
        setup_path(home).unlink(missing_ok=True)
        home.rmdir()  # refused when anything is in it
