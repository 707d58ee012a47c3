"""Promises of the quick look at a database: damage is found, the file is left alone, time is kept."""

import sqlite3
from pathlib import Path

import pytest

from storage import ChainStore, Corrupted, StorageError
from storage.quick_check import quick_check


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT)")
    connection.execute("CREATE INDEX words ON t (word)")
    connection.executemany("INSERT INTO t (word) VALUES (?)", [(f"{number:08} " * 20,) for number in range(5000)])
    connection.commit()
    connection.close()
    return path


def test_a_sound_file_is_sound_and_left_as_it_was(database: Path) -> None:
    before = database.read_bytes()
    assert quick_check(database, 5.0) == "sound"
    assert database.read_bytes() == before
    assert sorted(path.name for path in database.parent.iterdir()) == ["some.db"]


def test_a_database_in_use_can_be_looked_at(tmp_path: Path) -> None:
    with ChainStore.open(tmp_path / "chain.db"):
        assert quick_check(tmp_path / "chain.db", 5.0) == "sound"


def test_damage_is_found_and_the_sentence_says_what_to_run(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096 * 3 : 4096 * 40] = b"\x55" * (4096 * 37)
    database.write_bytes(content)
    with pytest.raises(Corrupted, match="db check"):
        quick_check(database, 5.0)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 200])
def test_what_is_no_database_is_called_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chain.db"
    path.write_bytes(content)
    with pytest.raises(Corrupted):
        quick_check(path, 5.0)


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        quick_check(tmp_path / "none.db", 5.0)
    assert list(tmp_path.iterdir()) == []


def test_no_time_means_unfinished_and_not_sound(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.quick_check.QUICK_CHECK_STEP_OPCODES", 10)
    assert quick_check(database, 0.0) == "unfinished"
