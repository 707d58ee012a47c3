"""A disk to be cruel to: a VFS for SQLite, in Python, that records every write and sync and fails when it is told to.

The store runs on it unchanged; only `sqlite3.connect` is replaced, by connections of apsw behind the same calls. All
files are real, so that several connections share them as always. A power cut is replayed from the record afterwards:
what was written since a file's last sync is kept, dropped or torn, write by write, and plain sqlite3 opens what is
left.
"""

import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import apsw

_AUTO_CHECKPOINT = "PRAGMA wal_autocheckpoint = "
SECTOR_BYTES = 512  # a disk writes whole sectors; a torn write is a choice of them
Call = Literal["read", "write", "sync", "truncate", "lock"]


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that happened to a file; `data` of a write, `size` an offset (write) or a length (truncate)."""

    kind: Literal["write", "truncate", "sync", "delete", "ack"]
    name: str
    size: int = 0
    data: bytes = b""


@dataclass
class Disk:
    """What happened, and which call is to fail: `fail_for` of those in `fail_calls`, from the `fail_at`-th on."""

    ops: list[Op] = field(default_factory=list)
    error: int | None = None
    fail_calls: frozenset[Call] = frozenset()
    fail_at: int = 0
    fail_for: int = 1
    seen: int = 0
    failed: int = 0

    def ack(self, number: int) -> None:
        """Remember that the program was told that `number` is stored."""
        self.ops.append(Op("ack", "", number))

    def fail(self, error: int, calls: Iterable[Call], at: int, times: int = 1) -> None:
        """Raise `error` in the `at`-th call from now on, and in those that follow, `times` in all."""
        self.error, self.fail_calls, self.fail_at, self.fail_for = error, frozenset(calls), at, times
        self.seen = self.failed = 0

    def heal(self) -> None:
        """Fail no more."""
        self.error = None

    def call(self, kind: Call) -> None:
        """Fail if it is time to."""
        if self.error is None or kind not in self.fail_calls:
            return
        self.seen += 1
        if self.fail_at <= self.seen < self.fail_at + self.fail_for:
            self.failed += 1
            raise apsw.exception_for(self.error)

    # --- power cuts -------------------------------------------------------------------------------------------------

    def acknowledged(self, cut: int) -> int:
        """Return the last number that was acknowledged before `cut`, -1 for none."""
        return max((op.size for op in self.ops[:cut] if op.kind == "ack"), default=-1)

    def leave_behind(self, cut: int, target: Path, chance: random.Random) -> None:
        """Write to `target` what a disk may hold that lost its power just before operation `cut`."""
        files: dict[str, bytearray] = {}
        pending: dict[str, list[Op]] = {}
        for op in self.ops[:cut]:
            if op.kind == "ack":
                continue
            if op.kind == "sync":
                content = files.setdefault(op.name, bytearray())
                for each in pending.pop(op.name, []):
                    _apply(content, each)
            elif op.kind == "delete":
                files.pop(op.name, None)
                pending.pop(op.name, None)
            else:
                pending.setdefault(op.name, []).append(op)
        for name, waiting in pending.items():
            keep = chance.random()  # of one cut, mostly lost to mostly kept
            for each in waiting:
                for part in _torn(each, keep, chance):
                    _apply(files.setdefault(name, bytearray()), part)
        target.mkdir()
        for name, content in files.items():
            (target / Path(name).name).write_bytes(content)

    def write_everything(self, target: Path) -> None:
        """Write to `target` what a killed process leaves: every operation, synced or not."""
        files: dict[str, bytearray] = {}
        for op in self.ops:
            if op.kind == "delete":
                files.pop(op.name, None)
            elif op.kind in ("write", "truncate"):
                _apply(files.setdefault(op.name, bytearray()), op)
        target.mkdir()
        for name, content in files.items():
            (target / Path(name).name).write_bytes(content)


def _torn(op: Op, keep: float, chance: random.Random) -> Iterator[Op]:
    """Give what reached the disk of one operation that was not synced: all, nothing, or some of its sectors."""
    if chance.random() < keep:
        yield op
    elif op.kind == "write" and chance.random() < 0.5:
        for start in range(0, len(op.data), SECTOR_BYTES):
            if chance.random() < 0.5:
                yield Op("write", op.name, op.size + start, op.data[start : start + SECTOR_BYTES])


def _apply(content: bytearray, op: Op) -> None:
    if op.kind == "truncate":
        del content[op.size :]
        return
    content.extend(bytes(max(0, op.size + len(op.data) - len(content))))
    content[op.size : op.size + len(op.data)] = op.data


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else name
        super().__init__("unix", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.call("read")
        return bytes(super().xRead(amount, offset))

    def xWrite(self, data: Any, offset: int) -> None:
        try:
            self._disk.call("write")
        except apsw.Error:
            half = bytes(data)[: len(data) // 2]  # a disk that fails or fills up does so in the middle of a write
            super().xWrite(half, offset)
            self._disk.ops.append(Op("write", self._name, offset, half))
            raise
        super().xWrite(data, offset)
        self._disk.ops.append(Op("write", self._name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        self._disk.call("truncate")
        super().xTruncate(size)
        self._disk.ops.append(Op("truncate", self._name, size))

    def xSync(self, flags: int) -> None:
        self._disk.call("sync")
        self._disk.ops.append(Op("sync", self._name))

    def xLock(self, level: int) -> None:
        self._disk.call("lock")
        super().xLock(level)


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        super().__init__(name, "unix")

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        return _File(self._disk, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:
        super().xDelete(name, sync)
        self._disk.ops.append(Op("delete", name))


# --- sqlite3's calls over apsw --------------------------------------------------------------------------------------


class _Cursor:
    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor

    def fetchone(self) -> Any:
        with _errors():
            return self._cursor.fetchone()

    def fetchall(self) -> Any:
        with _errors():
            return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        with _errors():
            yield from self._cursor

    def close(self) -> None:
        with _errors():
            self._cursor.close(True)


class _Connection:
    """As much of `sqlite3.Connection` as the store uses."""

    def __init__(self, vfs: str, path: object, timeout: float) -> None:
        with _errors():
            self._connection = apsw.Connection(str(path), vfs=vfs)
            self._connection.set_busy_timeout(int(timeout * 1000))

    def execute(self, sql: str, values: Sequence[Any] = ()) -> _Cursor:
        with _errors():
            cursor = _Cursor(self._connection.cursor().execute(sql, tuple(values)))
            if sql.startswith(_AUTO_CHECKPOINT):
                self._checkpoint_every(int(sql.removeprefix(_AUTO_CHECKPOINT)))
            return cursor

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> _Cursor:
        with _errors():
            return _Cursor(self._connection.cursor().executemany(sql, rows))

    def _checkpoint_every(self, pages: int) -> None:
        """Do what SQLite does after a commit: it ignores the errors of its checkpoint, apsw would raise them."""

        def after_commit(connection: apsw.Connection, name: str, waiting: int) -> int:
            if waiting >= pages:
                with suppress(apsw.Error):
                    connection.wal_checkpoint(name, apsw.SQLITE_CHECKPOINT_PASSIVE)
            return apsw.SQLITE_OK

        self._connection.set_wal_hook(after_commit)

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.in_transaction)

    def close(self) -> None:
        with suppress(apsw.Error):  # as SQLite: its last checkpoint may fail, closing never does
            self._connection.close()


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        kind = sqlite3.DatabaseError if isinstance(error, (apsw.CorruptError, apsw.NotADBError)) else None
        mapped = (kind or sqlite3.OperationalError)(str(error))
        mapped.sqlite_errorcode = getattr(error, "extendedresult", 0) or error.result
        raise mapped from error


@contextmanager
def cruel_disk() -> Iterator[Disk]:
    """Let every `sqlite3.connect` within go through a new disk."""
    disk = Disk()
    name = f"cruel-{id(disk)}"
    vfs = _Vfs(disk, name)

    def connect(path: object, timeout: float = 5.0, **_: object) -> _Connection:
        return _Connection(name, path, timeout)

    try:
        with patch("sqlite3.connect", connect):
            yield disk
    finally:
        vfs.unregister()
