"""The store of subnets' journals: order, bounds, forgetting, proofs, restarts."""

from pathlib import Path

import pytest

from storage import ForkRow, Inconsistent, JournalRow, JournalStore, OutOfBounds
from storage.limits import FORKS_KEPT_MAX, JOURNAL_ENTRY_BYTES_MAX

A, B = b"a" * 32, b"b" * 32


def row(seq: int, author: bytes = A, size: int = 10) -> JournalRow:
    return JournalRow(author, seq, seq.to_bytes(32, "big"), bytes([seq % 256]) * size)


def test_entries_come_back_in_order_and_over_a_restart(tmp_path: Path) -> None:
    with JournalStore.open(tmp_path / "journals.db") as store:
        store.put(1, [row(1), row(0), row(0, B)])
        store.put(2, [row(7)])
    with JournalStore.open(tmp_path / "journals.db") as store:
        assert store.entries(1, A) == [row(0), row(1)]
        assert store.entries(1, A, 1) == [row(1)]
        assert store.authors(1) == [A, B]
        assert store.authors(2) == [A]
        assert store.authors(3) == []


def test_a_read_stops_at_its_bounds(tmp_path: Path) -> None:
    with JournalStore.open(tmp_path / "journals.db") as store:
        store.put(1, [row(seq) for seq in range(10)])
        assert [each.seq for each in store.entries(1, A, 2, limit=3)] == [2, 3, 4]
        assert [each.seq for each in store.entries(1, A, bytes_max=25)] == [0, 1]
        assert store.entries(1, A, bytes_max=5) == []
        assert store.entries(1, A, limit=-1) == []


def test_what_is_kept_is_never_replaced_and_a_refused_batch_leaves_nothing(tmp_path: Path) -> None:
    with JournalStore.open(tmp_path / "journals.db") as store:
        store.put(1, [row(0)])
        with pytest.raises(Inconsistent):
            store.put(1, [row(1), JournalRow(A, 0, B, b"another")])
        assert store.entries(1, A) == [row(0)]


def test_what_no_longer_counts_is_forgotten_with_the_entry_that_says_so(tmp_path: Path) -> None:
    with JournalStore.open(tmp_path / "journals.db") as store:
        store.put(1, [row(seq) for seq in range(5)] + [row(0, B)])
        store.put(1, [row(5)], [(A, 3)])
        assert [each.seq for each in store.entries(1, A)] == [3, 4, 5]
        assert store.entries(1, B) == [row(0, B)]
        store.forget(1, A)
        assert store.authors(1) == [B]


@pytest.mark.parametrize(
    "bad",
    [
        JournalRow(b"short", 0, A, b""),
        JournalRow(A, 0, b"short", b""),
        JournalRow(A, -1, A, b""),
        JournalRow(A, 2**63, A, b""),
        JournalRow(A, 0, A, bytes(JOURNAL_ENTRY_BYTES_MAX + 1)),
    ],
)
def test_what_is_out_of_bounds_is_refused(tmp_path: Path, bad: JournalRow) -> None:
    with JournalStore.open(tmp_path / "journals.db") as store, pytest.raises(OutOfBounds):
        store.put(1, [bad])


def test_the_proof_of_the_earliest_fork_stays(tmp_path: Path) -> None:
    with JournalStore.open(tmp_path / "journals.db") as store:
        for void_from, proof in ((5, b"five"), (3, b"three"), (4, b"four")):
            store.put_fork(1, ForkRow(A, void_from, proof))
        store.put_fork(2, ForkRow(A, 9, b"elsewhere"))
    with JournalStore.open(tmp_path / "journals.db") as store:
        assert store.forks(1) == [ForkRow(A, 3, b"three")]
        assert store.forks(2) == [ForkRow(A, 9, b"elsewhere")]


def test_the_oldest_proofs_give_way(tmp_path: Path) -> None:
    with JournalStore.open(tmp_path / "journals.db") as store:
        with store._database.write() as connection:
            connection.executemany(
                "INSERT INTO forks (netuid, author, void_from, proof) VALUES (1, ?, 0, x'00')",
                ((number.to_bytes(32, "big"),) for number in range(FORKS_KEPT_MAX)),
            )
        store.put_fork(1, ForkRow(A, 0, b"new"))
        assert len(store.forks(1)) == FORKS_KEPT_MAX
        assert store.forks(1)[-1] == ForkRow(A, 0, b"new")
