"""When stored things were last held against their hashes, and what came out: a small file in the home.

A note is only a note: nothing trusts it. A damaged file counts as empty.
"""

import threading
from pathlib import Path
from typing import Final

import msgspec

from node.service.home import write_atomically

CHECKS_KEPT: Final = 1000  # notes; those made longest ago leave first
_FILE_BYTES_MAX: Final = 1024 * 1024  # a thousand notes have 200 KB


class Checked(msgspec.Struct, frozen=True):
    """When a thing was checked, and whether it was sound."""

    at_ms: int
    sound: bool


class CheckNotes:
    """The notes of one home. Any thread may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._notes = _read(path)

    def of(self, item: str) -> Checked | None:
        """Return the note of an item, None when it was never checked."""
        with self._lock:
            return self._notes.get(item)

    def put(self, item: str, checked: Checked) -> None:
        """Keep a note. Raises OSError."""
        with self._lock:
            self._notes.pop(item, None)
            self._notes[item] = checked
            while len(self._notes) > CHECKS_KEPT:
                del self._notes[next(iter(self._notes))]
            write_atomically(self._path, msgspec.json.encode(self._notes))


def _read(path: Path) -> dict[str, Checked]:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_FILE_BYTES_MAX), type=dict[str, Checked])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
