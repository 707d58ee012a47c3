"""Damaged files, full disks, foreign and future databases: a clear error each, and nothing lost."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from storage import (
    BlockRow,
    ChainStore,
    Commit,
    Corrupted,
    DiskFull,
    Inaccessible,
    Locked,
    MarketStore,
    SignGuard,
    StorageError,
    Tip,
    TooNew,
    WrongDatabase,
)
from tests.unit.storage.build import block, final, number_hash


def _fill(path: Path, heights: int, value_bytes: int = 200) -> None:
    with ChainStore.open(path) as store:
        for height in range(heights):
            state = {number_hash(height * 1000 + i): bytes([i % 256]) * value_bytes for i in range(50)}
            store.commit(final(height, dict(state)))


def commit_until_refused(store: ChainStore) -> tuple[StorageError, int]:
    for height in range(1000):
        try:
            store.commit(final(height, {number_hash(height): bytes(4000)}))
        except StorageError as error:
            return error, height
    raise AssertionError("the quota never took effect")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    path.write_bytes(b"this is a letter, not a database " * 500)
    before = path.read_bytes()
    with pytest.raises(Corrupted, match="move this file") as caught:
        ChainStore.open(path)
    assert caught.value.code == "storage_corrupted"
    assert path.read_bytes() == before


def test_a_truncated_file_is_reported_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    _fill(path, 40)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(Corrupted, match="fetched from peers"), ChainStore.open(path) as store:
        store.integrity_check()


def test_overwritten_pages_are_found_by_the_check_and_by_reading(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    _fill(path, 40)
    with path.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xa5" * (path.stat().st_size - 4096 * 20))
    with ChainStore.open(path) as store:
        with pytest.raises(Corrupted):
            store.integrity_check()
        with pytest.raises(Corrupted):
            list(store.state_rows())


def test_a_full_disk_undoes_the_commit_and_keeps_everything_before(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    with ChainStore.open(path, bytes_max=60 * 4096) as store:
        error, height = commit_until_refused(store)
        assert isinstance(error, DiskFull)
        assert error.code == "disk_full"
        assert "--disk-mb" in str(error)
        assert 3 < height < 60
        assert store.tip() == Tip(height - 1, number_hash(height - 1))
        assert not store.has_block(number_hash(height))
        store.integrity_check()
    with ChainStore.open(path) as store:
        assert len(list(store.state_rows())) == height
        store.commit(final(height, {number_hash(height): bytes(4000)}))
        assert store.tip() == Tip(height, number_hash(height))


def test_a_full_disk_on_the_first_start_is_no_database_at_all(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    with pytest.raises(DiskFull):
        ChainStore.open(path, bytes_max=4096)
    with ChainStore.open(path) as store:
        store.commit(final(0))
        store.integrity_check()


def test_a_later_schema_is_refused_with_the_advice_to_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    _fill(path, 1)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO schema_steps VALUES (99, 'from the future')")
    connection.close()
    with pytest.raises(TooNew, match="Upgrade neurond"):
        ChainStore.open(path)


def test_a_history_of_other_steps_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    _fill(path, 1)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_steps SET name = 'something else'")
    connection.close()
    with pytest.raises(WrongDatabase, match="something else"):
        ChainStore.open(path)


def test_databases_of_another_kind_or_program_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    _fill(path, 1)
    with pytest.raises(WrongDatabase, match="market"):
        MarketStore.open(path)
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    with pytest.raises(WrongDatabase):
        ChainStore.open(foreign)
    with sqlite3.connect(foreign) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]
    connection.close()


def test_a_directory_in_the_place_of_the_file_is_inaccessible(tmp_path: Path) -> None:
    with pytest.raises(Inaccessible):
        ChainStore.open(tmp_path)
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(Inaccessible, match="cannot be opened"):
        ChainStore.open(tmp_path / "plain" / "chain.sqlite")


def test_a_writer_elsewhere_is_reported_as_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 20)
    path = tmp_path / "chain.sqlite"
    with ChainStore.open(path) as store:
        store.commit(final(0))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Locked, match="another process"):
            store.commit(final(1))
        assert store.tip() == Tip(0, number_hash(0))
        other.execute("ROLLBACK")
        other.close()
        store.commit(final(1))


def test_defects_of_the_program_are_not_dressed_up_as_failures_of_the_disk(tmp_path: Path) -> None:
    with ChainStore.open(tmp_path / "chain.sqlite") as store:
        wrong = BlockRow(number_hash(0), bytes(32), 0, 0, b"h", [1, 2])  # type: ignore[arg-type]
        with pytest.raises(sqlite3.Error):
            store.commit(Commit(blocks=(wrong,)))
        assert store.unfinalised() == []
        store.commit(Commit(blocks=(block(0),)))


def test_the_signing_record_is_never_to_be_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "signing.sqlite"
    path.write_bytes(b"garbage " * 1000)
    with pytest.raises(Corrupted, match="Do not delete it"):
        SignGuard.open(path)


def test_every_error_has_a_code_of_its_own() -> None:
    kinds = StorageError.__subclasses__()
    codes = [kind.code for kind in kinds]
    assert len(codes) == 13
    assert len(set(codes) | {StorageError.code}) == len(codes) + 1


def test_importing_storage_loads_nothing_of_the_node() -> None:
    script = "import storage, sys; print([m for m in sys.modules if m.split('.')[0] in ('node', 'trio', 'p2p')])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
