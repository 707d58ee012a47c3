"""A paid call at the miner: what it costs, whether the next part may go, and the vouchers that come in beside it.

One `Charge` a call. It reads the caller's frames while parts are sent, so that nobody waits for money that is under
way. It never sends anything itself.
"""

from collections import deque
from collections.abc import Callable

import trio

from node.market.errors import MalformedMessage, NotKept, OverClaimed, ServeFailed, Unpaid
from node.market.frames import CallRequest, FrameKind, Payment, decode, open_frame, request_digest
from node.market.limits import CHECKERS_MAX, FREE_CHECKS, FREE_CHECKS_BLOCKS, RECEIPT_BYTES_MAX, VOUCHER_TIMEOUT_S
from node.market.offers import Offer
from node.market.payments import FREE, Meter, Tariff, batch_rao, is_released, may_send, tao, tariff_of
from node.market.vouchers import Tab, Till
from node.primitives.errors import MarketError
from node.primitives.types import AccountId, Height
from node.subnets.base import AnySubnet, Code, Message, Neuron, Part, Usage
from p2p import P2PError, Stream


class Desk:
    """Where a miner takes money: its till, shared by all its subnets, and what it offers in this one now.

    Validators with a permit are served a few calls for nothing, as much as checking answers takes. `replaced` is what
    it offered until a moment ago, if anything.
    """

    def __init__(
        self,
        subnet: AnySubnet,
        till: Till | None = None,
        offer: Callable[[], Offer | None] = lambda: None,
        replaced: Callable[[], Offer | None] = lambda: None,
    ) -> None:
        self.subnet = subnet
        self.till = till
        self.offer = offer
        self.replaced = replaced
        self._free_calls: dict[AccountId, deque[Height]] = {}

    def tariff(self, task: Message) -> Tariff:
        """The prices of a task; free where nothing is offered, or where nobody keeps a till.

        A caller that has not heard of new prices yet pays the old ones: for a moment the lower of both are due, as a
        debt that it knows nothing of would end its trust.
        """
        if self.till is None:
            return FREE
        spec, model, before = self.subnet.spec, self.subnet.model_of(task), self.replaced()
        tariff = tariff_of(self.offer(), spec, model)
        lower = tariff if before is None else tariff.lower(tariff_of(before, spec, model))
        return tariff if lower.free else lower

    async def charge(
        self, stream: Stream, caller: Neuron, request: CallRequest, task: Message, height: Height
    ) -> "Charge | None":
        """The charge of a call; None for what is free. Raises Unpaid."""
        tariff, payment = self.tariff(task), request.payment
        if self.till is None or tariff.free:
            return None
        if not payment:
            if caller.validator_permit and self._may_check(caller.hotkey, height):
                return None
            raise Unpaid("This miner asks a price, and the request carries no voucher.", Code.UNPAID)
        name = request_digest(request.head)
        try:
            tab = await self.till.admit(caller.hotkey, name, payment[0], batch_rao(tariff))
        except NotKept as error:
            raise ServeFailed(error.message, Code.MINER_FAULT) from error
        return Charge(stream, tab, Meter(self.subnet, tariff))

    def _may_check(self, validator: AccountId, height: Height) -> bool:
        if len(self._free_calls) > CHECKERS_MAX:
            self._free_calls.clear()  # seats that are gone; who is still there gets a few calls more
        calls = self._free_calls.setdefault(validator, deque(maxlen=FREE_CHECKS))
        if len(calls) == FREE_CHECKS and calls[0] + FREE_CHECKS_BLOCKS > height:
            return False
        calls.append(height)
        return True


class Charge:
    """What one running call owes. `listen` runs beside the answer; `settle` ends it in any case."""

    def __init__(self, stream: Stream, tab: Tab, meter: Meter) -> None:
        self._stream = stream
        self._tab = tab
        self._meter = meter
        self._failure: ServeFailed | None = None
        self._gone = False
        self._receipt: bytes | None = None
        self._last = trio.Event()

    @property
    def pledge_rao(self) -> int:
        """What the caller's channel could still pay when the call began."""
        return self._tab.pledge_rao

    @property
    def paid_rao(self) -> int:
        """What this call has paid."""
        return self._tab.paid_rao

    async def listen(self) -> None:
        """Take vouchers until the receipt, a mistake or the end of the stream; never raises but Cancelled."""
        try:
            while True:
                kind, body = open_frame(await self._stream.receive(RECEIPT_BYTES_MAX))
                if kind is FrameKind.RECEIPT:
                    self._receipt = body
                    return
                if kind is not FrameKind.VOUCHER:
                    raise MalformedMessage("A caller sends vouchers and a receipt.")
                await self._tab.take(decode(Payment, body))
        except ServeFailed as error:
            self._failure = error
        except NotKept as error:
            self._failure = ServeFailed(error.message, Code.MINER_FAULT)
        except MarketError as error:
            self._failure = ServeFailed(error.message, Code.MALFORMED)
        except P2PError:
            self._gone = True
        finally:
            self._last.set()
            self._tab.changed()

    async def before(self, part: Part) -> None:
        """Wait until the part may be sent, and count it. Raises Unpaid, P2PError when the caller is gone."""
        due, tariff = self._meter.due_rao, self._meter.tariff
        try:
            next_rao = self._meter.after(part)
        except OverClaimed as error:  # our own program counts what cannot be
            raise ServeFailed("This miner's program failed.", Code.MINER_FAULT) from error
        with trio.move_on_after(VOUCHER_TIMEOUT_S) as scope:
            while not may_send(tariff, due_rao=due, next_rao=next_rao, paid_rao=self._tab.paid_rao):
                self.check()
                if self._gone:
                    raise P2PError("the caller is gone")
                await self._tab.wait()
        if scope.cancelled_caught:
            short = due - self._tab.paid_rao
            raise Unpaid(f"No voucher for {tao(short)} came in time.", Code.UNPAID, short_rao=short)
        self.check()
        self._meter.add(part)

    def check(self) -> None:
        """Raises what the caller did wrong, if anything."""
        if self._failure is not None:
            raise self._failure

    async def receipt(self) -> bytes:
        """The receipt, after the last voucher. Raises P2PError when the caller left without."""
        await self._last.wait()
        self.check()
        if self._receipt is None:
            raise P2PError("no receipt came")
        return self._receipt

    async def settle(self, code: Code, usage: Usage) -> None:
        """Book the call's end: nothing for the miner's own failures, the whole for an answer, what went out else."""
        due = self._meter.tariff.cost_rao(usage) if code is Code.OK else self._meter.due_rao
        await self._tab.settle(0 if is_released(code) else due)
