"""Commands about channels and the budget: shown first, signed by the hotkey here, refused where money would be lost."""

import msgspec
import pytest

from node.control.wallets import wallet_store
from node.ledger import calls
from node.ledger.transaction import decode_transaction
from node.primitives.address import from_ss58, to_ss58
from node.primitives.types import Hash
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import TAO, Served
from tests.unit.control.fake_money import BOARD, CAROL, IN, OUT


@pytest.fixture
def hotkey(run: Run, home: object, node: Served) -> str:
    """The address of the hotkey of a fresh wallet, which is the node's."""
    made = run("wallet", "create", "--no-password", "--json")
    assert made.code == 0, made.err
    address = to_ss58(wallet_store(home).open("default").hotkey("default").public)  # type: ignore[arg-type]
    node.api.board = msgspec.structs.replace(BOARD, account=address)
    return address


def sent(node: Served) -> calls.Call:
    assert len(node.api.submitted) == 1
    return decode_transaction(node.api.submitted[0]).call


def test_opening_shows_what_is_locked_how_long_and_the_fee_and_the_hotkey_signs(
    run: Run, node: Served, hotkey: str
) -> None:
    dry = run("channels", "open", CAROL, "0.5", "--days", "1", "--dry-run")
    assert dry.code == 0, dry.err
    for word in ("0.5 τ", CAROL, "block 87,600", "1d 0h 0m", "20 blocks", "fee"):
        assert word in dry.out
    assert node.api.submitted == []
    outcome = run("channels", "open", CAROL, "0.5", "--days", "1", "-y")
    assert outcome.code == 0, outcome.err
    assert sent(node) == calls.OpenChannel(from_ss58(CAROL), TAO // 2, 86_400)
    assert to_ss58(decode_transaction(node.api.submitted[0]).sender) == hotkey


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("open", "HOTKEY", "1"), "somebody else"),
        (("open", CAROL, "0.0000001"), "at least"),
        (("open", CAROL, "1", "--days", "0.0001"), "at least 20 blocks"),
        (("topup", IN[:8], "1"), "closing"),
        (("close", IN[:8]), "not redeemed yet"),
        (("close", "ffff"), "No channel begins"),
        (("close", "0"), "No channel|More than one"),
    ],
)
def test_what_would_fail_or_lose_money_is_refused_with_a_reason(
    arguments: tuple[str, ...], why: str, run: Run, node: Served, hotkey: str
) -> None:
    outcome = run("channels", *(hotkey if each == "HOTKEY" else each for each in arguments), "-y")
    assert outcome.code == 1
    assert any(each in outcome.err for each in why.split("|")), outcome.err
    assert node.api.submitted == []


def test_a_channel_is_filled_and_its_closing_begun(run: Run, node: Served, hotkey: str) -> None:
    assert run("channels", "topup", OUT[:6], "1", "-y").code == 0
    assert sent(node) == calls.TopUpChannel(Hash(bytes.fromhex(OUT)), TAO)
    node.api.submitted.clear()
    outcome = run("channels", "close", OUT[:6], "-y")
    assert outcome.code == 0, outcome.err
    assert "block 1,220" in outcome.err
    assert sent(node) == calls.CloseChannel(Hash(bytes.fromhex(OUT)))


def test_another_key_than_the_nodes_cannot_sign(run: Run, node: Served, hotkey: str) -> None:
    node.api.board = BOARD
    outcome = run("channels", "topup", OUT, "1", "-y")
    assert outcome.code == 1
    assert "must sign" in outcome.err


def test_redeeming_shows_sum_and_fee_first_and_nothing_goes_without_consent(run: Run, node: Served) -> None:
    dry = run("channels", "redeem", "--dry-run")
    assert "0.05 τ" in dry.out
    assert run("channels", "redeem").code == 1
    assert not any(name == "channels_redeem" for name, _ in node.api.calls)
    assert run("channels", "redeem", IN[:8], "-y").code == 0
    assert ("channels_redeem", (IN,)) in node.api.calls
    assert run("channels", "redeem", OUT[:8], "-y").code == 1  # this side pays


def test_a_budget_is_shown_before_and_after_and_set_with_consent(run: Run, node: Served) -> None:
    outcome = run("budget", "set", "--per-call", "0.02", "--channel", "0", "--dry-run")
    assert "0.01 τ → 0.02 τ" in outcome.err
    assert "per day" not in outcome.err
    assert run("budget", "set", "--per-day", "1").code == 1
    assert not any(name == "budget_set" for name, _ in node.api.calls)
    assert run("budget", "set", "--per-call", "0.02", "--channel", "0", "-y").code == 0
    assert ("budget_set", (20_000_000, None, 0)) in node.api.calls
    assert run("budget", "set").code == 2


def test_what_the_hotkey_earned_goes_to_the_coldkey_but_for_its_fees(run: Run, node: Served, hotkey: str) -> None:
    coldkey = run("wallet", "show", "--json").json()["address"]
    before_rao = node.api.balance_rao
    dry = run("channels", "collect", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    shown = dry.json()
    assert shown["pays_rao"] == before_rao - TAO // 10 - shown["fee_rao"]
    assert node.api.submitted == []
    assert run("channels", "collect", "1", "-y").code == 0
    assert sent(node) == calls.Transfer(from_ss58(coldkey), TAO)
    assert to_ss58(decode_transaction(node.api.submitted[0]).sender) == hotkey


def test_the_whole_account_can_be_collected_and_not_a_rao_more(run: Run, node: Served, hotkey: str) -> None:
    all_of_it = run("channels", "collect", "--keep", "0", "--dry-run", "--json").json()
    assert all_of_it["refusal"] is None
    assert all_of_it["balance_after_rao"] == 0
    more = run("channels", "collect", str((node.api.balance_rao - TAO // 20) // TAO + 1), "-y")
    assert more.code == 1
    assert "can be sent" in more.err
    assert node.api.submitted == []


def test_a_hotkey_that_has_no_more_than_it_keeps_sends_nothing(run: Run, node: Served, hotkey: str) -> None:
    node.api.balance_rao = TAO // 10
    outcome = run("channels", "collect", "-y")
    assert outcome.code == 1
    assert "no more than it keeps" in outcome.err
    assert node.api.submitted == []
