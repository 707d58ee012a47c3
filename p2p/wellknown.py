"""The small protocols of every host: identify (who are you), ping (are you there), peer exchange (whom do you know).

Identify and ping are libp2p's own, so other implementations can talk to us; peer exchange is ours. Every answer is
bounded before it is read and none of it is believed further than a candidate to dial.
"""

import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import trio
from google.protobuf.message import DecodeError
from libp2p.identity.identify.pb.identify_pb2 import Identify
from multiaddr import Multiaddr

from p2p import limits
from p2p.addresses import TcpAddress
from p2p.api import Stream
from p2p.errors import StreamFailed
from p2p.framing import BufferedReader, ByteStream
from p2p.peerbook import usable_addresses

IDENTIFY = "/ipfs/id/1.0.0"
PING = "/ipfs/ping/1.0.0"
EXCHANGE = "/neurond/peers/1"

_log = logging.getLogger(__name__)

_PING_BYTES = 32
_PROTOCOL_VERSION = "neurond/1"


class ExchangeRequest(msgspec.Struct, frozen=True):
    """Our own listen addresses, and how many peers we would like."""

    addresses: tuple[str, ...]
    wanted: int


class ExchangeAnswer(msgspec.Struct, frozen=True):
    """Addresses of connected peers, each ending in /p2p/<peer id>."""

    addresses: tuple[str, ...]


class Description(NamedTuple):
    """What a peer says of itself, and where it sees us."""

    agent: str = ""
    addresses: Sequence[TcpAddress] = ()
    observed: TcpAddress | None = None


def identify_message(
    public_key: bytes,
    agent: str,
    addresses: Iterable[TcpAddress],
    protocols: Iterable[str],
    observed: TcpAddress | None = None,
) -> bytes:
    """Our description of ourselves, with its length, for a peer that we see at `observed`; `public_key` is in libp2p's
    protobuf form."""
    message = Identify(
        protocol_version=_PROTOCOL_VERSION,
        agent_version=agent[: limits.AGENT_MAX_CHARS],
        public_key=public_key,
        listen_addrs=[Multiaddr(str(replace(address, peer_id=None))).to_bytes() for address in addresses],
        protocols=list(protocols),
    )
    if observed is not None:
        message.observed_addr = Multiaddr(str(replace(observed, peer_id=None))).to_bytes()
    return with_length(message.SerializeToString())


async def read_identify(reader: BufferedReader, peer_id: str) -> Description:
    """What a peer says of itself. Raises StreamFailed for anything malformed."""
    frame = await reader.varint_frame(limits.IDENTIFY_MAX_BYTES)
    message = Identify()
    try:
        message.ParseFromString(frame or b"")
        agent = message.agent_version
        if not isinstance(agent, str):  # protobuf hands out bytes when they are not UTF-8
            raise StreamFailed("the peer's name for itself is not text")
    except (DecodeError, UnicodeDecodeError) as error:
        raise StreamFailed("the peer's description of itself is malformed") from error
    printable = "".join(character for character in agent[: limits.AGENT_MAX_CHARS] if character.isprintable())
    told = [text_of(raw) for raw in message.listen_addrs[: limits.ADDRESSES_PER_PEER]]
    addresses = usable_addresses(f"{text}/p2p/{peer_id}" for text in told)
    observed = usable_addresses([f"{text_of(message.observed_addr)}/p2p/{peer_id}"])
    return Description(printable, addresses, replace(observed[0], peer_id=None) if observed else None)


def text_of(raw: bytes) -> str:
    """A peer's multiaddress in bytes as text; empty when it is none, which is no address to any parser."""
    try:
        return str(Multiaddr(raw)) if len(raw) <= limits.ADDRESS_MAX_BYTES else ""
    except Exception as error:  # the library raises many kinds for hostile bytes
        _log.debug("an address is malformed: %r", error)
        return ""


async def answer_pings(stream: ByteStream, reader: BufferedReader) -> None:
    """Echo pings until the other side ends. Raises StreamFailed."""
    while True:
        with trio.move_on_after(limits.HEALTH_INTERVAL_S) as idle:
            payload = await reader.exactly(_PING_BYTES)
        if idle.cancelled_caught or not payload:
            break
        await stream.write(payload)
    await stream.aclose()


async def ping(stream: ByteStream, reader: BufferedReader) -> float:
    """The round trip in milliseconds. Raises StreamFailed for a wrong echo."""
    payload = secrets.token_bytes(_PING_BYTES)
    started_s = trio.current_time()
    await stream.write(payload)
    echo = await reader.exactly(_PING_BYTES)
    if echo != payload:
        raise StreamFailed("the peer does not echo pings")
    return (trio.current_time() - started_s) * 1000.0


async def ask_for_peers(stream: Stream, own: Iterable[TcpAddress], wanted: int) -> list[TcpAddress]:
    """Tell our addresses, get those of other peers. Raises StreamError."""
    request = ExchangeRequest(tuple(map(str, own))[: limits.ADDRESSES_PER_PEER], wanted)
    await stream.send(msgspec.json.encode(request))
    await stream.close_write()
    raw = await stream.receive(limits.EXCHANGE_MAX_BYTES)
    try:
        answer = msgspec.json.decode(raw, type=ExchangeAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StreamFailed("the peer's answer about other peers is malformed") from error
    return usable_addresses(answer.addresses[: limits.EXCHANGE_PEERS_MAX * limits.ADDRESSES_PER_PEER])


async def read_exchange_request(stream: Stream) -> tuple[list[TcpAddress], int]:
    """The asker's addresses and how many peers it may get. Raises StreamError."""
    raw = await stream.receive(limits.EXCHANGE_MAX_BYTES)
    try:
        request = msgspec.json.decode(raw, type=ExchangeRequest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StreamFailed("the question about peers is malformed") from error
    own = [a for a in usable_addresses(request.addresses[: limits.ADDRESSES_PER_PEER]) if a.peer_id == stream.peer_id]
    return own, max(0, min(request.wanted, limits.EXCHANGE_PEERS_MAX))


async def send_exchange_answer(stream: Stream, addresses: Iterable[TcpAddress]) -> None:
    """Answer with as many addresses as fit the bound. Raises StreamError."""
    texts: list[str] = []
    size = 64
    for address in addresses:
        size += len(str(address)) + 3
        if size > limits.EXCHANGE_MAX_BYTES:
            break
        texts.append(str(address))
    await stream.send(msgspec.json.encode(ExchangeAnswer(tuple(texts))))


def with_length(message: bytes) -> bytes:
    """A message of libp2p's protocols behind its length."""
    number, raw = len(message), bytearray()
    while number >= 0x80:
        raw.append(number & 0x7F | 0x80)
        number >>= 7
    raw.append(number)
    return bytes(raw) + message
