"""Frames on a byte stream: a 4-byte big-endian length, then that many bytes.

Sizes are checked before anything is read. Reads go through a buffer, since reading single bytes from the multiplexer
costs a window update each. Cancellation never leaves a stream that looks sound but is not.
"""

from typing import Protocol

import trio

from p2p import limits
from p2p.errors import EndOfStream, MalformedFrame, MessageTooLargeError, StreamFailed

_LENGTH_BYTES = 4


class ByteStream(Protocol):
    """What both implementations of the network offer under the frames."""

    @property
    def peer_id(self) -> str:
        """The authenticated peer on the other side."""
        ...

    async def read(self, max_bytes: int) -> bytes:
        """At least one and at most `max_bytes` bytes; b"" at the clean end. Raises StreamFailed."""
        ...

    async def write(self, data: bytes) -> None:
        """Write all of `data`. Raises StreamFailed. After a cancelled write only `reset` makes sense."""
        ...

    async def close_write(self) -> None:
        """Half-close. Never raises."""
        ...

    async def aclose(self) -> None:
        """Close both sides, giving the other side time to read what was sent. Never raises."""
        ...

    async def reset(self) -> None:
        """Abort both sides. Never raises."""
        ...


class BufferedReader:
    """Reads exact amounts from a ByteStream; a cancelled read loses nothing."""

    __slots__ = ("_buffer", "_source")

    def __init__(self, source: ByteStream) -> None:
        self._source = source
        self._buffer = bytearray()

    async def exactly(self, size: int) -> bytes:
        """The next `size` bytes; b"" when the stream ended before the first of them.

        Raises StreamFailed when it ended after the first, or failed.
        """
        while len(self._buffer) < size:
            chunk = await self._source.read(limits.READ_CHUNK_BYTES)
            if not chunk:
                if self._buffer:
                    raise StreamFailed("the stream ended in the middle of a frame")
                return b""
            self._buffer += chunk
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    async def some(self, max_bytes: int) -> bytes:
        """At least one and at most `max_bytes` of the next bytes; b"" at the clean end. Raises StreamFailed."""
        if not self._buffer:
            return await self._source.read(max_bytes)
        await trio.lowlevel.checkpoint()
        taken = bytes(memoryview(self._buffer)[:max_bytes])
        del self._buffer[: len(taken)]
        return taken

    def unread(self, data: bytes) -> None:
        """Put back bytes taken last."""
        self._buffer[:0] = data

    async def varint_frame(self, max_bytes: int) -> bytes | None:
        """The next frame with an unsigned-varint length, or None at the clean end.

        Raises MalformedFrame for a bad or oversized length, StreamFailed for a cut frame or a failed stream.
        """
        size = shift = 0
        while True:
            byte = await self.exactly(1)
            if not byte:
                if shift:
                    raise StreamFailed("the stream ended in the middle of a frame")
                return None
            size |= (byte[0] & 0x7F) << shift
            shift += 7
            if byte[0] < 0x80:
                break
            if shift > 28:
                raise MalformedFrame("the length of a frame is longer than four bytes")
        if size > max_bytes:
            raise MalformedFrame(f"a frame of {size} bytes was announced, at most {max_bytes} are accepted")
        if size == 0:
            return b""
        frame = await self.exactly(size)
        if not frame:
            raise StreamFailed("the stream ended in the middle of a frame")
        return frame


class FramedStream:
    """The public `Stream` over a ByteStream."""

    __slots__ = ("_cut", "_raw", "_reader", "_receiving", "_sending")

    def __init__(self, raw: ByteStream, reader: BufferedReader | None = None) -> None:
        self._raw = raw
        self._reader = reader or BufferedReader(raw)
        self._sending = trio.Lock()
        self._receiving = trio.Lock()
        self._cut = False

    @property
    def peer_id(self) -> str:
        return self._raw.peer_id

    async def send(self, frame: bytes) -> None:
        if len(frame) > limits.FRAME_MAX_BYTES:
            raise MessageTooLargeError(
                f"a frame of {len(frame)} bytes exceeds {limits.FRAME_MAX_BYTES}; send it in pieces"
            )
        async with self._sending:
            if self._cut:
                raise StreamFailed("an earlier send on this stream did not finish; reset it and open another")
            self._cut = True
            await self._raw.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
            self._cut = False

    async def receive(self, max_bytes: int) -> bytes:
        async with self._receiving:
            header = await self._reader.exactly(_LENGTH_BYTES)
            if not header:
                raise EndOfStream("the other side sends no more frames")
            size = int.from_bytes(header, "big")
            accepted = min(max_bytes, limits.FRAME_MAX_BYTES)
            if size > accepted:
                await self.reset()
                raise StreamFailed(f"a frame of {size} bytes was announced, at most {accepted} are accepted")
            if size == 0:
                return b""
            try:
                frame = await self._reader.exactly(size)
            except trio.Cancelled:
                self._reader.unread(header)
                raise
            if not frame:
                raise StreamFailed("the stream ended in the middle of a frame")
            return frame

    async def close_write(self) -> None:
        await self._raw.close_write()

    async def aclose(self) -> None:
        await self._raw.aclose()

    async def reset(self) -> None:
        self._cut = True
        await self._raw.reset()
