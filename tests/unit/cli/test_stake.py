"""Promises of `neurond stake` and `subnets price`: shown first, exact amounts, clear refusals, stable JSON."""

import pytest

from node.ledger import calls
from node.primitives.address import from_ss58
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_money import sent, wallet
from tests.unit.control.fake import ALICE, BOB, TAO, Served

__all__ = ["wallet"]


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (("move", "5", "--netuid", "1", "--to", ALICE), "move_stake"),
        (("swap", "1", "--netuid", "1", "--to-netuid", "2"), "swap_stake_limit"),
        (("transfer", "all", ALICE, "--netuid", "1"), "transfer_stake"),
        (("unstake-all", "--tolerance", "3"), "unstake_all"),
        (("unstake-all", "--to-root", "--tolerance", "3"), "unstake_all_alpha"),
    ],
)
def test_a_dry_run_names_the_call_and_sends_nothing(
    run: Run, node: Served, wallet: str, words: tuple[str, ...], call: str
) -> None:
    outcome = run("stake", *words, "--dry-run", "--json")
    assert outcome.code == 0, outcome.err
    shown = outcome.json()
    assert (shown["call"], shown["refusal"]) == (call, None)
    assert shown["worth_rao"] > 0
    assert not node.api.submitted


def test_a_swap_is_signed_for_the_amount_and_the_limit_that_were_shown(run: Run, node: Served, wallet: str) -> None:
    outcome = run("stake", "swap", "1.5", "--netuid", "1", "--to-netuid", "2", "--tolerance", "2", "-y")
    assert outcome.code == 0, outcome.err
    assert "price impact" in outcome.err
    call = sent(node)
    assert isinstance(call, calls.SwapStakeLimit)
    assert (call.amount_alpha, call.hotkey) == (3 * TAO // 2, from_ss58(BOB))
    assert call.limit_price > 0


@pytest.mark.parametrize(
    "words",
    [
        "move -1 --netuid 1 --to X", "move 0.1234567891 --netuid 1 --to X", "swap 1 --netuid 1",
        "swap 1 --netuid 1 --to-netuid 70000", "transfer x Y --netuid 1", "move 1 --to X", "swap 1e3 --netuid 1",
    ],
)  # fmt: skip
def test_what_is_no_amount_or_no_subnet_is_a_usage_error(run: Run, node: Served, wallet: str, words: str) -> None:
    assert run("stake", *words.split()).code == 2
    assert not node.api.submitted


def test_more_than_is_there_and_no_address_are_refused_with_a_reason(run: Run, node: Served, wallet: str) -> None:
    much = run("stake", "swap", "21", "--netuid", "1", "--to-netuid", "2", "-y")
    assert much.code == 1
    assert "Only 20 α are staked there" in much.err
    same = run("stake", "swap", "1", "--netuid", "1", "--to-netuid", "1", "-y")
    assert "Origin and destination are the same" in same.err
    nobody = run("stake", "transfer", "1", "5nobody", "--netuid", "1", "-y")
    assert nobody.code == 1
    nothing = run("stake", "move", "all", "--netuid", "3", "--to", ALICE, "-y")
    assert "Nothing of yours" in nothing.err
    assert not node.api.submitted


@pytest.mark.parametrize(
    "command",
    [
        "stake add 1 --hotkey friend", "stake remove 1 --hotkey friend", "stake move 1 --netuid 1 --to friend",
        "stake swap 1 --netuid 1 --to-netuid 2 --hotkey friend", "stake transfer 1 friend --netuid 1",
        "subnets register 1 --hotkey friend",
    ],
)  # fmt: skip
def test_a_place_for_an_address_takes_a_label(command: str, run: Run, node: Served, wallet: str) -> None:
    assert run("wallet", "book", "add", "friend", ALICE).code == 0
    shown = run(*command.split(), "--dry-run")
    assert ALICE in shown.out, shown.err


def test_positions_are_shown_with_value_and_the_days_change(run: Run, node: Served) -> None:
    outcome = run("stake", "show", ALICE)
    assert outcome.code == 0, outcome.err
    for words in ("20 α", "5 τ", "-9.22 %", "together 105 τ"):
        assert words in outcome.out, words
    [position] = run("stake", "show", ALICE, "--json").json()["positions"]
    assert position["day_change_ppm"] == (TAO // 4 - 275_400_000) * 10**6 // 275_400_000


def test_gains_count_what_was_put_in_taken_out_and_is_left(run: Run, node: Served) -> None:
    found = run("stake", "gains", ALICE, "--json").json()
    assert (found["put_rao"], found["taken_rao"], found["worth_rao"]) == (10 * TAO, 0, 5 * TAO)
    assert [each["gain_rao"] for each in found["subnets"]] == [-5 * TAO]
    shown = run("stake", "gains", ALICE)
    assert "-50.00 %" in shown.out
    assert "gain -5 τ" in shown.out
    assert "from block 600 on" in shown.err


def test_prices_are_a_table_for_people_and_candles_for_programs(run: Run, node: Served) -> None:
    table = run("subnets", "price", "--netuid", "1", "--interval", "4h", "--limit", "5")
    assert table.code == 0, table.err
    assert len([line for line in table.out.splitlines() if line.startswith("20")]) == 5
    found = run("subnets", "price", "--netuid", "1", "--limit", "3", "--json").json()
    assert (found["interval"], len(found["candles"])) == ("1h", 3)
    assert run("subnets", "price", "--interval", "2h").code == 2
    assert run("subnets", "price", "--limit", "501").code == 2
