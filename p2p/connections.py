"""What is known of a connected peer, and how the host's connection table tells of connections that come and go."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import trio
from libp2p.network.connection.swarm_connection import SwarmConn

from p2p import limits
from p2p.addresses import TcpAddress
from p2p.api import Direction, Reachability, Route
from p2p.errors import UnreachableError
from p2p.hardened.circuit import is_relayed, relay_of
from p2p.hardened.gossipsub import PROTOCOLS as GOSSIP_PROTOCOLS
from p2p.hardened.swarm import close_quietly

_RETIRE_LOOK_S = 0.25
_RETIRE_QUIET_LOOKS = 4


@dataclass(slots=True)
class PeerState:
    """What is known of a connected peer."""

    direction: Direction
    connected_at_s: float
    remote: TcpAddress | None = None
    """Where its direct connection comes from; None while it is reached through a relay only."""
    scope: int = 0
    """How far away it may be, as `TcpAddress.scope` says; of a relayed peer, how far its relay is."""
    route_reason: str = ""
    seen_as: tuple[SwarmConn, TcpAddress] | None = None
    """A direct connection, and the address of ours from which the peer sees it come."""
    agent: str = ""
    latency_ms: float | None = None
    connections: list[SwarmConn] = field(default_factory=list)
    settled: trio.Event = field(default_factory=trio.Event)
    """Set once the peer has talked to us after the handshake, or is gone."""

    @property
    def route(self) -> Route:
        """Whether any connection to it is direct."""
        return "relayed" if self.connections and all(map(is_relayed, self.connections)) else "direct"

    def add(self, connection: SwarmConn) -> bool:
        """Take in a connection; True when it is direct and relayed ones are to be retired for it."""
        self.connections.append(connection)
        if is_relayed(connection):
            if self.remote is None:
                relay = relay_of(connection)
                self.scope = 0 if relay is None else relay.scope
                self.route_reason = self.route_reason or "no direct way was found yet"
            return False
        if self.remote is None:
            self.remote = remote_of(connection)
            self.scope = 0 if self.remote is None else self.remote.scope
        self.route_reason = ""
        return any(map(is_relayed, self.connections))

    def streams(self) -> Counter[str]:
        """The open streams by protocol; those that have not agreed on one yet count as "negotiating"."""
        return Counter(
            str(stream.get_protocol() or "negotiating")
            for connection in self.connections
            if not connection.is_closed
            for stream in connection.get_streams()
        )

    async def retire_relayed(self) -> None:
        """Close the relayed connections once nothing but gossip, which moves by itself, is on them."""
        relayed = [connection for connection in self.connections if is_relayed(connection)]
        quiet_looks = 0
        with trio.move_on_after(limits.RELAY_RETIRE_S):
            while quiet_looks < _RETIRE_QUIET_LOOKS:  # the other side may open a stream while it knows no better
                await trio.sleep(_RETIRE_LOOK_S)
                quiet_looks = 0 if any(map(_is_busy, relayed)) else quiet_looks + 1
        for connection in relayed:
            await close_quietly(connection)


class Circuits(Protocol):
    """What the network asks of its part that deals with relays."""

    def addresses(self) -> list[TcpAddress]:
        """Under which addresses others reach this node through relays, without its own id."""
        ...

    def shown(self, found: Reachability) -> Reachability:
        """What dial-back found, with what relays make of it."""
        ...

    async def dial(self, address: TcpAddress) -> None:
        """Connect to the peer behind a relay. Raises PeerError."""
        ...


class NoCircuits:
    """Before that part is there."""

    def addresses(self) -> list[TcpAddress]:
        return []

    def shown(self, found: Reachability) -> Reachability:
        return found

    async def dial(self, address: TcpAddress) -> None:
        raise UnreachableError(f"cannot connect to {address}: this node does not use relays")


class Watcher(Protocol):
    """Hears of every connection."""

    def connection_opened(self, peer_id: str, connection: SwarmConn) -> None:
        """A connection whose peer has proven its id was admitted."""
        ...

    def connection_closed(self, peer_id: str, connection: SwarmConn) -> None:
        """It is gone."""
        ...


class Notifee:
    """Tells a watcher what the library's connection table says."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    async def connected(self, _swarm: object, connection: SwarmConn) -> None:
        self._watcher.connection_opened(str(connection.muxed_conn.peer_id), connection)

    async def disconnected(self, _swarm: object, connection: SwarmConn) -> None:
        self._watcher.connection_closed(str(connection.muxed_conn.peer_id), connection)

    async def opened_stream(self, _swarm: object, _stream: object) -> None:
        """Of no interest."""

    async def closed_stream(self, _swarm: object, _stream: object) -> None:
        """Of no interest."""


def remote_of(connection: SwarmConn) -> TcpAddress | None:
    """Where a connection comes from, without peer id; None when its socket is gone already."""
    remote = connection.muxed_conn.get_remote_address()
    if remote is None:
        return None
    host, port = remote
    host = host.removeprefix("::ffff:")
    return TcpAddress("ip6" if ":" in host else "ip4", host, port)


def _is_busy(connection: SwarmConn) -> bool:
    if connection.is_closed:
        return False
    return any(stream.get_protocol() not in GOSSIP_PROTOCOLS for stream in connection.get_streams())
