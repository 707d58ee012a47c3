"""The same network in process, without sockets, keys or handshakes: for tests and simulations.

Topics, verdicts, reputation, framing and admission of streams are the very code of the libp2p host; only the wires are
replaced. Deliveries happen in a fixed order, so runs repeat. Peer ids look real but prove nothing.

Tasks run in the nursery given to the swarm, or, without one, as trio system tasks that end with the trio run.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from itertools import count

import trio

from p2p import limits
from p2p.addresses import check_peer_id
from p2p.api import Again, Ban, Check, Direction, Discovery, Handler, Message, PeerView, Priority, Reachability, Stream
from p2p.calls import Calls
from p2p.calls_served import CallServer
from p2p.counters import Counters
from p2p.credit import CreditStream
from p2p.errors import AddressError, BusyError, ProtocolRefusedError, UnreachableError
from p2p.framing import FramedStream
from p2p.identity import Identity
from p2p.pipe import PipeEnd, open_pipe
from p2p.reputation import Reputation, banned_error, check_ban
from p2p.services import Services
from p2p.topics import Outcome, SeenCache, Topics

_log = logging.getLogger(__name__)

_AGENT = "memory"


class MemorySwarm:
    """Nodes joined in one process; all methods belong to one trio thread."""

    def __init__(self, nursery: trio.Nursery | None = None) -> None:
        self._nursery = nursery
        self._nodes: dict[str, MemoryNetwork] = {}
        self._deliveries: deque[Callable[[], None]] = deque()
        self._is_pumping = False
        self._numbers = count(1)

    def next_number(self) -> int:
        """A number no message had before."""
        return next(self._numbers)

    def join(self, name: str, *, bootstrap: tuple[str, ...] = (), max_peers: int = limits.PEERS_MAX) -> "MemoryNetwork":
        """Add a node and connect it to the bootstrap nodes and to their peers.

        Its address is /memory/<name>/p2p/<peer id>, its peer id derived from `name`, so the same name joins as the same
        peer again once it has left. Raises AddressError.
        """
        identity = Identity.from_seed(blake2b(name.encode(), digest_size=32).digest())
        if not name or "/" in name or identity.peer_id in self._nodes:
            raise AddressError(f"{name!r} is in use, empty, or contains a slash; choose another name")
        node = MemoryNetwork(self, name, identity.peer_id, max_peers)
        self._nodes[node.peer_id] = node
        for address in bootstrap:
            first = self.find(address)
            for peer in (first, *first.neighbours()):
                if peer is not node:
                    node.connect(peer)
        return node

    def leave(self, network: "MemoryNetwork") -> None:
        """Take a node out as if its process had died: its streams fail, its channels end."""
        self._nodes.pop(network.peer_id, None)
        network.shut()

    def find(self, address: str) -> "MemoryNetwork":
        """The node at an address. Raises AddressError or UnreachableError."""
        parts = address.split("/")
        if len(parts) != 5 or parts[:2] != ["", "memory"] or parts[3] != "p2p":
            raise AddressError(f"{address!r} is not of the form /memory/<name>/p2p/<peer id>")
        node = self._nodes.get(parts[4])
        if node is None or node.name != parts[2]:
            raise UnreachableError(f"nobody answers at {address}")
        return node

    def addresses_of(self, peer_id: str) -> tuple[str, ...]:
        """Where a node of the swarm can be dialled; nothing for one that left or never was."""
        node = self._nodes.get(peer_id)
        return () if node is None else node.addresses

    def spawn(self, function: Callable[[], Awaitable[None]]) -> None:
        """Run a task whose failure stays its own."""

        async def contained() -> None:
            try:
                await function()
            except Exception:
                _log.exception("a task of the memory network failed")

        if self._nursery is None:
            trio.lowlevel.spawn_system_task(contained)
        else:
            self._nursery.start_soon(contained)

    def deliver_soon(self, delivery: Callable[[], None]) -> None:
        """Queue a delivery; deliveries run one after another, never inside the caller."""
        self._deliveries.append(delivery)
        if not self._is_pumping:
            self._is_pumping = True
            self.spawn(self._pump)

    async def _pump(self) -> None:
        try:
            while self._deliveries:
                self._deliveries.popleft()()
                await trio.lowlevel.checkpoint()
        finally:
            self._is_pumping = False


@dataclass(frozen=True, slots=True)
class _Gossip:
    """A message on its way; the number tells one publication from another of the same bytes."""

    number: int
    topic: str
    data: bytes


@dataclass(slots=True)
class _Link:
    """One side of a connection."""

    peer: "MemoryNetwork"
    direction: Direction
    connected_at_s: float
    streams: set[PipeEnd] = field(default_factory=set)


class MemoryNetwork:
    """One node of a MemorySwarm; implements `Network`."""

    def __init__(self, swarm: MemorySwarm, name: str, peer_id: str, max_peers: int) -> None:
        self.name = name
        self._swarm = swarm
        self._peer_id = peer_id
        self._max_peers = max_peers
        self._totals = Counters()
        self._topics = Topics(self._totals, trio.current_time)
        self._services = Services(self._totals, swarm.spawn)
        self._calls = Calls(self._open_framed, swarm.spawn, self._totals)
        CallServer(self._services, self.report, self._totals).start()
        self._reputation = Reputation()
        self._passed_on = SeenCache()
        self._links: dict[str, _Link] = {}

    # The public interface

    @property
    def peer_id(self) -> str:
        return self._peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        return (f"/memory/{self.name}/p2p/{self._peer_id}",)

    def reachability(self) -> Reachability:
        return Reachability("direct")

    def discovery(self) -> Discovery:
        return Discovery(len(self._links))

    async def find(self, peer_id: str, *, timeout_s: float = limits.FIND_TIMEOUT_S) -> tuple[str, ...]:
        await trio.lowlevel.checkpoint()
        return self._swarm.addresses_of(check_peer_id(peer_id))

    def take_part(self, tag: str) -> None:
        """Every node of a swarm is known to all of it."""

    def subscribe(
        self,
        topic: str,
        check: Check,
        *,
        capacity: int = limits.TOPIC_QUEUE_MESSAGES,
        priority: Priority = Priority.LOW,
        again: Again | None = None,
    ) -> trio.MemoryReceiveChannel[Message]:
        return self._topics.subscribe(topic, check, capacity, priority, again)

    async def publish(self, topic: str, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self._topics.note_own(topic, data)
        self._totals.add("gossip.published")
        self._pass_on(_Gossip(self._swarm.next_number(), topic, data))

    async def tell(self, peer_id: str, topic: str, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        check_peer_id(peer_id)
        self._topics.check_own(topic, data)
        link = self._links.get(peer_id)
        if link is not None:
            gossip = _Gossip(self._swarm.next_number(), topic, data)
            self._swarm.deliver_soon(partial(link.peer.take, gossip, self._peer_id))
        self._totals.add("gossip.told")

    def serve(
        self,
        protocol: str,
        handler: Handler,
        *,
        per_peer: int = limits.STREAMS_PER_PEER,
        total: int = limits.STREAMS_TOTAL,
        with_credit: bool = False,
    ) -> None:
        self._services.add(protocol, handler, per_peer=per_peer, total=total, with_credit=with_credit)

    async def open(
        self, peer_id: str, protocol: str, *, timeout_s: float = limits.OPEN_TIMEOUT_S, with_credit: bool = False
    ) -> Stream:
        stream = await self._open_framed(peer_id, protocol)
        return CreditStream(stream, self._swarm.spawn) if with_credit else stream

    async def _open_framed(self, peer_id: str, protocol: str) -> FramedStream:
        await trio.lowlevel.checkpoint()
        check_peer_id(peer_id)
        self._refuse_banned(peer_id)
        link = self._links.get(peer_id)
        if link is None:
            raise UnreachableError(f"{peer_id} is not connected; dial it first")
        if len(link.streams) >= limits.CONNECTION_STREAMS_MAX:
            raise BusyError(f"too many streams to {peer_id} are open; close some first")
        if not link.peer.serves(protocol):
            raise ProtocolRefusedError(f"{peer_id} does not speak {protocol}")
        ours, theirs = open_pipe(self._peer_id, peer_id)
        self._adopt(peer_id, ours)
        link.peer.accept(self._peer_id, protocol, theirs)
        self._totals.add("streams.out")
        return FramedStream(ours)

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
        return await self._calls.request(peer_id, protocol, payload, max_bytes=max_bytes, timeout_s=timeout_s)

    async def dial(self, address: str, *, timeout_s: float = limits.DIAL_TIMEOUT_S) -> str:
        await trio.lowlevel.checkpoint()
        peer = self._swarm.find(address)
        if peer is self:
            raise AddressError(f"{address} is this node itself")
        self._refuse_banned(peer.peer_id)
        self._totals.add("dials")
        self.connect(peer)
        return peer.peer_id

    async def drop(self, peer_id: str) -> None:
        await trio.lowlevel.checkpoint()
        check_peer_id(peer_id)
        self._disconnect(peer_id)

    def peers(self) -> tuple[PeerView, ...]:
        now_s = trio.current_time()
        return tuple(
            PeerView(
                peer_id=peer_id,
                addresses=link.peer.addresses,
                direction=link.direction,
                latency_ms=0.0,
                agent=_AGENT,
                score=self._reputation.score(peer_id, now_s),
                connected_at_s=link.connected_at_s,
            )
            for peer_id, link in sorted(self._links.items())
        )

    def report(self, peer_id: str, points: float, reason: str) -> None:
        self._totals.add("reports")
        if self._reputation.penalise(peer_id, points, trio.current_time(), reason):
            self._totals.add("bans")
            _log.info("peer %s is banned: %s", peer_id, reason)
            self._disconnect(peer_id)

    async def ban(self, peer_id: str, reason: str, *, duration_s: float = limits.BAN_S) -> Ban:
        await trio.lowlevel.checkpoint()
        check_ban(peer_id, self._peer_id, duration_s)
        self._totals.add("bans")
        self._reputation.ban(peer_id, trio.current_time() + duration_s, reason)
        self._disconnect(peer_id)
        return Ban(peer_id, duration_s, reason[: limits.BAN_REASON_MAX_CHARS])

    def unban(self, peer_id: str) -> bool:
        return self._reputation.unban(peer_id, trio.current_time())

    def bans(self) -> tuple[Ban, ...]:
        return self._reputation.bans(trio.current_time())

    async def ping(self, peer_id: str, *, timeout_s: float = limits.HEALTH_TIMEOUT_S) -> float:
        await trio.lowlevel.checkpoint()
        check_peer_id(peer_id)
        self._refuse_banned(peer_id)
        if peer_id not in self._links:
            raise UnreachableError(f"{peer_id} is not connected; dial it first")
        return 0.0

    def counters(self) -> Mapping[str, int]:
        return self._totals.snapshot()

    # What the swarm and other nodes call

    def connect(self, peer: "MemoryNetwork") -> None:
        """Connect both nodes unless they are. Raises UnreachableError when the other side refuses."""
        if peer.peer_id in self._links:
            return
        if not peer.has_place_for(self) or not self.has_place_for(peer):
            raise UnreachableError(f"{peer.peer_id} did not admit us, or we have no room")
        now_s = trio.current_time()
        self._links[peer.peer_id] = _Link(peer, "out", now_s)
        peer._links[self._peer_id] = _Link(self, "in", now_s)

    def has_place_for(self, peer: "MemoryNetwork") -> bool:
        """Whether `peer` is not banned and there is room."""
        banned = self._reputation.is_banned(peer.peer_id, trio.current_time())
        return not banned and len(self._links) < self._max_peers

    def neighbours(self) -> tuple["MemoryNetwork", ...]:
        """The connected nodes."""
        return tuple(link.peer for link in self._links.values())

    def serves(self, protocol: str) -> bool:
        """Whether streams of `protocol` are answered."""
        return protocol in self._services

    def accept(self, peer_id: str, protocol: str, pipe: PipeEnd) -> None:
        """Serve an inbound stream."""
        self._adopt(peer_id, pipe)

        async def serve() -> None:
            await self._services.handle(protocol, FramedStream(pipe))

        self._swarm.spawn(serve)

    def take(self, gossip: _Gossip, peer_id: str) -> None:
        """Judge a message a neighbour handed over, and pass it on."""
        key = gossip.number.to_bytes(8, "big")
        now_s = trio.current_time()
        if peer_id not in self._links or self._passed_on.marked_s(key, now_s) is not None:
            return
        self._totals.add("gossip.in")
        self._passed_on.add(key, now_s)
        match self._topics.receive(gossip.topic, peer_id, gossip.data):
            case Outcome.FORWARD:
                self._pass_on(gossip)
            case Outcome.PUNISH:
                self.report(peer_id, limits.REJECTED_POINTS, f"a message on {gossip.topic} was rejected")
            case Outcome.DROP:
                pass

    def shut(self) -> None:
        """Lose all connections and end all channels."""
        for peer_id in tuple(self._links):
            self._disconnect(peer_id)
        self._topics.close()

    # Details

    def _pass_on(self, gossip: _Gossip) -> None:
        self._topics.abandoned()
        self._passed_on.add(gossip.number.to_bytes(8, "big"), trio.current_time())
        for peer_id in sorted(self._links):
            self._totals.add("gossip.out")
            self._swarm.deliver_soon(partial(self._links[peer_id].peer.take, gossip, self._peer_id))

    def _adopt(self, peer_id: str, pipe: PipeEnd) -> None:
        streams = self._links[peer_id].streams
        streams.add(pipe)
        pipe.on_close(streams.discard)

    def _disconnect(self, peer_id: str) -> None:
        link = self._links.pop(peer_id, None)
        if link is None:
            return
        self._totals.add("peers.lost")
        self._calls.forget(peer_id)
        for pipe in tuple(link.streams):
            pipe.fail()
        link.peer._disconnect(self._peer_id)

    def _refuse_banned(self, peer_id: str) -> None:
        ban = self._reputation.ban_of(peer_id, trio.current_time())
        if ban is not None:
            raise banned_error(ban)
