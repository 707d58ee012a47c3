"""Frames on their way to one stream, written by one task: whoever is cancelled while it waits cuts no frame."""

from collections import deque

import trio

from p2p import limits
from p2p.api import Stream
from p2p.errors import StreamFailed

_OVERHEAD_BYTES = 64
"""What a waiting frame costs beside its content: a flood of tiny ones counts too."""


class FrameQueue:
    """The writing half of a stream that several tasks share. Frames keep the order in which they were taken in."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._filled = trio.Event()
        self._waiting = trio.lowlevel.ParkingLot()
        self._is_finishing = False
        self._is_closed = False

    async def put(self, frame: bytes) -> None:
        """Take in a frame once there is room, first come, first served. Raises StreamFailed when the stream is gone."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._is_full() or self._waiting:
            await self._waiting.park()
            while self._is_full():
                await self._waiting.park()
        self._append(frame)
        self._wake()

    def put_now(self, frame: bytes) -> None:
        """Take in a short frame that must not wait. Raises StreamFailed when the stream is gone or nobody reads it."""
        if self._bytes >= limits.CALLS_QUEUE_MAX_BYTES:
            self._close()
        self._append(frame)

    def finish(self) -> None:
        """Let `run` return once everything taken in is written."""
        self._is_finishing = True
        self._filled.set()

    async def run(self) -> None:
        """Write until `finish`. Raises StreamFailed; afterwards nothing more is taken in, and whoever waits is told."""
        try:
            while True:
                while not self._frames:
                    if self._is_finishing or self._is_closed:
                        return
                    self._filled = trio.Event()
                    await self._filled.wait()
                frame = self._frames.popleft()
                await self._stream.send(frame)
                self._bytes -= len(frame) + _OVERHEAD_BYTES
                self._wake()
        finally:
            self._close()

    def _is_full(self) -> bool:
        return self._bytes >= limits.CALLS_QUEUE_BYTES and not self._is_closed

    def _wake(self) -> None:
        if not self._is_full():
            self._waiting.unpark()

    def _append(self, frame: bytes) -> None:
        if self._is_closed or self._is_finishing:
            raise StreamFailed("the shared stream has ended, or the other side does not read it")
        self._frames.append(frame)
        self._bytes += len(frame) + _OVERHEAD_BYTES
        self._filled.set()

    def _close(self) -> None:
        self._is_closed = True
        self._frames.clear()
        self._bytes = 0
        self._filled.set()
        self._waiting.unpark_all()
