"""Forms of databases: every form that was ever released opens, and steps are applied once, whole or not at all."""

import gzip
import re
import sqlite3
from pathlib import Path

import pytest
import sqlite_utils

from storage import ChainStore, JournalStore, MarketStore, SignGuard, Tip
from storage.chain import CHAIN
from storage.database import Kind, open_database
from storage.journal import MARKET
from storage.journals import JOURNALS
from storage.migrations import Step, applied_steps
from storage.seats import SeatNote
from storage.signing import SIGNING
from tests.unit.storage.build import final, number_hash

FORMS = Path(__file__).parent / "forms"


def _restore(dump: str, path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript((FORMS / dump).read_text())
    connection.close()


def test_the_oldest_chain_form_opens_with_its_data(tmp_path: Path) -> None:
    _restore("chain_0001.sql", tmp_path / "chain.sqlite")
    with ChainStore.open(tmp_path / "chain.sqlite") as store:
        assert store.tip() == Tip(0, number_hash(0))
        assert store.state_get(number_hash(5)) == b"five"
        assert store.events_at(0) == [b"born"]
        store.commit(final(1))
        store.integrity_check()


def test_the_oldest_signing_form_still_refuses(tmp_path: Path) -> None:
    _restore("signing_0001.sql", tmp_path / "signing.sqlite")
    with SignGuard.open(tmp_path / "signing.sqlite", host=b"a host") as guard:
        assert guard.position("votes") == (9, 1)
        assert not guard.fresh


def test_the_oldest_market_form_opens_with_its_data(tmp_path: Path) -> None:
    _restore("market_0001.sql", tmp_path / "market.sqlite")
    with MarketStore.open(tmp_path / "market.sqlite") as store:
        assert [task.status for task in store.tasks(5)] == ["done"]
        assert [row.samples for row in store.load_scores(1)] == [2.5]


@pytest.mark.parametrize("form", ["chain_0001", "chain_0002"])
def test_a_database_file_of_every_chain_form_opens_with_all_of_its_data(tmp_path: Path, form: str) -> None:
    path = _unpack(form, tmp_path)
    for _ in range(2):
        with ChainStore.open(path) as store:
            assert store.tip() == Tip(2, number_hash(2))
            assert [row.height for row in store.blocks_from(0, 9)] == [0, 1, 2]
            assert [row.height for row in store.unfinalised()] == [3]
            assert dict(store.state_rows()) == {
                **{number_hash(height): b"row %d" % height for height in range(3)},
                number_hash(50): b"2",
            }
            assert [store.events_at(height) for height in range(3)] == [[b"event %d" % height] for height in range(3)]
            assert store.transaction(number_hash(2, 7)) == (2, 0)
            assert store.certificate(1) is not None
            assert store.meta("marker") == b"\x02"
            assert store.steps_above(0, 9) == []
            assert store.staging.manifest() is None
            store.integrity_check()


def test_database_files_of_the_other_kinds_open_with_their_data(tmp_path: Path) -> None:
    with SignGuard.open(_unpack("signing_0002", tmp_path), host=b"a host") as guard:
        assert guard.position("vote") == (9, 1, 2)
        assert guard.note("lock") == b"proof"
    with MarketStore.open(_unpack("market_0002", tmp_path)) as store:
        assert store.tasks(5) == []
    with MarketStore.open(_unpack("market_0003", tmp_path)) as store:
        assert [row.receipt for row in store.receipts.newest(5)] == [b"receipt"]
        assert store.records(1, number_hash(1)).lines(7) == [b"line"]
    with MarketStore.open(_unpack("market_0004", tmp_path)) as store:
        assert store.seats.between(1, 5, 5) == ([(5, 6)], [SeatNote(5, 0, number_hash(1), 7, True)])


def test_a_database_file_of_journals_opens_with_its_data(tmp_path: Path) -> None:
    with JournalStore.open(_unpack("journals_0001", tmp_path)) as store:
        assert [row.entry for row in store.entries(1, b"a" * 32)] == [b"entry 0", b"entry 1"]
        assert [(row.author, row.void_from, row.proof) for row in store.forks(1)] == [(b"b" * 32, 3, b"proof")]


def test_there_is_a_file_of_every_form_that_was_released() -> None:
    for kind in (CHAIN, SIGNING, MARKET, JOURNALS):
        for step in kind.steps:
            stored = [path.name for path in FORMS.glob(f"{kind.name}_{step.number:04}.*")]
            assert stored, f"store a small {kind.name} database of form {step.number} under {FORMS.name}/"


def _unpack(form: str, folder: Path) -> Path:
    path = folder / form
    path.write_bytes(gzip.decompress((FORMS / f"{form}.db.gz").read_bytes()))
    return path


@pytest.mark.parametrize("kind", [CHAIN, SIGNING, MARKET, JOURNALS], ids=lambda kind: kind.name)
def test_a_released_step_is_never_edited(tmp_path: Path, kind: Kind) -> None:
    for number in range(1, len(kind.steps) + 1):
        dump = f"{kind.name}_{number:04}.sql"
        if (FORMS / dump).exists():
            fresh, old = tmp_path / f"fresh {number}", tmp_path / f"old {number}"
            open_database(fresh, Kind(kind.name, kind.application_id, kind.steps[:number], "")).close()
            _restore(dump, old)
            assert _forms(fresh) == _forms(old)


def _forms(path: Path) -> set[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {(name, re.sub(r'["\[\]\s]+', " ", sql).strip()) for name, sql in rows}  # quoting is the library's affair


def _one(database: sqlite_utils.Database) -> None:
    database.execute("CREATE TABLE things (name TEXT)")


def _two(database: sqlite_utils.Database) -> None:
    database.execute("ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 3")


def _fails_halfway(database: sqlite_utils.Database) -> None:
    database.execute("ALTER TABLE things ADD COLUMN colour TEXT")
    raise ValueError("the power went")


def _kind(*steps: Step) -> Kind:
    return Kind("things", 0x1234, steps, "Move it aside.")


def test_missing_steps_are_applied_once_and_keep_the_data(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    one, two = Step(1, "one", _one), Step(2, "two", _two)
    with open_database(path, _kind(one)).write() as connection:
        connection.execute("INSERT INTO things VALUES ('stone')")
    for _ in range(2):
        database = open_database(path, _kind(one, two))
        with database.read() as connection:
            assert connection.execute("SELECT * FROM things").fetchall() == [("stone", 3)]
            assert applied_steps(connection) == [(1, "one"), (2, "two")]
        database.close()


def test_a_step_that_fails_leaves_the_form_before_it(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    one, two = Step(1, "one", _one), Step(2, "two", _two)
    open_database(path, _kind(one)).close()
    with pytest.raises(ValueError, match="the power went"):
        open_database(path, _kind(one, two, Step(3, "three", _fails_halfway)))
    database = open_database(path, _kind(one, two))
    with database.read() as connection:
        assert [row[1] for row in connection.execute("PRAGMA table_info(things)").fetchall()] == ["name", "size"]
    database.close()
