"""Promises of `neurond do`: an order means one thing or is refused; money is shown first, then signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.control.errors import BadOrder
from node.control.orders import Order, read_order
from node.ledger import calls
from node.primitives.address import from_ss58
from node.primitives.types import RAO_PER_TAO as TAO
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_money import sent, wallet
from tests.unit.control.fake import ALICE, BOB, Served

__all__ = ["wallet"]  # a fixture


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("/buy 10 sn4", Order("buy", 10 * TAO, (4,))),
        ("Stake 0.5 τ on subnet 4", Order("buy", TAO // 2, (4,))),
        ("sell all sn4 within 0.5%", Order("sell", None, (4,), tolerance_ppm=5000)),
        ("unstake 1,000 alpha from #12", Order("sell", 1000 * TAO, (12,))),
        ("swap 3 sn1 to sn4 at 5abc", Order("swap", 3 * TAO, (1, 4), hotkey="5abc")),
        ("buy 10 tao of sn4", Order("buy", 10 * TAO, (4,))),
        ("swap 3α from sn1 to sn4", Order("swap", 3 * TAO, (1, 4))),
        ("swap all my alpha from subnet 1 into subnet 4", Order("swap", None, (1, 4))),
        ("send 2 to alice", Order("send", 2 * TAO, whom="alice")),
        ("balance", Order("balance")),
        ("BALANCE bob", Order("balance", whom="bob")),
        ("price of sn4", Order("price", netuids=(4,))),
        ("buy 1 sn1 within 50%", Order("buy", TAO, (1,), tolerance_ppm=500_000)),
    ],
)
def test_an_order_means_one_thing(text: str, order: Order) -> None:
    assert read_order(text) == order


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "please make me rich", "buy", "buy sn4", "buy ten sn4", "buy 10", "buy -1 sn4", "buy 0 sn4",
        "buy all sn4", "buy 10 sn99999", "buy 10 sn4 sn5", "swap 1 sn1", "send 2", "send all alice",
        "send 2 alice bob", "price", "buy 1 sn1 within 51%", "buy 1 sn1 within", "buy 1 sn1 at", "buy 1 sn1 at a at b",
        "send 1 bob at x",
        "buy 10 alpha on sn4", "buy 10α sn4", "sell 10 tao from sn4", "sell 10τ sn4", "send 3 alpha to alice",
        "swap 5 to sn4 from sn1", "swap 5 sn4 from sn1", "swap 5 tao sn1 sn4",
        "balance a b", "buy 1e3 sn4", "buy 1 sn4 now", "x" * 401,
    ],
)  # fmt: skip
def test_what_is_no_order_is_refused_with_a_reason_and_the_way_to_the_list(text: str) -> None:
    with pytest.raises(BadOrder) as caught:
        read_order(text)
    assert caught.value.message
    assert "neurond do --help" in (caught.value.hint or "")


@given(st.text(max_size=60))
def test_any_words_are_an_order_or_a_refusal(text: str) -> None:
    try:
        order = read_order(text)
    except BadOrder:
        return
    assert order.amount is None or order.amount > 0


def test_an_order_is_previewed_and_signed_like_its_command(run: Run, node: Served, wallet: str) -> None:
    shown = run("do", "buy", "10", "sn1", "--dry-run", "--json")
    assert shown.code == 0
    assert not node.api.submitted
    assert run("do", "buy 10 sn1 within 2.5%", "-y").code == 0
    call = sent(node)
    assert isinstance(call, calls.AddStakeLimit)
    assert (call.hotkey, call.limit_price) == (from_ss58(BOB), TAO // 4 * 1025 // 1000)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (f"send 2 {ALICE}", calls.Transfer),
        ("sell all sn1", calls.RemoveStakeLimit),
        ("swap 1.5 sn1 sn2", calls.SwapStakeLimit),
    ],
)
def test_each_order_becomes_its_call(run: Run, node: Served, wallet: str, words: str, kind: type[object]) -> None:
    assert run("do", words, "-y", "--tolerance", "2").code == 0
    assert isinstance(sent(node), kind)


def test_nothing_is_sent_unasked_or_misread(run: Run, node: Served, wallet: str) -> None:
    assert run("do", "buy 10 sn1").code != 0
    wrong = run("do", "buy ten sn1", "-y")
    assert wrong.code == 1
    assert "'ten' is no amount" in wrong.err
    assert run("do", "send 1 nobody-of-that-name", "-y").code == 1
    assert not node.api.submitted


def test_balance_and_price_only_look(run: Run, node: Served, wallet: str) -> None:
    assert "balance" in run("do", "balance", ALICE).out
    assert "1 α" in run("do", "price", "sn1").out
    missing = run("do", "price", "sn999")
    assert missing.code == 1
    assert "no subnet 999" in missing.err
    assert not node.api.submitted
