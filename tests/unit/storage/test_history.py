"""The search for an account's events: newest first, page by page without a gap, bounded."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import ChainStore
from storage.limits import EVENT_SEARCH_HEIGHTS
from tests.unit.storage.build import final

ADA, BOB = b"\x00A" * 16, b"B" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChainStore]:
    with ChainStore.open(tmp_path / "chain.db") as opened:
        for height in range(6):
            named = ADA if height % 2 else BOB
            events = tuple((height, place, b"event " + named + bytes([height, place])) for place in range(3))
            opened.commit(dataclasses.replace(final(height), events=events))
        yield opened


def places(store: ChainStore, below: tuple[int, int], limit: int) -> list[tuple[int, int]]:
    return [(row.height, row.position) for row in store.history.naming(ADA, below, limit).rows]


def test_events_that_name_the_account_come_newest_first(store: ChainStore) -> None:
    assert places(store, (6, 0), 100) == [(5, 2), (5, 1), (5, 0), (3, 2), (3, 1), (3, 0), (1, 2), (1, 1), (1, 0)]
    assert places(store, (3, 1), 100) == [(3, 0), (1, 2), (1, 1), (1, 0)]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9, 10])
def test_pages_leave_nothing_out_and_repeat_nothing(store: ChainStore, size: int) -> None:
    found: list[tuple[int, int]] = []
    below = (6, 0)
    for _ in range(20):
        stretch = store.history.naming(ADA, below, size)
        found += [(row.height, row.position) for row in stretch.rows]
        if len(stretch.rows) < size:
            break
        below = (stretch.rows[-1].height, stretch.rows[-1].position)
    assert found == places(store, (6, 0), 100)


def test_a_search_looks_back_a_bounded_stretch(store: ChainStore) -> None:
    top = EVENT_SEARCH_HEIGHTS + 3
    stretch = store.history.naming(ADA, (top, 0), 100)
    assert stretch.searched_from == 3
    assert {row.height for row in stretch.rows} == {3, 5}
    assert store.history.naming(ADA, (3, 0), 100).searched_from == 0


def test_the_oldest_event_that_is_kept_is_known(store: ChainStore, tmp_path: Path) -> None:
    assert store.history.oldest() == 0
    with ChainStore.open(tmp_path / "empty.db") as empty:
        assert empty.history.oldest() is None
        assert empty.history.naming(ADA, (9, 0), 5).rows == ()
