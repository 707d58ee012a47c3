"""Being reached through relays, and reaching others through theirs.

A node that nobody can dial keeps a place on a few directly reachable peers and tells their addresses as its own. A
relay is trusted with nothing: it carries ciphertext, and only peers that this node itself asked may call it.
"""

import logging
import random
import time
from dataclasses import dataclass, replace

import trio
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Reservation, Status, StopMessage

from p2p import limits
from p2p.addresses import TcpAddress
from p2p.api import Reachability
from p2p.connections import remote_of
from p2p.errors import P2PError, UnreachableError
from p2p.framing import BufferedReader
from p2p.hardened.circuit import is_relayed, relay_of, relayed_raw
from p2p.hardened.streams import Libp2pStream
from p2p.network import Libp2pNetwork
from p2p.peerbook import usable_addresses
from p2p.relay.messages import HOP, STOP, id_bytes, named_peer, read_message, refusal, send_message
from p2p.wellknown import text_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a relay, bound to the connection over which it was asked for."""

    connection: SwarmConn
    addresses: tuple[TcpAddress, ...]
    renew_at_s: float


class RelayClient:
    """The places of one network, and its circuits."""

    def __init__(self, network: Libp2pNetwork, rng: random.Random) -> None:
        self._network = network
        self._rng = rng
        self._places: dict[str, Place] = {}
        self._not_before_s: dict[str, float] = {}
        self._told: frozenset[TcpAddress] = frozenset()
        network.handle_raw(STOP, self._serve_stop)
        network.circuits = self

    # What the network shows

    def addresses(self) -> list[TcpAddress]:
        """Under which addresses others reach this node through relays, without its own id."""
        return [address for place in self._sound_places().values() for address in place.addresses]

    def shown(self, found: Reachability) -> Reachability:
        """What dial-back found, and that relays make up for it when they do."""
        relays = len(self._sound_places())
        if not relays or found.state not in ("unreachable", "not_listening"):
            return found
        why = found.reason or "this node listens nowhere, as asked"
        through = "1 relay" if relays == 1 else f"{relays} relays"
        return replace(found, state="relayed", reason=f"reached through {through}, since {why}")

    def _sound_places(self) -> dict[str, Place]:
        """The places whose relay is still there."""
        gone = [
            peer_id
            for peer_id, place in self._places.items()
            if place.connection not in self._network.host.connections(peer_id)
        ]
        for peer_id in gone:
            del self._places[peer_id]
        return self._places

    # Keeping places

    async def run(self) -> None:
        """Ask for places while nobody can dial this node, renew them, and tell peers when the addresses change."""
        while True:
            await trio.sleep(limits.RELAY_CHECK_S * self._rng.uniform(0.75, 1.25))
            if self._network.reach.state in ("unreachable", "not_listening"):
                await self._keep_places()
            elif self._network.reach.state == "direct":
                self._places.clear()
            addresses = frozenset(self.addresses())
            if addresses != self._told:
                self._told = addresses
                self._network.on_new_addresses()

    async def _keep_places(self) -> None:
        now_s = trio.current_time()
        places = self._sound_places()
        for peer_id in [p for p, place in places.items() if place.renew_at_s <= now_s]:
            if not await self._reserve(peer_id):
                places.pop(peer_id, None)
        for peer_id in self._candidates(now_s):
            if len(self._sound_places()) >= limits.RELAYS_WANTED:
                return
            if not await self._reserve(peer_id):
                self._not_before_s[peer_id] = now_s + limits.RELAY_RETRY_S * self._rng.uniform(0.75, 1.25)

    def _candidates(self, now_s: float) -> list[str]:
        """Direct peers worth asking: those we dialled ourselves, since others can too; of the widest network first."""
        self._not_before_s = {p: s for p, s in self._not_before_s.items() if s > now_s}
        found = [
            (-state.scope, self._rng.random(), peer_id)
            for peer_id, state in self._network.connected.items()
            if state.direction == "out" and state.remote is not None and peer_id not in self._places
        ]
        return [peer_id for _, _, peer_id in sorted(found) if peer_id not in self._not_before_s]

    async def _reserve(self, peer_id: str) -> bool:
        try:
            connection = self._direct(peer_id)
            with trio.fail_after(limits.RELAY_TIMEOUT_S):
                stream, reader, _ = await self._network.host.open_on(connection, (HOP,))
                try:
                    await send_message(stream, HopMessage(type=HopMessage.RESERVE))
                    answer = await read_message(reader, HopMessage)
                finally:
                    await stream.aclose()
        except (P2PError, trio.TooSlowError) as error:
            _log.debug("%s is no relay: %s", peer_id, error)
            return False
        addresses = relay_addresses(answer.reservation, remote_of(connection), peer_id)
        if answer.status != Status.OK or not addresses:
            _log.debug("%s keeps no place for us: %s", peer_id, refusal(answer.status))
            return False
        self._network.totals.add("relay.reservations.held")
        renew_s = time_left_s(answer.reservation.expire, time.time()) / 2
        self._places[peer_id] = Place(connection, addresses, trio.current_time() + renew_s)
        return True

    # Circuits

    async def dial(self, address: TcpAddress) -> None:
        """Connect to the peer behind a relay. Raises PeerError."""
        relay_id, peer_id = address.relay_id or "", address.peer_id or ""
        network = self._network
        network.totals.add("relay.dials")
        await network.dial(str(address.relay))
        try:
            connection = self._direct(relay_id)
            stream, reader, _ = await network.host.open_on(connection, (HOP,))
            try:
                question = HopMessage(type=HopMessage.CONNECT)
                question.peer.id = id_bytes(peer_id)
                await send_message(stream, question)
                answer = await read_message(reader, HopMessage)
                if answer.type != HopMessage.STATUS or answer.status != Status.OK:
                    raise UnreachableError(f"the relay of {address} made no circuit: {refusal(answer.status)}")
            except BaseException:
                await stream.reset()
                raise
            raw = relayed_raw(stream, reader, remote_of(connection), is_initiator=True)
            await network.host.swarm.connect_raw(raw, ID.from_base58(peer_id))
        except P2PError as error:
            network.totals.add("relay.dials.failed")
            raise UnreachableError(f"cannot connect to {address}: {error}") from error

    async def _serve_stop(self, stream: Libp2pStream, reader: BufferedReader) -> None:
        """Take a circuit, if it comes over the connection on which we asked for a place."""
        message = await read_message(reader, StopMessage)
        if message.type != StopMessage.CONNECT:
            return await self._answer_stop(stream, Status.UNEXPECTED_MESSAGE)
        source = named_peer(message)
        place = self._places.get(stream.peer_id)
        if place is None or place.connection is not stream.connection or is_relayed(stream.connection):
            return await self._answer_stop(stream, Status.PERMISSION_DENIED)
        if self._network.is_banned(source):
            return await self._answer_stop(stream, Status.PERMISSION_DENIED)
        if self._brought_by(stream.connection) >= limits.RELAY_CIRCUITS_PER_PEER:
            return await self._answer_stop(stream, Status.RESOURCE_LIMIT_EXCEEDED)
        await send_message(stream, StopMessage(type=StopMessage.STATUS, status=Status.OK))
        self._network.totals.add("relay.circuits.taken")
        raw = relayed_raw(stream, reader, remote_of(stream.connection), is_initiator=False)
        try:
            await self._network.host.swarm.accept_raw(raw, f"relay {stream.peer_id}", ID.from_base58(source))
        except UnreachableError as error:
            _log.debug("a circuit of %s led to no connection: %s", source, error)

    def _brought_by(self, connection: SwarmConn) -> int:
        """The peers here that came through the relay of this connection: it may invent any number of them."""
        seen = remote_of(connection)
        found = map(relay_of, self._network.host.swarm.get_connections())
        return sum(each is not None and seen is not None and each.host == seen.host for each in found)

    async def _answer_stop(self, stream: Libp2pStream, status: "Status.ValueType") -> None:
        self._network.totals.add("relay.circuits.refused")
        await send_message(stream, StopMessage(type=StopMessage.STATUS, status=status))
        await stream.aclose()

    def _direct(self, relay_id: str) -> SwarmConn:
        """A direct connection to a relay. Raises UnreachableError: circuits are not built on circuits."""
        connections = self._network.host.connections(relay_id)
        if not connections or is_relayed(connections[0]):
            raise UnreachableError(f"there is no direct connection to the relay {relay_id}")
        return connections[0]


def relay_addresses(reservation: Reservation, seen: TcpAddress | None, relay_id: str) -> tuple[TcpAddress, ...]:
    """How we are reached through a relay that we see at `seen`: there, and at its other ports there that it names.

    Addresses of other hosts are left out, since a relay could send everybody who looks for us to any door.
    """
    if seen is None:
        return ()
    texts = [text_of(raw) for raw in reservation.addrs[: limits.RELAY_ADDRESSES_MAX]]
    told = [text if "/p2p/" in text else f"{text}/p2p/{relay_id}" for text in texts]
    own = [a for a in usable_addresses(told) if (a.host, a.peer_id, a.relay_id) == (seen.host, relay_id, None)]
    found = {address.through(relay_id): None for address in (seen, *own) if address.is_dialable}
    return tuple(found)[: limits.RELAY_ADDRESSES_MAX]


def time_left_s(expire: int, unix_now_s: float) -> float:
    """How long a place lasts; our clocks may differ, so nothing outside of reasonable bounds is believed."""
    return min(max(expire - unix_now_s, limits.RELAY_RENEW_MIN_S), limits.RELAY_RESERVATION_S)
