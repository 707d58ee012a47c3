"""Whole copies of a database file: backups of a store in use, compacted files, and putting one in another's place.

A copy is made beside its place and gets its name when it is whole and durable. Must never copy a signing record: a copy
of it is older than the last signature, and two of them can sign twice.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from storage.database import Kind
from storage.errors import Corrupted, WrongDatabase
from storage.files import put_in_place, remove_database, sync_file, sync_folder
from storage.limits import BACKUP_STEP_PAGES, BUSY_TIMEOUT_MS
from storage.migrations import applied_steps, check_steps
from storage.translate import translate, translate_os

Report = Callable[[int, int], None]
"""Told how many bytes are done, of how many."""

_COPYABLE = ("chain", "market")


def copy_database(source: Path, target: Path, kind: Kind, report: Report) -> None:
    """Copy the database at `source`, as it is at this moment, to the new file `target`; `source` may be in use.

    Raises:
        WrongDatabase: `source` is no database of this kind, or of a kind that is never copied. TooNew: of a later form.
        Corrupted, Locked, DiskFull, Inaccessible: nothing is left at `target`.
    """
    if kind.name not in _COPYABLE:
        raise WrongDatabase(f"A {kind.name} database is never copied: two of them could sign twice.", remedy="")
    part = target.with_name(target.name + ".part")
    try:
        try:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        except OSError as error:
            raise translate_os(error, part) from error
        try:
            with closing(_connect(source, "ro")) as old, closing(_connect(part, "rw")) as new:
                _check_kind(old, source, kind)
                _copy(old, new, report)
        except sqlite3.Error as error:
            raise translate(error, source, kind.when_corrupted) from error
        _put(part, target)
    finally:
        remove_database(part)


def compact_database(path: Path, kind: Kind) -> None:
    """Write the closed database at `path` anew without its free pages, and put that in its place.

    Needs as much free space as the database has data. After a crash the old file or the new one is there, whole.

    Raises:
        WrongDatabase, TooNew, Corrupted, Locked, DiskFull, Inaccessible: the old file is left as it was.
    """
    part = compacted_path(path)
    try:
        remove_database(part)
        try:
            with closing(_connect(path, "rw")) as old:
                _check_kind(old, path, kind)
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                old.execute("VACUUM INTO ?", (os.fspath(part),))
        except sqlite3.Error as error:
            raise translate(error, path, kind.when_corrupted) from error
        replace_database(part, path, kind)
    finally:
        remove_database(part)


def compacted_path(path: Path) -> Path:
    """Return the file that `compact_database` writes to; its size tells how far it is."""
    return path.with_name(path.name + ".compact")


def replace_database(new: Path, path: Path, kind: Kind) -> None:
    """Put the closed database `new` in the place of `path`, which goes with its log.

    After a crash in between, the next opening of `path` finds the old one or the new one, whole.

    Raises:
        WrongDatabase, TooNew, Corrupted, Inaccessible, DiskFull: nothing was replaced.
    """
    try:
        with closing(_connect(new, "rw")) as connection:
            _check_kind(connection, new, kind)
            finding = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            if finding != "ok":
                raise Corrupted(f"{new} is damaged ({finding}).", remedy=kind.when_corrupted)
            connection.execute("PRAGMA journal_mode = DELETE")  # its log is empty, and belongs to this name alone
    except sqlite3.Error as error:
        raise translate(error, new, kind.when_corrupted) from error
    put_in_place(new, path)


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, report: Report) -> None:
    page_bytes = int(old.execute("PRAGMA page_size").fetchone()[0])
    old.execute("BEGIN")
    old.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on commits of others are not seen
    old.backup(
        new,
        pages=BACKUP_STEP_PAGES,
        progress=lambda _, left, total: report((total - left) * page_bytes, total * page_bytes),
    )
    old.execute("ROLLBACK")
    new.execute("PRAGMA journal_mode = DELETE")  # one file, without companions
    new.execute("PRAGMA synchronous = FULL")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _check_kind(connection: sqlite3.Connection, path: Path, kind: Kind) -> None:
    mark = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if mark != kind.application_id:
        raise WrongDatabase(f"{path} is not the {kind.name} database of a node.", remedy="Name another file.")
    check_steps(applied_steps(connection), kind.steps, str(path))


def _put(part: Path, target: Path) -> None:
    try:
        sync_file(part)
        os.replace(part, target)
        sync_folder(target.parent)
    except OSError as error:
        raise translate_os(error, target) from error
