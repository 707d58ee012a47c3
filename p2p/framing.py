"""Frames on a byte stream: a 4-byte big-endian length, then that many bytes.

Sizes are checked before anything is read. Reads go through a buffer, since reading single bytes from the multiplexer
costs a window update each. Cancellation never leaves a stream that looks sound but is not.
"""

from collections import deque
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

    __slots__ = ("_chunks", "_offset", "_size", "_source")

    def __init__(self, source: ByteStream) -> None:
        self._source = source
        self._chunks: deque[bytes] = deque()
        self._offset = 0
        """How much of the first chunk has been taken."""
        self._size = 0
        """Bytes held and not taken."""

    @property
    def holds(self) -> int:
        """Bytes that have come and are not taken."""
        return self._size

    async def some(self, max_bytes: int) -> bytes:
        """At least one and at most `max_bytes` of the next bytes; b"" at the clean end. Raises StreamFailed."""
        if not self._size:
            return await self._source.read(max_bytes)
        await trio.lowlevel.checkpoint()
        return self._take(min(max_bytes, len(self._chunks[0]) - self._offset))

    async def exactly(self, size: int) -> bytes:
        """The next `size` bytes; b"" when the stream ended before the first of them.

        Raises StreamFailed when it ended after the first, or failed.
        """
        while self._size < size:
            chunk = await self._source.read(limits.READ_CHUNK_BYTES)
            if not chunk:
                if self._size:
                    raise StreamFailed("the stream ended in the middle of a frame")
                return b""
            self._chunks.append(chunk)
            self._size += len(chunk)
        return self._take(size)

    def unread(self, data: bytes) -> None:
        """Put back bytes taken last."""
        if not data:
            return
        if self._offset:
            self._chunks[0] = self._chunks[0][self._offset :]
            self._offset = 0
        self._chunks.appendleft(data)
        self._size += len(data)

    def _take(self, size: int) -> bytes:
        """The next `size` bytes of those held, copied once."""
        self._size -= size
        parts: list[bytes | memoryview] = []
        while size:
            first, begin = self._chunks[0], self._offset
            end = min(begin + size, len(first))
            size -= end - begin
            if end == len(first):
                self._chunks.popleft()
                self._offset = 0
            else:
                self._offset = end
            parts.append(first if end - begin == len(first) else memoryview(first)[begin:end])
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)

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
