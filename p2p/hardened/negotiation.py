"""Agreeing on the protocol of a stream (multistream-select 1.0) with bounded lines and one round trip
for the side that asks.

Stock reads lengths of any size, byte by byte. Both sides here work on our buffered reader.
"""

from collections.abc import Callable, Sequence

from p2p import limits
from p2p.errors import ProtocolRefusedError, StreamFailed
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


async def answer(stream: ByteStream, reader: BufferedReader, is_served: Callable[[str], bool]) -> str:
    """Let the other side choose a protocol. Raises StreamFailed."""
    if await _read_line(reader) != _HEADER:
        raise StreamFailed("the peer does not negotiate protocols as libp2p does")
    await stream.write(_line(_HEADER))  # at once: other implementations wait for it before they ask
    for _ in range(limits.NEGOTIATION_LINES_MAX):
        asked = await _read_line(reader)
        if is_served(asked):
            await stream.write(_line(asked))
            return asked
        await stream.write(_line(_REFUSAL))
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
