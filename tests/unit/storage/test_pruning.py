"""Pruning forgets what it is told to, in steps, and nothing that is still needed."""

from pathlib import Path

import pytest

from storage import Adoption, ChainStore, Commit, HeaderRow, Horizon, Inconsistent, StepRow
from tests.unit.storage.build import block, final, number_hash

HEIGHTS = 40


def _chain(path: Path) -> ChainStore:
    store = ChainStore.open(path)
    for height in range(HEIGHTS):
        store.commit(
            Commit(
                blocks=(block(height),),
                finalised=((height, number_hash(height)),),
                certificates=((height, number_hash(height), b"certificate %d" % height),),
                state={number_hash(height): b"row"},
                events=((height, 0, b"event"),),
                transactions=((number_hash(height, 7), height, 0),),
                steps=(StepRow(height, b"step"),) if height % 10 == 1 else (),
            )
        )
    return store


def _prune(store: ChainStore, below: int, blocks_max: int = 256) -> int:
    steps = 0
    while rows := [row for row in store.blocks_from(store.pruning.swept_bodies(), blocks_max) if row.height < below]:
        store.pruning.prune_bodies(rows[-1].height + 1, [number_hash(row.height, 7) for row in rows])
        steps += 1
    return steps


def test_pruned_bodies_go_with_events_certificates_and_transactions(tmp_path: Path) -> None:
    with _chain(tmp_path / "chain.db") as store:
        state = list(store.state_rows())
        assert _prune(store, 30, blocks_max=7) == 5
        assert store.pruning.horizon() == Horizon(0, 30)
        for height in range(1, HEIGHTS):
            kept = height >= 30
            assert (store.block(number_hash(height)) is not None) == kept
            assert (store.events_at(height) == [b"event"]) == kept
            assert (store.certificate(height) is not None) == kept
            assert (store.transaction(number_hash(height, 7)) is not None) == kept
            assert store.header(number_hash(height)) is not None
            assert store.hash_at(height) == number_hash(height)
        assert store.block(number_hash(0)) is not None
        assert [step.height for step in store.steps_above(0, 99)] == [1, 11, 21, 31]
        assert list(store.state_rows()) == state
        assert len(store.headers_from(0, 999)) == HEIGHTS
        assert store.blocks_from(25, 2)[0].height == 30
        store.integrity_check()
        store.commit(final(HEIGHTS))


def test_headers_go_only_after_their_bodies(tmp_path: Path) -> None:
    with _chain(tmp_path / "chain.db") as store:
        assert store.pruning.prune_headers(30) == 0
        _prune(store, 20)
        assert store.pruning.prune_headers(30) == 19
        assert store.pruning.prune_headers(30) == 0
        assert store.pruning.horizon() == Horizon(20, 20)
        assert store.hash_at(0) == number_hash(0)
        assert [row.height for row in store.headers_from(0, 3)] == [0, 20, 21]
        assert [step.height for step in store.steps_above(0, 99)] == [1, 11, 21, 31]


def test_the_latest_finalised_block_is_never_pruned(tmp_path: Path) -> None:
    with _chain(tmp_path / "chain.db") as store:
        with pytest.raises(Inconsistent, match="latest finalised"):
            store.pruning.prune_bodies(HEIGHTS, [])
        with pytest.raises(Inconsistent, match="latest finalised"):
            store.pruning.prune_headers(HEIGHTS)
        _prune(store, HEIGHTS - 1)
        assert store.block(number_hash(HEIGHTS - 1)) is not None
        assert store.certificate(HEIGHTS - 1) is not None


def test_transactions_of_later_blocks_stay_whatever_is_named(tmp_path: Path) -> None:
    with _chain(tmp_path / "chain.db") as store:
        store.pruning.prune_bodies(10, [number_hash(height, 7) for height in range(HEIGHTS)])
        assert store.transaction(number_hash(9, 7)) is None
        assert store.transaction(number_hash(10, 7)) == (10, 0)


def test_what_lies_before_an_adopted_snapshot_is_pruned_too(tmp_path: Path) -> None:
    with _chain(tmp_path / "chain.db") as store:
        store.staging.begin(b"manifest")
        store.staging.put(b"", [])
        store.staging.adopt(Adoption(HeaderRow(number_hash(500), number_hash(499), 500, 1000, b"h"), b"certificate"))
        for height in range(501, 520):
            store.commit(final(height))
        assert store.pruning.horizon() == Horizon(500, 501)
        _prune(store, 510)
        assert store.pruning.horizon() == Horizon(500, 510)
        assert store.block(number_hash(5)) is None
        while store.pruning.prune_headers(505):
            pass
        assert store.pruning.horizon() == Horizon(505, 510)
        assert [row.height for row in store.headers_from(0, 2)] == [0, 505]
