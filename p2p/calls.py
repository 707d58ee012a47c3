"""Requests, the asking side: one long-lived stream to each peer that many requests share, or a stream each.

A request that is cancelled, late or over its bound ends alone; the others on the stream go on. Peers that do not speak
the shared form get one stream a request. How many requests are under way is bounded for each peer and in all.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from p2p import limits
from p2p.api import Stream
from p2p.call_frames import FRAME_MAX_BYTES, ID_MAX, Ask, Cancel, Failed, Failure, Part, decode_call, encode_call
from p2p.counters import Counters
from p2p.errors import (
    BusyError,
    EndOfStream,
    P2PError,
    ProtocolRefusedError,
    StreamFailed,
    UnreachableError,
)
from p2p.frame_queue import FrameQueue
from p2p.framing import FramedStream

PROTOCOL = "/neurond/requests/1"

_log = logging.getLogger(__name__)

OpenStream = Callable[[str, str], Awaitable[FramedStream]]
"""(peer id, protocol) -> a stream. Raises what `Network.open` raises."""
Spawn = Callable[[Callable[[], Awaitable[None]]], None]
"""Starts a task that ends with the network."""


class _NotBegun(Exception):
    """The other side ended the shared stream in order and had not taken this request in."""


class Calls:
    """The requests of one node."""

    def __init__(self, open_stream: OpenStream, spawn: Spawn, counters: Counters) -> None:
        self._open = open_stream
        self._spawn = spawn
        self._counters = counters
        self._lines: dict[str, _Line] = {}
        self._places = trio.Semaphore(limits.CALLS_TOTAL)

    async def request(
        self, peer_id: str, protocol: str, payload: bytes, *, max_bytes: int, timeout_s: float
    ) -> bytes:  # fmt: skip
        """One question, one answer of at most `max_bytes`; the deadline covers everything, waiting for a place too.

        Raises UnreachableError after `timeout_s`, BusyError, ProtocolRefusedError, StreamError and what `open` raises.
        """
        line = self._lines.get(peer_id)
        if line is None:
            line = self._lines[peer_id] = _Line()
        if line.users - limits.CALLS_PER_PEER >= limits.CALLS_WAITING_MAX:
            raise BusyError(f"too many requests to {peer_id} are waiting; ask another peer")
        line.users += 1
        deadline_s = trio.current_time() + timeout_s
        try:
            with trio.move_on_at(deadline_s):
                async with line.places, self._places:
                    return await self._ask(line, peer_id, protocol, payload, max_bytes, deadline_s)
        finally:
            line.users -= 1
            self._tidy(peer_id, line)
        self._counters.add("requests.timed_out")
        raise UnreachableError(f"no answer came within {timeout_s:g} s")

    def forget(self, peer_id: str) -> None:
        """A peer is gone: it may come back as one that speaks the shared form."""
        line = self._lines.get(peer_id)
        if line is not None:
            line.is_refused = False
            self._tidy(peer_id, line)

    def renew(self, peer_id: str) -> None:
        """A better connection to a peer is there: what is asked from now on goes over it."""
        line = self._lines.get(peer_id)
        if line is not None and line.session is not None:
            line.session.finish()

    def _tidy(self, peer_id: str, line: "_Line") -> None:
        if line.is_unused and self._lines.get(peer_id) is line:
            del self._lines[peer_id]

    async def _ask(
        self, line: "_Line", peer_id: str, protocol: str, payload: bytes, max_bytes: int, deadline_s: float
    ) -> bytes:  # fmt: skip
        if len(payload) <= limits.CALL_ASK_MAX_BYTES and max_bytes <= limits.CALL_ANSWER_MAX_BYTES:
            for _ in range(2):  # a stream that ends in order just now may be met once
                session = await self._session(line, peer_id)
                if session is None:
                    break
                try:
                    answer = await session.ask(protocol, payload, max_bytes, deadline_s)
                except _NotBegun:
                    continue
                self._counters.add("requests.shared")
                return answer
        self._counters.add("requests.alone")
        return await _exchange(await self._open(peer_id, protocol), payload, max_bytes)

    async def _session(self, line: "_Line", peer_id: str) -> "_Session | None":
        """The stream shared with a peer; None when there is none, then a stream of its own tells why."""
        while line.opening is not None:
            await line.opening.wait()
        if line.is_refused or (line.session is not None and line.session.takes):
            return line.session
        opened = line.opening = trio.Event()
        line.session = None
        self._spawn(lambda: self._run(line, peer_id, opened))
        await opened.wait()
        return line.session

    async def _run(self, line: "_Line", peer_id: str, opened: trio.Event) -> None:
        """Open a shared stream and keep it; a task of the network's, so that no request's end cuts it."""
        try:
            with trio.fail_after(limits.OPEN_TIMEOUT_S):
                stream = await self._open(peer_id, PROTOCOL)
            line.session = session = _Session(stream)
        except ProtocolRefusedError:
            line.is_refused = True
            return
        except (P2PError, trio.TooSlowError) as error:
            _log.debug("no shared stream to %s: %s", peer_id, error)
            return
        finally:
            line.opening = None
            opened.set()
            self._tidy(peer_id, line)
        try:
            await session.run()
        finally:
            if line.session is session:
                line.session = None
            self._tidy(peer_id, line)


@dataclass(slots=True, eq=False)
class _Line:
    """What is known of one peer; `users` counts requests under way or waiting."""

    places: trio.Semaphore = field(default_factory=lambda: trio.Semaphore(limits.CALLS_PER_PEER))
    users: int = 0
    session: "_Session | None" = None
    opening: trio.Event | None = None
    is_refused: bool = False

    @property
    def is_unused(self) -> bool:
        """Whether nothing would be lost with it."""
        return not self.users and self.session is None and self.opening is None and not self.is_refused


@dataclass(slots=True, eq=False)
class _Pending:
    """A request whose answer is not whole yet."""

    max_bytes: int
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    failure: Exception | None = None
    done: trio.Event = field(default_factory=trio.Event)

    def end(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.done.set()


class _Session:
    """One shared stream."""

    def __init__(self, stream: Stream) -> None:
        self.takes = True
        """Whether more may be asked here."""
        self._stream = stream
        self._queue = FrameQueue(stream)
        self._pending: dict[int, _Pending] = {}
        self._last_number = 0
        self._was_used = True

    async def ask(self, protocol: str, payload: bytes, max_bytes: int, deadline_s: float) -> bytes:
        """Raises _NotBegun when it may be asked again elsewhere."""
        if not self.takes:
            raise _NotBegun
        self._last_number += 1
        self.takes = self._last_number < ID_MAX
        number, pending = self._last_number, _Pending(max_bytes)
        patience_ms = max(1, min(int((deadline_s - trio.current_time()) * 1000), 0xFFFF_FFFF))
        self._pending[number] = pending
        self._was_used = True
        is_asked = False
        try:
            await self._queue.put(encode_call(Ask(number, patience_ms, max_bytes, protocol, payload)))
            is_asked = True
            await pending.done.wait()
        except StreamFailed as error:  # of the queue: the question never left
            raise _NotBegun from error
        finally:
            self._pending.pop(number, None)
            if is_asked and not pending.done.is_set():
                self._cancel(number)
        if pending.failure is not None:
            raise pending.failure
        return pending.parts[0] if len(pending.parts) == 1 else b"".join(pending.parts)

    async def run(self) -> None:
        """Carry requests until the stream ends or nobody asks any more; never raises for what the peer does."""
        is_clean, reason = False, f"the connection to {self._stream.peer_id} was lost"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, nursery.cancel_scope)
                nursery.start_soon(self._end_when_idle)
                try:
                    await self._read()
                except EndOfStream:
                    is_clean = True
                except StreamFailed as error:
                    reason = str(error)
                self.takes = False
                nursery.cancel_scope.cancel()
        finally:
            self.takes = False
            for pending in tuple(self._pending.values()):
                if not pending.done.is_set():
                    pending.end(_NotBegun() if is_clean else StreamFailed(reason))
            await (self._stream.aclose() if is_clean else self._stream.reset())

    async def _read(self) -> None:
        while True:
            frame = decode_call(await self._stream.receive(FRAME_MAX_BYTES))
            match frame:
                case Part(number, data, is_last):
                    pending = self._pending.get(number)
                    if pending is None:
                        continue  # it was cancelled here and answered there at the same time
                    pending.size += len(data)
                    if pending.size > pending.max_bytes:
                        raise StreamFailed(f"an answer is larger than the {pending.max_bytes} bytes asked for")
                    pending.parts.append(data)
                    if is_last:
                        pending.end()
                case Failed(number, failure):
                    if number in self._pending:
                        self._pending[number].end(self._error_of(failure, self._pending[number].max_bytes))
                case _:
                    raise StreamFailed("the answering side of a shared stream asks")

    def _error_of(self, failure: Failure, max_bytes: int) -> P2PError:
        peer_id = self._stream.peer_id
        match failure:
            case Failure.BUSY:
                return BusyError(f"{peer_id} answers too many requests; ask later, or another peer")
            case Failure.NOT_SERVED:
                return ProtocolRefusedError(f"{peer_id} does not speak this protocol")
            case Failure.TOO_LARGE:
                return StreamFailed(f"the answer of {peer_id} is too large, at most {max_bytes} bytes are accepted")
            case Failure.NO_ANSWER:
                return EndOfStream(f"{peer_id} took the request and sent no answer")
            case Failure.FAILED:
                return StreamFailed(f"{peer_id} could not answer the request")

    async def _write(self, life: trio.CancelScope) -> None:
        try:
            await self._queue.run()
            await self._stream.close_write()
        except StreamFailed as error:
            _log.debug("a shared stream to %s cannot be written: %s", self._stream.peer_id, error)
            life.cancel()

    def _cancel(self, number: int) -> None:
        try:
            self._queue.put_now(encode_call(Cancel(number)))
        except StreamFailed:
            return  # the stream is gone, and the question with it

    async def _end_when_idle(self) -> None:
        while self._was_used or self._pending:
            self._was_used = False
            await trio.sleep(limits.CALLS_IDLE_S)
        self.finish()

    def finish(self) -> None:
        """Ask nothing more here, and end once everything is answered."""
        self.takes = False
        self._queue.finish()


async def _exchange(stream: FramedStream, payload: bytes, max_bytes: int) -> bytes:
    """One frame out, one back, on a stream of its own."""
    try:
        await stream.send(payload)
        await stream.close_write()
        answer = await stream.receive(max_bytes)
    except BaseException:
        await stream.reset()
        raise
    await stream.aclose()
    return answer
