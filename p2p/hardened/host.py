"""The library's parts put together: TCP, noise, yamux, gossipsub; and streams handed to their protocols.

Stands in for the library's own host, whose stream handling lets any handler's error end the process (A5, A6) and whose
identify runs as trio system tasks, which outlive the host. Only what gossip needs of that interface is offered.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

import trio
from libp2p import generate_peer_id_from
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.keys import PrivateKey, PublicKey
from libp2p.crypto.x25519 import create_new_key_pair as create_new_x25519_key_pair
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.net_stream import NetStream
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.security.noise import transport as noise

from p2p import limits
from p2p.counters import Counters
from p2p.errors import BusyError, P2PError, ProtocolRefusedError, StreamFailed, UnreachableError
from p2p.framing import BufferedReader
from p2p.hardened import doors, negotiation
from p2p.hardened.circuit import is_relayed
from p2p.hardened.gossipsub import PROTOCOLS as GOSSIP_PROTOCOLS
from p2p.hardened.gossipsub import HardenedGossipSub, PriorityOf
from p2p.hardened.pubsub import HardenedPubsub, Punish, Receive
from p2p.hardened.services import running
from p2p.hardened.streams import Libp2pStream, Spawn
from p2p.hardened.swarm import Gate, HardenedSwarm, close_quietly
from p2p.hardened.yamux import HardenedUpgrader
from p2p.identity import Identity

_log = logging.getLogger(__name__)

RawHandler = Callable[[Libp2pStream, BufferedReader], Awaitable[None]]
FindHandler = Callable[[str], RawHandler | None]
"""protocol -> its handler, or None when it is not served."""


class HardenedHost:
    """Swarm, router and pubsub of one identity."""

    def __init__(
        self,
        identity: Identity,
        *,
        gate: Gate,
        receive: Receive,
        priority_of: PriorityOf,
        punish: Punish,
        find_handler: FindHandler,
        spawn: Spawn,
        counters: Counters,
        max_peers: int,
    ) -> None:
        key_pair = create_new_key_pair(identity.seed)
        noise_key = create_new_x25519_key_pair().private_key
        self.id: ID = generate_peer_id_from(key_pair)
        peerstore = PeerStore()
        peerstore.add_key_pair(self.id, key_pair)
        upgrader = HardenedUpgrader({noise.PROTOCOL_ID: noise.Transport(key_pair, noise_privkey=noise_key)})
        self.swarm = HardenedSwarm(self.id, peerstore, upgrader, gate, counters, max_peers)
        self.swarm.set_stream_handler(self._serve_stream)
        self._key_pair = key_pair
        self._find_handler = find_handler
        self._spawn = spawn
        self._counters = counters
        self._punish = punish
        self._openings = doors.openings()
        self._wasted = doors.wasted()
        self.router = HardenedGossipSub(counters, priority_of)
        self.pubsub = HardenedPubsub(self, self.router, receive, punish, counters, priority_of)

    async def start(self, stack: AsyncExitStack) -> None:
        """Run the services until `stack` is closed."""
        await stack.enter_async_context(running(self.swarm))
        await stack.enter_async_context(running(self.pubsub))
        await stack.enter_async_context(running(self.router))
        await self.pubsub.wait_until_ready()

    def connections(self, peer_id: str) -> list[SwarmConn]:
        """The sound connections to a peer, direct ones first, then oldest first; the table itself forgets dead ones
        0.2 s late."""
        sound = [conn for conn in self.swarm.get_connections(ID.from_base58(peer_id)) if is_sound(conn)]
        return sorted(sound, key=is_relayed)

    async def open(self, peer_id: str, protocols: Sequence[str]) -> tuple[Libp2pStream, BufferedReader, str]:
        """Open a stream to a connected peer; the reader may hold bytes already received, and the protocol agreed on.

        Raises UnreachableError, BusyError, ProtocolRefusedError, StreamFailed. The caller sets the deadline.
        """
        return await self.open_on(self._connection(peer_id), protocols)

    async def open_on(
        self, connection: SwarmConn, protocols: Sequence[str]
    ) -> tuple[Libp2pStream, BufferedReader, str]:
        """The same on a given connection."""
        stream, reader, protocol, _ = await self._open(connection, protocols)
        return stream, reader, protocol

    async def propose(self, peer_id: str, protocol: str, deadline_s: float) -> tuple[Libp2pStream, BufferedReader]:
        """A stream on which the caller may write at once; its first read tells whether the peer speaks the protocol.

        Raises UnreachableError, BusyError, StreamFailed; the reader what `negotiation.propose` says.
        """
        stream, net_stream = await self._begin(self._connection(peer_id))
        try:
            reader = await negotiation.propose(stream, protocol, deadline_s)
        except BaseException:
            await stream.reset()
            raise
        net_stream.set_protocol(protocol)
        return stream, reader

    def _connection(self, peer_id: str) -> SwarmConn:
        """The best connection to a peer. Raises UnreachableError."""
        connections = self.connections(peer_id)
        if not connections:
            raise UnreachableError(f"{peer_id} is not connected; dial it first")
        return connections[0]

    # The part of the library's host interface that its pubsub uses

    def get_network(self) -> HardenedSwarm:
        return self.swarm

    def get_id(self) -> ID:
        return self.id

    def get_private_key(self) -> PrivateKey:
        return self._key_pair.private_key

    def get_public_key(self) -> PublicKey:
        return self._key_pair.public_key

    def set_stream_handler(self, protocol_id: str, stream_handler: object) -> None:
        """Inbound gossip streams are served through `find_handler` like all others."""

    async def new_stream(self, peer_id: ID, protocol_ids: Sequence[str]) -> NetStream:
        """Open a gossip stream. Raises SwarmException for what is worth another try, else ProtocolRefusedError."""
        try:
            with trio.fail_after(limits.OPEN_TIMEOUT_S):
                connections = self.connections(str(peer_id))
                if not connections:
                    raise SwarmException(f"{peer_id} is not connected")
                _, _, _, net_stream = await self._open(connections[0], protocol_ids)
        except ProtocolRefusedError:
            raise
        except (P2PError, trio.TooSlowError) as error:
            raise SwarmException(str(error)) from error
        return net_stream

    # Streams

    async def _open(
        self, connection: SwarmConn, protocols: Sequence[str]
    ) -> tuple[Libp2pStream, BufferedReader, str, NetStream]:
        stream, net_stream = await self._begin(connection)
        reader = BufferedReader(stream)
        try:
            protocol = await negotiation.ask(stream, reader, protocols)
        except BaseException:
            await stream.reset()
            raise
        net_stream.set_protocol(protocol)
        return stream, reader, protocol, net_stream

    async def _begin(self, connection: SwarmConn) -> tuple[Libp2pStream, NetStream]:
        """A stream of no protocol yet."""
        if len(connection.get_streams()) >= limits.CONNECTION_STREAMS_MAX:
            raise BusyError(f"too many streams to {connection.muxed_conn.peer_id} are open; close some first")
        try:
            net_stream = await connection.new_stream()
        except Exception as error:
            raise UnreachableError(f"the connection to {connection.muxed_conn.peer_id} is closing") from error
        return Libp2pStream(net_stream, self._spawn), net_stream

    async def _serve_stream(self, net_stream: NetStream) -> None:
        """Serve one inbound stream; nothing that happens on it may leave this function."""
        stream = Libp2pStream(net_stream, self._spawn)
        try:
            if len(net_stream.swarm_conn.get_streams()) > limits.CONNECTION_STREAMS_MAX:
                self._counters.add("streams.refused.busy")
                await stream.reset()
                return
            pause_s = self._openings.charge(stream.peer_id, trio.current_time(), 1.0)
            if pause_s > 0:
                self._counters.add("streams.slowed")
                await trio.sleep(pause_s)
            reader = BufferedReader(stream)
            protocol = await self._agree(stream, reader)
            net_stream.set_protocol(protocol)
            handler = self._find_handler(protocol)
            if handler is not None:
                await handler(stream, reader)
        except ProtocolRefusedError:
            self._counters.add("streams.refused.protocol")
            await stream.aclose()  # in order, so that the refusal arrives
        except (StreamFailed, trio.TooSlowError) as error:
            self._counters.add("streams.failed")
            _log.debug("a stream of %s ended: %s", stream.peer_id, error)
            await stream.reset()
        except Exception as error:
            self._counters.add("streams.failed")
            _log.warning("serving a stream of %s failed: %r", stream.peer_id, error)
            await stream.reset()

    async def _agree(self, stream: Libp2pStream, reader: BufferedReader) -> str:
        """Let the peer choose a protocol; one that opens streams by the hundred and names none loses its connections.

        Raises ProtocolRefusedError, StreamFailed, TooSlowError.
        """
        try:
            with trio.fail_after(limits.NEGOTIATION_TIMEOUT_S):
                return await negotiation.answer(stream, reader, lambda name: self._find_handler(name) is not None)
        except (ProtocolRefusedError, StreamFailed, trio.TooSlowError):
            if not self._wasted.take(stream.peer_id, trio.current_time()):
                self._wasted.forget(stream.peer_id)
                self._counters.add("streams.wasted")
                self._punish(stream.peer_id, limits.MALFORMED_POINTS, "streams opened and thrown away by the hundred")
                for connection in self.connections(stream.peer_id):
                    self._spawn(partial(close_quietly, connection))
            raise


def is_sound(connection: SwarmConn) -> bool:
    """Whether a connection is neither closed nor on its way there."""
    return not (connection.is_closed or connection.muxed_conn.event_shutting_down.is_set())


def is_gossip(protocol: str) -> bool:
    """Whether a stream of this protocol carries gossip."""
    return protocol in GOSSIP_PROTOCOLS
