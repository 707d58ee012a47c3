"""The payee's side: a miner's till takes vouchers, knows what of them was delivered for, and keeps the best on disk.

A channel's sum counts over all calls through it, also those at the same time: what was delivered for never exceeds the
best voucher by more than a batch a call, so one sum cannot be spent twice. A voucher is kept before what it pays for
is sent. The till never trusts a payer, and never sends a transaction.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import trio

from node.ledger.vouchers import Voucher, voucher_message
from node.market.channels import ChannelInfo, ChannelReader, problem_of
from node.market.errors import Unpaid
from node.market.frames import Payment
from node.market.limits import CHANNELS_SERVED_MAX, GOODWILL_PPM
from node.market.payments import tao
from node.primitives.crypto import Verifier, verify
from node.primitives.types import AccountId, Hash, Rao
from node.subnets.base import Code

_PPM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Held:
    """What the till keeps of a channel: the best voucher, what was delivered for, and what of that was given back."""

    payer: AccountId
    voucher: Voucher
    signature: bytes
    spent_rao: int = 0
    credited_rao: int = 0

    @property
    def channel(self) -> Hash:
        return self.voucher.channel

    @property
    def short_rao(self) -> int:
        """What is owed beyond the best voucher."""
        return max(0, self.spent_rao - self.voucher.cumulative_rao)


@dataclass(slots=True)
class _Line:
    held: Held
    deposit_rao: int
    lock: trio.Lock = field(default_factory=trio.Lock)


class Till:
    """The till of one hotkey, shared by all subnets it serves. `keep` writes to disk; it may block and raise."""

    def __init__(
        self,
        genesis: Hash,
        payee: AccountId,
        chain: ChannelReader,
        keep: Callable[[Held], None],
        held: Iterable[Held] = (),
        *,
        verifier: Verifier = verify,
    ) -> None:
        self._genesis = genesis
        self._payee = payee
        self._chain = chain
        self._keep = keep
        self._verify = verifier
        self._lines = {each.channel: _Line(each, each.voucher.cumulative_rao) for each in held}

    def held(self) -> tuple[Held, ...]:
        """The best voucher of every channel, ordered by channel."""
        return tuple(self._lines[channel].held for channel in sorted(self._lines))

    def forget(self, channel: Hash) -> None:
        """Drop a channel that the chain does not know any more."""
        self._lines.pop(channel, None)

    async def admit(self, caller: AccountId, request: Hash, payment: Payment, batch_rao: int) -> "Tab":
        """Open the tab of one call. Raises Unpaid when old debts are not covered or no batch fits in the channel."""
        line = await self._checked(caller, request, payment)
        tab = Tab(self, line, caller, request)
        await self._book(line, tab, payment)
        free = line.deposit_rao - line.held.spent_rao
        if free < batch_rao:
            raise Unpaid(f"The channel has {tao(max(0, free))} left, a batch costs {tao(batch_rao)}.", Code.UNPAID)
        tab.pledge_rao = free
        return tab

    async def _checked(self, caller: AccountId, request: Hash, payment: Payment) -> _Line:
        """The line of a voucher that holds. Raises Unpaid."""
        voucher = payment.voucher
        if voucher.receipt_digest != request:
            raise Unpaid("The voucher was given for another request.", Code.UNPAID)
        check = partial(self._check, caller, payment)
        info = await trio.to_thread.run_sync(check)
        line = self._lines.get(voucher.channel)
        if line is None:
            if len(self._lines) >= CHANNELS_SERVED_MAX:
                raise Unpaid("This miner holds as many channels as it can; try another one.", Code.OVERLOADED)
            held = Held(caller, Voucher(voucher.channel, 0, Rao(0), request), payment.signature)
            line = self._lines.setdefault(voucher.channel, _Line(held, info.deposit_rao))
        line.deposit_rao = info.deposit_rao
        return line

    def _check(self, caller: AccountId, payment: Payment) -> ChannelInfo:
        voucher = payment.voucher
        info = self._chain.channel(voucher.channel)
        problem = problem_of(info, caller, self._payee, self._chain.height())
        if info is None or problem:
            raise Unpaid(problem, Code.UNPAID)
        if voucher.cumulative_rao > info.deposit_rao:
            raise Unpaid(f"The voucher is over more than the {tao(info.deposit_rao)} of the channel.", Code.UNPAID)
        if not self._verify(caller, voucher_message(self._genesis, voucher), payment.signature):
            raise Unpaid("The signature of the voucher does not hold.", Code.UNPAID)
        return info

    async def _book(self, line: _Line, tab: "Tab", payment: Payment) -> None:
        """Take a checked voucher in and give the call its part of it; on disk when this returns. Raises Unpaid."""
        async with line.lock:
            held = line.held
            if payment.voucher.cumulative_rao > held.voucher.cumulative_rao:
                if held.voucher.cumulative_rao and payment.voucher.sequence <= held.voucher.sequence:
                    raise Unpaid("A later voucher has a lower number.", Code.UNPAID)
                held = Held(held.payer, payment.voucher, payment.signature, held.spent_rao, held.credited_rao)
            more = 0 if tab.over else payment.call_rao - tab.paid_rao
            if more < 0:
                raise Unpaid("A later voucher gives this call less.", Code.UNPAID)
            try:
                credit = self._credit(held, more)
            except Unpaid:
                await self._hold(line, held)  # what it does not cover it does not cover; it is money all the same
                raise
            spent = held.spent_rao + more - credit
            await self._hold(line, Held(held.payer, held.voucher, held.signature, spent, held.credited_rao + credit))
            tab.paid_rao += more
        tab.changed()

    def _credit(self, held: Held, more: int) -> int:
        """What has to be given back so that the best voucher covers `more`: 0, or a little on the payer's word."""
        short = held.spent_rao + more - held.voucher.cumulative_rao
        if short <= 0:
            return 0
        left = held.voucher.cumulative_rao * GOODWILL_PPM // _PPM - held.credited_rao
        if short > left:
            raise Unpaid(f"{tao(short)} are not covered by a voucher.", Code.UNPAID, short_rao=short)
        return short

    async def _settle(self, line: _Line, tab: "Tab", due_rao: int) -> None:
        """Book what a call that is over owes beyond its vouchers, or what it is let off."""
        async with line.lock:
            if tab.over:
                return
            tab.over = True
            held = line.held
            spent = max(0, held.spent_rao + due_rao - tab.paid_rao)
            await self._hold(line, Held(held.payer, held.voucher, held.signature, spent, held.credited_rao))

    async def _hold(self, line: _Line, held: Held) -> None:
        """Make this the channel's row, on disk before in memory; a channel that paid nothing yet is not worth a row."""
        if held.voucher.cumulative_rao and held != line.held:
            await self._write(held)
        line.held = held

    async def _write(self, held: Held) -> None:
        with trio.CancelScope(shield=True):  # one row; what is on disk and what is in memory stay the same
            await trio.to_thread.run_sync(self._keep, held)


class Tab:
    """What one call has paid. `pledge_rao` is what its channel could still pay when the call began.

    Once it is `over`, a voucher that was on its way still counts for the channel, and no more for the call.
    """

    def __init__(self, till: Till, line: _Line, caller: AccountId, request: Hash) -> None:
        self._till = till
        self._line = line
        self._caller = caller
        self._request = request
        self._news = trio.Event()
        self.over = False
        self.paid_rao = 0
        self.pledge_rao = 0

    async def take(self, payment: Payment) -> None:
        """Take the next voucher of this call. Raises Unpaid."""
        if payment.voucher.channel != self._line.held.channel:
            raise Unpaid("A call is paid through one channel.", Code.UNPAID)
        line = await self._till._checked(self._caller, self._request, payment)
        await self._till._book(line, self, payment)

    def changed(self) -> None:
        """Wake who waits for a voucher."""
        self._news.set()
        self._news = trio.Event()

    async def wait(self) -> None:
        """Wait for the next voucher."""
        await self._news.wait()

    async def settle(self, due_rao: int) -> None:
        """The call is over and this much is due for it, whatever was paid; only the first word counts."""
        await self._till._settle(self._line, self, due_rao)
