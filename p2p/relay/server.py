"""Serving as a relay: places for peers that cannot be dialled, and circuits to them.

Only a node that peers found directly reachable offers this. It talks to nobody but the connected: a circuit is a stream
to a peer that holds a place, so no third party can be made to receive anything, and what comes out came in.
"""

import logging
import time
from collections.abc import Iterable

import trio
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Reservation, Status, StopMessage
from multiaddr import Multiaddr

from p2p import limits
from p2p.addresses import TcpAddress, parse_address
from p2p.connections import remote_of
from p2p.errors import P2PError, StreamFailed
from p2p.framing import BufferedReader
from p2p.hardened.circuit import is_relayed
from p2p.hardened.doors import asks
from p2p.hardened.streams import Libp2pStream
from p2p.network import Libp2pNetwork
from p2p.relay.carrying import End, carry
from p2p.relay.messages import HOP, STOP, circuit_limit, id_bytes, named_peer, read_message, send_message
from p2p.relay.seats import Circuit, Seats

_log = logging.getLogger(__name__)


class RelayServer:
    """The relay of one network."""

    def __init__(self, network: Libp2pNetwork) -> None:
        self._network = network
        self._seats = Seats()
        self._pace = asks(limits.RELAY_ASKS_PER_MINUTE)

    def offer(self, is_direct: bool) -> None:
        """Start serving, or stop giving places; told whenever it is found out whether this node can be dialled."""
        if is_direct and self._network.config.relays_for_others:
            self._network.handle_raw(HOP, self._serve)
        else:
            self._network.refuse_raw(HOP)
            self._seats.clear()

    def addresses_of(self, peer_ids: Iterable[str]) -> list[TcpAddress]:
        """How those of some peers that have a place here are reached through us, for others to be told."""
        own, now_s = self._own_addresses(), trio.current_time()
        seated = [peer_id for peer_id in peer_ids if self._seats.has_place(peer_id, now_s)]
        return [each.through(self._network.peer_id).with_peer(peer_id) for peer_id in seated for each in own[:1]]

    async def _serve(self, stream: Libp2pStream, reader: BufferedReader) -> None:
        message = await read_message(reader, HopMessage)
        remote = remote_of(stream.connection)
        if is_relayed(stream.connection) or remote is None:
            return await self._refuse(stream, Status.PERMISSION_DENIED)
        if not self._pace.take(stream.peer_id, trio.current_time()):
            return await self._refuse(stream, Status.RESOURCE_LIMIT_EXCEEDED)
        match message.type:
            case HopMessage.RESERVE:
                await self._reserve(stream, remote.host)
            case HopMessage.CONNECT:
                await self._connect(stream, reader, Circuit(stream.peer_id, remote.host, named_peer(message)))
            case _:
                await self._refuse(stream, Status.UNEXPECTED_MESSAGE)

    async def _reserve(self, stream: Libp2pStream, ip: str) -> None:
        network = self._network

        def is_connected(peer_id: str) -> bool:
            return peer_id in network.connected

        if not self._seats.reserve(stream.peer_id, ip, trio.current_time(), is_connected):
            return await self._refuse(stream, Status.RESERVATION_REFUSED)
        network.totals.add("relay.reservations.given")
        reservation = Reservation(
            expire=int(time.time() + limits.RELAY_RESERVATION_S),
            addrs=[Multiaddr(str(address)).to_bytes() for address in self._own_addresses()],
        )
        await send_message(
            stream,
            HopMessage(type=HopMessage.STATUS, status=Status.OK, reservation=reservation, limit=circuit_limit()),
        )
        await stream.aclose()

    def _own_addresses(self) -> list[TcpAddress]:
        """Where peers found this node, with its id."""
        found = [parse_address(each.address) for each in self._network.reach.addresses if each.is_direct]
        return [each.with_peer(self._network.peer_id) for each in found[: limits.RELAY_ADDRESSES_MAX]]

    async def _connect(self, stream: Libp2pStream, reader: BufferedReader, circuit: Circuit) -> None:
        if circuit.target == circuit.source or not self._seats.has_place(circuit.target, trio.current_time()):
            return await self._refuse(stream, Status.NO_RESERVATION)
        if not self._seats.enter(circuit):
            return await self._refuse(stream, Status.RESOURCE_LIMIT_EXCEEDED)
        try:
            try:
                target = await self._call_target(circuit)
            except (P2PError, trio.TooSlowError) as error:
                _log.debug("%s does not take a circuit of %s: %s", circuit.target, circuit.source, error)
                return await self._refuse(stream, Status.CONNECTION_FAILED)
            try:
                await send_message(stream, HopMessage(type=HopMessage.STATUS, status=Status.OK, limit=circuit_limit()))
            except StreamFailed:
                return await target[0].reset()
            self._network.totals.add("relay.circuits.opened")
            await carry((stream, reader), target, self._network.totals)
        finally:
            self._seats.leave(circuit)

    async def _call_target(self, circuit: Circuit) -> End:
        """Ask the target to take the circuit. Raises P2PError, TooSlowError."""
        direct = [each for each in self._network.host.connections(circuit.target) if not is_relayed(each)]
        if not direct:
            raise StreamFailed("it is not connected any more")
        with trio.fail_after(limits.RELAY_TIMEOUT_S):
            stream, reader, _ = await self._network.host.open_on(direct[0], (STOP,))
            try:
                question = StopMessage(type=StopMessage.CONNECT, limit=circuit_limit())
                question.peer.id = id_bytes(circuit.source)
                await send_message(stream, question)
                answer = await read_message(reader, StopMessage)
                if answer.type != StopMessage.STATUS or answer.status != Status.OK:
                    raise StreamFailed(f"it refused with status {answer.status}")
            except BaseException:
                await stream.reset()
                raise
        return stream, reader

    async def _refuse(self, stream: Libp2pStream, status: "Status.ValueType") -> None:
        self._network.totals.add(f"relay.refused.{Status.Name(status).lower()}")
        await send_message(stream, HopMessage(type=HopMessage.STATUS, status=status))
        await stream.aclose()
