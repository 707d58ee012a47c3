"""Turns what SQLite and the operating system report into the store's own errors, each saying what to do.

Errors that only a defect of this program can cause (bad SQL, wrong types) are passed through untouched.
"""

import errno
import shutil
import sqlite3
from pathlib import Path

from storage.errors import Closed, Corrupted, DiskFull, Inaccessible, Locked
from storage.limits import DISK_FREE_BYTES_MIN

_PRIMARY_CODE_MASK = 0xFF  # the upper bits only tell variants apart


def translate(error: sqlite3.Error, path: Path, when_corrupted: str) -> Exception:
    """Return the StorageError for `error` on the database at `path`, or `error` itself if it is a defect."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
            return Closed(f"{path} was closed already.")
        return error
    match code & _PRIMARY_CODE_MASK:
        case sqlite3.SQLITE_FULL:
            return DiskFull(f"There is no room left for {path}.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Locked(f"{path} is in use by another process.")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Corrupted(f"{path} is damaged ({error}).", remedy=when_corrupted)
        case sqlite3.SQLITE_IOERR if _disk_is_full(path):
            return DiskFull(f"There is no room left for {path}.")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return Inaccessible(f"{path} cannot be read or written ({error}).")
        case _:
            return error


def translate_os(error: OSError, path: Path) -> DiskFull | Inaccessible:
    """Return the StorageError for an operating system's refusal around `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"There is no room left for {path}.")
    return Inaccessible(f"{path} cannot be opened ({error.strerror}).")


def _disk_is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < DISK_FREE_BYTES_MIN
    except OSError:
        return False  # the disk itself is gone, which is no lack of room
