"""The market journal: what is recorded comes back, and no table grows without end."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage import MarketStore, OutOfBounds, ReceiptRow, SecretRow, TaskRow, UsageRow, VerdictRow
from storage.database import open_database
from storage.journal import MARKET
from storage.limits import PREVIEW_CHARS_MAX, RECEIPT_BYTES_MAX, SECRET_BYTES_MAX
from tests.unit.storage.build import number_hash

TASK = TaskRow(
    id=number_hash(1),
    netuid=1,
    kind="chat",
    miner=number_hash(10),
    validator=number_hash(20),
    created_at_ms=1_700_000_000_000,
    status="open",
)
VERDICT = VerdictRow(number_hash(1), 1, number_hash(10), number_hash(20), 0.75, "OK", 1_700_000_000_500)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MarketStore]:
    with MarketStore.open(tmp_path / "market.sqlite") as opened:
        yield opened


def test_a_task_is_updated_in_place(store: MarketStore) -> None:
    store.record_tasks([TASK, replace(TASK, id=number_hash(2))])
    done = replace(TASK, status="done", latency_ms=120, score=0.5, tokens=7, preview="Paris")
    store.record_tasks([done])
    assert store.tasks(10) == [replace(TASK, id=number_hash(2)), done]
    assert store.task(TASK.id) == [done]
    assert store.task(number_hash(9)) == []


def test_one_challenge_to_several_miners_keeps_one_row_each(store: MarketStore) -> None:
    rows = [replace(TASK, miner=number_hash(miner)) for miner in (10, 11, 12)]
    store.record_tasks(rows)
    assert store.task(TASK.id) == rows


def test_tasks_are_paged_newest_first_and_filtered(store: MarketStore) -> None:
    store.record_tasks([replace(TASK, id=number_hash(i), netuid=i % 2) for i in range(10)])
    assert [task.id for task in store.tasks(3)] == [number_hash(i) for i in (9, 8, 7)]
    assert [task.id for task in store.tasks(3, skip=3)] == [number_hash(i) for i in (6, 5, 4)]
    assert [task.id for task in store.tasks(2, netuid=0)] == [number_hash(8), number_hash(6)]
    assert store.tasks(-1) == []


def test_verdicts_come_back_by_miner(store: MarketStore) -> None:
    other = replace(VERDICT, miner=number_hash(11), score=None, reason="UNCHECKABLE")
    store.record_verdicts([VERDICT, other])
    store.record_verdicts([replace(VERDICT, score=0.25)])
    assert store.verdicts(10) == [other, replace(VERDICT, score=0.25)]
    assert store.verdicts(10, miner=number_hash(11)) == [other]


def test_receipts_are_kept_once_under_their_digest(store: MarketStore) -> None:
    receipts = store.receipts
    for number, body in ((1, b"first"), (1, b"forged"), (2, b"second")):
        receipts.record(ReceiptRow(number_hash(number), body))
    found = receipts.find(number_hash(1))
    assert found is not None
    assert found.receipt == b"first"
    assert receipts.find(number_hash(3)) is None
    assert [row.receipt for row in receipts.newest(10)] == [b"second", b"first"]
    assert [row.receipt for row in receipts.newest(10, skip=1)] == [b"first"]
    assert [row.receipt for row in receipts.starting_with(number_hash(2))] == [b"second"]
    assert len(receipts.starting_with(number_hash(2)[:4])) == 2


def test_usage_sums_receipts_by_day_model_and_miner(store: MarketStore) -> None:
    row = ReceiptRow(
        number_hash(0), b"r", netuid=1, kind="user", caller=number_hash(8), miner=number_hash(9), model="small",
        kept_at_ms=86_400_000, prompt_tokens=3, completion_tokens=5, units=7, spent_rao=11,
    )  # fmt: skip
    other = {"kept_at_ms": 2 * 86_400_000, "model": "large", "kind": "served", "caller": number_hash(7)}
    for number in range(3):
        store.receipts.record(replace(row, digest=number_hash(number)))
    store.receipts.record(replace(row, digest=number_hash(3), **other))  # type: ignore[arg-type]
    assert store.receipts.usage("day", caller=number_hash(8)) == [UsageRow("1970-01-02", 1, 3, 9, 15, 21, 33)]
    assert [(row.group, row.calls) for row in store.receipts.usage("day")] == [("1970-01-03", 1), ("1970-01-02", 3)]
    assert [(row.group, row.calls) for row in store.receipts.usage("model")] == [("small", 3), ("large", 1)]
    assert [(row.group, row.calls) for row in store.receipts.usage("miner")] == [(number_hash(9).hex(), 4)]
    assert [row.calls for row in store.receipts.usage("miner", kind="served")] == [1]
    store.receipts.note_spent(number_hash(3), 100)
    assert sum(row.spent_rao for row in store.receipts.usage("day")) == 133
    assert store.receipts.between(number_hash(7), number_hash(9), 1, kind="served") == [b"r"]
    assert store.receipts.between(number_hash(7), number_hash(9), 1, kind="challenge") == []


def test_the_oldest_rows_go_when_a_table_is_full(tmp_path: Path) -> None:
    database = open_database(tmp_path / "market.sqlite", MARKET)
    with MarketStore(database, tasks_kept=5, verdicts_kept=4, receipts_kept=3) as store:
        for number in range(12):
            store.record_tasks([replace(TASK, id=number_hash(number))])
            store.record_verdicts([replace(VERDICT, task=number_hash(number))])
            store.receipts.record(ReceiptRow(number_hash(number), b"r"))
        assert [task.id for task in store.tasks(99)] == [number_hash(i) for i in (11, 10, 9, 8, 7)]
        assert [verdict.task for verdict in store.verdicts(99)] == [number_hash(i) for i in (11, 10, 9, 8)]
        assert [row.digest for row in store.receipts.newest(99)] == [number_hash(i) for i in (11, 10, 9)]


def test_previews_are_cut_and_made_storable(store: MarketStore) -> None:
    store.record_tasks([replace(TASK, preview="é" * 1000), replace(TASK, id=number_hash(2), preview="a\udc80b\0c")])
    newest, oldest = store.tasks(2)
    assert oldest.preview == "é" * PREVIEW_CHARS_MAX
    assert newest.preview == "a?b\0c"


@pytest.mark.parametrize(
    "row",
    [
        replace(TASK, id=b"short"),
        replace(TASK, miner=bytes(33)),
        replace(TASK, score=math.inf),
        replace(TASK, tokens=-1),
        replace(TASK, latency_ms=2**63),
        replace(TASK, status="x" * 65),
    ],
)
def test_rows_beyond_the_bounds_are_refused_with_their_batch(store: MarketStore, row: TaskRow) -> None:
    with pytest.raises(OutOfBounds):
        store.record_tasks([replace(TASK, id=number_hash(7)), row])
    assert store.tasks(10) == []


def test_other_oversized_values_are_refused(store: MarketStore) -> None:
    with pytest.raises(OutOfBounds):
        store.receipts.record(ReceiptRow(number_hash(1), bytes(RECEIPT_BYTES_MAX + 1)))
    with pytest.raises(OutOfBounds):
        store.record_verdicts([replace(VERDICT, score=math.nan)])


def test_secrets_survive_a_restart_and_are_forgotten_when_dropped(tmp_path: Path) -> None:
    row, other = SecretRow(bytes(32), 7, b"weights"), SecretRow(b"\x01" * 32, 8, b"more")
    with MarketStore.open(tmp_path / "market.sqlite") as store:
        for each in (row, other, row):
            store.keep_secret(1, each)
        store.keep_secret(2, row)
    with MarketStore.open(tmp_path / "market.sqlite") as store:
        assert store.secrets(1) == [row, other]
        store.drop_secrets(1, [row.digest, b"\x02" * 32])
        assert store.secrets(1) == [other]
        assert store.secrets(2) == [row], "another subnet's"
        with pytest.raises(OutOfBounds):
            store.keep_secret(1, SecretRow(bytes(32), 7, bytes(SECRET_BYTES_MAX + 1)))
