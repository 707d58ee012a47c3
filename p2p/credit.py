"""A stream whose sender waits for its reader: credit in bytes each way, signs of life, an explicit end.

For producers that may be faster than their consumers: parts of an answer as a model makes them. A reader may be as slow
as it likes while its side says that it is alive; a side that falls silent fails the stream. No more than a window of
parts ever waits on either side. Cancelling a send sends nothing, so the stream stays usable; `reset` gives it up.
"""

import enum
import logging
from collections import deque
from collections.abc import Awaitable, Callable

import trio

from p2p import limits
from p2p.api import Stream
from p2p.errors import EndOfStream, MessageTooLargeError, PeerError, StreamError, StreamFailed
from p2p.frame_queue import FrameQueue

_log = logging.getLogger(__name__)

Spawn = Callable[[Callable[[], Awaitable[None]]], None]
"""Starts a task that ends with the network."""

_GRANT_BYTES = 4


class CreditKind(enum.IntEnum):
    """The first byte of every frame."""

    PART = 1
    """The rest is what was sent."""
    CREDIT = 2
    """Four bytes: how much more may be sent."""
    ALIVE = 3
    END = 4


def decode_credit(raw: bytes) -> tuple[CreditKind, bytes]:
    """Kind and body of a frame. Raises StreamFailed for anything malformed."""
    try:
        kind = CreditKind(raw[0])
    except (IndexError, ValueError) as error:
        raise StreamFailed("a frame of a stream with credit is empty or of no known kind") from error
    body = raw[1:]
    expected = {CreditKind.CREDIT: _GRANT_BYTES, CreditKind.ALIVE: 0, CreditKind.END: 0}.get(kind, len(body))
    if len(body) != expected or len(body) > limits.CREDIT_PART_MAX_BYTES:
        raise StreamFailed("a frame of a stream with credit has another length than its kind")
    return kind, body


def encode_credit(kind: CreditKind, body: bytes = b"") -> bytes:
    """The bytes of a frame."""
    return bytes([kind]) + body


class CreditStream:
    """The public `Stream` over another one whose both sides keep to these frames."""

    def __init__(self, stream: Stream, spawn: Spawn) -> None:
        self._stream = stream
        self._queue = FrameQueue(stream)
        self._sending, self._receiving = trio.Lock(), trio.Lock()
        self._changed = trio.Event()
        self._credit = limits.CREDIT_WINDOW_BYTES  # what we may send; both sides begin with a whole window
        self._granted = limits.CREDIT_WINDOW_BYTES  # what the other side may send
        self._owed = 0  # taken by our reader and not granted anew
        self._inbox: deque[bytes] = deque()
        self._has_ended = self._peer_has_ended = self._is_finished = False
        self._failure = ""
        self._refusal: PeerError | None = None  # why the stream was never taken
        self._heard_s = self._said_s = trio.current_time()
        self._give_up_s = float("inf")
        self._life = trio.CancelScope()
        spawn(self._run)

    @property
    def peer_id(self) -> str:
        return self._stream.peer_id

    async def send(self, frame: bytes) -> None:
        if len(frame) > limits.CREDIT_PART_MAX_BYTES:
            raise MessageTooLargeError(
                f"a part of {len(frame)} bytes exceeds {limits.CREDIT_PART_MAX_BYTES}; send it in pieces"
            )
        await trio.lowlevel.checkpoint_if_cancelled()
        cost = _cost(frame)
        async with self._sending:
            while True:
                if self._failure or self._has_ended:
                    raise StreamFailed(self._failure or "this side of the stream has said that it ends")
                if self._credit >= cost:
                    break
                await self._changed.wait()
            self._credit -= cost
            self._say(CreditKind.PART, frame)

    async def receive(self, max_bytes: int) -> bytes:
        await trio.lowlevel.checkpoint_if_cancelled()
        async with self._receiving:
            while not self._inbox:
                if self._peer_has_ended:
                    raise EndOfStream("the other side sends no more frames")
                if self._refusal is not None:
                    raise type(self._refusal)(self._failure) from self._refusal
                if self._failure:
                    raise StreamFailed(self._failure)
                await self._changed.wait()
            frame = self._inbox.popleft()
        self._owed += _cost(frame)
        if self._owed >= limits.CREDIT_WINDOW_BYTES // 2 and not (self._peer_has_ended or self._failure):
            self._say(CreditKind.CREDIT, self._owed.to_bytes(_GRANT_BYTES, "big"))
            self._granted += self._owed
            self._owed = 0
        if len(frame) > max_bytes:
            await self.reset()
            raise StreamFailed(f"a frame of {len(frame)} bytes came, at most {max_bytes} are accepted")
        return frame

    async def close_write(self) -> None:
        await trio.lowlevel.cancel_shielded_checkpoint()
        if self._has_ended or self._failure:
            return
        self._has_ended = True
        self._say(CreditKind.END)
        self._finish_if_both_ended()

    async def aclose(self) -> None:
        self._give_up_s = min(self._give_up_s, trio.current_time() + limits.LINGER_S)
        await self.close_write()

    async def reset(self) -> None:
        await trio.lowlevel.cancel_shielded_checkpoint()
        self._fail("the stream was reset")
        await self._stream.reset()

    # The task of the stream

    async def _run(self) -> None:
        """Read, write and say that we are alive until both sides have ended, or one is gone."""
        try:
            with self._life:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._watch)
                    await self._read()
        finally:
            self._fail(f"the stream of {self.peer_id} is lost")
            await (self._stream.aclose() if self._is_finished else self._stream.reset())

    async def _write(self) -> None:
        try:
            await self._queue.run()
            self._is_finished = True
        except StreamFailed as error:
            self._fail(str(error))
        self._life.cancel()

    async def _read(self) -> None:
        try:
            while True:
                self._take(*decode_credit(await self._stream.receive(1 + limits.CREDIT_PART_MAX_BYTES)))
                self._notify()
        except EndOfStream:
            self._fail("the other side left without saying that it ends")
        except PeerError as error:
            self._refusal = None if self._failure else error
            self._fail(str(error))
        except StreamError as error:
            self._fail(str(error))

    def _take(self, kind: CreditKind, body: bytes) -> None:
        """Raises StreamFailed for what the other side had no right to send."""
        self._heard_s = trio.current_time()
        match kind:
            case CreditKind.PART:
                self._granted -= _cost(body)
                if self._granted < 0 or self._peer_has_ended:
                    raise StreamFailed("the other side sent more than it had credit for, or after its end")
                self._inbox.append(body)
            case CreditKind.CREDIT:
                self._credit += int.from_bytes(body, "big")
                if self._credit > limits.CREDIT_WINDOW_BYTES:
                    raise StreamFailed("the other side granted more than it was sent")
            case CreditKind.END:
                if self._peer_has_ended:
                    raise StreamFailed("the other side ended twice")
                self._peer_has_ended = True
                self._finish_if_both_ended()
            case CreditKind.ALIVE:
                pass

    async def _watch(self) -> None:
        """Say that we are alive while nothing else is said; fail the stream of a side that says nothing."""
        while True:
            await trio.sleep(limits.CREDIT_ALIVE_S)
            now_s = trio.current_time()
            if now_s - self._heard_s > limits.CREDIT_SILENT_S:
                self._fail(f"{self.peer_id} has been silent for {limits.CREDIT_SILENT_S:g} s")
            elif now_s > self._give_up_s:
                self._fail("the other side does not end the stream")
            elif now_s - self._said_s >= limits.CREDIT_ALIVE_S and not self._is_over():
                self._say(CreditKind.ALIVE)

    # Details

    def _say(self, kind: CreditKind, body: bytes = b"") -> None:
        """Queue a frame; a stream that cannot take it fails, which the next call tells."""
        self._said_s = trio.current_time()
        try:
            self._queue.put_now(encode_credit(kind, body))
        except StreamFailed as error:
            self._fail(str(error))

    def _is_over(self) -> bool:
        return bool(self._failure) or (self._has_ended and self._peer_has_ended)

    def _finish_if_both_ended(self) -> None:
        if self._has_ended and self._peer_has_ended:
            self._queue.finish()

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._life.cancel()
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _cost(frame: bytes) -> int:
    """What a part takes of the credit: even empty ones take some."""
    return len(frame) + limits.CREDIT_PART_COST_BYTES
