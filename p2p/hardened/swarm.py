"""The connection table: slots are given back, unfinished handshakes are bounded, banned peers stay out.

Stock keeps an inbound slot until the whole swarm ends, so the 251st inbound connection of a node's life is refused.
"""

import logging
from collections import Counter
from typing import Protocol

import trio
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.security.noise.exceptions import PeerIDMismatchesPubkey
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr

from p2p import limits
from p2p.addresses import TcpAddress
from p2p.counters import Counters
from p2p.errors import UnreachableError
from p2p.hardened.doors import arrivals
from p2p.hardened.transport import BufferedSocket, ExclusiveListener, HardenedTcp, connect_raw

_log = logging.getLogger(__name__)


class Gate(Protocol):
    """Decides after the handshake, when the peer id is proven, whether a connection may stay."""

    def admits(self, peer_id: str, *, inbound: bool, entering: int = 0) -> bool:
        """Whether there is room for, and no ban on, this peer, while `entering` others are on their way in."""
        ...


class PendingUpgrades:
    """Counts unfinished inbound handshakes, in all and by IP address."""

    def __init__(self) -> None:
        self._by_ip: Counter[str] = Counter()

    def enter(self, ip: str) -> bool:
        """Take a place; False when this address or the node has too many."""
        full = self._by_ip.total() >= limits.PENDING_UPGRADES_MAX or self._by_ip[ip] >= limits.PENDING_UPGRADES_PER_IP
        if not full:
            self._by_ip[ip] += 1
        return not full

    def leave(self, ip: str) -> None:
        """Give a place back."""
        self._by_ip[ip] -= 1
        if self._by_ip[ip] <= 0:
            del self._by_ip[ip]


class HardenedSwarm(Swarm):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """The library's connection table with our rules of admission."""

    def __init__(
        self,
        peer_id: ID,
        peerstore: PeerStore,
        upgrader: TransportUpgrader,
        gate: Gate,
        counters: Counters,
        max_peers: int,
    ) -> None:
        super().__init__(
            peer_id,
            peerstore,
            upgrader,
            [HardenedTcp(counters)],
            retry_config=RetryConfig(max_retries=0),
            connection_config=_connection_config(max_peers),
        )
        self.auto_connector = _NoAutoConnector()
        self._gate = gate
        self._counters = counters
        self._pending = PendingUpgrades()
        self._arrivals = arrivals()
        self._by_ip: Counter[str] = Counter()
        self._entering: Counter[str] = Counter()
        self._per_ip_max = min(limits.CONNECTIONS_PER_IP, max(limits.CONNECTIONS_PER_PEER, max_peers * 2 // 3))

    def blame_address(self, ip: str) -> None:
        """Somebody who came from there was banned: the next arrivals from there wait."""
        self._arrivals.charge(ip, trio.current_time(), limits.ARRIVALS_PER_BAN)

    async def serve(self, listener: ExclusiveListener) -> None:
        """Accept connections on a bound listener until it is closed."""
        maddr = Multiaddr(str(listener.bound))
        self.listeners[str(maddr)] = listener

        async def accept(socket: BufferedSocket) -> None:
            await self._handle_inbound_connection(socket, maddr)

        await listener.serve(accept, self._counters)

    async def dial(self, address: TcpAddress, peer_id: ID) -> None:
        """Connect to one address. Raises UnreachableError."""
        try:
            await self.dial_addr(Multiaddr(str(address)), peer_id)
        except Exception as error:
            raise UnreachableError(f"cannot connect to {address}: {_first_cause(error)}") from error

    async def connect_raw(self, raw: RawConnection, peer_id: ID) -> None:
        """Do the handshakes of the side that connects on a fresh raw connection. Raises UnreachableError."""
        try:
            with trio.fail_after(2 * limits.UPGRADE_TIMEOUT_S):
                await self.upgrade_outbound_raw_conn(raw, peer_id)
        except (Exception, trio.Cancelled) as error:
            await _abort(raw)
            if isinstance(error, trio.Cancelled):
                raise
            raise UnreachableError(f"{peer_id} does not answer there: {_first_cause(error)}") from error

    async def accept_raw(self, raw: RawConnection, origin: str, peer_id: ID) -> None:
        """Do those of the side that accepts, and hang up on anybody else than `peer_id`. Raises UnreachableError.

        `origin` takes the place of the IP address where unfinished handshakes are counted.
        """
        if not self._pending.enter(origin):
            self._counters.add("connections.refused.pending")
            await _abort(raw)
            raise UnreachableError(f"too many unfinished handshakes come from {origin}")
        try:
            muxed_conn = await self.upgrade_inbound_raw_conn(raw, Multiaddr("/p2p-circuit"))
        except Exception as error:
            self._counters.add("connections.handshake_failed")
            await _abort(raw)
            raise UnreachableError(f"the handshake through {origin} failed: {_first_cause(error)}") from error
        finally:
            self._pending.leave(origin)
        if muxed_conn.peer_id != peer_id:
            await muxed_conn.close()
            raise UnreachableError(f"{origin} announced {peer_id}, but another peer came")

    async def prove(self, address: TcpAddress, peer_id: ID) -> None:
        """Connect anew, see who answers there, hang up. Raises UnreachableError when it is not `peer_id`."""
        try:
            raw = await connect_raw(address.host, address.port, self._counters)
        except OSError as error:
            raise UnreachableError(f"cannot connect to {address}: {_first_cause(error)}") from error
        try:
            await self.upgrader.upgrade_security(raw, True, peer_id)
        except Exception as error:
            raise UnreachableError(f"the handshake with {address} failed: {_first_cause(error)}") from error
        finally:
            await _abort(raw)

    async def add_conn(self, muxed_conn: Yamux, direction: str = "unknown") -> SwarmConn:
        """Admit a connection whose peer has proven its id. Those on their way in count, or a crowd would pass."""
        peer_id = str(muxed_conn.peer_id)
        entering = self._entering.total()
        of_peer = self._entering[peer_id] + len(self.get_connections(muxed_conn.peer_id))
        too_many = of_peer >= limits.CONNECTIONS_PER_PEER
        if too_many or not self._gate.admits(peer_id, inbound=direction == "inbound", entering=entering):
            self._counters.add("connections.refused.not_admitted")
            await _abort(muxed_conn.secured_conn)
            raise SwarmException("not admitted: banned, or no room")
        self._entering[peer_id] += 1
        try:
            connection = await super().add_conn(muxed_conn, direction)
        finally:
            self._entering[peer_id] -= 1
            self._entering += Counter()  # forgets those at zero
        self._counters.add(f"connections.{direction}")
        return connection

    async def close_all(self) -> None:
        """Close every connection at the same time (each close takes 0.2 s), within `limits.CLOSE_S`."""
        with trio.move_on_after(limits.CLOSE_S):
            async with trio.open_nursery() as nursery:
                for connection in self.get_connections():
                    nursery.start_soon(close_quietly, connection)

    def _schedule_auto_connect(self) -> None:
        """Dialling is ours alone."""

    def _schedule_prune(self) -> None:
        """Admission is ours alone."""

    async def _handle_inbound_connection(self, read_write_closer: BufferedSocket, maddr: Multiaddr) -> None:
        """Handshake, then stay with the connection until it ends; never raises for what a peer does."""
        remote = read_write_closer.get_remote_address()
        ip = "?" if remote is None else remote[0]
        reason = self._refused(ip)
        if reason:
            self._counters.add(f"connections.refused.{reason}")
            await _abort(read_write_closer)
            return
        self._by_ip[ip] += 1
        try:
            await self._stay_with(RawConnection(read_write_closer, False), ip, maddr)
        finally:
            self._by_ip[ip] -= 1
            if not self._by_ip[ip]:
                del self._by_ip[ip]

    def _refused(self, ip: str) -> str:
        """Why a connection of this address is not even looked at; empty when it is."""
        if self._by_ip[ip] >= self._per_ip_max:
            return "per_ip"
        if not self._arrivals.take(ip, trio.current_time()):
            return "rate"
        return "" if self._pending.enter(ip) else "pending"

    async def _stay_with(self, raw: RawConnection, ip: str, maddr: Multiaddr) -> None:
        try:
            try:
                muxed_conn = await self.upgrade_inbound_raw_conn(raw, maddr)
            finally:
                self._pending.leave(ip)
            await muxed_conn.event_closed.wait()
        except Exception as error:
            self._counters.add("connections.handshake_failed")
            _log.debug("inbound connection of %s failed: %r", ip, error)
        finally:
            await _abort(raw)


class _NoAutoConnector:
    """Stands in for the library's dialler, which would dial every address any peer told it: ours is in p2p.dialer."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def run_background_task(self, _nursery: trio.Nursery) -> None: ...

    def record_disconnect(self, _peer_id: ID) -> None: ...


async def close_quietly(connection: SwarmConn) -> None:
    """Close a connection; a failure to do so is of no interest, the socket is gone either way."""
    try:
        await connection.close()
    except Exception as error:
        _log.debug("closing a connection failed: %r", error)


async def _abort(closer: BufferedSocket | RawConnection) -> None:
    with trio.move_on_after(limits.CLOSE_S, shield=True):
        try:
            await closer.close()
        except Exception as error:
            _log.debug("closing a socket failed: %r", error)


def _connection_config(max_peers: int) -> ConnectionConfig:
    """Everything of the library's own connection manager off: no auto-dial, no pruning, no health service."""
    ceiling = max_peers * limits.CONNECTIONS_PER_PEER
    return ConnectionConfig(
        max_connections=ceiling,
        min_connections=0,
        low_watermark=0,
        high_watermark=ceiling,
        max_connections_per_peer=limits.CONNECTIONS_PER_PEER,
        inbound_upgrade_timeout=limits.UPGRADE_TIMEOUT_S,
        outbound_upgrade_timeout=limits.UPGRADE_TIMEOUT_S,
        connection_close_timeout=limits.CLOSE_S,
        enable_health_monitoring=False,
    )


def _first_cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, PeerIDMismatchesPubkey):
        return f"somebody else answers there, {str(error).rpartition('=')[2]}"
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or str(error) or type(error).__name__
