"""The payer's side: signs vouchers for what was delivered, within a budget, through channels of the node's own hotkey.

Never signs more than the miner's prices make of what has arrived, and never a sum that is lower than one it signed
before. A voucher is on disk before it is sent. Money moves between accounts on the chain only, see
`node.service.payments`; a coldkey is never needed here.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import trio

from node.ledger.vouchers import Voucher, sign_voucher
from node.market.budget import Budget
from node.market.channels import ChannelInfo, ChannelReader, usable
from node.market.errors import CallRefused, InsufficientBudget, OverClaimed
from node.market.frames import Payment
from node.market.limits import CLAIMS_KEPT_MAX, UNFAIR_S
from node.market.payments import Meter, Tariff, batch_rao, is_due, is_released, tao
from node.primitives.address import to_ss58
from node.primitives.crypto import Signer
from node.primitives.types import SIGNATURE_BYTES, ZERO_HASH, AccountId, Hash, Rao
from node.subnets.base import AnySubnet, Code, Usage

_NO_SIGNATURE: Final = bytes(SIGNATURE_BYTES)


@dataclass(frozen=True, slots=True)
class Given:
    """What the payer keeps of a channel: the latest voucher, and what it holds to be due to the payee."""

    payee: AccountId
    voucher: Voucher
    signature: bytes
    used_rao: int = 0

    @property
    def channel(self) -> Hash:
        return self.voucher.channel


@dataclass(slots=True)
class _Line:
    given: Given
    deposit_rao: int = 0
    reserved_rao: int = 0
    concede_rao: int = 0  # what calls that broke off may still have cost
    claimed_rao: int = 0  # paid for, found wrong later, and taken off the next vouchers
    lock: trio.Lock = field(default_factory=trio.Lock)

    @property
    def free_rao(self) -> int:
        return max(0, self.deposit_rao - self.given.used_rao - self.reserved_rao)


class Payer:
    """Pays for the calls of one hotkey, in all subnets. `keep` writes a voucher and the day's sum; it may block.

    `open_channel` begins to open a channel to a payee, where the budget allows that; it answers at once.
    """

    def __init__(
        self,
        genesis: Hash,
        signer: Signer,
        chain: ChannelReader,
        budget: Budget,
        keep: Callable[[Given, int, int], None],
        given: Iterable[Given] = (),
        *,
        now_ms: Callable[[], int],
        open_channel: Callable[[AccountId], None] = lambda _: None,
    ) -> None:
        self.budget = budget
        self._genesis = genesis
        self._signer = signer
        self._chain = chain
        self._keep = keep
        self._now_ms = now_ms
        self.open_channel = open_channel
        self._lines = {each.channel: _Line(each) for each in given}
        self._writing = trio.Lock()
        self._paid: OrderedDict[Hash, tuple[Hash, int]] = OrderedDict()
        self._unfair: dict[AccountId, float] = {}

    def given(self) -> tuple[Given, ...]:
        """The latest voucher of every channel, ordered by channel."""
        return tuple(self._lines[channel].given for channel in sorted(self._lines))

    def forget(self, channel: Hash) -> None:
        """Drop a channel that the chain does not know any more."""
        self._lines.pop(channel, None)

    def trusts(self, payee: AccountId) -> bool:
        """Whether this miner's books agreed with ours lately."""
        until = self._unfair.get(payee)
        if until is not None and trio.current_time() >= until:
            del self._unfair[payee]
        return payee not in self._unfair

    async def begin(
        self,
        subnet: AnySubnet,
        miner: AccountId,
        tariff: Tariff,
        ceiling: Usage | None,
        *,
        spend_max_rao: int | None = None,
    ) -> "Bill":
        """Set aside what a call can cost at most.

        Raises InsufficientBudget, SpendingLimit, CallRefused for a miner that is not trusted, OverClaimed for prices
        beyond all there is.
        """
        if not self.trusts(miner):
            raise CallRefused("This miner's books do not agree with ours; it is not paid for a while.", Code.UNPAID)
        limits, left = self.budget.limits, self.budget.left_rao(self._now_ms())
        cap = min(limits.per_call_rao, limits.per_call_rao if spend_max_rao is None else spend_max_rao)
        least = batch_rao(tariff) if ceiling is None else tariff.cost_rao(ceiling)
        if least > cap:
            raise self._short(f"The call may cost {tao(least)}, and {tao(cap)} may be spent on one.", least, cap)
        line = self._line_to(miner, await trio.to_thread.run_sync(self._chain.channels_from, self._signer.public))
        if line is None or line.free_rao < least:
            self.open_channel(miner)
            have = 0 if line is None else line.free_rao
            raise self._short(
                f"The channel to this miner has {tao(have)} free; the call may cost {tao(least)}.", least, have
            )
        most = least if ceiling is not None else min(cap, line.free_rao, max(least, left))
        self.budget.reserve(most, self._now_ms())
        line.reserved_rao += most
        return Bill(self, line, Meter(subnet, tariff), ceiling, most)

    async def claim(self, request: Hash) -> int:
        """Take what was paid for a call off the next vouchers, since its answer was found wrong; returns how much.

        What was signed cannot be taken back: a miner that does not agree refuses the next call and loses a customer.
        """
        channel, paid = self._paid.pop(request, (ZERO_HASH, 0))
        line = self._lines.get(channel)
        if line is None or not paid:
            return 0
        line.claimed_rao += paid
        await self._book(line, -paid)
        return paid

    def _line_to(self, miner: AccountId, channels: Iterable[ChannelInfo]) -> _Line | None:
        """The channel to a miner with the most room."""
        height, best = self._chain.height(), None
        for info in channels:
            if not usable(info, miner, height):
                continue
            line = self._lines.get(info.channel)
            if line is None:
                blank = Voucher(info.channel, 0, Rao(0), ZERO_HASH)
                line = self._lines.setdefault(info.channel, _Line(Given(miner, blank, _NO_SIGNATURE)))
            if info.redeemed_rao > line.given.used_rao + line.claimed_rao:  # our own book was lost
                line.given = _with(line.given, used_rao=info.redeemed_rao)
            line.deposit_rao = info.deposit_rao
            if best is None or line.free_rao > best.free_rao:
                best = line
        return best

    def _short(self, text: str, required_rao: int, available_rao: int) -> InsufficientBudget:
        return InsufficientBudget(
            text, required_rao=required_rao, available_rao=available_rao, topup_address=to_ss58(self._signer.public)
        )

    async def _voucher(self, line: _Line, request: Hash, more_rao: int, call_rao: int) -> Payment:
        """Sign for `more_rao` beyond what is used; kept before it is returned."""
        async with line.lock:
            given = line.given
            used = given.used_rao + more_rao
            cumulative = max(used, given.voucher.cumulative_rao)
            sequence = max(given.voucher.sequence + 1, self._now_ms())  # grows also where our own book was lost
            voucher = Voucher(given.channel, sequence, Rao(cumulative), request)
            signature = sign_voucher(self._signer, self._genesis, voucher)
            new = Given(given.payee, voucher, signature, used)
            self.budget.spend(more_rao, self._now_ms())
            try:
                if more_rao:  # also where an earlier sum covers it: what is due and the day's sum have changed
                    await self._write(new)
            except BaseException:
                self.budget.spend(-more_rao, self._now_ms())
                raise
            line.given = new
        return Payment(voucher, signature, Rao(call_rao))

    async def _book(self, line: _Line, change_rao: int) -> None:
        """Change what is held to be due, without a voucher."""
        async with line.lock:
            line.given = _with(line.given, used_rao=max(0, line.given.used_rao + change_rao))
            self.budget.spend(change_rao, self._now_ms())
            if line.given.voucher.cumulative_rao:
                await self._write(line.given)

    async def _write(self, given: Given) -> None:
        with trio.CancelScope(shield=True):  # one row; a voucher that is sent is always on disk
            async with self._writing:  # the day's sum is one for all channels: no older one comes after a newer
                await trio.to_thread.run_sync(self._keep, given, self.budget.day, self.budget.used_rao)

    def _mark_unfair(self, miner: AccountId) -> None:
        self._unfair[miner] = trio.current_time() + UNFAIR_S

    def _remember(self, request: Hash, channel: Hash, paid_rao: int) -> None:
        self._paid[request] = (channel, paid_rao)
        while len(self._paid) > CLAIMS_KEPT_MAX:
            self._paid.popitem(last=False)


class Bill:
    """What one call costs, on the caller's side. Give `meter` every part that has arrived and was checked."""

    def __init__(self, payer: Payer, line: _Line, meter: Meter, ceiling: Usage | None, most_rao: int) -> None:
        self.meter = meter
        self.paid_rao = 0
        self._payer = payer
        self._line = line
        self._ceiling = ceiling
        self._most_rao = most_rao
        self._held_rao = most_rao
        self._request = ZERO_HASH
        self._open = True

    async def first(self, request: Hash) -> Payment:
        """The voucher that travels with the request: it pays what is owed from before, and nothing of this call."""
        self._request = request
        return await self._payer._voucher(self._line, request, 0, 0)

    async def pay(self) -> Payment | None:
        """A voucher for what has arrived; None when the next one is not due yet. Raises as `settle`."""
        due = self.meter.due_rao
        return await self._pay(due) if is_due(self.meter.tariff, due_rao=due, paid_rao=self.paid_rao) else None

    async def settle(self, claimed: Usage) -> Payment | None:
        """A voucher for the whole answer. Raises OverClaimed, InsufficientBudget: nothing more is signed then."""
        try:
            due = self.meter.settle(claimed, self._ceiling)
        except OverClaimed:
            self._stop_paying()
            raise
        payment = await self._pay(due)
        self._payer._remember(self._request, self._line.given.channel, self.paid_rao)
        self._close()
        return payment

    async def _pay(self, due_rao: int) -> Payment | None:
        more = due_rao - self.paid_rao
        if more <= 0:
            return None
        if due_rao > self._most_rao:
            if self._ceiling is not None:
                self._stop_paying()
                raise OverClaimed("The answer costs more than the task allows.")
            raise self._payer._short(
                f"The answer costs {tao(due_rao)}; {tao(self._most_rao)} were set aside.", due_rao, self._most_rao
            )
        payment = await self._payer._voucher(self._line, self._request, more, due_rao)
        self._spend(more)
        return payment

    async def refused(self, code: Code, short_rao: int) -> None:
        """The miner refused, before or after it began: its own failures are free."""
        if not self._open:
            return
        line, payer = self._line, self._payer
        if is_released(code):
            paid, self.paid_rao = self.paid_rao, 0
            await payer._book(line, -paid)
            self._close()
        elif code is Code.UNPAID and self.meter.due_rao and not line.claimed_rao:
            await self.left()  # a voucher came too late; both hold the same to be due once the next call brings it
        elif code is Code.UNPAID:
            await self._reconcile(short_rao)
            self._close()
        else:
            await self.stalled()

    async def _reconcile(self, short_rao: int) -> None:
        """The miner says that we owe it: pay what a call that broke off can have cost, drop what it does not credit."""
        line, payer = self._line, self._payer
        if not short_rao:
            return
        if short_rao <= line.concede_rao:
            line.concede_rao -= short_rao
            await payer._book(line, short_rao)
            return
        if line.claimed_rao:
            claimed, line.claimed_rao = line.claimed_rao, 0
            await payer._book(line, claimed)
        payer._mark_unfair(line.given.payee)

    async def left(self) -> None:
        """The call ended without a last word: what arrived is owed, and what was under way may be, at most a batch."""
        if self._open and self._request != ZERO_HASH:
            self._line.concede_rao += batch_rao(self.meter.tariff)
        await self.stalled()

    async def stalled(self) -> None:
        """The call ended with a last word of the miner: what arrived is owed, and nothing else."""
        if not self._open:
            return
        more = min(self.meter.due_rao, self._most_rao) - self.paid_rao
        if more > 0:
            await self._payer._book(self._line, more)
            self._spend(more)
        self._close()

    def _stop_paying(self) -> None:
        self._payer._mark_unfair(self._line.given.payee)
        self._close()

    def _spend(self, more_rao: int) -> None:
        """Part of what was set aside is used now."""
        self.paid_rao += more_rao
        self._held_rao -= more_rao
        self._line.reserved_rao -= more_rao
        self._payer.budget.release(more_rao)

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._line.reserved_rao -= self._held_rao
            self._payer.budget.release(self._held_rao)
            self._held_rao = 0


def _with(given: Given, *, used_rao: int) -> Given:
    return Given(given.payee, given.voucher, given.signature, used_rao)
