"""The payment book: the best voucher stays, sums may sink, nothing grows without end."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage import OutOfBounds
from storage.dues import DueRow
from storage.limits import INTEGER_MAX
from storage.payments import GivenRow, PaymentStore, TakenRow
from tests.unit.storage.build import number_hash

TAKEN = TakenRow(number_hash(1), number_hash(2), 3, 500, number_hash(4), bytes(64), spent_rao=450)
PAYEE = number_hash(2)
GIVEN = GivenRow(number_hash(1), number_hash(2), 3, 500, number_hash(4), bytes(64), used_rao=450)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PaymentStore]:
    with PaymentStore.open(tmp_path / "payments.db") as opened:
        yield opened


def test_a_voucher_is_there_after_the_book_was_opened_again(tmp_path: Path) -> None:
    with PaymentStore.open(tmp_path / "p.db") as store:
        store.take(TAKEN)
        store.give(GIVEN)
    with PaymentStore.open(tmp_path / "p.db") as store:
        assert store.taken() == [TAKEN]
        assert store.given() == [GIVEN]


def test_a_lower_voucher_never_replaces_a_higher_one(store: PaymentStore) -> None:
    store.take(TAKEN)
    store.take(replace(TAKEN, sequence=2, cumulative_rao=499, signature=bytes([1]) * 64, spent_rao=499))
    assert store.taken() == [replace(TAKEN, spent_rao=499)]
    store.give(GIVEN)
    store.give(replace(GIVEN, sequence=2, cumulative_rao=10, used_rao=7))
    assert store.given() == [replace(GIVEN, used_rao=7)]


def test_a_killed_process_loses_no_voucher_that_it_said_it_had(tmp_path: Path) -> None:
    program = f"""
from dataclasses import replace
from pathlib import Path
from storage.payments import PaymentStore, TakenRow
row = TakenRow(bytes(32), bytes(32), 0, 0, bytes(32), bytes(64))
store = PaymentStore.open(Path({str(tmp_path / "p.db")!r}))
for number in range(1, 100_000):
    store.take(replace(row, sequence=number, cumulative_rao=number))
    print(number, flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [int(child.stdout.readline()) for _ in range(30)]
    child.kill()
    said += [int(line) for line in child.stdout.read().splitlines() if line.endswith(tuple("0123456789"))]
    child.wait()
    with PaymentStore.open(tmp_path / "p.db") as store:
        assert store.taken()[0].cumulative_rao >= said[-1] >= 30


def test_a_channel_that_is_no_more_is_forgotten(store: PaymentStore) -> None:
    store.take(TAKEN)
    store.give(GIVEN)
    store.drop_taken(TAKEN.channel)
    store.drop_given(GIVEN.channel)
    store.drop_given(GIVEN.channel)
    assert store.taken() == []
    assert store.given() == []


def test_days_and_settings_are_kept_and_old_days_go(store: PaymentStore) -> None:
    store.spend(100, 5)
    store.spend(100, 9)
    store.spend(1000, 1)
    assert (store.spent(100), store.spent(1000), store.spent(999)) == (0, 1, 0)
    assert store.setting("per_day_rao") is None
    store.put_setting("per_day_rao", 77)
    assert store.setting("per_day_rao") == 77


@pytest.mark.parametrize(
    "change",
    [
        {"channel": b"x"},
        {"payer": b""},
        {"signature": bytes(63)},
        {"spent_rao": -1},
        {"cumulative_rao": INTEGER_MAX + 1},
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(store: PaymentStore, change: dict[str, object]) -> None:
    with pytest.raises(OutOfBounds):
        store.take(replace(TAKEN, **change))  # type: ignore[arg-type]
    assert store.taken() == []


def test_the_book_has_an_end(store: PaymentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.payments.CHANNELS_KEPT_MAX", 1)
    store.take(TAKEN)
    store.take(replace(TAKEN, cumulative_rao=600))
    with pytest.raises(OutOfBounds, match="redeem"):
        store.take(replace(TAKEN, channel=number_hash(9)))


def test_dues_add_up_and_one_transfer_at_a_time_is_written_down(store: PaymentStore) -> None:
    store.dues.owe(PAYEE, 5)
    store.dues.owe(PAYEE, 7)
    with pytest.raises(OutOfBounds):
        store.dues.begin(PAYEE, 13, 1, 65)  # more than is owed
    store.dues.begin(PAYEE, 12, 1, 65)
    with pytest.raises(OutOfBounds):
        store.dues.begin(PAYEE, 1, 1, 65)  # one is under way
    assert store.dues.rows() == [DueRow(PAYEE, 12, 0, 12, 1, 65)]
    store.dues.end(PAYEE, arrived=False)
    store.dues.begin(PAYEE, 4, 2, 66)
    store.dues.end(PAYEE, arrived=True)
    assert [(row.owed_rao, row.paid_rao, row.sent_rao) for row in store.dues.rows()] == [(12, 4, 0)]
    with pytest.raises(OutOfBounds):
        store.dues.begin(PAYEE, 9, 2, 66)


def test_dues_of_nobody_and_of_too_many_are_refused(store: PaymentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.dues.DUES_KEPT_MAX", 1)
    for account, sum_rao in ((b"x", 1), (PAYEE, -1), (PAYEE, INTEGER_MAX + 1)):
        with pytest.raises(OutOfBounds):
            store.dues.owe(account, sum_rao)
    store.dues.owe(PAYEE, 1)
    store.dues.owe(PAYEE, 1)
    with pytest.raises(OutOfBounds):
        store.dues.owe(number_hash(9), 1)
