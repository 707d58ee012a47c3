"""A call, the asking side: one signed request, a stream of parts back, a final part signed over everything.

A unary answer is a stream of one part. Nothing a miner sends is believed before its form, order and bounds are checked,
and nothing counts as an answer before the final signature holds.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import msgspec
import trio

from node.market.context import MarketContext
from node.market.errors import CallBroken, CallRefused, CallTimeout, ForgedAnswer, MalformedMessage, Unreachable
from node.market.frames import (
    CallRequest,
    FinalFrame,
    FrameKind,
    PartChain,
    Payment,
    Receipt,
    RefusalFrame,
    answer_message,
    code_of,
    decode,
    frame,
    open_frame,
    receipt_digest,
    request_digest,
    sign_call,
)
from node.market.limits import (
    ANSWER_TIMEOUT_S,
    CLOSE_TIMEOUT_S,
    FIRST_PART_TIMEOUT_S,
    NONCE_BYTES,
    RECEIPT_TIMEOUT_S,
    SEND_TIMEOUT_S,
)
from node.market.payer import Bill
from node.market.reach import open_stream
from node.market.receipts import sign_receipt
from node.market.switchboard import of_subnet
from node.primitives.codec import encode
from node.primitives.crypto import Verifier, verify
from node.primitives.limits import ANSWER_PART_BYTES_MAX, ANSWER_PARTS_MAX
from node.primitives.types import Hash
from node.subnets.base import Answer, AnySubnet, M, Message, Neuron, Part, decode_message
from p2p import P2PError, PeerError, Stream

CALL_PROTOCOL = "/neurond/call/3"
_FRAME_BYTES_MAX = ANSWER_PART_BYTES_MAX + 1


async def open_call(
    context: MarketContext,
    subnet: AnySubnet,
    miner: Neuron,
    task: Message,
    *,
    bill: Bill | None = None,
    first_part_s: float = FIRST_PART_TIMEOUT_S,
    answer_s: float = ANSWER_TIMEOUT_S,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    verifier: Verifier = verify,
) -> Call:
    """Connect, sign and send a task; the deadlines run from now, or from when this node has a place at the miner.

    `bill` pays for the answer; it is closed when the call is, also when it never began.
    Raises Unreachable, CallBroken, CallTimeout.
    """
    await _place(context, miner, bill, first_part_s)
    started = trio.current_time()
    call: Call | None = None
    stream: Stream | None = None
    try:
        stream = await open_stream(context.network, miner, of_subnet(CALL_PROTOCOL, context.netuid), with_credit=True)
        request = sign_call(
            context.chain.genesis_hash,
            context.netuid,
            context.chain.height(),
            random_bytes(NONCE_BYTES),
            miner.hotkey,
            encode(task),
            context.signer,
        )
        if bill is not None:
            request = msgspec.structs.replace(request, payment=(await bill.first(request_digest(request.head)),))
        deadlines = Deadlines(started, started + first_part_s, started + answer_s)
        call = Call(context, subnet, stream, request, deadlines, bill, verifier)
        await call.start()
    except BaseException:
        if stream is not None:
            await _abandon(stream)
        await _close_bill(bill)
        context.lines.leave(miner.hotkey)
        raise
    return call


async def _place(context: MarketContext, miner: Neuron, bill: Bill | None, wait_s: float) -> None:
    """Take one of this node's places at a miner. Raises CallTimeout."""
    try:
        with trio.fail_after(wait_s):
            await context.lines.enter(miner.hotkey)
    except BaseException as error:
        await _close_bill(bill)
        if isinstance(error, trio.TooSlowError):
            raise CallTimeout("Too many questions of this node are at that miner.", "first part") from error
        raise


@dataclass(frozen=True, slots=True)
class Deadlines:
    """When a call began and when its first part and its end are due, on trio's clock in seconds."""

    started: float
    first_part: float
    end: float


class Call:
    """A running call: iterate it for parts, then read `answer` and `receipt`. Always `aclose` it."""

    def __init__(
        self,
        context: MarketContext,
        subnet: AnySubnet,
        stream: Stream,
        request: CallRequest,
        deadlines: Deadlines,
        bill: Bill | None,
        verifier: Verifier,
    ) -> None:
        self.request = request
        self.answer: Answer | None = None
        self.receipt: Receipt | None = None
        self._context = context
        self._subnet = subnet
        self._stream = stream
        self._deadlines = deadlines
        self._bill = bill
        self._verify = verifier
        self._chain = PartChain(request_digest(request.head))
        self._parts: list[Part] = []
        self._t_first_ms = 0
        self._is_closed = False

    @property
    def parts(self) -> tuple[Part, ...]:
        """What has been received so far."""
        return tuple(self._parts)

    @property
    def elapsed_ms(self) -> int:
        """Time since the call began."""
        return int((trio.current_time() - self._deadlines.started) * 1000)

    @property
    def paid_rao(self) -> int:
        """What was signed away for this call so far."""
        return 0 if self._bill is None else self._bill.paid_rao

    @property
    def receipt_digest(self) -> Hash | None:
        """Identity of the receipt, once the answer is complete."""
        return None if self.receipt is None else receipt_digest(self.receipt)

    async def start(self) -> None:
        """Send the request."""
        try:
            with trio.fail_after(SEND_TIMEOUT_S):
                await self._stream.send(encode(self.request))
        except trio.TooSlowError as error:
            raise CallTimeout("The miner does not take the request.", "first part") from error
        except P2PError as error:
            raise CallBroken(f"The connection broke while asking: {error}") from error

    def __aiter__(self) -> Call:
        return self

    async def __anext__(self) -> Part:
        """The next part, checked; ends after the signed end.

        Raises CallRefused, CallTimeout, CallBroken, Unreachable before the first part and, where it is paid for,
        OverClaimed and InsufficientBudget.
        """
        if self.answer is not None:
            raise StopAsyncIteration
        await self._pay()  # for what was handed over before: the newest part never waits for money
        kind, body = await self._receive()
        if kind is FrameKind.REFUSAL:
            await self._refused(_decoded(RefusalFrame, body))
        if kind is FrameKind.FINAL:
            await self._finish(_decoded(FinalFrame, body))
            raise StopAsyncIteration
        if kind is not FrameKind.PART:
            raise CallBroken("The miner sent a frame that only callers send.")
        return self._take(body)

    async def collect(self) -> Answer:
        """Read to the end and return the whole answer. Raises as iteration does."""
        async for _ in self:
            pass
        if self.answer is None:
            raise CallBroken("The answer ended without a signature.")
        return self.answer

    async def aclose(self) -> None:
        """Let go of the stream; a miner that is still working stops."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self.answer is None:
                await _abandon(self._stream)
                await _close_bill(self._bill)
                return
            with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                await self._stream.aclose()
        finally:
            self._context.lines.leave(self.request.head.to)

    async def _receive(self) -> tuple[FrameKind, bytes]:
        last = self._deadlines.end
        deadline = last if self._parts else min(self._deadlines.first_part, last)
        with trio.move_on_at(deadline):
            try:
                return open_frame(await self._stream.receive(_FRAME_BYTES_MAX))
            except P2PError as error:
                if isinstance(error, PeerError) and self._bill is None:  # never taken; with money on its way, who knows
                    raise Unreachable(f"The miner cannot be asked: {error}") from error
                raise CallBroken(f"The answer broke off: {error}") from error
            except MalformedMessage as error:
                raise CallBroken(error.message) from error
        if self._bill is not None:
            await self._bill.left()  # parts may be under way, so more may be owed than what arrived
        if self._parts:
            raise CallTimeout("The answer took too long.", "whole answer")
        raise CallTimeout("The miner did not begin to answer in time.", "first part")

    def _take(self, body: bytes) -> Part:
        if len(self._parts) >= ANSWER_PARTS_MAX:
            raise CallBroken(f"The answer has more than {ANSWER_PARTS_MAX} parts.")
        try:
            part: Part = decode_message(self._subnet.Part, body, max_bytes=ANSWER_PART_BYTES_MAX)
        except MalformedMessage as error:
            raise CallBroken(f"A part of the answer is malformed: {error.message}") from error
        if part.index != len(self._parts) or (self._parts and self._parts[-1].done):
            raise CallBroken("The parts of the answer are out of order.")
        if not self._parts:
            self._t_first_ms = self.elapsed_ms
        self._parts.append(part)
        self._chain.add(body)
        if self._bill is not None:
            self._bill.meter.add(part)
        return part

    async def _finish(self, final: FinalFrame) -> None:
        if not self._parts or not self._parts[-1].done or final.parts != len(self._parts):
            raise CallBroken("The answer ended before its last part.")
        if final.usage != self._parts[-1].usage:
            raise ForgedAnswer("The usage signed is not the usage of the last part.")
        head = self.request.head
        message = answer_message(request_digest(head), self._chain, final.usage)
        if not self._verify(head.to, message, final.signature):
            raise ForgedAnswer("The miner's signature does not fit its answer.")
        payment = None if self._bill is None else await self._bill.settle(final.usage)
        self.answer = Answer(
            miner=head.to,
            parts=tuple(self._parts),
            usage=final.usage,
            digest=self._chain.digest,
            signature=final.signature,
            t_first_ms=self._t_first_ms,
            t_done_ms=self.elapsed_ms,
        )
        self.receipt = sign_receipt(head, self.answer, self._subnet.spec.version, self._context.signer)
        await self._send_receipt(self.receipt, payment)

    async def _pay(self) -> None:
        """Send the next voucher where one is due."""
        payment = None if self._bill is None else await self._bill.pay()
        if payment is None:
            return
        with trio.move_on_at(self._deadlines.end):
            try:
                await self._stream.send(frame(FrameKind.VOUCHER, encode(payment)))
            except P2PError:
                return  # the miner's last word may still be there to be read; where it is not, reading says so

    async def _refused(self, refusal: RefusalFrame) -> NoReturn:
        code = code_of(refusal.code)
        if self._bill is not None:
            await self._bill.refused(code, refusal.short_rao)
        raise CallRefused(f"The miner refused: {refusal.text}", code, short_rao=refusal.short_rao)

    async def _send_receipt(self, receipt: Receipt, payment: Payment | None) -> None:
        # The answer is complete and paid attention to already; a miner that left early only misses its own receipt.
        with trio.move_on_after(RECEIPT_TIMEOUT_S):
            try:
                if payment is not None:
                    await self._stream.send(frame(FrameKind.VOUCHER, encode(payment)))
                await self._stream.send(frame(FrameKind.RECEIPT, encode(receipt)))
                await self._stream.close_write()
            except P2PError:
                return


def _decoded(kind: type[M], body: bytes) -> M:
    try:
        return decode(kind, body)
    except MalformedMessage as error:
        raise CallBroken(error.message) from error


async def _close_bill(bill: Bill | None) -> None:
    if bill is not None:
        with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            await bill.left()


async def _abandon(stream: Stream) -> None:
    with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
        await stream.reset()
