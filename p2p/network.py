"""The libp2p implementation of `Network`: what the outside sees, and what happens when peers come, go and misbehave.

Owns no protocol rules of its own: judging is in topics, admission of streams in services, bookkeeping in peerbook and
reputation, libp2p in hardened. Must not let any of their failures reach the nursery of the host.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Mapping

import trio
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.peer.id import ID
from libp2p.rcmgr import Direction as ConnectionDirection

from p2p import limits, wellknown
from p2p.addresses import TcpAddress, check_peer_id, concrete_addresses, parse_address
from p2p.api import (
    Again,
    Ban,
    Check,
    Discovery,
    Handler,
    HostConfig,
    Message,
    PeerView,
    Priority,
    Reachability,
    Stream,
)
from p2p.calls import Calls
from p2p.calls_served import CallServer
from p2p.connections import Circuits, NoCircuits, Notifee, PeerState
from p2p.counters import Counters
from p2p.credit import CreditStream
from p2p.dialer import Dialer
from p2p.dials import Dials
from p2p.errors import AddressError, UnreachableError
from p2p.framing import BufferedReader, FramedStream
from p2p.hardened.gossipsub import PROTOCOLS as GOSSIP_PROTOCOLS
from p2p.hardened.host import HardenedHost, RawHandler, is_gossip
from p2p.hardened.streams import Libp2pStream
from p2p.hardened.swarm import close_quietly
from p2p.hardened.transport import ExclusiveListener
from p2p.identity import Identity
from p2p.kad.service import Kademlia
from p2p.peerbook import PeerBook
from p2p.reputation import Reputation, banned_error, check_ban
from p2p.services import Services
from p2p.topics import Topics, check_topic_name

_log = logging.getLogger(__name__)


class Libp2pNetwork:
    """A node's place in the network, over one hardened libp2p host."""

    def __init__(self, config: HostConfig, identity: Identity, nursery: trio.Nursery) -> None:
        self.config = config
        self.identity = identity
        self.totals = Counters()
        self.book = PeerBook(identity.peer_id, random.Random())
        self.reputation = Reputation()
        self.topics = Topics(self.totals, trio.current_time)
        self.services = Services(self.totals, self.spawn)
        self.calls = Calls(self._open_framed, self.spawn, self.totals)
        CallServer(self.services, self.report, self.totals).start()
        self.connected: dict[str, PeerState] = {}
        self.listeners: list[ExclusiveListener] = []
        self.is_dirty = False
        self.reach = Reachability("unknown" if config.listen else "not_listening")
        """What peers found who dialled back; what `reachability` tells counts relays in."""
        self.circuits: Circuits = NoCircuits()
        self.dialer = Dialer(self.book, self._connect, self.connected.keys, self.is_banned, config.target_peers)
        self.kad = Kademlia(self, self._connect, random.Random())
        self.on_connection: Callable[[str, SwarmConn], None] = lambda _peer_id, _connection: None
        self.on_new_addresses: Callable[[], None] = lambda: None
        self._nursery = nursery
        self._dials = Dials(lambda peer_id: bool(self.host.connections(peer_id)), self._dial, self.totals)
        self._raw_handlers: dict[str, RawHandler] = {}
        self.host = HardenedHost(
            identity,
            gate=self,
            receive=self.topics.receive,
            priority_of=self.topics.priority,
            punish=self.report,
            find_handler=self._find_handler,
            spawn=self.spawn,
            counters=self.totals,
            max_peers=config.max_peers,
        )
        self.host.swarm.register_notifee(Notifee(self))

    # The public interface

    @property
    def peer_id(self) -> str:
        return self.identity.peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(str(address.with_peer(self.peer_id)) for address in self.told_addresses())

    def reachability(self) -> Reachability:
        return self.circuits.shown(self.reach)

    def discovery(self) -> Discovery:
        return self.kad.discovery()

    async def find(self, peer_id: str, *, timeout_s: float = limits.FIND_TIMEOUT_S) -> tuple[str, ...]:
        return tuple(map(str, await self.kad.find(check_peer_id(peer_id), timeout_s)))

    def take_part(self, tag: str) -> None:
        self.kad.take_part(tag)

    def subscribe(
        self,
        topic: str,
        check: Check,
        *,
        capacity: int = limits.TOPIC_QUEUE_MESSAGES,
        priority: Priority = Priority.LOW,
        again: Again | None = None,
    ) -> trio.MemoryReceiveChannel[Message]:
        channel = self.topics.subscribe(topic, check, capacity, priority, again)
        self.spawn(lambda: self.host.pubsub.subscribe(topic))
        return channel

    async def publish(self, topic: str, data: bytes) -> None:
        self.topics.note_own(topic, data)
        await self.host.pubsub.publish(topic, data)
        self.totals.add("gossip.published")

    async def tell(self, peer_id: str, topic: str, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        check_peer_id(peer_id)
        self.topics.check_own(topic, data)
        self.host.pubsub.tell(peer_id, topic, data)
        self.totals.add("gossip.told")

    def serve(
        self,
        protocol: str,
        handler: Handler,
        *,
        per_peer: int = limits.STREAMS_PER_PEER,
        total: int = limits.STREAMS_TOTAL,
        with_credit: bool = False,
    ) -> None:
        self.services.add(protocol, handler, per_peer=per_peer, total=total, with_credit=with_credit)

    async def open(
        self, peer_id: str, protocol: str, *, timeout_s: float = limits.OPEN_TIMEOUT_S, with_credit: bool = False
    ) -> Stream:
        check_peer_id(peer_id)
        self._refuse_banned(peer_id)
        with trio.move_on_after(timeout_s) as scope:
            if with_credit:
                begun = FramedStream(*await self.host.propose(peer_id, protocol, scope.deadline))
                self.totals.add("streams.out")
                return CreditStream(begun, self.spawn)
            return await self._open_framed(peer_id, protocol)
        raise UnreachableError(f"{peer_id} did not open a stream within {timeout_s:g} s")

    async def request(
        self,
        peer_id: str,
        protocol: str,
        payload: bytes,
        *,
        max_bytes: int,
        timeout_s: float = limits.REQUEST_TIMEOUT_S,
    ) -> bytes:
        check_peer_id(peer_id)
        self._refuse_banned(peer_id)
        return await self.calls.request(peer_id, protocol, payload, max_bytes=max_bytes, timeout_s=timeout_s)

    async def dial(self, address: str, *, timeout_s: float = limits.DIAL_TIMEOUT_S) -> str:
        target = parse_address(address)
        if target.peer_id is None:
            raise AddressError(f"{address} does not say who listens there; add /p2p/<peer id>")
        if target.peer_id == self.peer_id:
            raise AddressError(f"{address} is this node itself")
        if not target.is_dialable:
            raise AddressError(f"nobody can dial {address}; name where others reach that machine")
        self.kad.keep(target.peer_id)
        await self._connect(target, timeout_s)
        return target.peer_id

    async def drop(self, peer_id: str) -> None:
        check_peer_id(peer_id)
        self.book.forget(peer_id)
        await self._close_connections(peer_id)

    def peers(self) -> tuple[PeerView, ...]:
        now_s = trio.current_time()
        return tuple(
            PeerView(
                peer_id=peer_id,
                addresses=self._known_addresses(peer_id, state),
                direction=state.direction,
                latency_ms=state.latency_ms,
                agent=state.agent,
                score=self.reputation.score(peer_id, now_s),
                connected_at_s=state.connected_at_s,
                route=state.route,
                route_reason=state.route_reason,
                remote="" if state.remote is None else str(state.remote),
                streams=state.streams(),
                marks=self.reputation.marks(peer_id),
            )
            for peer_id, state in sorted(self.connected.items())
            if self.host.connections(peer_id)
        )

    def report(self, peer_id: str, points: float, reason: str) -> None:
        self.totals.add("reports")
        _log.info("peer %s loses %g points: %s", peer_id, points, reason)
        if not self.reputation.penalise(peer_id, points, trio.current_time(), reason):
            return
        self.totals.add("bans")
        self.is_dirty = True
        _log.warning("peer %s is banned for %g s: %s", peer_id, limits.BAN_S, reason)
        state = self.connected.get(peer_id)
        if state is not None and state.remote is not None and state.direction == "in":
            self.host.swarm.blame_address(state.remote.host)
        self.book.forget(peer_id)
        self.spawn(lambda: self._close_connections(peer_id))

    async def ban(self, peer_id: str, reason: str, *, duration_s: float = limits.BAN_S) -> Ban:
        check_ban(peer_id, self.peer_id, duration_s)
        self.totals.add("bans")
        self.is_dirty = True
        self.reputation.ban(peer_id, trio.current_time() + duration_s, reason)
        await self.drop(peer_id)
        return Ban(peer_id, duration_s, reason[: limits.BAN_REASON_MAX_CHARS])

    def unban(self, peer_id: str) -> bool:
        was_banned = self.reputation.unban(peer_id, trio.current_time())
        self.is_dirty |= was_banned
        return was_banned

    def bans(self) -> tuple[Ban, ...]:
        return self.reputation.bans(trio.current_time())

    async def ping(self, peer_id: str, *, timeout_s: float = limits.HEALTH_TIMEOUT_S) -> float:
        check_peer_id(peer_id)
        self._refuse_banned(peer_id)
        with trio.move_on_after(timeout_s):
            stream, reader, _ = await self.host.open(peer_id, (wellknown.PING,))
            try:
                return await wellknown.ping(stream, reader)
            finally:
                await stream.aclose()
        raise UnreachableError(f"{peer_id} did not answer within {timeout_s:g} s")

    def counters(self) -> Mapping[str, int]:
        return self.totals.snapshot()

    # What the host asks and tells

    def admits(self, peer_id: str, *, inbound: bool, entering: int = 0) -> bool:
        """Whether a peer whose id is proven may stay, while `entering` others are on their way in."""
        if self.is_banned(peer_id) or peer_id == self.peer_id:
            return False
        if peer_id in self.connected:
            return len(self.connected[peer_id].connections) < limits.CONNECTIONS_PER_PEER
        places = self.config.max_peers
        if not inbound:
            return len(self.connected) + entering < places
        taken = sum(state.direction == "in" for state in self.connected.values()) + entering
        return len(self.connected) < places and taken < places - places // limits.OUTBOUND_RESERVED_SHARE

    def is_banned(self, peer_id: str) -> bool:
        """Whether a ban is in force."""
        return self.reputation.is_banned(peer_id, trio.current_time())

    def connection_opened(self, peer_id: str, connection: SwarmConn) -> None:
        """Enter a connection into the table of peers and start what belongs to it."""
        inbound = connection.direction == ConnectionDirection.INBOUND
        state = self.connected.get(peer_id)
        if state is None:
            state = self.connected[peer_id] = PeerState("in" if inbound else "out", trio.current_time())
        if state.add(connection):
            self.calls.renew(peer_id)
            self.spawn(state.retire_relayed)
        self.on_connection(peer_id, connection)

    def connection_closed(self, peer_id: str, connection: SwarmConn) -> None:
        """Take a connection out; a peer that lost its last one is due for redialling."""
        state = self.connected.get(peer_id)
        if state is None or connection not in state.connections:
            return
        state.connections.remove(connection)
        if state.connections:
            return
        del self.connected[peer_id]
        state.settled.set()
        self.calls.forget(peer_id)
        self.totals.add("peers.lost")
        self.book.lost(peer_id, trio.current_time())
        self.dialer.wake()

    # Used by lifecycle and upkeep

    def listen_addresses(self) -> list[TcpAddress]:
        """The concrete addresses we listen on, without peer id."""
        return [address for listener in self.listeners for address in concrete_addresses(listener.bound)]

    def told_addresses(self) -> list[TcpAddress]:
        """The addresses others are told, without our id: where we listen, and through which relays we are reached."""
        return [*self.listen_addresses(), *self.circuits.addresses()]

    def handle_raw(self, protocol: str, handler: RawHandler) -> None:
        """Serve one of the host's own protocols."""
        self._raw_handlers[protocol] = handler

    def refuse_raw(self, protocol: str) -> None:
        """Serve one of them no longer."""
        self._raw_handlers.pop(protocol, None)

    def protocols(self) -> list[str]:
        """The protocols we tell others we speak; some open a gossip stream only to who names one here."""
        return [*GOSSIP_PROTOCOLS, *self._raw_handlers, *self.services.protocols()]

    def spawn(self, function: Callable[[], Awaitable[object]]) -> None:
        """Start a task of the host whose failure stays its own."""
        self._nursery.start_soon(self._contained, function)

    async def _contained(self, function: Callable[[], Awaitable[object]]) -> None:
        try:
            await function()
        except Exception:
            self.totals.add("host.task_failed")
            _log.exception("a task of the network host failed")

    async def leave(self, topic: str) -> None:
        """Leave a topic whose reader is gone."""
        check_topic_name(topic)
        if topic not in self.topics:
            await self.host.pubsub.unsubscribe(topic)

    # Details

    async def _open_framed(self, peer_id: str, protocol: str) -> FramedStream:
        stream, reader, _ = await self.host.open(peer_id, (protocol,))
        self.totals.add("streams.out")
        return FramedStream(stream, reader)

    def _find_handler(self, protocol: str) -> RawHandler | None:
        if is_gossip(protocol):
            handler: RawHandler = self.host.pubsub.serve_stream
            return handler
        raw_handler = self._raw_handlers.get(protocol)
        if raw_handler is not None or protocol not in self.services:
            return raw_handler

        async def serve(stream: Libp2pStream, reader: BufferedReader) -> None:
            await self.services.handle(protocol, FramedStream(stream, reader))

        return serve

    async def _connect(self, address: TcpAddress, timeout_s: float) -> None:
        """Connect to a peer unless it is connected; two dials of one peer wait for each other. Raises PeerError."""
        self._refuse_banned(address.peer_id or "")
        await self._dials.connect(address, timeout_s)
        self.book.add(address, has_answered=True)
        self.book.succeeded(address)
        self.is_dirty = True

    async def _dial(self, address: TcpAddress) -> None:
        peer_id = address.peer_id or ""
        if address.relay_id is None:
            await self.host.swarm.dial(address, ID.from_base58(peer_id))
        else:
            await self.circuits.dial(address)
        await self._settle(address, peer_id)

    async def _settle(self, address: TcpAddress, peer_id: str) -> None:
        """A peer that has banned us, or has no room, closes only after the handshake: wait for its first words."""
        state = self.connected.get(peer_id)
        if state is not None:
            await state.settled.wait()
        if not self.host.connections(peer_id):
            raise UnreachableError(f"{address} closed the connection at once; it is full or does not want us")

    def _refuse_banned(self, peer_id: str) -> None:
        ban = self.reputation.ban_of(peer_id, trio.current_time())
        if ban is not None:
            raise banned_error(ban)

    async def _close_connections(self, peer_id: str) -> None:
        async with trio.open_nursery() as nursery:
            for connection in self.host.swarm.get_connections(ID.from_base58(peer_id)):
                nursery.start_soon(close_quietly, connection)

    def _known_addresses(self, peer_id: str, state: PeerState) -> tuple[str, ...]:
        known = tuple(map(str, self.book.addresses(peer_id)))
        return known or (() if state.remote is None else (str(state.remote.with_peer(peer_id)),))
