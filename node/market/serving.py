"""A call, the answering side: prove the request, wait for room, stream the parts, sign the whole, take the receipt.

Every refusal is typed, sent to the caller and counted. Nothing a caller sends, and nothing a subnet's `serve` raises,
may leave `CallServer.handle`.
"""

import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import trio

from node.market.admission import Admission
from node.market.call import CALL_PROTOCOL
from node.market.charging import Charge, Desk
from node.market.context import MarketContext
from node.market.errors import MalformedMessage, NotKept, OverClaimed, ServeFailed, Unpaid
from node.market.frames import (
    REQUEST_BYTES_MAX,
    CallHead,
    CallRequest,
    FinalFrame,
    FrameKind,
    PartChain,
    Receipt,
    answer_message,
    body_digest,
    decode,
    frame,
    open_frame,
    refusal_frame,
    request_digest,
)
from node.market.limits import (
    ANSWER_TIMEOUT_S,
    CLOSE_TIMEOUT_S,
    RECEIPT_BYTES_MAX,
    RECEIPT_TIMEOUT_S,
    REQUEST_TIMEOUT_S,
    SEND_TIMEOUT_S,
)
from node.market.receipts import check_receipt
from node.market.replay import ReplayCache, is_fresh
from node.market.roster import NO_SEAT, stranger
from node.primitives.codec import encode
from node.primitives.crypto import Verifier, verify
from node.primitives.errors import NodeError
from node.primitives.limits import TASK_BYTES_MAX
from node.primitives.types import Hash
from node.subnets.base import AnySubnet, Code, Host, Message, Neuron, Part, Usage, decode_message
from p2p import P2PError, Stream

__all__ = ["CALL_PROTOCOL", "CallServer", "Served", "serve_parts"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Served:
    """One served call as it goes: for task lists and the journal."""

    digest: Hash
    caller: Neuron
    task: Message
    started: float
    parts: list[Part] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    code: Code | None = None
    receipt: Receipt | None = None
    paid_rao: int = 0


Watcher = Callable[[Served], None]
"""Told when a call begins (`code` None), when it ends (`code` set) and once more when its receipt arrived."""


class CallServer:
    """Answers `CALL_PROTOCOL` streams for one subnet; give `handle` to `Network.serve`."""

    def __init__(
        self,
        context: MarketContext,
        subnet: AnySubnet,
        host: Host,
        admission: Admission,
        *,
        watch: Watcher = lambda _: None,
        verifier: Verifier = verify,
        answer_s: float = ANSWER_TIMEOUT_S,
        desk: Desk | None = None,
    ) -> None:
        self._context = context
        self._subnet = subnet
        self._host = host
        self._admission = admission
        self._watch = watch
        self._verify = verifier
        self._answer_s = answer_s
        self._desk = desk or desk_of(context, subnet)
        self._replay = ReplayCache()
        self.counts: Counter[str] = Counter()

    async def handle(self, stream: Stream) -> None:
        """Serve one stream from first to last frame."""
        try:
            try:
                request, caller, task = await self._take_request(stream)
                name = request_digest(request.head)
                charge = await self._desk.charge(stream, caller, request, task, self._context.chain.height())
                served = Served(name, caller, task, trio.current_time())
                async with self._admission.place(caller, 0 if charge is None else charge.pledge_rao):
                    if charge is None:
                        await self._serve(stream, request.head, served, None)
                    else:
                        await self._serve_paid(stream, request.head, served, charge)
            except ServeFailed as refusal:
                self.counts[f"refused.{refusal.refusal.name.lower()}"] += 1
                await _send(stream, refusal_frame(refusal.refusal, refusal.message, _short_of(refusal)))
            await _finish(stream)
        except (P2PError, trio.TooSlowError):
            self.counts["caller_gone"] += 1
            await stream.reset()

    async def _take_request(self, stream: Stream) -> tuple[CallRequest, Neuron, Message]:
        with trio.fail_after(REQUEST_TIMEOUT_S):
            raw = await stream.receive(REQUEST_BYTES_MAX)
        try:
            request = decode(CallRequest, raw)
            caller = self._check_head(request)
            task: Message = decode_message(self._subnet.Task, request.body, max_bytes=TASK_BYTES_MAX)
            if caller.uid == NO_SEAT and self._desk.tariff(task).free:
                raise ServeFailed("The caller holds no seat in this subnet.", Code.UNREGISTERED)
        except MalformedMessage as error:
            raise ServeFailed(error.message, Code.MALFORMED) from error
        return request, caller, task

    def _check_head(self, request: CallRequest) -> Neuron:
        head, digest = request.head, request_digest(request.head)
        now = self._context.chain.height()
        if head.genesis != self._context.chain.genesis_hash:
            raise ServeFailed("This request is signed for another network.", Code.FOREIGN)
        if head.to != self._context.hotkey or head.netuid != self._context.netuid:
            raise ServeFailed("This request is meant for another miner or subnet.", Code.MISADDRESSED)
        if head.body_digest != body_digest(request.body):
            raise ServeFailed("The task is not the one that was signed.", Code.FORGED)
        if not is_fresh(head.height, now):
            raise ServeFailed(f"Signed at block {head.height}, now is {now}: too old or too new.", Code.STALE)
        caller = self._context.view().find(head.caller)
        if caller is None:
            if not request.payment:
                raise ServeFailed("The caller holds no seat in this subnet, and pays nothing.", Code.UNREGISTERED)
            caller = stranger(head.caller)
        if not self._verify(head.caller, digest, request.signature):
            raise ServeFailed("The caller's signature does not hold.", Code.BAD_SIGNATURE)
        if not self._replay.first_time(digest, head.height, now):
            raise ServeFailed("This request was received before.", Code.DUPLICATE)
        return caller

    async def _serve_paid(self, stream: Stream, head: CallHead, served: Served, charge: Charge) -> None:
        """Serve while vouchers are taken beside it."""
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(charge.listen)
            try:
                await self._serve(stream, head, served, charge)
            except (ServeFailed, P2PError, trio.TooSlowError) as error:
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _serve(self, stream: Stream, head: CallHead, served: Served, charge: Charge | None) -> None:
        self._watch(served)
        chain = PartChain(served.digest)
        try:
            await self._send_answer(stream, chain, served, charge)
            served.code = Code.OK
            self.counts["answered"] += 1
        except ServeFailed as refusal:
            served.code = refusal.refusal
            raise
        finally:
            served.code = Code.CANCELLED if served.code is None else served.code
            self._watch(served)
            if charge is not None and served.code is not Code.OK:
                await self._settle(charge, served)
        try:
            await self._take_receipt(stream, head, chain, served, charge)
        finally:
            if charge is not None:
                await self._settle(charge, served)

    async def _send_answer(self, stream: Stream, chain: PartChain, served: Served, charge: Charge | None) -> None:
        with trio.move_on_after(self._answer_s) as scope:
            async with aclosing(serve_parts(self._subnet, served.task, self._host)) as parts:
                async for part in parts:
                    body = encode(part)
                    if charge is not None:
                        await charge.before(part)
                    await _send(stream, frame(FrameKind.PART, body))
                    chain.add(body)
                    served.parts.append(part)
        if scope.cancelled_caught:
            raise ServeFailed("The answer took too long.", Code.TIMEOUT)
        served.usage = served.parts[-1].usage
        signature = self._context.signer.sign(answer_message(served.digest, chain, served.usage))
        await _send(stream, frame(FrameKind.FINAL, encode(FinalFrame(chain.parts, served.usage, signature))))

    async def _settle(self, charge: Charge, served: Served) -> None:
        served.paid_rao = charge.paid_rao
        code = Code.CANCELLED if served.code is None else served.code
        try:
            with trio.CancelScope(shield=True):  # one write
                await charge.settle(code, served.usage)
        except (NotKept, OverClaimed) as error:
            self.counts["not_settled"] += 1
            _log.warning("a call's end could not be written down: %s", error)

    async def _take_receipt(
        self, stream: Stream, head: CallHead, chain: PartChain, served: Served, charge: Charge | None
    ) -> None:
        with trio.move_on_after(RECEIPT_TIMEOUT_S) as scope:
            try:
                body = await (_receipt_on(stream) if charge is None else charge.receipt())
                served.receipt = check_receipt(body, head, chain, served.usage, self._verify)
                served.paid_rao = 0 if charge is None else charge.paid_rao  # the last voucher came before it
            except (MalformedMessage, ServeFailed):
                self.counts["receipt_refused"] += 1
                return
            except P2PError:
                self.counts["receipt_missing"] += 1
                return
        if scope.cancelled_caught:
            self.counts["receipt_missing"] += 1
            return
        self.counts["receipts"] += 1
        self._watch(served)


def desk_of(context: MarketContext, subnet: AnySubnet) -> Desk:
    """The desk of this node in one subnet: its own till, and the prices it has published."""
    till = None if context.money is None else context.money.till
    offers, me = context.offers, context.hotkey
    return Desk(subnet, till, lambda: offers.offer_of(me), lambda: offers.replaced_of(me))


async def serve_parts(subnet: AnySubnet, task: Message, host: Host) -> AsyncGenerator[Part, None]:
    """The parts of a complete answer. Whatever `serve` raises, and an end without a last part, becomes ServeFailed."""
    last: Part | None = None
    try:
        async with aclosing(subnet.serve(task, host)) as parts:
            async for part in parts:
                last = part
                yield part
    except ServeFailed:
        raise
    except NodeError as error:
        raise ServeFailed(error.message, Code.MINER_FAULT) from error
    except Exception as error:
        _log.exception("the subnet %s failed to serve a task", subnet.spec.name)
        raise ServeFailed("This miner's program failed.", Code.MINER_FAULT) from error
    if last is None or not last.done:
        raise ServeFailed("This miner's program ended without a last part.", Code.MINER_FAULT)


async def _receipt_on(stream: Stream) -> bytes:
    kind, body = open_frame(await stream.receive(RECEIPT_BYTES_MAX))
    if kind is not FrameKind.RECEIPT:
        raise MalformedMessage("A frame that is no receipt.")
    return body


def _short_of(refusal: ServeFailed) -> int:
    return refusal.short_rao if isinstance(refusal, Unpaid) else 0


async def _send(stream: Stream, data: bytes) -> None:
    with trio.fail_after(SEND_TIMEOUT_S):
        await stream.send(data)


async def _finish(stream: Stream) -> None:
    with trio.move_on_after(CLOSE_TIMEOUT_S):
        await stream.close_write()
