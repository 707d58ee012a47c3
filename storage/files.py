"""Renaming database files so that a crash at any moment leaves one whole database under its name, or a way back to it.

SQLite's companions (-wal, -shm, -journal) belong to a name: a log that stays behind would be read into another file.
"""

import os
from pathlib import Path
from typing import Final

from storage.translate import translate_os

_COMPANIONS: Final = ("-journal", "-wal", "-shm")
_REPLACED: Final = ".replaced"


def put_in_place(new: Path, path: Path) -> None:
    """Put the closed database `new`, which has no companions, in the place of `path`; the old one is deleted then.

    A crash on the way is put right by `finish_replacement`, here too: what a crash left beside `path` would be read
    into the new one. Raises DiskFull, Inaccessible.
    """
    finish_replacement(path)
    try:
        sync_file(new)
        if path.exists():
            old = _replaced(path)
            remove_database(old)
            os.replace(path, old)
            for ending in _COMPANIONS:  # after their database: without it they are harmless, it without them is not
                _move(_beside(path, ending), _beside(old, ending))
        os.replace(new, path)
        sync_folder(path.parent)
        remove_database(_replaced(path))
    except OSError as error:
        raise translate_os(error, path) from error


def finish_replacement(path: Path) -> None:
    """Put right what a crash in `put_in_place` left: the old database comes back, or what is left of it goes."""
    old = _replaced(path)
    try:
        if path.exists():
            remove_database(old)
        elif old.exists():
            for ending in _COMPANIONS:
                _move(_beside(old, ending), _beside(path, ending))
            os.replace(old, path)
            sync_folder(path.parent)
    except OSError as error:
        raise translate_os(error, path) from error


def remove_database(path: Path) -> None:
    """Delete a database and its companions, where they exist. Raises OSError."""
    path.unlink(missing_ok=True)
    for ending in _COMPANIONS:
        _beside(path, ending).unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Make the content of a file durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable. Raises OSError."""
    sync_file(folder)


def _replaced(path: Path) -> Path:
    return path.with_name(path.name + _REPLACED)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _move(source: Path, target: Path) -> None:
    if source.exists():
        os.replace(source, target)
