"""A validator's record on disk: lines without gaps, closed epochs that never change, old ones forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import Inconsistent, MarketStore, OutOfBounds, RecordRow, RecordStore, SeedRow
from storage.limits import RECORD_ANSWERS_KEPT_MAX, RECORD_EPOCHS_KEPT_MAX, RECORD_LINE_BYTES_MAX, RECORD_LINES_MAX
from tests.unit.storage.build import number_hash

ME = number_hash(1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    with MarketStore.open(tmp_path / "market.sqlite") as opened:
        yield opened.records(1, ME)


def test_an_epoch_is_opened_filled_and_closed_once(store: RecordStore) -> None:
    store.open_epoch(7, b"book")
    store.open_epoch(7, b"another book")
    store.append(7, 0, [b"a", b"b"])
    store.append(7, 2, [b"c"])
    assert store.latest() == RecordRow(7, b"book", b"")
    store.close_epoch(7, b"head")
    assert store.epoch(7) == RecordRow(7, b"book", b"head")
    assert store.lines(7) == [b"a", b"b", b"c"]
    assert store.lines(7, 1, 1) == [b"b"]
    assert store.heads() == [b"head"]
    with pytest.raises(Inconsistent):
        store.append(7, 3, [b"too late"])
    with pytest.raises(Inconsistent):
        store.close_epoch(7, b"another head")


@pytest.mark.parametrize("first", [0, 3])
def test_lines_never_leave_a_gap_and_are_never_replaced(store: RecordStore, first: int) -> None:
    store.open_epoch(7, b"")
    store.append(7, 0, [b"a", b"b"])
    with pytest.raises(Inconsistent):
        store.append(7, first, [b"x"])
    assert store.lines(7) == [b"a", b"b"]


def test_records_of_others_are_apart(tmp_path: Path) -> None:
    with MarketStore.open(tmp_path / "market.sqlite") as opened:
        opened.records(1, ME).open_epoch(7, b"mine")
        assert opened.records(2, ME).latest() is None
        assert opened.records(1, number_hash(2)).latest() is None


def test_only_the_newest_epochs_and_answers_are_kept(store: RecordStore) -> None:
    for epoch in range(RECORD_EPOCHS_KEPT_MAX + 3):
        store.open_epoch(epoch, b"")
        store.append(epoch, 0, [b"line"])
    assert store.epoch(2) is None
    assert store.lines(2) == []
    assert store.epoch(3) is not None
    for number in range(RECORD_ANSWERS_KEPT_MAX + 2):
        store.keep_answer(9, number_hash(number), ME, b"answer")
    assert store.answer(number_hash(1), ME) is None
    assert store.answer(number_hash(2), ME) == b"answer"


def test_what_is_too_large_is_refused(store: RecordStore) -> None:
    store.open_epoch(7, b"")
    with pytest.raises(OutOfBounds):
        store.append(7, 0, [bytes(RECORD_LINE_BYTES_MAX + 1)])
    with pytest.raises(OutOfBounds):
        store.append(7, 0, [b""] * (RECORD_LINES_MAX + 1))
    with pytest.raises(OutOfBounds):
        store.keep_answer(7, b"short", ME, b"")
    assert store.lines(7) == []


def test_a_used_round_never_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "market.sqlite"
    with MarketStore.open(path) as opened:
        store = opened.records(1, ME)
        store.keep_seeds(SeedRow(10, number_hash(5), 0))
        store.keep_seeds(SeedRow(10, number_hash(6), 0))
        store.use_round(10, 14)
        store.use_round(10, 12)
    with MarketStore.open(path) as opened:
        assert opened.records(1, ME).seeds() == [SeedRow(10, number_hash(5), 14)]
