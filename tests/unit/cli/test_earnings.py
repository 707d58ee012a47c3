"""Promises of `neurond earnings`: sums by subnet, the newest epochs first, income from callers, stable JSON."""

from node.commands.earnings import summary
from node.control.schema import Earnings, EpochEarning
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import ALICE, BOB, EARNINGS, Served
from tests.unit.control.fake_money import BOARD

EPOCHS = tuple(EpochEarning(netuid, 10 * n, 100, 7, 50) for n, netuid in enumerate((1, 2, 1, 1)))


def test_sums_are_by_subnet_and_the_newest_epochs_stay() -> None:
    found = summary(Earnings(BOB, 0, 0, EPOCHS), ALICE, BOARD, None, 2)
    assert [(each.netuid, each.epochs, each.incentive_alpha, each.dividends_alpha) for each in found.subnets] == [
        (1, 3, 300, 21), (2, 1, 100, 7),
    ]  # fmt: skip
    assert [each.height for each in found.epochs] == [20, 30]
    assert found.total_value_rao == 200
    assert (found.calls_rao, found.redeemed_rao, found.shared_rao) == (250_000_000, 200_000_000, 30_000_000)
    assert summary(Earnings(BOB, 0, 0, EPOCHS), ALICE, None, 2, 9).total_value_rao == 50
    assert summary(Earnings(BOB, 0, 0, EPOCHS), ALICE, None, None, 0).epochs == ()


def test_the_command_shows_both_kinds_of_income(run: Run, node: Served) -> None:
    shown = run("earnings")
    assert shown.code == 0
    for words in (BOB, "6 α", "1.5 τ", "promised by callers", "0.25 τ"):
        assert words in shown.out, words
    told = run("earnings", "--json").json()
    assert told["hotkey"] == EARNINGS.hotkey
    assert told["epochs"][0]["height"] == 100
    assert run("earnings", "--netuid", "9").out.count("No epoch has paid") == 1
    assert run("earnings", "--epochs", "101").code == 2
