"""Opens SQLite files the one way this node uses them: WAL, one writer, a small pool of readers, clear errors.

Threads: any thread may read or write. Writes take turns on one connection, each `write()` being one transaction; reads
take a connection of their own from a bounded pool, never wait for the writer, and see the last finished transaction.
SQLite's own documentation of WAL and of `synchronous` is the source of the durability rules.
"""

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal

from storage.errors import Closed, Corrupted, DiskFull, Inaccessible, Locked, TooOld, WrongDatabase
from storage.files import finish_replacement, sync_folder
from storage.limits import (
    BUSY_TIMEOUT_MS,
    INTEGRITY_FINDINGS_MAX,
    READER_CACHE_KIB,
    READER_WAIT_S,
    READERS_MAX,
    WAL_BYTES_KEPT_MAX,
    WAL_PAGES_PER_CHECKPOINT,
    WRITER_CACHE_KIB,
)
from storage.migrations import Step, applied_steps, check_steps, migrate
from storage.translate import translate, translate_os

Synchronous = Literal["NORMAL", "FULL"]

_BUDGET: Final = (
    "Start the node with a larger --disk-mb, or with --keep full or light; nothing that was stored is lost."
)
_PRIVATE_FILE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700


@dataclass(frozen=True, slots=True)
class Kind:
    """What a database file is for: its mark in the file's header, its forms, and what to do when it is broken."""

    name: str
    application_id: int
    steps: tuple[Step, ...]
    when_corrupted: str


class Database:
    """An open database; made by `open_database`."""

    def __init__(
        self, path: Path, kind: Kind, synchronous: Synchronous, bytes_max: int | None, *, read_only: bool = False
    ) -> None:
        self.path = path
        self.kind = kind
        self._synchronous = synchronous
        self._bytes_max = bytes_max
        self._closed = False
        self._write_lock = threading.Lock()
        self._readers: deque[sqlite3.Connection] = deque()
        self._reader_permits = threading.BoundedSemaphore(READERS_MAX)
        self._writer = self._connect(WRITER_CACHE_KIB, query_only=read_only)
        try:
            if read_only:
                self._check_form()
            else:
                self._prepare(bytes_max)
        except BaseException:
            self._writer.close()
            raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Hold the writer for one transaction: committed when the block ends, undone as a whole when it raises.

        Raises:
            DiskFull, Locked, Corrupted, Inaccessible: nothing was written.
        """
        with self._write_lock:
            self._check_open()
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise self.explain(error) from error

    def read(self) -> "_Reader":
        """Hold a reading connection: `with database.read() as connection`. Finish every cursor before leaving."""
        return _Reader(self)

    def explain(self, error: sqlite3.Error) -> Exception:
        """Return the StorageError that `error` stands for, or `error` itself when it is a defect of the program."""
        translated = translate(error, self.path, self.kind.when_corrupted)
        if isinstance(translated, DiskFull) and self._bytes_max is not None and self.size_bytes() >= self._bytes_max:
            return DiskFull(f"The budget of {self._bytes_max >> 20} MB for {self.path} is used up.", remedy=_BUDGET)
        return translated

    def integrity_check(self) -> None:
        """Read the whole file and check its structure; seconds per gigabyte.

        Raises:
            Corrupted: with the first findings of SQLite.
        """
        with self.read() as connection:
            rows = connection.execute(f"PRAGMA integrity_check({INTEGRITY_FINDINGS_MAX})").fetchall()
            findings = [str(row[0]) for row in rows]
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken is not None:
            findings.append(f"a row of {broken[0]} lacks its parent")
        if findings != ["ok"]:
            listed = "; ".join(finding.strip() for finding in findings if finding != "ok")
            raise Corrupted(f"{self.path} is damaged ({listed}).", remedy=self.kind.when_corrupted)

    def size_bytes(self) -> int:
        """Return the bytes on disk, the write-ahead log included."""
        total = 0
        for path in (self.path, self.path.with_name(self.path.name + "-wal")):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue  # the log exists only between the first write and the last close
        return total

    def used_bytes(self) -> int:
        """Return the bytes of the file's pages that hold something; the others are free for what comes."""
        with self.read() as connection:
            pages, free, page_bytes = (
                int(connection.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * page_bytes

    def close(self) -> None:
        """Close all connections; readers still in use are closed when they are given back. May be called again."""
        with self._write_lock:
            self._closed = True
            while self._readers:
                self._readers.pop().close()
            self._writer.close()

    def _take_reader(self) -> sqlite3.Connection:
        self._check_open()
        if not self._reader_permits.acquire(timeout=READER_WAIT_S):
            raise Locked(f"All {READERS_MAX} readers of {self.path} stayed busy for {READER_WAIT_S:.0f} s.")
        try:
            try:
                return self._readers.pop()
            except IndexError:
                return self._connect(READER_CACHE_KIB, query_only=True)
        except BaseException:
            self._reader_permits.release()
            raise

    def _give_reader(self, connection: sqlite3.Connection) -> None:
        self._readers.append(connection)
        self._reader_permits.release()
        if self._closed:  # looked at after the append: whoever comes second, this or close(), closes it
            while self._readers:
                self._readers.pop().close()

    def _check_open(self) -> None:
        if self._closed:
            raise Closed(f"{self.path} was closed already.")

    def _connect(self, cache_kib: int, *, query_only: bool = False) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
            )
            try:
                connection.execute(f"PRAGMA synchronous = {self._synchronous}")
                connection.execute(f"PRAGMA cache_size = -{cache_kib}")
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.execute(f"PRAGMA query_only = {int(query_only)}")
                if self._synchronous == "FULL":  # without it macOS acknowledges a write that is still in the drive
                    connection.execute("PRAGMA fullfsync = ON")
                    connection.execute("PRAGMA checkpoint_fullfsync = ON")
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise self.explain(error) from error
        return connection

    def _prepare(self, bytes_max: int | None) -> None:
        try:
            self._check_kind()
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT_MAX}")
            self._writer.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES_PER_CHECKPOINT}")
            if bytes_max is not None:
                page_bytes = int(self._writer.execute("PRAGMA page_size").fetchone()[0])
                self._writer.execute(f"PRAGMA max_page_count = {max(1, bytes_max // page_bytes)}")
            migrate(self._writer, self.kind.steps, str(self.path))
        except sqlite3.Error as error:
            raise self.explain(error) from error

    def _check_form(self) -> None:
        """Refuse a file that is not of this kind in its present form; changes nothing."""
        try:
            mark = int(self._writer.execute("PRAGMA application_id").fetchone()[0])
            applied = applied_steps(self._writer)
        except sqlite3.Error as error:
            raise self.explain(error) from error
        if mark != self.kind.application_id:
            raise WrongDatabase(f"{self.path} is not the {self.kind.name} database of this node.")
        check_steps(applied, self.kind.steps, str(self.path))
        if len(applied) < len(self.kind.steps):
            raise TooOld(f"{self.path} has form {len(applied)}; this version of neurond reads {len(self.kind.steps)}.")

    def _check_kind(self) -> None:
        """Refuse a file that holds something else; mark one that holds nothing yet."""
        mark = int(self._writer.execute("PRAGMA application_id").fetchone()[0])
        if mark == self.kind.application_id:
            return
        tables = int(self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        if mark != 0 or (tables != 0 and not applied_steps(self._writer)):
            raise WrongDatabase(f"{self.path} is a database, but not the {self.kind.name} database of this node.")
        self._writer.execute(f"PRAGMA application_id = {self.kind.application_id}")


class _Reader:
    """One borrowed reading connection; a class because a generator would cost a third of a point read."""

    __slots__ = ("_connection", "_database")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> sqlite3.Connection:
        self._connection = self._database._take_reader()
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._database._give_reader(connection)
        if isinstance(error, sqlite3.Error):
            raise self._database.explain(error) from error


def open_to_read(path: Path, kind: Kind) -> Database:
    """Open the database at `path`, which another process may be writing, to read it; nothing of it is changed.

    Raises:
        WrongDatabase, TooNew, TooOld: another form than this program reads.
        Corrupted, Locked, Inaccessible: from below.
    """
    if not path.is_file():
        raise Inaccessible(f"There is no file {path}.")
    return Database(path, kind, "NORMAL", None, read_only=True)


def open_database(
    path: Path, kind: Kind, *, synchronous: Synchronous = "NORMAL", bytes_max: int | None = None
) -> Database:
    """Open or create the database at `path` in its present form.

    NORMAL survives a killed process, and may lose the last commits (never its consistency) with the power; FULL loses
    nothing that `write()` returned from. `bytes_max` is a quota on the file; beyond it writes raise DiskFull.

    Raises:
        Corrupted, WrongDatabase, TooNew, Locked, DiskFull, Inaccessible: the file is left as it was.
    """
    _create_private(path)
    return Database(path, kind, synchronous, bytes_max)


def _create_private(path: Path) -> None:
    """Make sure that the file exists, for its owner alone, and that its directory entry survives a power cut."""
    try:
        path.parent.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        finish_replacement(path)
        if path.exists():
            return
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE_FILE))
        sync_folder(path.parent)
    except OSError as error:
        raise translate_os(error, path) from error
