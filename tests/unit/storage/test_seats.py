"""Seats as they were seen: changes by block, gaps stay gaps, branches that were left, and an end to all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.primitives.types import Height, NetUid, Uid
from node.service.roles.seats import NEAR_BLOCKS, PastSeats
from storage import MarketStore, OutOfBounds
from storage.seats import SeatNote
from tests.unit.storage.build import number_hash

A, B = number_hash(1), number_hash(2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MarketStore]:
    with MarketStore.open(tmp_path / "market.db") as opened:
        yield opened


def note(store: MarketStore, height: int, *rows: SeatNote, begins: bool = False, kept_from: int = 0) -> None:
    store.seats.note(1, height, rows, begins=begins, kept_from=kept_from)


def seen(store: MarketStore, height: int, uid: int = 0) -> set[tuple[bytes, int, bool]] | None:
    found = PastSeats(store.seats, NetUid(1), Height(0), Height(10_000))(Uid(uid), Height(height))
    return None if found is None else set(found)


def test_a_seat_is_what_it_was_about_that_height_and_nothing_is_known_of_gaps(store: MarketStore) -> None:
    note(store, 10, SeatNote(10, 0, A, 5, False), begins=True)
    for height in range(11, 40):
        note(store, height, *([SeatNote(height, 0, A, 6, True)] if height == 30 else []))
    note(store, 50, SeatNote(50, 0, B, 9, False), begins=True)
    assert seen(store, 9) is None
    assert seen(store, 15) == {(A, 5, False)}
    assert seen(store, 30 - NEAR_BLOCKS) == {(A, 5, False), (A, 6, True)}
    assert seen(store, 30 + NEAR_BLOCKS + 1) == {(A, 6, True)}
    assert seen(store, 45) is None
    assert seen(store, 50) == {(B, 9, False)}
    assert seen(store, 50, uid=3) == set()


def test_a_left_branch_is_forgotten_and_an_empty_seat_is_empty(store: MarketStore) -> None:
    note(store, 10, SeatNote(10, 0, A, 5, False), SeatNote(10, 1, B, 5, False), begins=True)
    for height in range(11, 20):
        note(store, height, *([SeatNote(height, 0, A, 99, False)] if height == 19 else []))
    note(store, 18, SeatNote(18, 0, A, 5, False), SeatNote(18, 1, b"", 0, False))
    assert seen(store, 18) == {(A, 5, False)}
    assert seen(store, 19) is None
    for height in range(19, 25):
        note(store, height)
    assert seen(store, 24, uid=1) == set()


def test_what_is_older_than_wanted_goes_but_not_what_still_holds(store: MarketStore) -> None:
    note(store, 10, SeatNote(10, 0, A, 5, False), SeatNote(10, 1, B, 5, False), begins=True)
    for height in range(11, 100):
        note(store, height, SeatNote(height, 0, A, height, False), kept_from=height - 20)
    _, rows = store.seats.between(1, 0, 1000)
    assert len(rows) <= 20 + 16 + 2
    assert seen(store, 95, uid=1) == {(B, 5, False)}


def test_what_does_not_fit_is_refused(store: MarketStore) -> None:
    for row in (SeatNote(1, 0, b"x", 1, False), SeatNote(1, 0, A, -1, False)):
        with pytest.raises(OutOfBounds):
            note(store, 1, row, begins=True)
    assert store.seats.between(1, 0, 9) == ([], [])
