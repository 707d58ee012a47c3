"""A peer that keeps to no rule: TCP and noise by the library, everything above them by hand.

Must not import `p2p`: the same bytes go to stock libp2p and to ours, whatever our own client would refuse to send.
"""

import itertools
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair as create_new_x25519_key_pair
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.security.noise.transport import Transport
from libp2p.security.secure_session import SecureSession

DATA, WINDOW, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
MULTISTREAM = "/multistream/1.0.0"
GOSSIP = "/meshsub/1.1.0"
PIECE_BYTES = 60_000
CONNECT_S = 6.0

Serve = Callable[["Channel"], Awaitable[None]]


class Cut(Exception):
    """The other side ended the connection or the stream."""


@dataclass(frozen=True)
class Target:
    """Where a victim listens, and who it is."""

    host: str
    port: int
    peer_id: str
    protocol: str
    """A protocol of its own that reads one frame, and its topic."""
    topic: str

    @property
    def address(self) -> str:
        return f"/ip4/{self.host}/tcp/{self.port}/p2p/{self.peer_id}"


def varint(number: int) -> bytes:
    raw = bytearray()
    while number >= 0x80:
        raw.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*raw, number])


def prefixed(data: bytes) -> bytes:
    return varint(len(data)) + data


def line_of(text: str) -> bytes:
    return prefixed(text.encode() + b"\n")


def framed(data: bytes) -> bytes:
    """A frame of the protocols of ours: a 4-byte length and the bytes."""
    return struct.pack("!I", len(data)) + data


async def tcp(target: Target, source: str = "127.0.0.2") -> trio.SocketStream:
    """A bare TCP connection from an address of the loopback network. Raises Cut."""
    try:
        with trio.fail_after(CONNECT_S):
            return await trio.open_tcp_stream(target.host, target.port, local_address=source)
    except (OSError, trio.TooSlowError) as error:
        raise Cut(f"no TCP connection: {error!r}") from error


@dataclass
class Channel:
    """One stream; what arrives waits in `inbox` until the end, and window updates are sent as it is taken out."""

    line: "Line"
    number: int
    inbox: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset_by_peer: bool = False
    arrived: trio.Event = field(default_factory=trio.Event)

    async def write(self, data: bytes) -> None:
        """Send, in frames, whatever the window says."""
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            await self.line.frame(DATA, 0, self.number, len(piece), piece)

    async def exactly(self, size: int) -> bytes:
        """The next bytes. Raises Cut at the end."""
        while len(self.inbox) < size:
            if self.ended or self.line.dead.is_set():
                raise Cut("the stream ended")
            self.arrived = trio.Event()
            await self.arrived.wait()
        taken = bytes(self.inbox[:size])
        del self.inbox[:size]
        await self.line.frame(WINDOW, 0, self.number, size)
        return taken

    async def line_text(self) -> str:
        """One line of the protocol negotiation."""
        size = (await self.exactly(1))[0]
        if size >= 0x80:
            size = size & 0x7F | (await self.exactly(1))[0] << 7
        return (await self.exactly(size)).decode("utf-8", "replace").rstrip("\n")

    async def answer(self) -> bytes:
        """One frame of a protocol of ours."""
        return await self.exactly(int.from_bytes(await self.exactly(4), "big"))

    async def until_end(self) -> None:
        """Take in everything until the other side ends the stream."""
        while not (self.ended or self.line.dead.is_set()):
            await self.exactly(max(1, len(self.inbox)))

    async def reset(self) -> None:
        await self.line.frame(WINDOW, RST, self.number, 0)

    async def finish(self) -> None:
        await self.line.frame(WINDOW, FIN, self.number, 0)


class Line:
    """One connection over noise on which any multiplexer frame can be sent."""

    def __init__(self, session: SecureSession, keys: KeyPair, nursery: trio.Nursery) -> None:
        self.keys = keys
        self.peer_id = str(ID.from_pubkey(keys.public_key))
        self.dead = trio.Event()
        self.serve: dict[str, Serve] = {}
        """Protocols this side answers; all others are refused, as somebody who merely lacks them would."""
        self.listens = True
        """False: what arrives is not even taken from the socket."""
        self.goodbyes = 0
        self._session = session
        self._nursery = nursery
        self._channels: dict[int, Channel] = {}
        self._numbers = itertools.count(1, 2)
        self._writing = trio.Lock()
        self._seqnos = itertools.count(int.from_bytes(os.urandom(6), "big"))

    async def frame(self, kind: int, flags: int, stream: int, length: int, body: bytes = b"", version: int = 0) -> None:
        """One frame as given. Raises Cut."""
        async with self._writing:
            if self.dead.is_set():
                raise Cut("the connection was closed")
            try:
                await self._session.write(struct.pack("!BBHII", version, kind, flags, stream, length) + body)
            except Exception as error:
                self._die()
                raise Cut("the connection was closed") from error

    async def syn(self) -> Channel:
        """Open a stream without a word on it."""
        channel = Channel(self, next(self._numbers))
        self._channels[channel.number] = channel
        await self.frame(WINDOW, SYN, channel.number, 0)
        return channel

    async def open(self, protocol: str) -> Channel:
        """Open a stream of a protocol. Raises Cut when it is refused."""
        channel = await self.syn()
        await channel.write(line_of(MULTISTREAM) + line_of(protocol))
        if await channel.line_text() != MULTISTREAM or await channel.line_text() != protocol:
            raise Cut(f"{protocol} was refused")
        return channel

    async def half_open(self, protocol: str) -> Channel:
        """Ask for a protocol and do not wait for the answer."""
        channel = await self.syn()
        await channel.write(line_of(MULTISTREAM) + line_of(protocol))
        return channel

    async def gossip(self, *frames: bytes) -> Channel:
        """Send frames on a gossip stream of their own."""
        channel = await self.open(GOSSIP)
        for data in frames:
            await channel.write(data)
        return channel

    def signed(self, topic: str, data: bytes, **changes: object) -> rpc_pb2.Message:
        """A gossip message of this peer with a good signature."""
        message = rpc_pb2.Message(
            data=data,
            topicIDs=[topic],
            from_id=ID.from_base58(self.peer_id).to_bytes(),
            seqno=next(self._seqnos).to_bytes(8, "big"),
        )
        message.signature = self.keys.private_key.sign(b"libp2p-pubsub:" + message.SerializeToString())
        return rpc_pb2.Message(**{**{name.name: value for name, value in message.ListFields()}, **changes})

    async def read(self) -> None:
        """Take frames in until the end; runs beside everything else."""
        with suppress(Exception):
            while True:
                while not self.listens:
                    await trio.sleep(0.05)
                head = await self._session.read(12)
                if len(head) < 12:
                    break
                _, kind, flags, number, length = struct.unpack("!BBHII", head)
                body = await self._session.read(length) if kind == DATA and length else b""
                if kind == PING and flags & SYN:
                    await self.frame(PING, ACK, 0, length)
                elif kind == GO_AWAY:
                    self.goodbyes += 1
                elif kind in (DATA, WINDOW):
                    await self._take(number, flags, body)
        self._die()

    async def _take(self, number: int, flags: int, body: bytes) -> None:
        channel = self._channels.get(number)
        if channel is None and flags & SYN:
            channel = self._channels[number] = Channel(self, number)
            await self.frame(WINDOW, ACK, number, 0)
            self._nursery.start_soon(self._negotiate, channel)
        if channel is None:
            return
        channel.inbox += body
        if flags & (FIN | RST):
            channel.ended = True
            channel.reset_by_peer |= bool(flags & RST)
            self._channels.pop(number, None)
        channel.arrived.set()

    async def _negotiate(self, channel: Channel) -> None:
        with suppress(Cut):
            await channel.line_text()
            await channel.write(line_of(MULTISTREAM))
            while True:
                asked = await channel.line_text()
                handler = self.serve.get(asked)
                if handler is not None:
                    await channel.write(line_of(asked))
                    return await handler(channel)
                await channel.write(line_of("na"))

    def _die(self) -> None:
        self.dead.set()
        for channel in self._channels.values():
            channel.arrived.set()


@asynccontextmanager
async def connected(
    target: Target, *, source: str = "127.0.0.2", keys: KeyPair | None = None, serve: dict[str, Serve] | None = None
) -> AsyncIterator[Line]:
    """A connection for the length of the block. Raises Cut when it cannot be made."""
    socket = await tcp(target, source)
    keys = keys or create_new_key_pair()
    raw = RawConnection(TrioTCPStream(socket), True)
    try:
        try:
            with trio.fail_after(CONNECT_S):
                session = await _secured(raw, keys, target)
        except Exception as error:
            raise Cut(f"no handshake: {error!r}") from error
        try:
            async with trio.open_nursery() as nursery:
                line = Line(session, keys, nursery)
                line.serve.update(serve or {})
                nursery.start_soon(line.read)
                try:
                    yield line
                finally:
                    nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            _, others = group.split(Cut)
            if others is not None:
                raise
            raise Cut(str(group.exceptions[0])) from group
    finally:
        with trio.CancelScope(shield=True), suppress(Exception):
            await trio.aclose_forcefully(socket)


async def _secured(raw: RawConnection, keys: KeyPair, target: Target) -> SecureSession:
    await choose(raw, "/noise")
    noise = Transport(keys, create_new_x25519_key_pair().private_key)
    session = await noise.secure_outbound(raw, ID.from_base58(target.peer_id))
    await choose(session, "/yamux/1.0.0")
    return session


async def choose(conn: "RawConnection | SecureSession", protocol: str) -> None:
    """Agree on a protocol below the multiplexer. Raises Cut."""
    await conn.write(line_of(MULTISTREAM) + line_of(protocol))
    for expected in (MULTISTREAM, protocol):
        size = (await _exactly(conn, 1))[0]
        if (await _exactly(conn, size)).decode().rstrip("\n") != expected:
            raise Cut(f"{protocol} was refused")


async def _exactly(conn: "RawConnection | SecureSession", size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await conn.read(size - len(data))
        if not piece:
            raise Cut("the connection ended")
        data += piece
    return data


def rpc(*messages: rpc_pb2.Message, **parts: object) -> bytes:
    """One gossip frame with its length."""
    return prefixed(rpc_pb2.RPC(publish=messages, **parts).SerializeToString())
