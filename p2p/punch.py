"""Hole punching (DCUtR): two peers that are connected through a relay open a direct way through both of their routers.

They tell each other where others see them, agree on a moment over the relay, and connect to each other from the very
ports that others see. Works where a router keeps one outside port for one inside port, whoever is talked to; where it
picks another for every destination nobody can know it beforehand, and the relay stays. Nobody is knocked at but the
few addresses that a connected peer names for itself, and none nearer to us than its relay is; peer ids cost nothing,
so a host at which a crowd of them says to be is left alone like any other that is known from hearsay only.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

import trio
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.peer.id import ID
from libp2p.rcmgr import Direction
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from multiaddr import Multiaddr

from p2p import limits
from p2p.addresses import TcpAddress
from p2p.errors import P2PError, ProtocolRefusedError, StreamFailed, UnreachableError
from p2p.framing import BufferedReader
from p2p.hardened.circuit import is_relayed, socket_of
from p2p.hardened.doors import asks
from p2p.hardened.streams import Libp2pStream
from p2p.hardened.transport import BufferedSocket, accept_on, connect_from
from p2p.network import Libp2pNetwork
from p2p.peerbook import usable_addresses
from p2p.relay.messages import read_message, send_message
from p2p.wellknown import text_of

PROTOCOL = "/libp2p/dcutr"

_CHANGES = "this node's router picks other ports than its own, one for each destination as it seems (symmetric NAT)"
_MAY_CHANGE = "the other side's router gives every connection another port (symmetric NAT), or one lets nothing in"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """A port of ours, and where others see it."""

    local: tuple[str, int]
    observed: TcpAddress

    @property
    def keeps_port(self) -> bool:
        """Whether what lies between leaves the port as it is."""
        return self.local[1] == self.observed.port


class Punch:
    """Both sides of hole punching for one network."""

    def __init__(self, network: Libp2pNetwork) -> None:
        self._network = network
        self._pace = asks(limits.PUNCHES_PER_MINUTE)
        self._answering = 0
        network.handle_raw(PROTOCOL, self._answer)

    # The side that was reached through the relay

    async def improve(self, peer_id: str, connection: SwarmConn) -> None:
        """Look for a direct way to a peer that came through a relay; says in its view why there is none."""
        network = self._network
        network.totals.add("punch.tried")
        if await self._dial_openly(peer_id):
            network.totals.add("punch.reversed")
            return
        reason = ""
        for _ in range(limits.PUNCH_ATTEMPTS):
            try:
                reason = await self._try_once(peer_id, connection)
            except ProtocolRefusedError:
                reason = "the other side does not punch holes"
                break
            except (P2PError, trio.TooSlowError) as error:
                reason = f"hole punching broke off ({error})"
                break
            if not reason:
                break
        self._note(peer_id, reason)

    async def _dial_openly(self, peer_id: str) -> bool:
        """Try the addresses at which the peer listens: it may need no hole."""
        targets = [each for each in self._network.book.addresses(peer_id) if each.relay_id is None]
        with trio.move_on_after(limits.PUNCH_DIRECT_S):
            async with trio.open_nursery() as nursery:
                for target in self._fit_to_knock(peer_id, targets[: limits.RELAY_ADDRESSES_MAX]):
                    nursery.start_soon(self._dial_one, target, peer_id, nursery.cancel_scope)
        return self._got_through(peer_id)

    async def _dial_one(self, target: TcpAddress, peer_id: str, done: trio.CancelScope) -> None:
        try:
            await self._network.host.swarm.dial(target, ID.from_base58(peer_id))
        except UnreachableError as error:
            _log.debug("no direct way to %s at %s: %s", peer_id, target, error)
            return
        done.cancel()

    async def _try_once(self, peer_id: str, connection: SwarmConn) -> str:
        """One round as the side that starts; "" once a direct connection is there, else why not. Raises P2PError."""
        door = self._door()
        with trio.fail_after(limits.OPEN_TIMEOUT_S):
            stream, reader, _ = await self._network.host.open_on(connection, (PROTOCOL,))
        try:
            asked_s = trio.current_time()
            await send_message(stream, _connect_message(door))
            told = await read_message(reader, HolePunch)
            round_trip_s = trio.current_time() - asked_s
            if told.type != HolePunch.CONNECT:
                raise StreamFailed("a message of hole punching came out of turn")
            await send_message(stream, HolePunch(type=HolePunch.SYNC))
        finally:
            await stream.aclose()
        await trio.sleep(min(round_trip_s / 2, limits.RELAY_TIMEOUT_S))
        return await self._meet(peer_id, self._usable(peer_id, told), door, is_client=False)

    # The side that came through the relay

    async def _answer(self, stream: Libp2pStream, reader: BufferedReader) -> None:
        peer_id, network = stream.peer_id, self._network
        is_busy = self._answering >= limits.PUNCHES_AT_ONCE
        if is_busy or not is_relayed(stream.connection) or not self._pace.take(peer_id, trio.current_time()):
            network.totals.add("punch.refused")
            return await stream.reset()
        self._answering += 1
        try:
            told = await read_message(reader, HolePunch)
            door = self._door()
            await send_message(stream, _connect_message(door))
            sync = await read_message(reader, HolePunch)
            if (told.type, sync.type) != (HolePunch.CONNECT, HolePunch.SYNC):
                raise StreamFailed("a message of hole punching came out of turn")
            self._note(peer_id, await self._meet(peer_id, self._usable(peer_id, told), door, is_client=True))
        finally:
            self._answering -= 1
        await stream.aclose()

    # Both

    async def _meet(self, peer_id: str, targets: list[TcpAddress], door: Door | None, *, is_client: bool) -> str:
        """Connect now, while the other side does the same; "" when that made a connection, else why not."""
        if door is None:
            return "nobody told this node from where it is seen"
        if not targets:
            return "the other side does not know from where it is seen"
        targets = self._fit_to_knock(peer_id, targets)
        if not targets:
            return "too many strangers say to be where it is"
        counters = self._network.totals
        with trio.move_on_after(limits.PUNCH_S):
            async with trio.open_nursery() as nursery:
                hosts = {target.host for target in targets}
                for way in (
                    partial(accept_on, door.local, hosts, counters),
                    *(partial(connect_from, door.local, each.host, each.port, counters) for each in targets),
                ):
                    nursery.start_soon(self._meet_by, way, peer_id, is_client, nursery.cancel_scope)
        if self._got_through(peer_id):
            return ""
        return f"hole punching failed; {_CHANGES if not door.keeps_port else _MAY_CHANGE}"

    async def _meet_by(
        self, way: Callable[[], Awaitable[RawConnection]], peer_id: str, is_client: bool, done: trio.CancelScope
    ) -> None:
        """Have a raw connection made, and do the handshakes of our part, whichever side connected to which."""
        swarm = self._network.host.swarm
        try:
            raw = await way()
            raw.is_initiator = is_client
            if is_client:
                await swarm.connect_raw(raw, ID.from_base58(peer_id))
            else:
                await swarm.accept_raw(raw, f"hole {peer_id}", ID.from_base58(peer_id))
        except (OSError, UnreachableError) as error:
            _log.debug("one way to %s led nowhere: %s", peer_id, error)
            return
        done.cancel()

    def _door(self) -> Door | None:
        """The port of a direct connection that we made, since only from there a router lets answers in; of those to
        the widest network."""
        seen = [state.seen_as for state in self._network.connected.values() if state.seen_as is not None]
        for connection, observed in sorted(seen, key=lambda each: -each[1].scope):
            socket = socket_of(connection)
            if connection.direction != Direction.OUTBOUND or connection.is_closed or observed.relay_id is not None:
                continue
            local = socket.share_port() if isinstance(socket, BufferedSocket) else None
            if local is not None:
                return Door(local, observed)
        return None

    def _usable(self, peer_id: str, told: HolePunch) -> list[TcpAddress]:
        """Where the peer says that it is seen: few, plain, and none nearer than its relay."""
        state = self._network.connected.get(peer_id)
        texts = (f"{text_of(raw)}/p2p/{peer_id}" for raw in told.ObsAddrs[: limits.RELAY_ADDRESSES_MAX])
        addresses = [a for a in usable_addresses(texts) if a.relay_id is None and a.kind.startswith("ip")]
        return [a for a in addresses if state is not None and a.is_dialable and a.scope >= state.scope]

    def _fit_to_knock(self, peer_id: str, targets: list[TcpAddress]) -> list[TcpAddress]:
        """The addresses among `targets` that may be tried now; it charges for them."""
        if self._network.book.is_proven(peer_id):
            return targets
        doorsteps, now_s = self._network.dialer.doorsteps, trio.current_time()
        return [each for each in targets if doorsteps.may_knock(each.host, now_s)]

    def _got_through(self, peer_id: str) -> bool:
        """Whether there is a direct connection now; then its host is no stranger's."""
        connections = self._network.host.connections(peer_id)
        is_direct = bool(connections) and not is_relayed(connections[0])
        state = self._network.connected.get(peer_id)
        if is_direct and state is not None and state.remote is not None:
            self._network.dialer.doorsteps.answered(state.remote.host)
        return is_direct

    def _note(self, peer_id: str, reason: str) -> None:
        self._network.totals.add("punch.failed" if reason else "punch.direct")
        state = self._network.connected.get(peer_id)
        if state is not None and state.route == "relayed":
            state.route_reason = reason or state.route_reason


def _connect_message(door: Door | None) -> HolePunch:
    seen: Iterable[TcpAddress] = () if door is None else (door.observed,)
    return HolePunch(type=HolePunch.CONNECT, ObsAddrs=[Multiaddr(str(address)).to_bytes() for address in seen])
