"""Paid calls from end to end over the memory network: who pays what, and what either side can lose."""

import time

import pytest
import trio
import trio.testing
from msgspec import structs

from node.ledger.vouchers import Voucher, sign_voucher
from node.market.admission import Admission
from node.market.budget import Limits
from node.market.call import CALL_PROTOCOL, open_call
from node.market.charging import Desk
from node.market.errors import (
    CallRefused,
    CallTimeout,
    InsufficientBudget,
    OverClaimed,
    ServeFailed,
    SpendingLimit,
)
from node.market.frames import FrameKind, Payment, RefusalFrame, decode, open_frame, request_digest, sign_call
from node.market.offers import COMPLETION_UNIT, OFFER_KIND, PROMPT_UNIT, OfferBook, make_offer
from node.market.payer import Given
from node.market.payments import batch_rao, tariff_of
from node.market.switchboard import of_subnet
from node.market.vouchers import Till
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.limits import REQUEST_AGE_BLOCKS_MAX
from node.primitives.types import Hash, Height, Rao
from node.subnets.base import Code, Entry, Usage
from tests.unit.market.money import DEPOSIT_RAO, PROMPT_TOKENS, Essay, Essays, Shop, shop
from tests.unit.market.support import NETUID, signer_of

Clock = object


async def test_a_stranger_who_pays_is_served_and_both_books_agree_to_the_rao(patient_clock: Clock) -> None:
    async with shop() as s:
        call = await s.write(200)
        assert call.paid_rao == s.cost(200) == PROMPT_TOKENS + 400
        assert s.held.voucher.cumulative_rao == s.held.spent_rao == call.paid_rao
        assert s.disk[s.channel] == s.held
        assert s.payer.given()[0].used_rao == call.paid_rao
        assert s.payer.budget.used_rao == call.paid_rao
        assert s.payer.budget.reserved_rao == 0
        assert s.served[-1].receipt is not None
        assert s.served[-1].paid_rao == call.paid_rao  # when the receipt is kept, it says what was paid


async def test_a_seated_caller_without_a_voucher_is_refused_where_a_price_is_asked(patient_clock: Clock) -> None:
    async with shop(seated=True) as s:
        call = await open_call(s.caller, s.subnet, s.world.neuron(s.miner), Essay(1))
        with pytest.raises(CallRefused) as caught:
            await call.collect()
        assert caught.value.refusal is Code.UNPAID
        await call.aclose()


async def test_what_is_free_is_free_for_seats_and_closed_to_strangers(patient_clock: Clock) -> None:
    async with shop(seated=True, prompt_rao=0, token_rao=0) as s:
        call = await open_call(s.caller, s.subnet, s.world.neuron(s.miner), Essay(5))
        assert len((await call.collect()).parts) == 5
        await call.aclose()
    async with shop(prompt_rao=0, token_rao=0) as s:
        assert await _refusal(s, _payment(s)) is Code.UNREGISTERED


async def test_vouchers_come_while_the_answer_streams_and_each_is_on_disk_first(patient_clock: Clock) -> None:
    async with shop() as s:
        await s.write(200)
        sums = [given.voucher.cumulative_rao for given in s.signed]
        assert sums == sorted(set(sums))
        assert len(sums) >= 200 // 64
        assert all(b - a <= batch_rao(s.tariff) for a, b in zip([0, *sums], sums, strict=False))


async def test_calls_go_on_where_the_last_one_ended(patient_clock: Clock) -> None:
    async with shop() as s:
        paid = [(await s.write(tokens)).paid_rao for tokens in (1, 70, 33)]
        assert s.held.voucher.cumulative_rao == sum(paid)


async def test_calls_at_the_same_time_share_a_channel_and_nobody_pays_twice(patient_clock: Clock) -> None:
    async with shop() as s:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(s.write, 150)
        assert s.held.voucher.cumulative_rao == s.held.spent_rao == 5 * s.cost(150)
        assert s.payer.budget.used_rao == 5 * s.cost(150)


async def test_the_first_voucher_pays_nothing_and_costs_no_write(patient_clock: Clock) -> None:
    async with shop() as s:
        bill = await s.bill()
        payment = await bill.first(Hash(bytes(32)))
        assert (payment.call_rao, payment.voucher.cumulative_rao, s.signed) == (0, 0, [])


# --- miners that take more than their due ---------------------------------------------------------------------------


async def test_a_miner_that_claims_more_tokens_than_it_sent_gets_nothing_more_and_is_left(
    patient_clock: Clock,
) -> None:
    async with shop(Essays(claims=500)) as s:
        call = await s.call(100)
        with pytest.raises(OverClaimed):
            await call.collect()
        await call.aclose()
        assert call.answer is None
        assert s.payer.given()[0].voucher.cumulative_rao <= s.cost(100, prompt=0)
        assert not s.payer.trusts(s.miner.hotkey)
        with pytest.raises(CallRefused):
            await s.bill()


async def test_a_miner_that_goes_beyond_the_task_is_not_paid_beyond_it(patient_clock: Clock) -> None:
    async with shop() as s:
        call = await s.call(200, ceiling=80)
        with pytest.raises(OverClaimed):
            await call.collect()
        await call.aclose()
        assert call.paid_rao <= s.tariff.cost_rao(Usage(100, 80))


async def test_a_miner_that_stalls_keeps_what_it_delivered_and_no_more(patient_clock: Clock) -> None:
    async with shop(Essays(stall_at=100)) as s:
        call = await s.call(300, answer_s=10.0)
        with pytest.raises(CallTimeout):
            await call.collect()
        await call.aclose()
        assert s.payer.given()[0].used_rao == s.cost(100, prompt=0)
        assert s.payer.budget.reserved_rao == 0
        s.subnet.stall_at = -1
        await trio.sleep(30)
        await s.write(10)  # both books agree, so the next call goes through
        assert s.held.spent_rao == s.cost(100, prompt=0) + s.cost(10)


async def test_a_deadline_that_passes_while_parts_are_under_way_leaves_books_that_can_agree(
    patient_clock: Clock,
) -> None:
    async with shop() as s:
        call = await s.call(600, answer_s=10.0)
        for _ in range(20):
            await anext(call)
        await trio.sleep(11)
        with pytest.raises(CallTimeout):
            await call.collect()
        await call.aclose()
        await trio.sleep(15)
        with pytest.raises(CallRefused):  # the miner tells what it sent and we never took
            await (again := await s.call(5)).collect()
        await again.aclose()
        await s.write(5)
        assert s.payer.trusts(s.miner.hotkey)
        assert s.payer.given()[0].used_rao == s.held.spent_rao


async def test_an_answer_that_the_miner_breaks_off_is_free(patient_clock: Clock) -> None:
    async with shop(Essays(fail_at=150)) as s:
        call = await s.call(300)
        with pytest.raises(CallRefused):
            await call.collect()
        await call.aclose()
        await trio.sleep(1)
        assert call.paid_rao == 0
        assert s.held.spent_rao == s.payer.given()[0].used_rao == 0
        assert s.held.voucher.cumulative_rao > 0  # was signed already, and is good for the next call
        s.subnet.fail_at = -1
        call = await s.write(100)
        assert s.held.spent_rao == call.paid_rao == s.cost(100)
        assert s.held.voucher.cumulative_rao >= call.paid_rao


async def test_a_miner_whose_program_counts_nonsense_fails_for_this_call_alone(patient_clock: Clock) -> None:
    async with shop() as s:
        s.subnet.delivered = lambda part: Usage(0, -5)  # type: ignore[method-assign]
        call = await open_call(s.caller, Essays(), s.world.neuron(s.miner), Essay(3), bill=await s.bill())
        with pytest.raises(CallRefused) as caught:
            await call.collect()
        assert caught.value.refusal is Code.MINER_FAULT
        await call.aclose()
        del s.subnet.delivered
        await s.write(3)


async def test_a_refusal_before_the_first_part_costs_nothing(patient_clock: Clock) -> None:
    async with shop(Essays(fail_at=0, fault=ServeFailed("no", Code.NO_DATA))) as s:
        call = await s.call(10)
        with pytest.raises(CallRefused):
            await call.collect()
        await call.aclose()
        assert s.payer.budget.used_rao == s.payer.budget.reserved_rao == 0


async def test_a_caller_that_has_not_heard_of_a_higher_price_yet_pays_the_old_one_and_keeps_its_miner(
    patient_clock: Clock,
) -> None:
    async with shop() as s:
        await s.write(100)
        dearer = make_offer(
            {PROMPT_UNIT: 3 * 10**6, COMPLETION_UNIT: 3 * 10**6}, valid_until=Height(10_000), concurrency=8
        )
        book = OfferBook(s.world.chain.height)
        for sequence, offer in enumerate((structs.replace(s.offer, valid_until=Height(10_000)), dearer)):
            assert book.take(Entry(s.miner.hotkey, sequence, s.world.chain.now, OFFER_KIND, encode(offer))) is None
        me = s.miner.hotkey
        s.server._desk = Desk(s.subnet, s.till, lambda: book.offer_of(me), lambda: book.replaced_of(me))
        await s.write(100)
        await s.write(5)
        assert s.payer.trusts(s.miner.hotkey)
        assert s.held.spent_rao == s.payer.given()[0].used_rao
        assert s.server._desk.tariff(Essay(1)) == s.tariff
        s.world.chain.advance(REQUEST_AGE_BLOCKS_MAX + 1)
        assert s.server._desk.tariff(Essay(1)) == tariff_of(dearer, s.subnet.spec)


# --- callers that pay less than their due ---------------------------------------------------------------------------


async def test_a_caller_that_stops_paying_is_served_one_batch_more_and_owes_it(patient_clock: Clock) -> None:
    async with shop() as s:
        call = await s.call(1000)
        assert call._bill is not None
        call._bill.pay = _pays_nothing  # type: ignore[method-assign]
        with pytest.raises(CallRefused) as caught:
            await call.collect()
        assert caught.value.refusal is Code.UNPAID
        assert s.subnet.written <= 66
        owed = s.held.spent_rao
        assert 0 < owed <= batch_rao(s.tariff)
        await call.aclose()
        stubborn = _payment(s, call_rao=0, cumulative_rao=0)
        assert await _refusal(s, stubborn) is Code.UNPAID  # not a token more before the debt is paid


async def test_a_caller_that_vanishes_costs_the_miner_at_most_a_batch(patient_clock: Clock) -> None:
    async with shop() as s:
        call = await s.call(1000)
        for _ in range(100):
            await anext(call)
        await call.aclose()
        await trio.sleep(15)
        assert s.served[-1].code is Code.CANCELLED
        assert s.held.spent_rao - s.held.voucher.cumulative_rao <= batch_rao(s.tariff)


async def test_a_caller_that_left_settles_with_its_next_calls(patient_clock: Clock) -> None:
    async with shop() as s:
        call = await s.call(1000)
        for _ in range(20):
            await anext(call)
        await call.aclose()
        await trio.sleep(15)
        for _ in range(2):  # the first may be refused with the sum of what was on its way
            again = await s.call(5)
            try:
                await again.collect()
                break
            except CallRefused:
                continue
            finally:
                await again.aclose()
        assert again.answer is not None
        assert s.payer.trusts(s.miner.hotkey)


@pytest.mark.parametrize("read", [1, 40, 100])
async def test_a_caller_that_read_too_slowly_to_pay_in_time_owes_what_arrived_and_keeps_its_miner(
    read: int, patient_clock: Clock
) -> None:
    async with shop() as s:
        call = await s.call(600)
        for _ in range(read):
            await anext(call)
        await trio.sleep(30)  # whoever reads the answer at the gateway stands still
        with pytest.raises(CallRefused) as caught:
            await call.collect()
        assert caught.value.refusal is Code.UNPAID
        await call.aclose()
        assert s.payer.trusts(s.miner.hotkey)
        assert s.payer.given()[0].used_rao == s.held.spent_rao == s.cost(len(call.parts), prompt=0)
        again = await s.write(5)
        assert again.answer is not None


async def test_one_sum_is_not_spent_in_two_calls_at_once(patient_clock: Clock) -> None:
    async with shop() as s:
        voucher = {"cumulative_rao": 500, "call_rao": 500}
        first, _ = _signed(s, 1, **voucher)
        tab = await s.till.admit(s.caller.hotkey, first.voucher.receipt_digest, _blank(s, 1), 10)
        await tab.take(first)
        other = await s.till.admit(s.caller.hotkey, _name(2), _blank(s, 2, cumulative_rao=500), 10)
        with pytest.raises(ServeFailed) as caught:
            await other.take(_signed(s, 2, sequence=9, **voucher)[0])
        assert caught.value.refusal is Code.UNPAID
        assert s.held.spent_rao == 500


async def test_a_voucher_that_comes_after_a_call_was_let_off_is_money_and_no_debt(patient_clock: Clock) -> None:
    async with shop() as s:
        tab = await s.till.admit(s.caller.hotkey, _name(1), _blank(s, 1), 10)
        await tab.settle(0)
        await tab.take(_signed(s, 1, cumulative_rao=50, call_rao=50)[0])
        assert (s.held.voucher.cumulative_rao, s.held.spent_rao) == (50, 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"closes": Height(200)}, "closing"),
        ({"expires": Height(120)}, "ends at block"),
        ({"payee": signer_of("somebody else").public}, "between others"),
        ({"payer": signer_of("somebody else").public}, "between others"),
        ({"deposit_rao": Rao(5)}, "more than the 0.000000005 τ"),
    ],
)
async def test_a_channel_that_cannot_pay_is_refused(change: dict[str, object], why: str, patient_clock: Clock) -> None:
    async with shop() as s:
        s.channels.change(s.channel, **change)
        with pytest.raises(ServeFailed, match=why):
            await s.till.admit(s.caller.hotkey, _name(1), _blank(s, 1, cumulative_rao=10), 10)
        assert s.till.held() == ()


async def test_a_miner_holds_so_many_channels_and_no_more(
    patient_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.market.vouchers.CHANNELS_SERVED_MAX", 1)
    async with shop() as s:
        await s.till.admit(s.caller.hotkey, _name(1), _blank(s, 1), 10)
        other = s.channels.open(s.caller.hotkey, s.miner.hotkey)
        with pytest.raises(ServeFailed) as caught:
            await s.till.admit(s.caller.hotkey, _name(2), _signed(s, 2, channel=other)[0], 10)
        assert caught.value.refusal is Code.OVERLOADED


async def test_a_voucher_nobody_signed_or_for_another_request_is_refused(patient_clock: Clock) -> None:
    async with shop() as s:
        forged = Payment(Voucher(s.channel, 1, Rao(10), _name(1)), bytes(64), Rao(0))
        with pytest.raises(ServeFailed, match="signature"):
            await s.till.admit(s.caller.hotkey, _name(1), forged, 10)
        with pytest.raises(ServeFailed, match="another request"):
            await s.till.admit(s.caller.hotkey, _name(2), _blank(s, 1), 10)
        unknown = _signed(s, 1, channel=digest("channel", b"none"))[0]
        with pytest.raises(ServeFailed, match="no such channel"):
            await s.till.admit(s.caller.hotkey, _name(1), unknown, 10)


async def test_garbage_in_the_middle_of_an_answer_ends_it_and_is_no_way_to_get_it_free(patient_clock: Clock) -> None:
    async with shop() as s:
        call = await s.call(1000)
        for _ in range(60):
            await anext(call)
        await call._stream.send(bytes([FrameKind.VOUCHER]) + b"junk")
        with pytest.raises(CallRefused) as caught:
            await call.collect()
        assert caught.value.refusal is Code.MALFORMED
        await call.aclose()
        assert s.held.spent_rao > 0


# --- crashes --------------------------------------------------------------------------------------------------------


async def test_a_miner_that_is_killed_has_every_voucher_but_those_of_the_last_batch(patient_clock: Clock) -> None:
    async with shop() as s:
        call = await s.call(1000)
        for _ in range(300):
            await anext(call)
        await trio.sleep(0.1)
        reborn = Till(s.world.chain.genesis, s.miner.hotkey, s.channels, lambda _: None, s.disk.values())
        saved = reborn.held()[0]
        assert s.cost(300, prompt=0) - saved.voucher.cumulative_rao <= batch_rao(s.tariff)
        assert saved.voucher.cumulative_rao == call.paid_rao
        await call.aclose()


async def test_a_payer_that_is_killed_never_signs_less_than_before(patient_clock: Clock) -> None:
    async with shop() as s:
        await s.write(100)
        s.payer._lines.clear()
        await trio.sleep(60_000)
        s.channels.change(s.channel, redeemed_rao=Rao(s.cost(100)))
        call = await s.write(50)  # what the chain knows is enough to go on
        assert s.held.voucher.cumulative_rao == s.cost(100) + call.paid_rao


async def test_a_voucher_that_cannot_be_kept_is_not_sent(patient_clock: Clock) -> None:
    async with shop() as s:
        call = await s.call(100)
        s.payer._keep = _full_disk  # type: ignore[assignment]
        with pytest.raises(OSError, match="full"):
            await call.collect()
        assert s.held.voucher.cumulative_rao == 0
        await trio.sleep(0)


async def test_the_days_sum_on_disk_is_the_latest_however_slow_one_write_is() -> None:
    async with shop() as s:
        others = signer_of("another miner").public
        s.channels.open(s.caller.hotkey, others)
        kept: list[int] = []

        def keep(given: Given, day: int, used_rao: int) -> None:
            time.sleep(0.2 if given.payee == s.miner.hotkey else 0.05)  # disks are as fast as they like
            kept.append(used_rao)

        s.payer._keep = keep
        ceiling = Usage(100, 1000)
        bills = [await s.payer.begin(s.subnet, each, s.tariff, ceiling) for each in (s.miner.hotkey, others)]
        async with trio.open_nursery() as nursery:
            for bill in bills:
                bill.meter.usage, bill.meter.due_rao = Usage(0, 50), s.tariff.cost_rao(Usage(0, 50))
                nursery.start_soon(bill.pay)
                await trio.testing.wait_all_tasks_blocked()
        assert kept[-1] == s.payer.budget.used_rao == 2 * s.tariff.cost_rao(Usage(0, 50))


# --- budget and refunds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "deposit_rao", "spend_max_rao", "available"),
    [
        (Limits(), DEPOSIT_RAO, None, 0),
        (Limits(2000, 100_000), DEPOSIT_RAO, None, 2000),
        (Limits(100_000, 100_000), 700, None, 700),
        (Limits(100_000, 100_000), DEPOSIT_RAO, 50, 50),
    ],
)
async def test_what_is_missing_is_said_before_anything_is_sent(
    limits: Limits, deposit_rao: int, spend_max_rao: int | None, available: int, patient_clock: Clock
) -> None:
    async with shop(limits=limits, deposit_rao=deposit_rao) as s:
        with pytest.raises(InsufficientBudget) as caught:
            await s.bill(1000, spend_max_rao)
        assert caught.value.required_rao == s.tariff.cost_rao(Usage(100, 1000)) == 2100
        assert caught.value.available_rao == available
        assert caught.value.topup_address.startswith("5")
        assert s.payer.budget.reserved_rao == 0


async def test_a_channel_without_room_is_asked_for_once_it_is_needed(patient_clock: Clock) -> None:
    async with shop() as s:
        s.channels.rows.clear()
        with pytest.raises(InsufficientBudget):
            await s.bill()
        assert s.opened == [s.miner.hotkey]


async def test_the_day_has_a_limit_that_says_when_it_ends(patient_clock: Clock) -> None:
    async with shop(limits=Limits(3000, 3000)) as s:
        await s.write(400)
        with pytest.raises(SpendingLimit) as caught:
            await s.bill(1400)
        assert (caught.value.limit_rao, caught.value.used_rao) == (3000, s.cost(400))
        assert (caught.value.window_s, caught.value.reset_at_ms) == (86_400, 86_400_000)


async def test_a_wrong_answer_found_later_is_credited_on_the_callers_word_up_to_a_percent(
    patient_clock: Clock,
) -> None:
    async with shop() as s:
        for _ in range(30):
            call = await s.write(60)
        call = await s.write(3)
        before = s.held.voucher.cumulative_rao
        assert await s.payer.claim(request_digest(call.request.head)) == s.cost(3)
        call = await s.write(3)
        assert s.held.voucher.cumulative_rao == before  # the call was paid out of the credit
        assert s.held.credited_rao == s.cost(3)


async def test_what_is_paid_out_of_a_credit_is_on_disk_like_any_other_payment(patient_clock: Clock) -> None:
    async with shop() as s:
        for _ in range(30):
            await s.write(60)
        call = await s.write(3)
        await s.payer.claim(request_digest(call.request.head))
        await s.write(3)
        assert s.signed[-1] == s.payer.given()[0]


async def test_a_miner_that_does_not_credit_loses_a_customer_and_no_money(patient_clock: Clock) -> None:
    async with shop() as s:
        call = await s.write(100)
        assert await s.payer.claim(request_digest(call.request.head)) == s.cost(100)
        again = await s.call(200)
        with pytest.raises(CallRefused):
            await again.collect()
        await again.aclose()
        assert not s.payer.trusts(s.miner.hotkey)
        assert s.held.voucher.cumulative_rao >= s.cost(100)
        assert await s.payer.claim(digest("call", b"unknown")) == 0


async def test_who_locked_more_is_let_in_first(patient_clock: Clock) -> None:
    admission = Admission(serving_max=1, waiting_max=4, wait_s=60.0)
    async with shop(admission=admission) as s:
        order: list[str] = []

        async def wait(name: str, pledge_rao: int, permit: bool) -> None:
            row = s.world.chain.seat(signer_of(name).public, permit=permit)
            neuron = s.caller.view().find(row.hotkey)
            assert neuron is not None
            async with admission.place(neuron, pledge_rao):
                order.append(name)
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, "first", 0, False)
            await trio.sleep(0.1)
            for name, pledge, permit in (("poor", 1, False), ("rich", 9, False), ("validator", 0, True)):
                nursery.start_soon(wait, name, pledge, permit)
        assert order == ["first", "validator", "rich", "poor"]


# --- helpers --------------------------------------------------------------------------------------------------------


async def _pays_nothing() -> None:
    return None


def _full_disk(*_: object) -> None:
    raise OSError("the disk is full")


def _name(number: int) -> Hash:
    return digest("call", number.to_bytes(8, "big"))


def _signed(
    s: Shop,
    number: int,
    *,
    sequence: int = 5,
    cumulative_rao: int = 10,
    call_rao: int = 0,
    channel: Hash | None = None,
) -> tuple[Payment, Hash]:
    voucher = Voucher(channel or s.channel, sequence, Rao(cumulative_rao), _name(number))
    signature = sign_voucher(signer_of("caller"), s.world.chain.genesis, voucher)
    return Payment(voucher, signature, Rao(call_rao)), _name(number)


def _blank(s: Shop, number: int, *, cumulative_rao: int = 0) -> Payment:
    return _signed(s, number, sequence=1, cumulative_rao=cumulative_rao)[0]


def _payment(s: Shop, *, call_rao: int = 0, cumulative_rao: int = 0) -> Payment:
    return _signed(s, 0, cumulative_rao=cumulative_rao, call_rao=call_rao)[0]


async def _refusal(s: Shop, payment: Payment) -> Code:
    """What the miner says to a request with this payment, signed anew for the request."""
    request = sign_call(
        s.world.chain.genesis, NETUID, s.world.chain.now, bytes(16), s.miner.hotkey, encode(Essay(1)), s.caller.signer
    )
    name = request_digest(request.head)
    voucher = Voucher(s.channel, payment.voucher.sequence, payment.voucher.cumulative_rao, name)
    signature = sign_voucher(signer_of("caller"), s.world.chain.genesis, voucher)
    request = type(request)(request.head, request.body, request.signature, (Payment(voucher, signature, Rao(0)),))
    stream = await s.caller.network.open(
        s.miner.network.peer_id, of_subnet(CALL_PROTOCOL, NETUID), with_credit=True
    )  # fmt: skip
    await stream.send(encode(request))
    kind, body = open_frame(await stream.receive(100_000))
    await stream.aclose()
    assert kind is FrameKind.REFUSAL
    return Code(decode(RefusalFrame, body).code)
