"""A snapshot on its way in: it resumes, changes nothing until it is adopted, and then takes the state's place whole."""

from pathlib import Path

import pytest

from storage import Adoption, ChainStore, Commit, HeaderRow, Horizon, Inconsistent, OutOfBounds, StepRow, Tip
from tests.unit.storage.build import block, final, number_hash

ANCHOR = HeaderRow(number_hash(500), number_hash(499), 500, 1000, b"header 500/0")
ROWS = {first: [(bytes([first, last]) + bytes(30), b"new") for last in range(3)] for first in range(5)}


def _old(path: Path) -> ChainStore:
    store = ChainStore.open(path)
    for height in range(4):
        store.commit(final(height, {number_hash(height): b"old"}))
    store.commit(final(4))
    return store


def _stage(store: ChainStore) -> None:
    store.staging.begin(b"manifest")
    for first, rows in ROWS.items():
        store.staging.put(bytes([first]), rows)


def test_parts_survive_a_restart_and_belong_to_one_manifest(tmp_path: Path) -> None:
    with _old(tmp_path / "chain.db") as store:
        store.staging.begin(b"manifest")
        store.staging.put(b"\x01", ROWS[1])
    with ChainStore.open(tmp_path / "chain.db") as store:
        assert store.staging.manifest() == b"manifest"
        store.staging.begin(b"manifest")
        assert store.staging.done() == {b"\x01"}
        assert list(store.staging.rows()) == ROWS[1]
        store.staging.begin(b"another")
        assert store.staging.done() == frozenset()
        assert list(store.staging.rows()) == []


def test_nothing_of_the_chain_changes_before_the_adoption(tmp_path: Path) -> None:
    with _old(tmp_path / "chain.db") as store:
        before = list(store.state_rows())
        _stage(store)
        assert list(store.state_rows()) == before
        assert store.tip() == Tip(4, number_hash(4))
        store.commit(final(5, {number_hash(5): b"goes on"}))
        store.staging.drop()
        assert store.staging.done() == frozenset()
        assert store.staging.manifest() is None


def test_an_adopted_snapshot_is_the_state_and_the_chain_goes_on_from_its_block(tmp_path: Path) -> None:
    with _old(tmp_path / "chain.db") as store:
        store.commit(final(5))
        _stage(store)
        store.staging.adopt(Adoption(ANCHOR, b"certificate", (StepRow(500, b"step"),)))
        assert list(store.state_rows()) == [row for rows in ROWS.values() for row in rows]
        assert store.tip() == Tip(500, ANCHOR.hash)
    with ChainStore.open(tmp_path / "chain.db") as store:
        assert store.header(ANCHOR.hash) == ANCHOR
        assert store.block(ANCHOR.hash) is None
        assert store.hash_at(0) == number_hash(0)
        assert store.pruning.horizon() == Horizon(500, 501)
        assert [step.step for step in store.steps_above(0, 9)] == [b"step"]
        assert store.staging.manifest() is None
        certificate = store.latest_certificate()
        assert certificate is not None
        assert (certificate.height, certificate.block) == (500, ANCHOR.hash)
        store.commit(final(501, {number_hash(501): b"more", ROWS[0][0][0]: None}))
        assert store.state_get(number_hash(501)) == b"more"
        assert store.state_get(ROWS[0][0][0]) is None
        _stage(store)
        store.integrity_check()


def test_unfinalised_blocks_go_with_the_adoption(tmp_path: Path) -> None:
    with _old(tmp_path / "chain.db") as store:
        store.commit(final(5))
        store.commit(final(6))
        store.commit(Commit(blocks=(block(7),)))
        _stage(store)
        store.staging.adopt(Adoption(ANCHOR, b"certificate"))
        assert store.unfinalised() == []


def test_a_snapshot_that_is_no_step_forward_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with _old(tmp_path / "chain.db") as store:
        with pytest.raises(Inconsistent, match="on its way"):
            store.staging.adopt(Adoption(ANCHOR, b"certificate"))
        with pytest.raises(Inconsistent, match="none is on its way"):
            store.staging.put(b"\x01", ROWS[1])
        _stage(store)
        before = list(store.state_rows())
        behind = HeaderRow(number_hash(4, 9), number_hash(3), 4, 9, b"header")
        with pytest.raises(Inconsistent, match="final is 4"):
            store.staging.adopt(Adoption(behind, b"certificate"))
        assert list(store.state_rows()) == before
        assert store.staging.done() == {bytes([first]) for first in ROWS}


def test_parts_beyond_the_bounds_are_refused(tmp_path: Path) -> None:
    with _old(tmp_path / "chain.db") as store:
        store.staging.begin(b"manifest")
        with pytest.raises(Inconsistent, match="not under its prefix"):
            store.staging.put(b"\x02", ROWS[1])
        for prefix, rows in ((b"", [(b"short", b"")]), (bytes(33), []), (b"", [(bytes(32), bytes(300_000))])):
            with pytest.raises(OutOfBounds):
                store.staging.put(prefix, rows)
        with pytest.raises(OutOfBounds):
            store.staging.begin(bytes(600_000))
        assert store.staging.done() == frozenset()
