"""What the rest of the program may see of the network: plain values and two protocols.

Two implementations keep to it: the libp2p host (`open_host`) and the in-process swarm (`MemorySwarm`). Everything here
speaks bytes and peer ids; no libp2p type may appear. One behavioural test suite runs against both.
"""

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import trio

from p2p import limits

Direction = Literal["in", "out"]
ReachState = Literal["unknown", "direct", "relayed", "unreachable", "not_listening"]
Route = Literal["direct", "relayed"]


class Priority(enum.IntEnum):
    """What goes first, and what is dropped last, when there is more gossip than a connection or a node can take."""

    HIGH = 0
    """What consensus needs; never waits behind the others."""
    NORMAL = 1
    """What users wait for."""
    LOW = 2
    """The rest."""


class Verdict(enum.Enum):
    """What a topic check says about one message."""

    ACCEPT = "accept"
    """Deliver it here and forward it."""
    IGNORE = "ignore"
    """Neither deliver nor forward; the sender is not to blame (a duplicate, too early, too late)."""
    REJECT = "reject"
    """Neither deliver nor forward, and the peer that handed it to us loses score."""


@dataclass(frozen=True, slots=True)
class Message:
    """One accepted gossip message; `peer_id` is the neighbour that handed it to us, not its author."""

    topic: str
    peer_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PeerView:
    """One connected peer as of now."""

    peer_id: str
    addresses: tuple[str, ...]
    direction: Direction
    latency_ms: float | None
    agent: str
    score: float
    connected_at_s: float
    route: Route = "direct"
    """Whether its bytes come straight or through a relay."""
    route_reason: str = ""
    """Why they come through a relay; empty when they do not."""
    remote: str = ""
    """Where its direct connection comes from; empty while there is none."""
    streams: Mapping[str, int] = field(default_factory=dict)
    """Its open streams by protocol, whoever opened them."""
    marks: tuple["Mark", ...] = ()
    """What its score lost last, newest first."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Points taken from a peer at a time on trio's clock, and why."""

    points: float
    at_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """What this node's part of the distributed hash table looks like; times are on trio's clock."""

    table_peers: int
    """Peers in the routing table, connected or not."""
    looked_up_at_s: float | None = None
    """When the last lookup ended that anybody answered; None before."""
    problem: str = ""
    """Why lookups do not work, empty while they do or none was due."""


@dataclass(frozen=True, slots=True)
class Ban:
    """One peer that is kept out; `remaining_s` counts from the moment of asking."""

    peer_id: str
    remaining_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class AddressReach:
    """What peers found at one of our addresses: `reached_by` of `asked` got through; `problem` of one that did not."""

    address: str
    reached_by: int
    asked: int
    problem: str = ""

    @property
    def is_direct(self) -> bool:
        """Whether at least half of those who tried got through."""
        return self.reached_by * 2 >= self.asked


@dataclass(frozen=True, slots=True)
class Reachability:
    """Whether others can dial this node, as found by peers; `checked_at_s` is on trio's clock.

    "unknown" until a peer has tried; "relayed" when nobody gets through but a relay holds a place for this node;
    "not_listening" for a node that only dials; `reason` says what to do when not direct. Either way connections that
    the node makes itself carry everything.
    """

    state: ReachState
    reason: str = ""
    addresses: tuple[AddressReach, ...] = ()
    checked_at_s: float | None = None


class Stream(Protocol):
    """A two-way stream of frames: a 4-byte big-endian length, then that many bytes.

    Sends of two tasks are never interleaved. Cancelling a send or a receive leaves the connection sound; after a
    cancelled send only `reset` makes sense on this stream.
    """

    @property
    def peer_id(self) -> str:
        """The authenticated peer on the other side."""
        ...

    async def send(self, frame: bytes) -> None:
        """Send one frame. Raises MessageTooLargeError above `limits.FRAME_MAX_BYTES`, StreamFailed when it cannot go.

        A reader that stands still for 30 s with a full window (256 KB to 1 MB) fails a plain stream. On one with credit
        it may stand still as long as its side is alive, and a cancelled send has sent nothing.
        """
        ...

    async def receive(self, max_bytes: int) -> bytes:
        """Receive one frame of at most `max_bytes`.

        Raises EndOfStream after a clean half-close, StreamFailed otherwise; an oversized frame resets the stream.
        """
        ...

    async def close_write(self) -> None:
        """Say that nothing more follows; the other side may still send."""
        ...

    async def aclose(self) -> None:
        """Close both sides; never raises."""
        ...

    async def reset(self) -> None:
        """Abort both sides at once; the other side sees StreamFailed. Never raises."""
        ...


Check = Callable[[str, bytes], Verdict]
"""(peer id of the neighbour, data) -> verdict. Runs on the event loop: cheap checks only, under about 1 ms."""

Again = Callable[[str, bytes], None]
"""(peer id of the neighbour, data): known content was published again. Runs on the event loop, like a check."""

Handler = Callable[[Stream], Awaitable[None]]
"""Serves one inbound stream; the stream is closed after it returns and reset when it raises."""


class Network(Protocol):
    """One node's place in the network. All methods belong to the trio thread that opened it."""

    @property
    def peer_id(self) -> str:
        """Our own peer id."""
        ...

    @property
    def addresses(self) -> tuple[str, ...]:
        """Concrete addresses others can dial, each ending in /p2p/<our id>."""
        ...

    def reachability(self) -> Reachability:
        """Whether others can dial us, as peers found last; checked rarely, in the background."""
        ...

    def discovery(self) -> Discovery:
        """How finding peers by their id goes."""
        ...

    async def find(self, peer_id: str, *, timeout_s: float = limits.FIND_TIMEOUT_S) -> tuple[str, ...]:
        """Addresses under which others know a peer, likeliest first, each ending in /p2p/<peer id>; none when nobody
        does. They are claims of strangers: only dialling proves one. Raises AddressError for a malformed id."""
        ...

    def take_part(self, tag: str) -> None:
        """Serve and ask the hash table of the network named `tag` from now on; before, `find` knows its own book only.

        The name keeps networks apart: peers of another one are no use to searches and would take up the table."""
        ...

    def subscribe(
        self,
        topic: str,
        check: Check,
        *,
        capacity: int = limits.TOPIC_QUEUE_MESSAGES,
        priority: Priority = Priority.LOW,
        again: Again | None = None,
    ) -> trio.MemoryReceiveChannel[Message]:
        """Join a topic; messages that `check` accepts come out of the returned channel, each content once.

        When the reader falls `capacity` messages behind, the newest ones are dropped and counted; published again, they
        are judged again. A `check` that raises counts as IGNORE. `priority` holds both ways: for what is sent and for
        what is judged; beyond the budget of a priority messages are dropped and counted. `again` hears of known content
        that its author, or somebody else, published once more; it decides nothing.

        Raises P2PError when the topic is subscribed already, or its name or the number of topics is over the bounds.
        Own publications are not delivered to oneself. Closing the channel leaves the topic.
        """
        ...

    async def publish(self, topic: str, data: bytes) -> None:
        """Send a message to everyone on the topic; best effort. Raises MessageTooLargeError. Publishing the same bytes
        again sends them again; receivers that already have that content stay silent."""
        ...

    async def tell(self, peer_id: str, topic: str, data: bytes) -> None:
        """Send a message on a topic to one neighbour alone; nothing happens when it is not connected, or not on it.

        Raises MessageTooLargeError.
        """
        ...

    def serve(
        self,
        protocol: str,
        handler: Handler,
        *,
        per_peer: int = limits.STREAMS_PER_PEER,
        total: int = limits.STREAMS_TOTAL,
        with_credit: bool = False,
    ) -> None:
        """Answer streams of `protocol`; beyond `per_peer` or `total` at once, new streams are reset and counted.

        `with_credit` belongs to the protocol and both sides: senders wait for readers, see `p2p.credit`.
        """
        ...

    async def open(
        self, peer_id: str, protocol: str, *, timeout_s: float = limits.OPEN_TIMEOUT_S, with_credit: bool = False
    ) -> Stream:
        """Open a stream to a connected peer, `with_credit` where the protocol is served so.

        One with credit is there at once: when its peer does not speak the protocol, or does not answer within
        `timeout_s`, the first `receive` raises the ProtocolRefusedError or UnreachableError.

        Raises UnreachableError, ProtocolRefusedError, BannedError, BusyError (too many of ours), and StreamFailed when
        the peer resets it at once, as busy ones do.
        """
        ...

    async def request(
        self,
        peer_id: str,
        protocol: str,
        payload: bytes,
        *,
        max_bytes: int,
        timeout_s: float = limits.REQUEST_TIMEOUT_S,
    ) -> bytes:
        """One frame out, one frame of at most `max_bytes` back. Raises what `open`, `send` and `receive` raise."""
        ...

    async def dial(self, address: str, *, timeout_s: float = limits.DIAL_TIMEOUT_S) -> str:
        """Connect to a multiaddress and return its peer id; at once when already connected.

        Raises AddressError, UnreachableError, BannedError.
        """
        ...

    async def drop(self, peer_id: str) -> None:
        """Close all connections to a peer; it is not redialled until it or the caller dials again."""
        ...

    def peers(self) -> tuple[PeerView, ...]:
        """The connected peers, ordered by peer id."""
        ...

    def report(self, peer_id: str, points: float, reason: str) -> None:
        """Take `points` (positive) from a peer's score; below `limits.BAN_SCORE` it is dropped and banned a while."""
        ...

    async def ban(self, peer_id: str, reason: str, *, duration_s: float = limits.BAN_S) -> Ban:
        """Drop a peer and keep it out for `duration_s`, over restarts; a ban in force is replaced.

        Raises AddressError for a malformed id or our own, P2PError for a duration outside 1 s to `limits.BAN_MAX_S`.
        """
        ...

    def unban(self, peer_id: str) -> bool:
        """Lift a ban; False when there was none. The peer is not dialled by itself."""
        ...

    def bans(self) -> tuple[Ban, ...]:
        """The bans in force, the ones that end first in front."""
        ...

    async def ping(self, peer_id: str, *, timeout_s: float = limits.HEALTH_TIMEOUT_S) -> float:
        """The round trip to a connected peer now, in milliseconds, opening the stream not counted.

        Raises what `open` raises, and StreamFailed for a wrong echo.
        """
        ...

    def counters(self) -> Mapping[str, int]:
        """Totals since the start: messages in and out, refusals by reason, bans, dials, streams."""
        ...


@dataclass(frozen=True, slots=True)
class HostConfig:
    """How to open a host. `listen` and `bootstrap` are TCP multiaddresses; `bootstrap` ones end in /p2p/<peer id>."""

    identity_path: Path
    listen: tuple[str, ...] = ("/ip4/127.0.0.1/tcp/0",)
    bootstrap: tuple[str, ...] = ()
    peers_path: Path | None = None
    """Where peers and bans are remembered (JSON, atomically replaced); None remembers nothing."""
    agent: str = "neurond"
    max_peers: int = limits.PEERS_MAX
    target_peers: int = limits.PEERS_TARGET
    """The host dials known addresses by itself until it has this many peers."""
    relays_for_others: bool = True
    """Whether to carry circuits of peers that cannot be dialled, within bounds, once this node is found reachable."""
