"""Promises of transactions: shown first, held to the policy, signed here, and never lost once they are sent."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

import neurond
from neurond import Policy, alpha, rao, tao
from node.control.errors import ConnectionLost, RemoteError
from node.control.schema import ErrorView, TransactionPreview, TransactionStatus
from node.ledger import calls
from node.ledger.transaction import decode_transaction, transaction_hash
from node.primitives.address import from_ss58
from node.primitives.errors import AddressError, NodeError
from node.primitives.types import Rao
from tests.unit.control.fake import ALICE, BOB, HASH, HEAD, TAO, Served

ONE = tao(1)


def sent(node: Served) -> calls.Call:
    return decode_transaction(node.api.submitted[-1]).call


def test_a_plan_shows_cost_and_what_is_left_and_signs_nothing(
    node: Served, sub: neurond.Subtensor, wallet: neurond.Wallet
) -> None:
    plan = sub.plan(neurond.Transfer(BOB, tao(12)), wallet)
    assert plan.ok
    assert (plan.pays, plan.call, plan.intent, plan.sender) == (tao(12), "transfer", "transfer", wallet.address)
    assert rao(0) < plan.fee < tao("0.01")
    assert plan.balance_after == tao(100) - plan.cost
    assert "12 τ" in str(plan)
    assert node.api.submitted == []


def test_a_transfer_is_signed_here_by_the_wallets_key_and_followed_until_final(
    node: Served, sub: neurond.Subtensor, wallet: neurond.Wallet
) -> None:
    node.api.statuses = [TransactionStatus(HASH, "pending"), TransactionStatus(HASH, "in_block", 121, HEAD, 1500)]
    result = sub.transfer(wallet, BOB, tao(12)).check()
    assert (result.state, result.block_height, result.block_hash, result.fee) == ("final", 121, HEAD, rao(1500))
    transaction = decode_transaction(node.api.submitted[0])
    assert transaction.call == calls.Transfer(from_ss58(BOB), Rao(12 * TAO))
    assert neurond.to_ss58(transaction.sender) == wallet.address
    assert result.transaction_hash == transaction_hash(node.api.submitted[0]).hex()
    assert sub.spent == result.plan.cost


def test_a_plan_is_carried_out_as_it_was_shown_with_the_nonce_of_now(
    node: Served, sub: neurond.Subtensor, wallet: neurond.Wallet
) -> None:
    plan = sub.plan(neurond.AddStake(1, BOB, tao(10), tolerance_ppm=50_000), wallet)
    assert plan.gets_alpha == rao(39_600_000_000, 1)
    assert plan.impact == Decimal("0.0099")
    node.api.nonce += 3
    sub.execute(plan, wallet).check()
    transaction = decode_transaction(node.api.submitted[0])
    assert transaction.nonce == node.api.nonce
    assert transaction.call == plan.draft.call


@pytest.mark.parametrize(
    ("intent", "kind"),
    [
        (neurond.RemoveStake(1, BOB, alpha(4, 1)), calls.RemoveStakeLimit),
        (neurond.RemoveStake(1, BOB), calls.RemoveStakeLimit),
        (neurond.MoveStake(1, BOB, ALICE, alpha(4, 1)), calls.MoveStake),
        (neurond.SwapStake(BOB, 1, 2, alpha(4, 1)), calls.SwapStakeLimit),
        (neurond.TransferStake(1, BOB, ALICE), calls.TransferStake),
        (neurond.BurnedRegister(1, BOB), calls.BurnedRegister),
        (neurond.RegisterSubnet(BOB), calls.RegisterNetwork),
        (neurond.SetHyperparameter(1, "tempo_blocks", 360), calls.SetHyperparameter),
        (neurond.SetWeights(1, [0, 7], [0.5, 0.25]), calls.SetWeights),
        (neurond.Vote(3, BOB, approve=True), calls.Vote),
        (neurond.CloseProposal(3), calls.CloseProposal),
        (neurond.Call("transfer", to=BOB, amount_rao=tao(2)), calls.Transfer),
        (neurond.Call("set_weights", netuid=1, uids=[0], values=[1], version_key=0), calls.SetWeights),
    ],
)  # fmt: skip
def test_every_intent_becomes_its_call_signed_by_the_right_key(
    node: Served, sub: neurond.Subtensor, wallet: neurond.Wallet, intent: neurond.Intent, kind: type
) -> None:
    node.api.stake_alpha = 4 * TAO  # type: ignore[attr-defined]
    sub.execute(intent, wallet).check()
    assert type(sent(node)) is kind
    signer = neurond.to_ss58(decode_transaction(node.api.submitted[-1]).sender)
    weights = kind is calls.SetWeights
    assert signer == (wallet.hotkeypub if weights else wallet.coldkeypub).ss58_address


def test_weights_keep_their_ratios(node: Served, sub: neurond.Subtensor, wallet: neurond.Wallet) -> None:
    sub.set_weights(wallet, 1, [0, 7, 9], [1.0, 0.25, 0.0]).check()
    assert getattr(sent(node), "values") == (65_535, 16_384, 0)  # noqa: B009
    for wrong in ([1.0], [0.0, 0.0, 0.0], [-1.0, 1.0, 1.0], [float("nan"), 1.0, 1.0], [float("inf"), 1.0, 1.0]):
        with pytest.raises(NodeError):
            sub.set_weights(wallet, 1, [0, 7, 9], wrong)


@pytest.mark.parametrize(
    "intent",
    [
        neurond.Transfer(BOB, alpha(1, 1)),
        neurond.Transfer(BOB, rao(0)),
        neurond.Transfer(BOB, rao(-1)),
        neurond.Transfer(BOB, 12),  # type: ignore[arg-type]
        neurond.Transfer("5nonsense", ONE),
        neurond.AddStake(1, BOB, alpha(1, 1)),
        neurond.RemoveStake(1, BOB, ONE),
        neurond.RemoveStake(1, BOB, alpha(1, 2)),
        neurond.RemoveStake(2, BOB),
        neurond.BurnedRegister(9, BOB),
        neurond.Vote(99, BOB, approve=True),
        neurond.Call("transfer", to=BOB),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    node: Served, sub: neurond.Subtensor, wallet: neurond.Wallet, intent: neurond.Intent
) -> None:
    with pytest.raises(NodeError):
        sub.execute(intent, wallet)
    assert node.api.submitted == []


def test_an_unknown_call_is_refused_where_it_is_written() -> None:
    with pytest.raises(NodeError, match="no call"):
        neurond.Call("rob_bank")


@pytest.mark.parametrize(
    ("policy", "word"),
    [
        (Policy(per_transaction=ONE), "one transaction"),
        (Policy(per_session=tao(4)), "session"),
        (Policy(fee_max=rao(1)), "fee"),
        (Policy(keep=tao(99)), "left"),
        (Policy(intents=("add_stake",)), "intents"),
        (Policy(receivers=(ALICE,)), "receivers"),
    ],
)
def test_a_policy_stops_what_it_forbids(
    node: Served, home: Path, wallet: neurond.Wallet, policy: Policy, word: str
) -> None:
    with neurond.Subtensor(home, policy=policy) as sub:
        result = sub.transfer(wallet, BOB, tao(5))
    assert not result.success
    assert result.error is not None
    assert result.error.code == "policy_refused"
    assert word in result.error.message
    assert result.error.remediation
    assert node.api.submitted == []
    with pytest.raises(neurond.TransactionFailed, match=word):
        result.check()


def test_a_policy_counts_a_whole_session_and_bounds_the_price_impact(
    node: Served, home: Path, wallet: neurond.Wallet
) -> None:
    with neurond.Subtensor(home, policy=Policy(per_session=tao(11), impact_max=Decimal("0.001"))) as sub:
        assert sub.transfer(wallet, BOB, tao(5)).success
        assert sub.transfer(wallet, BOB, tao(5)).success
        assert not sub.transfer(wallet, BOB, tao(1)).success
        assert not sub.add_stake(wallet, 1, BOB, rao(1000)).success
    assert len(node.api.submitted) == 2


def test_a_swap_tells_its_impact_and_a_policy_bounds_it(node: Served, home: Path, wallet: neurond.Wallet) -> None:
    node.api.stake_alpha = 4 * TAO  # type: ignore[attr-defined]
    swap = neurond.SwapStake(BOB, 1, 2, alpha(4, 1))
    with neurond.Subtensor(home, policy=Policy(impact_max=Decimal("0.0000001"))) as sub:
        assert sub.plan(swap, wallet.coldkeypub.ss58_address).impact
        assert not sub.execute(swap, wallet).success
    assert node.api.submitted == []


def test_what_hides_who_gets_something_is_refused_with_a_list_of_receivers(
    node: Served, home: Path, wallet: neurond.Wallet
) -> None:
    inner = {"call": "transfer", "to": BOB, "amount_rao": "5"}
    hidden = neurond.Call("proxy", real=ALICE, call=inner)
    with neurond.Subtensor(home, policy=Policy(receivers=(ALICE,))) as sub:
        assert sub.transfer(wallet, ALICE, ONE).success
        assert sub.execute(neurond.AddStake(1, BOB, ONE, tolerance_ppm=50_000), wallet).success
        refused = sub.execute(hidden, wallet)
        assert refused.error is not None
        assert refused.error.code == "policy_refused"
    assert len(node.api.submitted) == 2


def test_the_chains_reason_reaches_the_program_with_code_and_remedy(
    node: Served, sub: neurond.Subtensor, wallet: neurond.Wallet
) -> None:
    view = ErrorView("slippage_too_high", "The price moved.", "Try again.")
    node.api.statuses = [TransactionStatus(HASH, "failed", 121, HEAD, 1500, view)]
    result = sub.transfer(wallet, BOB, ONE)
    assert (result.success, result.state, result.block_height) == (False, "failed", 121)
    assert result.error is not None
    assert (result.error.code, result.error.remediation) == ("slippage_too_high", "Try again.")
    node.api.preview = TransactionPreview(False, (), view)
    refused = sub.execute(neurond.RegisterSubnet(BOB), wallet)
    assert (refused.success, refused.state) == (False, "planned")
    assert len(node.api.submitted) == 1


def test_a_refusal_at_the_door_costs_nothing_of_the_session(
    node: Served, sub: neurond.Subtensor, wallet: neurond.Wallet
) -> None:
    node.api.trouble["tx_submit"] = RemoteError(ErrorView("pool_full", "No room.", "Later."))
    result = sub.transfer(wallet, BOB, ONE)
    assert result.error is not None
    assert (result.state, result.error.code, sub.spent) == ("failed", "pool_full", tao(0))


def test_what_was_sent_is_never_lost_when_the_node_goes_away(
    node: Served, sub: neurond.Subtensor, wallet: neurond.Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> None:
        raise ConnectionLost("The daemon closed the connection.")

    for method in ("tx_submit", "tx_status"):
        with monkeypatch.context() as patch:
            patch.setattr(f"node.control.client_async.AsyncClient.{method}", gone)
            result = sub.transfer(wallet, BOB, ONE)
        assert (result.success, result.state) == (False, "unknown")
        assert result.transaction_hash is not None
        assert len(result.transaction_hash) == 64
        assert result.error is not None
        assert result.transaction_hash in result.error.remediation
    assert sub.spent >= tao(2), "it may have been spent"


def test_a_plan_of_somebody_else_is_not_signed(node: Served, sub: neurond.Subtensor, wallet: neurond.Wallet) -> None:
    plan = sub.plan(neurond.Transfer(BOB, ONE), ALICE)
    with pytest.raises(neurond.SdkError, match="no key"):
        sub.execute(plan, wallet)
    with pytest.raises(NodeError):
        sub.execute(replace(plan, sender=wallet.address), wallet)
    assert node.api.submitted == []


def test_a_sealed_wallet_asks_nobody_without_a_terminal(
    node: Served, home: Path, sub: neurond.Subtensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEUROND_PASSWORD", raising=False)
    monkeypatch.setattr("node.wallet.wallet.Wallet.sealed", property(lambda _: True), raising=False)
    made = neurond.Wallet("other", path=home / "wallets")
    made.create(None)
    with pytest.raises(neurond.SdkError, match="locked"):
        sub.transfer(made, BOB, ONE)
    assert node.api.submitted == []


def test_two_transactions_at_once_take_turns(node: Served, home: Path, wallet: neurond.Wallet) -> None:
    async def at_once() -> list[neurond.Result]:
        async with neurond.AsyncSubtensor(home, policy=Policy(per_session=tao(11))) as sub:
            return await asyncio.gather(*(sub.transfer(wallet, BOB, tao(5)) for _ in range(3)))

    results = asyncio.run(at_once())
    assert sorted(each.success for each in results) == [False, True, True]


@pytest.mark.parametrize("make", [lambda w: w.coldkey.ss58_address, lambda w: w.hotkeypub.ss58_address])
def test_a_wallet_signs_and_verifies_under_its_own_names(wallet: neurond.Wallet, make: Callable[..., str]) -> None:
    assert make(wallet).startswith("5")
    signature = wallet.hotkey.sign(b"hello")
    assert wallet.hotkeypub.verify(b"hello", signature)
    assert not wallet.coldkeypub.verify(b"hello", signature)
    with pytest.raises(neurond.SdkError, match="public half"):
        wallet.coldkeypub.sign(b"hello")
    with pytest.raises(AddressError):
        neurond.Keypair.from_address("5nonsense")


def test_a_wallet_made_again_from_its_words_has_the_same_keys(tmp_path: Path) -> None:
    first = neurond.Wallet("one", "worker", path=tmp_path)
    assert not first.exists
    words = first.create(None)
    again = neurond.Wallet("two", "worker", path=tmp_path)
    again.regenerate_coldkey(words, password=None)
    assert (again.address, again.hotkeypub.public_key) == (first.address, first.hotkeypub.public_key)
    assert words not in repr(first)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("transfer", {"to": BOB, "amount_rao": alpha(5, netuid=1)}),
        ("remove_stake", {"hotkey": BOB, "netuid": 1, "amount_alpha": tao(5)}),
    ],
)
def test_a_call_by_its_name_does_not_take_one_unit_for_the_other(name: str, arguments: dict[str, object]) -> None:
    with pytest.raises(neurond.UnitMismatch):
        neurond.Call(name, **arguments)
    assert neurond.Call("remove_stake", hotkey=BOB, netuid=0, amount_alpha=tao(5)).arguments["amount_alpha"] == 5 * TAO


def test_ctrl_c_at_a_password_ends_the_question_and_nothing_goes_on_behind_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def person(_prompt: str) -> str:
        signal.raise_signal(signal.SIGINT)
        return "typed after it"

    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("getpass.getpass", person)
    monkeypatch.delenv("NEUROND_PASSWORD", raising=False)
    behind: list[str] = []

    async def use() -> None:
        behind.append(neurond.Wallet("sealed", path=home)._password(None, "coldkey"))

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(use())
    assert behind == []
