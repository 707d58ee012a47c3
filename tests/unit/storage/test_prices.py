"""The price book: bars grow, old ones go, another chain begins anew, nothing absurd gets in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import OutOfBounds
from storage.limits import BARS_PER_READ_MAX, INTEGER_MAX
from storage.prices import BarRow, PriceStore, SpanRow

CHAIN, OTHER = b"a" * 32, b"b" * 32


def bar(start_s: int, close: int = 10, netuid: int = 1, step_s: int = 60, volume: int = 1) -> BarRow:
    return BarRow(step_s, netuid, start_s, 8, max(close, 8), min(close, 8), close, volume)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PriceStore]:
    with PriceStore.open(tmp_path / "prices.db") as opened:
        opened.begin(CHAIN)
        yield opened


def test_bars_and_height_are_there_after_the_book_was_opened_again(tmp_path: Path) -> None:
    with PriceStore.open(tmp_path / "p.db") as store:
        assert store.begin(CHAIN) is None
        store.put(7, [bar(60), bar(120, 12)])
    with PriceStore.open(tmp_path / "p.db") as store:
        assert store.begin(CHAIN) == 7
        assert store.bars(1, 60, 10) == [bar(60), bar(120, 12)]


def test_the_prices_of_another_chain_are_dropped(store: PriceStore) -> None:
    store.put(7, [bar(60)])
    assert store.begin(OTHER) is None
    assert store.bars(1, 60, 10) == []


def test_a_bar_that_is_put_again_keeps_its_opening_price(store: PriceStore) -> None:
    store.put(1, [bar(60)])
    store.put(2, [BarRow(60, 1, 60, 99, 30, 2, 20, 5)])
    assert store.bars(1, 60, 10) == [BarRow(60, 1, 60, 8, 30, 2, 20, 5)]


def test_the_last_bars_before_a_time_come_oldest_first(store: PriceStore) -> None:
    store.put(1, [bar(60 * n, n) for n in range(1, 9)])
    assert [each.start_s for each in store.bars(1, 60, 3, before_s=360)] == [180, 240, 300]
    assert [each.start_s for each in store.newest(60, (1, 2))] == [480]


def test_what_begins_too_early_is_forgotten_for_its_subnet_and_length_alone(store: PriceStore) -> None:
    store.put(1, [bar(60), bar(120), bar(60, netuid=2), bar(0, step_s=900)])
    store.put(2, [], [(60, 1, 120)])
    assert [each.start_s for each in store.bars(1, 60, 9)] == [120]
    assert len(store.bars(2, 60, 9)) == len(store.bars(1, 900, 9)) == 1


def test_a_span_is_all_its_bars_as_one(store: PriceStore) -> None:
    store.put(1, [bar(0, 90), bar(60, 20), bar(120, 4), bar(180, 6)])
    assert store.since(60, 60, (1, 5)) == [SpanRow(1, 60, 8, 20, 4, 6, 3)]


def test_a_dissolved_subnet_leaves_nothing(store: PriceStore) -> None:
    store.put(1, [bar(60), bar(0, step_s=900), bar(60, netuid=2)])
    store.forget([1])
    assert store.newest(60, (1,)) == store.newest(900, (1,)) == []
    assert len(store.newest(60, (2,))) == 1


@pytest.mark.parametrize("number", [-1, INTEGER_MAX + 1])
def test_numbers_out_of_bounds_change_nothing(store: PriceStore, number: int) -> None:
    with pytest.raises(OutOfBounds):
        store.put(1, [bar(60), bar(120, number)])
    assert store.bars(1, 60, 9) == []
    with pytest.raises(OutOfBounds):
        store.bars(1, 60, BARS_PER_READ_MAX + 1)
