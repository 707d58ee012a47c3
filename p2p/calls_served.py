"""Requests, the answering side: every question on a shared stream goes to the handler of its protocol as a stream.

A handler sees one frame, then the end, and may send one frame back, exactly as on a stream of its own; it counts
against the same bounds. What it does, and what the asker sends, ends that request or this stream, nothing else.
"""

import logging
from collections.abc import Callable

import trio

from p2p import limits
from p2p.api import Stream
from p2p.call_frames import FRAME_MAX_BYTES, Ask, Cancel, Failed, Failure, Part, decode_call, encode_call
from p2p.calls import PROTOCOL
from p2p.counters import Counters
from p2p.errors import EndOfStream, StreamFailed
from p2p.frame_queue import FrameQueue
from p2p.services import Services

_log = logging.getLogger(__name__)

Report = Callable[[str, float, str], None]
"""Takes points from a peer's score."""


class CallServer:
    """Answers shared streams with what `services` serves."""

    def __init__(self, services: Services, report: Report, counters: Counters) -> None:
        self._services = services
        self._report = report
        self._counters = counters

    def start(self) -> None:
        """Serve the protocol."""
        total = limits.CALL_STREAMS_PER_PEER * limits.PEERS_MAX
        self._services.add(PROTOCOL, self._serve, per_peer=limits.CALL_STREAMS_PER_PEER, total=total)

    async def _serve(self, stream: Stream) -> None:
        await _Served(self._services, self._report, self._counters, stream).run()


class _Served:
    """One shared stream."""

    def __init__(self, services: Services, report: Report, counters: Counters, stream: Stream) -> None:
        self._services = services
        self._report = report
        self._counters = counters
        self._stream = stream
        self._queue = FrameQueue(stream)
        self._running: dict[int, trio.CancelScope] = {}
        self._places_taken = 0
        self._failure = ""

    async def run(self) -> None:
        """Answer until the asker ends the stream. Raises StreamFailed when it breaks or the asker breaks the rules."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, nursery.cancel_scope)
            try:
                async with trio.open_nursery() as answering:
                    await self._read(answering)
            except* StreamFailed as group:
                self._failure = str(group.exceptions[0])
                nursery.cancel_scope.cancel()
            self._queue.finish()
        if self._failure:
            raise StreamFailed(self._failure)

    async def _write(self, life: trio.CancelScope) -> None:
        try:
            await self._queue.run()
        except StreamFailed as error:
            self._failure = str(error)
            life.cancel()

    async def _read(self, answering: trio.Nursery) -> None:
        while True:
            with trio.move_on_after(limits.CALLS_SERVED_IDLE_S) as idle:
                try:
                    raw = await self._stream.receive(FRAME_MAX_BYTES)
                except EndOfStream:
                    return
            if idle.cancelled_caught:
                if self._running:
                    continue
                return
            try:
                frame = decode_call(raw)
                self._take(frame, answering)
            except StreamFailed as error:
                self._report(self._stream.peer_id, limits.MALFORMED_POINTS, str(error))
                raise

    def _take(self, frame: object, answering: trio.Nursery) -> None:
        """Raises StreamFailed for what no honest asker sends."""
        match frame:
            case Cancel(number):
                scope = self._running.pop(number, None)
                if scope is not None:
                    self._counters.add("requests.cancelled")
                    scope.cancel()
            case Ask(number=number) if number not in self._running:
                self._begin(frame, answering)
            case _:
                raise StreamFailed("a frame that an asker does not send, or a number that is in use")

    def _begin(self, ask: Ask, answering: trio.Nursery) -> None:
        if ask.protocol not in self._services or ask.protocol == PROTOCOL:
            self._refuse(ask.number, Failure.NOT_SERVED)
        elif self._places_taken >= limits.CALLS_PER_PEER:
            self._counters.add("requests.refused.busy")
            self._refuse(ask.number, Failure.BUSY)
        else:
            patience_s = min(ask.patience_ms / 1000 + limits.CALL_GRACE_S, limits.CALL_SERVED_MAX_S)
            scope = trio.CancelScope(deadline=trio.current_time() + patience_s)
            self._running[ask.number] = scope
            self._places_taken += 1
            answering.start_soon(self._answer, ask, scope)

    async def _answer(self, ask: Ask, scope: trio.CancelScope) -> None:
        asked = AskedStream(self._stream.peer_id, ask, self._queue)
        try:
            with scope:
                if self._services.has_room(ask.protocol, asked.peer_id):
                    await self._services.handle(ask.protocol, asked)
                else:
                    self._counters.add("requests.refused.busy")
                    self._refuse(ask.number, Failure.BUSY)
        finally:
            # The place is free only now: a cancelled handler may still be waiting for its thread.
            self._places_taken -= 1
            if self._running.get(ask.number) is scope:
                del self._running[ask.number]

    def _refuse(self, number: int, failure: Failure) -> None:
        self._queue.put_now(encode_call(Failed(number, failure)))


class AskedStream:
    """One question, seen by its handler as a stream with one frame in and room for one frame out."""

    __slots__ = ("_ask", "_is_answered", "_is_asked", "_is_over", "_peer_id", "_queue")

    def __init__(self, peer_id: str, ask: Ask, queue: FrameQueue) -> None:
        self._peer_id = peer_id
        self._ask = ask
        self._queue = queue
        self._is_asked = False
        self._is_answered = False
        self._is_over = False

    @property
    def peer_id(self) -> str:
        return self._peer_id

    async def send(self, frame: bytes) -> None:
        if self._is_answered or self._is_over:
            raise StreamFailed("a request has one answer, and this one is answered or over")
        self._is_answered = True
        number, size = self._ask.number, len(frame)
        if size > self._ask.max_bytes:
            self._fail(Failure.TOO_LARGE)
            raise StreamFailed(f"the asker accepts at most {self._ask.max_bytes} bytes, the answer has {size}")
        for start in range(0, size, limits.CALL_PART_BYTES) if size else (0,):
            end = start + limits.CALL_PART_BYTES
            await self._queue.put(encode_call(Part(number, frame[start:end], is_last=end >= size)))
            if self._is_over:
                raise StreamFailed("the request was reset while it was being answered")
        self._is_over = True

    async def receive(self, max_bytes: int) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._is_over and not self._is_answered:
            raise StreamFailed("the request was reset")
        if self._is_asked:
            raise EndOfStream("a request is one frame")
        self._is_asked = True
        size = len(self._ask.payload)
        if size > max_bytes:
            self._fail(Failure.TOO_LARGE)
            raise StreamFailed(f"a frame of {size} bytes was announced, at most {max_bytes} are accepted")
        return self._ask.payload

    async def close_write(self) -> None:
        await trio.lowlevel.checkpoint()
        self._fail(Failure.NO_ANSWER)

    async def aclose(self) -> None:
        await trio.lowlevel.cancel_shielded_checkpoint()
        self._fail(Failure.NO_ANSWER)

    async def reset(self) -> None:
        await trio.lowlevel.cancel_shielded_checkpoint()
        self._fail(Failure.FAILED)

    def _fail(self, failure: Failure) -> None:
        """Say that no answer comes, unless it has gone already."""
        if self._is_over:
            return
        self._is_over = True
        try:
            self._queue.put_now(encode_call(Failed(self._ask.number, failure)))
        except StreamFailed as error:
            _log.debug("a request of %s ends with its stream: %s", self._peer_id, error)
