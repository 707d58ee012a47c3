"""Copies, compacted files and replacements: whole or not at all, and a crash in between loses nothing."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from storage import ChainStore, Corrupted, SignGuard, Tip, TooNew, TooOld, WrongDatabase
from storage.chain import CHAIN
from storage.copies import compact_database, copy_database, replace_database
from storage.signing import SIGNING
from tests.unit.storage.build import final, number_hash

HEIGHTS = 30


def _chain(path: Path, heights: int = HEIGHTS) -> ChainStore:
    store = ChainStore.open(path)
    for height in range(heights):
        store.commit(final(height, {number_hash(height): bytes(3000)}))
    return store


def _ignore(done: int, total: int) -> None:
    return None


def _tip(path: Path) -> Tip | None:
    with ChainStore.open(path) as store:
        store.integrity_check()
        return store.tip()


def test_a_copy_is_of_one_moment_and_of_one_file(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    with _chain(tmp_path / "chain.db") as store:

        def report(done: int, total: int) -> None:
            steps.append((done, total))
            height = HEIGHTS + len(steps) - 1
            store.commit(final(height, {number_hash(height): bytes(3000)}))

        copy_database(tmp_path / "chain.db", tmp_path / "copy", CHAIN, report)
    assert steps
    assert steps[-1][0] == steps[-1][1] > 0
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy"]
    assert _tip(tmp_path / "copy") == Tip(HEIGHTS - 1, number_hash(HEIGHTS - 1))


def test_a_signing_record_is_never_copied(tmp_path: Path) -> None:
    SignGuard.open(tmp_path / "signing.db").close()
    for kind in (SIGNING, CHAIN):
        with pytest.raises(WrongDatabase):
            copy_database(tmp_path / "signing.db", tmp_path / "copy", kind, _ignore)
    assert not list(tmp_path.glob("copy*"))


def test_a_database_of_a_later_form_is_not_copied(tmp_path: Path) -> None:
    _chain(tmp_path / "chain.db", 1).close()
    with sqlite3.connect(tmp_path / "chain.db") as connection:
        connection.execute("INSERT INTO schema_steps VALUES (99, 'from the future')")
    connection.close()
    with pytest.raises(TooNew):
        copy_database(tmp_path / "chain.db", tmp_path / "copy", CHAIN, _ignore)
    with pytest.raises(TooNew):
        ChainStore.open_to_read(tmp_path / "chain.db")


def test_reading_beside_a_running_node_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    with _chain(path) as store, ChainStore.open_to_read(path) as beside:
        assert beside.tip() == store.tip()
        store.commit(final(HEIGHTS))
        assert beside.tip() == Tip(HEIGHTS, number_hash(HEIGHTS))
        with pytest.raises(Exception, match="readonly"):
            beside.commit(final(HEIGHTS + 1))
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM schema_steps WHERE number = 2")
    connection.close()
    with pytest.raises(TooOld, match="form 1"):
        ChainStore.open_to_read(path)


@pytest.mark.parametrize("crash_at", range(1, 6))
def test_a_crash_while_files_change_places_leaves_the_old_or_the_new_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash_at: int
) -> None:
    path, new = tmp_path / "chain.db", tmp_path / "new.db"
    old = _chain(path)
    log = path.with_name("chain.db-wal").read_bytes()
    assert log, "the old database has commits that are only in its log"
    saved = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    old.close()
    for name, data in saved.items():  # as a killed process leaves them
        (tmp_path / name).write_bytes(data)
    _chain(new, 5).close()
    calls = 0
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == crash_at:
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr("storage.files.os.replace", replace)
        with suppress(KeyboardInterrupt):
            replace_database(new, path, CHAIN)
    finished = calls < crash_at
    assert _tip(path) == (Tip(4, number_hash(4)) if finished else Tip(HEIGHTS - 1, number_hash(HEIGHTS - 1)))
    assert not list(tmp_path.glob("*.replaced*"))


@pytest.mark.parametrize("crash_at", range(1, 5))
def test_after_a_crash_while_files_change_places_the_same_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash_at: int
) -> None:
    """The log of the old database is still there: it must not be read into the new one."""
    path, new = tmp_path / "chain.db", tmp_path / "new.db"
    old = _chain(path)
    saved = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    old.close()
    for name, data in saved.items():  # as a killed process leaves them
        (tmp_path / name).write_bytes(data)
    _chain(new, 5).close()
    calls = 0
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == crash_at:
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr("storage.files.os.replace", replace)
        with pytest.raises(KeyboardInterrupt):
            replace_database(new, path, CHAIN)
    replace_database(new, path, CHAIN)
    assert _tip(path) == Tip(4, number_hash(4))
    with ChainStore.open(path) as store:
        store.integrity_check()
    assert not list(tmp_path.glob("*.replaced*"))


def test_a_damaged_file_takes_nobodys_place(tmp_path: Path) -> None:
    path, new = tmp_path / "chain.db", tmp_path / "new.db"
    _chain(path).close()
    _chain(new).close()
    data = bytearray(new.read_bytes())
    data[4096 * 5 : 4096 * 12] = b"\xa5" * (4096 * 7)
    new.write_bytes(data)
    before = path.read_bytes()
    with pytest.raises(Corrupted):
        replace_database(new, path, CHAIN)
    assert path.read_bytes() == before


def test_compacting_keeps_everything_but_free_pages(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    with _chain(path) as store:
        rows = list(store.state_rows())
        with store._database.write() as connection:
            connection.execute("CREATE TABLE ballast (data BLOB)")
            connection.execute("INSERT INTO ballast VALUES (zeroblob(1000000))")
            connection.execute("DROP TABLE ballast")
    before = path.stat().st_size
    compact_database(path, CHAIN)
    assert path.stat().st_size < before - 900_000
    with ChainStore.open(path) as store:
        assert list(store.state_rows()) == rows
        store.commit(final(HEIGHTS))
    assert not list(tmp_path.glob("chain.db.*"))
