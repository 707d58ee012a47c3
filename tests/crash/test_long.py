"""The long kill run works, and finds what it looks for."""

import sqlite3
from pathlib import Path

import pytest

from storage import ChainStore
from tests.crash import long


@pytest.mark.timeout(120)
def test_a_few_cycles_of_every_kind_lose_nothing(tmp_path: Path) -> None:
    tally = long.run(15, 7, tmp_path, lambda line: None)
    assert tally.opened_after == {"chain": 5, "signing": 5, "snapshots": 5}
    assert tally.acknowledged > 15


def test_a_second_signature_is_found() -> None:
    checker = long.Signing(Path("unused"))
    checker._signed[5] = b"one"
    with pytest.raises(AssertionError, match="two signatures at 5"):
        checker.check([(5, b"another")])


def test_a_signature_that_the_record_forgot_is_found(tmp_path: Path) -> None:
    checker = long.Signing(tmp_path / "signing.db")
    with pytest.raises(AssertionError):
        checker.check([(5, b"signed, and never recorded".ljust(32, b"\0"))])


def test_a_lost_block_is_found(tmp_path: Path) -> None:
    checker = long.Chain(tmp_path / "chain.db")
    with pytest.raises(AssertionError, match="acknowledged"):
        checker.check([(3, b"")])


def test_half_a_snapshot_is_found(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.db"
    with ChainStore.open(path) as store:
        store.staging.begin(b"round 1")
        store.staging.put(b"\x00", long.part_rows(1, 0))
    long.Snapshots(path).check([])
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM staging WHERE path = (SELECT min(path) FROM staging)")
    connection.close()
    with pytest.raises(AssertionError):
        long.Snapshots(path).check([])
