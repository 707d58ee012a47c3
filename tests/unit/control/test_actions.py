"""Promises of actions: the preview tells the truth, limits guard every swap, only sound drafts are signed."""

from collections.abc import Awaitable

import msgspec
import pytest

from node.control.actions import (
    Draft,
    RegisterIntent,
    StakeIntent,
    TransferIntent,
    UnstakeIntent,
    follow,
    prepare,
    sign,
    submit,
)
from node.control.errors import ActionRefused, ProtocolError, RequestTimeout
from node.control.role_actions import apply_role, prepare_role, sign_role
from node.control.schema import ErrorView, PlannedTransaction, Requirement, RolePlan, TransactionStatus
from node.ledger import calls
from node.ledger.transaction import check_signature, decode_transaction, transaction_hash
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer, verify
from node.primitives.errors import AddressError
from node.primitives.types import Hash, NetUid, Rao
from tests.unit.control.fake import BOB, CONTEXT, FINAL, GENESIS, HEAD, PLAN, QUOTE, TAO, UNQUOTE, FakeApi

SIGNER = Ed25519Signer(bytes(range(32)))
SENDER = to_ss58(SIGNER.public)


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


def fee_of(draft: Draft) -> int:
    return CONTEXT.base_fee_rao + CONTEXT.fee_rao_per_byte * len(sign(draft, SIGNER).raw)


def value(draft: Draft, label: str) -> str:
    return dict(draft.lines)[label]


async def test_a_transfer_tells_amount_fee_and_what_is_left(api: FakeApi) -> None:
    draft = await prepare(api, TransferIntent(BOB, 12 * TAO), SENDER)
    assert draft.call == calls.Transfer(from_ss58(BOB), Rao(12 * TAO))
    assert draft.fee_rao == fee_of(draft)
    assert draft.balance_after_rao == 100 * TAO - 12 * TAO - draft.fee_rao
    assert value(draft, "amount") == "12 τ"
    assert draft.refusal is None


async def test_the_signed_bytes_are_valid_for_this_network_and_no_other(api: FakeApi) -> None:
    draft = await prepare(api, TransferIntent(BOB, TAO), SENDER)
    signed = sign(draft, SIGNER)
    assert signed.transaction_hash == transaction_hash(signed.raw).hex()
    transaction = decode_transaction(signed.raw)
    assert transaction.nonce == api.nonce
    era_hash = Hash(bytes.fromhex(FINAL))
    check_signature(transaction, Hash(bytes.fromhex(GENESIS)), era_hash, verify=verify)
    with pytest.raises(Exception, match="signature"):
        check_signature(transaction, Hash(bytes(32)), era_hash, verify=verify)


@pytest.mark.parametrize("short_rao", [1, 12 * TAO])
async def test_a_transfer_beyond_the_balance_cannot_be_signed(api: FakeApi, short_rao: int) -> None:
    fee = (await prepare(api, TransferIntent(BOB, 12 * TAO), SENDER)).fee_rao
    api.balance_rao = 12 * TAO + fee - short_rao
    draft = await prepare(api, TransferIntent(BOB, 12 * TAO), SENDER)
    assert draft.refusal is not None
    assert "missing" in draft.refusal.message
    with pytest.raises(ActionRefused):
        sign(draft, SIGNER)
    api.balance_rao += short_rao
    assert (await prepare(api, TransferIntent(BOB, 12 * TAO), SENDER)).refusal is None


async def test_a_transfer_to_oneself_and_to_a_mistyped_address_are_refused(api: FakeApi) -> None:
    assert (await prepare(api, TransferIntent(SENDER, TAO), SENDER)).refusal is not None
    with pytest.raises(AddressError):
        await prepare(api, TransferIntent(BOB[:-1] + "x", TAO), SENDER)


async def test_a_key_other_than_the_senders_does_not_sign(api: FakeApi) -> None:
    draft = await prepare(api, TransferIntent(BOB, TAO), SENDER)
    with pytest.raises(ActionRefused, match="must sign"):
        sign(draft, Ed25519Signer(bytes(32)))


async def test_a_stake_shows_its_impact_and_carries_a_price_limit(api: FakeApi) -> None:
    draft = await prepare(api, StakeIntent(1, BOB, 10 * TAO, tolerance_ppm=30_000), SENDER)
    limit = QUOTE.price_before_rao * 1_030_000 // 1_000_000
    assert draft.call == calls.AddStakeLimit(from_ss58(BOB), NetUid(1), Rao(10 * TAO), limit, False)
    assert (draft.pays_rao, draft.gets_alpha, draft.impact_ppm) == (10 * TAO, QUOTE.amount_alpha, QUOTE.impact_ppm)
    assert value(draft, "price impact") == "0.99 %"
    assert draft.refusal is None


async def test_a_stake_beyond_its_limit_is_refused_unless_a_part_will_do(api: FakeApi) -> None:
    tight = await prepare(api, StakeIntent(1, BOB, 10 * TAO, tolerance_ppm=10_000), SENDER)
    assert tight.refusal is not None
    assert "limit" in tight.refusal.message
    partial = await prepare(api, StakeIntent(1, BOB, 10 * TAO, 10_000, allow_partial=True), SENDER)
    assert partial.refusal is None
    assert isinstance(partial.call, calls.AddStakeLimit)
    assert partial.call.allow_partial


async def test_staking_on_root_needs_no_pool_and_no_limit(api: FakeApi) -> None:
    draft = await prepare(api, StakeIntent(0, BOB, 10 * TAO), SENDER)
    assert draft.call == calls.AddStake(from_ss58(BOB), NetUid(0), Rao(10 * TAO))


async def test_an_unstake_limits_the_fall_of_the_price_and_adds_its_proceeds(api: FakeApi) -> None:
    draft = await prepare(api, UnstakeIntent(1, BOB, 4 * TAO), SENDER)
    assert isinstance(draft.call, calls.RemoveStakeLimit)
    assert draft.call.limit_price == UNQUOTE.price_before_rao * 99 // 100
    assert draft.balance_after_rao == 100 * TAO + UNQUOTE.tao_rao - draft.fee_rao
    assert draft.warnings
    assert draft.refusal is None


async def test_the_limit_of_an_unstake_is_rounded_in_favour_of_the_seller(api: FakeApi) -> None:
    draft = await prepare(api, UnstakeIntent(1, BOB, 4 * TAO, tolerance_ppm=10_001), SENDER)
    assert isinstance(draft.call, calls.RemoveStakeLimit)
    exact = UNQUOTE.price_before_rao * (1_000_000 - 10_001)
    assert draft.call.limit_price * 1_000_000 >= exact > (draft.call.limit_price - 1) * 1_000_000


async def test_more_than_is_staked_cannot_be_taken_back(api: FakeApi) -> None:
    draft = await prepare(api, UnstakeIntent(1, BOB, 21 * TAO), SENDER)
    assert draft.refusal is not None
    assert "Only 20 α" in draft.refusal.message


async def test_a_registration_pays_the_burn_of_its_subnet(api: FakeApi) -> None:
    draft = await prepare(api, RegisterIntent(1, BOB), SENDER)
    assert draft.call == calls.BurnedRegister(NetUid(1), from_ss58(BOB))
    assert draft.pays_rao == TAO // 2
    with pytest.raises(ActionRefused, match="no subnet 9"):
        await prepare(api, RegisterIntent(9, BOB), SENDER)


class Sleeper:
    """Counts how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def __call__(self, seconds: float) -> Awaitable[object]:
        self.slept_s += seconds
        return self._done()

    async def _done(self) -> None:
        return None


async def test_following_tells_each_change_once_until_the_end(api: FakeApi) -> None:
    signed = sign(await prepare(api, TransferIntent(BOB, TAO), SENDER), SIGNER)
    pending = TransactionStatus(signed.transaction_hash, "pending")
    placed = TransactionStatus(signed.transaction_hash, "in_block", 121, HEAD, 1500)
    final = msgspec.structs.replace(placed, state="final")
    api.statuses = [pending, pending, placed, placed, final]
    assert (await submit(api, signed)).transaction_hash
    assert api.submitted == [signed.raw]
    seen = [status async for status in follow(api, signed, CONTEXT, Sleeper())]
    assert seen == [pending, placed, final]


async def test_following_ends_with_the_reason_of_a_failure(api: FakeApi) -> None:
    signed = sign(await prepare(api, TransferIntent(BOB, TAO), SENDER), SIGNER)
    failed = TransactionStatus(signed.transaction_hash, "failed", 121, HEAD, 1500, ErrorView("x", "No."))
    api.statuses = [failed]
    assert [status async for status in follow(api, signed, CONTEXT, Sleeper())] == [failed]


async def test_following_gives_up_after_two_eras(api: FakeApi) -> None:
    signed = sign(await prepare(api, TransferIntent(BOB, TAO), SENDER), SIGNER)
    api.statuses = [TransactionStatus(signed.transaction_hash, "pending")] * 10_000
    sleeper = Sleeper()
    with pytest.raises(RequestTimeout):
        async for _ in follow(api, signed, CONTEXT, sleeper):
            pass
    assert 2 * CONTEXT.era_blocks * CONTEXT.slot_ms / 1000 < sleeper.slept_s < 200


def planned(call: calls.Call, signer: str = "coldkey", cost_rao: int = TAO) -> PlannedTransaction:
    return PlannedTransaction("Register on subnet 1", encode(call), signer, 0, cost_rao)  # type: ignore[arg-type]


def plan_with(*transactions: PlannedTransaction, possible: bool = True) -> RolePlan:
    return msgspec.structs.replace(PLAN, possible=possible, transactions=transactions)


REGISTER = calls.BurnedRegister(NetUid(1), from_ss58(BOB))
STAKE = calls.AddStake(from_ss58(BOB), NetUid(1), Rao(5 * TAO))


async def test_a_role_switch_signs_its_transactions_in_order_with_following_nonces(api: FakeApi) -> None:
    api.role_plans["validator"] = plan_with(planned(REGISTER), planned(STAKE, cost_rao=5 * TAO))
    draft = await prepare_role(api, "validator", SENDER)
    assert [each.title for each in draft.drafts] == ["Register on subnet 1", "Stake 5 τ on subnet 1"]
    assert draft.drafts[1].balance_after_rao == 94 * TAO - sum(each.fee_rao for each in draft.drafts)
    raws = sign_role(draft, SIGNER)
    assert [decode_transaction(raw).nonce for raw in raws] == [api.nonce, api.nonce + 1]
    await apply_role(api, draft, raws)
    assert api.calls[-1] == ("role_apply", ("validator", raws))


async def test_a_role_plan_cannot_smuggle_in_a_transfer(api: FakeApi) -> None:
    transfer = calls.Transfer(from_ss58(BOB), Rao(99 * TAO))
    for strange in (encode(transfer), b"\x93", b"", encode(REGISTER) + b"\x00"):
        bad = msgspec.structs.replace(planned(REGISTER), call=strange)
        api.role_plans["validator"] = plan_with(bad)
        with pytest.raises(ProtocolError, match="no role needs"):
            await prepare_role(api, "validator", SENDER)


async def test_a_role_that_is_out_of_reach_is_not_signed_for(api: FakeApi) -> None:
    short = Requirement("stake", False, "5 τ", "1 000 τ", "Add some.")
    api.role_plans["validator"] = msgspec.structs.replace(plan_with(possible=False), requirements=(short,))
    draft = await prepare_role(api, "validator", None)
    with pytest.raises(ActionRefused, match=r"1 000 τ.*Add some"):
        sign_role(draft, None)


async def test_a_switch_without_transactions_needs_no_wallet(api: FakeApi) -> None:
    api.role_plans["staker"] = plan_with(planned(REGISTER, signer="hotkey"))
    draft = await prepare_role(api, "staker", None)
    assert not draft.needs_coldkey
    assert sign_role(draft, None) == ()


async def test_a_switch_with_transactions_needs_the_coldkey(api: FakeApi) -> None:
    api.role_plans["miner"] = plan_with(planned(REGISTER))
    with pytest.raises(ActionRefused, match="wallet create"):
        await prepare_role(api, "miner", None)
    with pytest.raises(ActionRefused, match="Unlock"):
        sign_role(await prepare_role(api, "miner", SENDER), None)
