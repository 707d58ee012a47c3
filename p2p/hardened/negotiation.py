"""Agreeing on the protocol of a stream (multistream-select 1.0) with bounded lines and one round trip
for the side that asks, or none: what it has to say may follow its question at once.

Stock reads lengths of any size, byte by byte. Both sides here work on our buffered reader.
"""

from collections.abc import Callable, Sequence

import trio

from p2p import limits
from p2p.errors import ProtocolRefusedError, StreamFailed, UnreachableError
from p2p.framing import BufferedReader, ByteStream

_HEADER = "/multistream/1.0.0"
_REFUSAL = "na"


async def ask(stream: ByteStream, reader: BufferedReader, protocols: Sequence[str]) -> str:
    """Ask the other side for the first of `protocols` it speaks, preferred first.

    Raises ProtocolRefusedError when it speaks none, StreamFailed when it does not keep to the rules.
    """
    first, *others = protocols
    await stream.write(_line(_HEADER) + _line(first))
    if await _read_line(reader) != _HEADER:
        raise StreamFailed("the peer does not negotiate protocols as libp2p does")
    for asked in (first, *others):
        if asked is not first:
            await stream.write(_line(asked))
        if await _read_line(reader) == asked:
            return asked
    raise ProtocolRefusedError(f"{stream.peer_id} does not speak {' or '.join(protocols)}")


async def propose(stream: ByteStream, protocol: str, deadline_s: float) -> BufferedReader:
    """Ask for one protocol and wait for nothing: the caller may write at once, as if the other side spoke it.

    The answer is due until `deadline_s` of trio's clock. The first read of the returned reader checks it and raises
    ProtocolRefusedError, UnreachableError when none came, or StreamFailed as any read. Raises StreamFailed.
    """
    await stream.write(_line(_HEADER) + _line(protocol))
    return _Proposed(stream, protocol, deadline_s)


class _Proposed(BufferedReader):
    """Reads past the other side's answer first. A read that is cancelled there must be the last."""

    __slots__ = ("_deadline_s", "_peer_id", "_protocol")

    def __init__(self, source: ByteStream, protocol: str, deadline_s: float) -> None:
        super().__init__(source)
        self._peer_id = source.peer_id
        self._protocol = protocol
        self._deadline_s: float | None = deadline_s

    async def some(self, max_bytes: int) -> bytes:
        await self._agree()
        return await super().some(max_bytes)

    async def exactly(self, size: int) -> bytes:
        await self._agree()
        return await super().exactly(size)

    async def _agree(self) -> None:
        if self._deadline_s is None:
            return
        deadline_s, self._deadline_s = self._deadline_s, None
        with trio.move_on_at(deadline_s):
            header = await _read_line(self)
            agreed = await _read_line(self) if header == _HEADER else ""
            if agreed != self._protocol:
                raise ProtocolRefusedError(f"{self._peer_id} does not speak {self._protocol}")
            return
        raise UnreachableError(f"{self._peer_id} did not take the stream in time")


async def answer(stream: ByteStream, reader: BufferedReader, is_served: Callable[[str], bool]) -> str:
    """Let the other side choose a protocol.

    Raises ProtocolRefusedError when it goes on with something else after a refusal, as one does that proposed and did
    not wait, and StreamFailed.
    """
    if await _read_line(reader) != _HEADER:
        raise StreamFailed("the peer does not negotiate protocols as libp2p does")
    greeting = _line(_HEADER)
    if not reader.holds:  # at once: other implementations wait for it before they ask
        await stream.write(greeting)
        greeting = b""
    was_refused = False
    for _ in range(limits.NEGOTIATION_LINES_MAX):
        try:
            asked = await _read_line(reader)
        except StreamFailed as error:
            if was_refused:
                raise ProtocolRefusedError("the peer asked for nothing that is served") from error
            raise
        if is_served(asked):
            await stream.write(greeting + _line(asked))
            return asked
        await stream.write(greeting + _line(_REFUSAL))
        greeting, was_refused = b"", True
    raise StreamFailed("the peer asked for too many protocols that are not served")


async def _read_line(reader: BufferedReader) -> str:
    raw = await reader.varint_frame(limits.NEGOTIATION_MAX_BYTES)
    if raw is None or not raw.endswith(b"\n"):
        raise StreamFailed("the stream ended, or was malformed, before a protocol was agreed")
    try:
        return raw[:-1].decode()
    except UnicodeDecodeError as error:
        raise StreamFailed("a protocol name is not text") from error


def _line(text: str) -> bytes:
    raw = text.encode() + b"\n"
    size = len(raw)
    return (bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])) + raw
