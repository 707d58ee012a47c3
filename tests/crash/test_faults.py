"""A disk that is full, broken or busy at the k-th call, for every k: a clear error, nothing lost, usable afterwards."""

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from storage import ChainStore, DiskFull, Inaccessible, Locked, SignGuard, StorageError
from tests.crash.checks import HOST, Model, check_chain, check_signing
from tests.crash.long import Snapshots, take_snapshot
from tests.crash.vfs import Call, Disk, cruel_disk
from tests.crash.writer import commits, key

# An error inside SQLite that another one follows in the same call reaches Python as "unraisable"; that is no finding.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

STORED = 3
"""Blocks that are final before anything fails."""
FOR_A_WHILE = 10**6
CALLS_MAX = 2000

FAULTS: dict[str, tuple[int, tuple[Call, ...], type[StorageError]]] = {
    "full": (apsw.SQLITE_FULL, ("write",), DiskFull),
    "write": (apsw.SQLITE_IOERR, ("write",), Inaccessible),
    "sync": (apsw.SQLITE_IOERR, ("sync",), Inaccessible),
    "read": (apsw.SQLITE_IOERR, ("read",), Inaccessible),
    "any": (apsw.SQLITE_IOERR, ("read", "write", "sync", "truncate"), Inaccessible),
    "busy": (apsw.SQLITE_BUSY, ("lock",), Locked),
}
EACH_FAULT = pytest.mark.parametrize("fault", FAULTS)
ONCE_OR_LONG = pytest.mark.parametrize("times", [1, FOR_A_WHILE], ids=["once", "for a while"])


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 1)
    monkeypatch.setattr("storage.database.WRITER_CACHE_KIB", 16)  # transactions spill into the log before they end
    monkeypatch.setattr("storage.database.WAL_PAGES_PER_CHECKPOINT", 20)  # checkpoints fall among the failing calls


def _for_every_call(
    disk: Disk, fault: str, times: int, once: Callable[[int], StorageError | None], *, step: int = 1
) -> set[int]:
    """Let every single call (or every `step`-th) fail until none is left to; return those that came to an error."""
    error, calls, expected = FAULTS[fault]
    refused: set[int] = set()
    for at in range(1, CALLS_MAX, step):
        disk.fail(error, calls, at, times)
        raised = once(at)
        reached = disk.failed
        disk.heal()
        if raised is not None:
            assert isinstance(raised, expected), raised
            assert raised.hint
            refused.add(at)
        if not reached:
            return refused
    raise AssertionError("the calls never came to an end")


def _write(store: ChainStore, height: int) -> None:
    for commit in commits(height):
        store.commit(commit)


@ONCE_OR_LONG
@EACH_FAULT
def test_a_commit_that_fails_at_any_call_is_undone_and_can_be_repeated(tmp_path: Path, fault: str, times: int) -> None:
    model = Model()
    with cruel_disk() as disk:

        def once(at: int) -> StorageError | None:
            path = tmp_path / str(at) / "chain.db"
            disk_error, disk.error = disk.error, None
            with ChainStore.open(path, survives_power_loss=True) as store:
                for height in range(STORED):
                    _write(store, height)
                disk.error, disk.seen = disk_error, 0
                raised = None
                try:
                    _write(store, STORED)
                except StorageError as error:
                    raised = error
                disk.error = None
                tip = store.tip()
                assert tip is not None
                assert tip.height == (STORED if raised is None else STORED - 1)
                _write(store, tip.height + 1)
            check_chain(path, model, tip.height + 1, ahead=0)
            return raised

        refused = _for_every_call(disk, fault, times, once)
    assert refused or fault in ("read", "busy"), "the faults hit nothing"  # all pages in memory, one process: no call


@EACH_FAULT
def test_a_killed_process_after_a_failed_commit_loses_nothing(tmp_path: Path, fault: str) -> None:
    """What a failed commit left in the log is read by the next process, not only by the one that knows better."""
    model = Model()
    with cruel_disk() as disk:

        def once(at: int) -> StorageError | None:
            path = tmp_path / str(at) / "chain.db"
            disk_error, disk.error = disk.error, None
            start = len(disk.ops)
            raised = None
            with ChainStore.open(path, survives_power_loss=True) as store:
                for height in range(STORED):
                    _write(store, height)
                disk.error, disk.seen = disk_error, 0
                try:
                    _write(store, STORED)
                except StorageError as error:
                    raised = error
                disk.error = None
                left = tmp_path / f"left {at}"
                _as_the_files_are(disk, start, left)
            check_chain(left / "chain.db", model, STORED - 1)
            return raised

        _for_every_call(disk, fault, FOR_A_WHILE, once)


@EACH_FAULT
def test_an_adoption_that_fails_at_any_call_is_undone_and_can_be_repeated(tmp_path: Path, fault: str) -> None:
    with cruel_disk() as disk:

        def once(at: int) -> StorageError | None:
            path = tmp_path / str(at) / "chain.db"
            disk_error, disk.error = disk.error, None
            raised = None
            with ChainStore.open(path, survives_power_loss=True) as store:
                take_snapshot(store, 1)
                disk.error, disk.seen = disk_error, 0
                try:
                    take_snapshot(store, 2)
                except StorageError as error:
                    raised = error
                disk.error = None
                Snapshots(path).check([(1 if raised is not None else 2, b"")])
                if raised is not None:
                    take_snapshot(store, 2)
            Snapshots(path).check([(2, b"")])
            return raised

        _for_every_call(disk, fault, 1, once, step=7)


def _as_the_files_are(disk: Disk, start: int, target: Path) -> None:
    """Copy what a process that is killed now leaves behind: every write, whether synced or not."""
    kept = Disk(ops=disk.ops[start:])
    kept.write_everything(target)


@EACH_FAULT
def test_a_signature_is_only_allowed_when_its_record_is_on_the_disk(tmp_path: Path, fault: str) -> None:
    with cruel_disk() as disk:

        def once(at: int) -> StorageError | None:
            path = tmp_path / str(at) / "signing.db"
            disk_error, disk.error = disk.error, None
            raised = None
            with SignGuard.open(path, host=HOST) as guard:
                guard.advance("votes", (1, 0), key(1))
                disk.error, disk.seen = disk_error, 0
                try:
                    guard.advance("votes", (2, 0), key(2), note=("lock", b"proof" * 500))
                except StorageError as error:
                    raised = error
                disk.error = None
                guard.advance("votes", (3, 0), key(3))
            check_signing(path, 3)
            return raised

        _for_every_call(disk, fault, 1, once)


@EACH_FAULT
def test_a_store_whose_opening_fails_opens_the_next_time(tmp_path: Path, fault: str) -> None:
    with cruel_disk() as disk:

        def once(at: int) -> StorageError | None:
            path = tmp_path / str(at) / "chain.db"
            raised = None
            try:
                ChainStore.open(path, survives_power_loss=True).close()
            except StorageError as error:
                raised = error
            disk.error = None
            with ChainStore.open(path) as store:
                _write(store, 0)
            check_chain(path, Model(), 0, ahead=0)
            return raised

        assert _for_every_call(disk, fault, 1, once)


def test_a_read_that_fails_is_an_error_and_the_next_one_is_right(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    with ChainStore.open(path) as store:
        for height in range(STORED):
            _write(store, height)
        rows = list(store.state_rows())
    with cruel_disk() as disk, ChainStore.open(path) as store:

        def once(at: int) -> StorageError | None:
            try:
                assert list(store.state_rows()) == rows
            except StorageError as error:
                disk.error = None
                assert list(store.state_rows()) == rows
                return error
            return None

        assert _for_every_call(disk, "read", 1, once)
