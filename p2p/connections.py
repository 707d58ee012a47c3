"""What is known of a connected peer, and how the host's connection table tells of connections that come and go."""

from dataclasses import dataclass, field
from typing import Protocol

import trio
from libp2p.network.connection.swarm_connection import SwarmConn

from p2p.addresses import TcpAddress
from p2p.api import Direction


@dataclass(slots=True)
class PeerState:
    """What is known of a connected peer; `remote` is where its connection comes from."""

    direction: Direction
    connected_at_s: float
    remote: TcpAddress | None
    agent: str = ""
    latency_ms: float | None = None
    connections: list[SwarmConn] = field(default_factory=list)
    settled: trio.Event = field(default_factory=trio.Event)
    """Set once the peer has talked to us after the handshake, or is gone."""


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
