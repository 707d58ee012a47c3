"""What a host does by itself while it runs: greets new peers, probes their health, seeks more, tidies up and saves.

Every loop here survives whatever one round throws at it; nothing here decides about messages or streams of the node.
"""

import logging
import random
import time
from collections.abc import Iterable
from functools import partial

import trio
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.rcmgr import Direction

from p2p import limits, wellknown
from p2p.addresses import TcpAddress, parse_address
from p2p.api import Stream
from p2p.connections import remote_of
from p2p.errors import AddressError, BusyError, P2PError, ProtocolRefusedError
from p2p.framing import BufferedReader
from p2p.hardened.circuit import is_relayed
from p2p.hardened.streams import Libp2pStream
from p2p.hardened.swarm import close_quietly
from p2p.network import Libp2pNetwork
from p2p.peerbook import read_peers_file, usable_addresses, write_peers_file
from p2p.punch import Punch
from p2p.reach import Reach
from p2p.relay.client import RelayClient
from p2p.relay.server import RelayServer

_log = logging.getLogger(__name__)

_TIDY_INTERVAL_S = 1.0
_HEALTH_ATTEMPTS = 2


class Upkeep:
    """The loops of one network."""

    def __init__(self, network: Libp2pNetwork) -> None:
        self._network = network
        self._rng = random.Random()
        self._peer_arrived = trio.Event()
        network.on_connection = self._greet
        network.handle_raw(wellknown.IDENTIFY, self._serve_identify)
        network.handle_raw(wellknown.PING, wellknown.answer_pings)
        network.serve(wellknown.EXCHANGE, self._serve_exchange, per_peer=2)
        self._relay = RelayServer(network)
        self._reach = Reach(network, self._rng, self._relay.offer)
        self._circuits = RelayClient(network, self._rng)
        self._punch = Punch(network)
        network.on_new_addresses = self._tell_everybody

    def start(self) -> None:
        """Start all loops as tasks of the host."""
        for loop in (self._network.dialer.run, self._seek_peers, self._tidy, self._reach.run, self._circuits.run):
            self._network.spawn(loop)
        self._network.spawn(self._network.kad.run)

    def load(self) -> None:
        """Take in bootstrap peers, remembered peers and bans. Raises AddressError for a bad bootstrap address."""
        for address in usable_bootstrap(self._network.config.bootstrap):
            self._network.book.add(address, is_bootstrap=True)
        path = self._network.config.peers_path
        if path is None:
            return
        try:
            stored = read_peers_file(path)
        except P2PError as error:
            self._network.totals.add("peers_file.damaged")
            _log.warning("starting without remembered peers: %s", error)
            return
        for address in usable_addresses(stored.peers[: limits.KNOWN_PEERS_MAX * limits.ADDRESSES_PER_PEER]):
            self._network.book.add(address, has_answered=True)
        unix_now_s, now_s = time.time(), trio.current_time()
        for ban in stored.bans[: limits.BANS_MAX]:
            remaining_s = min(ban.until_s - unix_now_s, limits.BAN_MAX_S)
            if remaining_s > 0:
                self._network.reputation.ban(ban.peer_id, now_s + remaining_s, ban.reason)

    async def save(self) -> None:
        """Write remembered peers and bans when they changed; a failure is counted and tried again later."""
        path = self._network.config.peers_path
        if path is None or not self._network.is_dirty:
            return
        self._network.is_dirty = False
        content = self._network.book.to_file(self._network.reputation.bans(trio.current_time()), time.time())
        try:
            await trio.to_thread.run_sync(write_peers_file, path, content)
        except OSError as error:
            self._network.is_dirty = True
            self._network.totals.add("peers_file.not_written")
            _log.warning("cannot remember peers in %s: %s", path, error)

    # New connections

    def _greet(self, peer_id: str, connection: SwarmConn) -> None:
        self._network.spawn(lambda: self._watch_health(peer_id, connection))
        self._network.spawn(lambda: self._identify(peer_id, connection))
        if len(self._network.connected) < self._network.config.target_peers:
            self._network.spawn(lambda: self._ask_for_peers(peer_id))
        self._peer_arrived.set()

    async def _identify(self, peer_id: str, connection: SwarmConn) -> None:
        """Learn who the peer is; a connection on which it does not answer at all is of no use."""
        try:
            with trio.fail_after(limits.OPEN_TIMEOUT_S):
                stream, reader, _ = await self._network.host.open_on(connection, (wellknown.IDENTIFY,))
                try:
                    description = await wellknown.read_identify(reader, peer_id)
                finally:
                    await stream.aclose()
        except ProtocolRefusedError:
            description = wellknown.Description()
        except (P2PError, trio.TooSlowError) as error:
            _log.debug("%s does not talk to us: %s", peer_id, error)
            await close_quietly(connection)
            return
        state = self._network.connected.get(peer_id)
        if state is not None:
            state.agent = description.agent
            state.settled.set()
            if description.observed is not None and not is_relayed(connection):
                state.seen_as = connection, description.observed
        self._learn(peer_id, description.addresses)
        if is_relayed(connection) and connection.direction == Direction.INBOUND:
            await self._punch.improve(peer_id, connection)

    async def _serve_identify(self, stream: Libp2pStream, _reader: BufferedReader) -> None:
        network = self._network
        public_key = network.host.get_public_key().serialize()
        await stream.write(
            wellknown.identify_message(
                public_key,
                network.config.agent,
                network.told_addresses(),
                network.protocols(),
                remote_of(stream.connection),
            )
        )
        await stream.aclose()

    async def _watch_health(self, peer_id: str, connection: SwarmConn) -> None:
        """Measure latency now and then; cut a connection whose peer is frozen or deaf to new streams."""
        pause_s = limits.HEALTH_FIRST_S
        failures = 0
        while failures < _HEALTH_ATTEMPTS:
            with trio.move_on_after(pause_s):
                await connection.event_closed.wait()
                return
            latency_ms = await self._probe(connection)
            state = self._network.connected.get(peer_id)
            if latency_ms is None:
                failures += 1
                pause_s = 0.0
                continue
            failures = 0
            pause_s = limits.HEALTH_INTERVAL_S * self._rng.uniform(0.75, 1.25)
            if state is not None and latency_ms >= 0:
                state.latency_ms = latency_ms
        self._network.totals.add("connections.deaf")
        await close_quietly(connection)

    async def _probe(self, connection: SwarmConn) -> float | None:
        """Round trip in milliseconds, -1 when it cannot be measured, None when the peer does not answer."""
        try:
            with trio.fail_after(limits.HEALTH_TIMEOUT_S):
                stream, reader, _ = await self._network.host.open_on(connection, (wellknown.PING,))
                try:
                    return await wellknown.ping(stream, reader)
                finally:
                    await stream.aclose()
        except (ProtocolRefusedError, BusyError):
            return -1.0
        except (P2PError, trio.TooSlowError):
            return None

    # Finding peers

    async def _seek_peers(self) -> None:
        """Below the target, ask a random neighbour for more: soon after a peer arrived, then ever less often."""
        pause_s = limits.EXCHANGE_FIRST_S
        while True:
            self._peer_arrived = trio.Event()
            with trio.move_on_after(pause_s * self._rng.uniform(0.75, 1.25)):
                await self._peer_arrived.wait()
                pause_s = limits.EXCHANGE_FIRST_S
                continue
            pause_s = min(pause_s * 2, limits.EXCHANGE_INTERVAL_S)
            neighbours = list(self._network.connected)
            if neighbours and len(neighbours) < self._network.config.target_peers:
                await self._ask_for_peers(self._rng.choice(neighbours))

    async def _ask_for_peers(self, peer_id: str) -> None:
        network = self._network
        own = [address.with_peer(network.peer_id) for address in network.told_addresses()]
        try:
            with trio.fail_after(limits.REQUEST_TIMEOUT_S):
                stream = await network.open(peer_id, wellknown.EXCHANGE)
                try:
                    addresses = await wellknown.ask_for_peers(stream, own, limits.EXCHANGE_PEERS_MAX)
                finally:
                    await stream.aclose()
        except (P2PError, trio.TooSlowError) as error:
            _log.debug("%s told no peers: %s", peer_id, error)
            return
        self._learn(peer_id, addresses)

    def _tell_everybody(self) -> None:
        """Our addresses have changed: everybody who might pass them on is told."""
        for peer_id in self._network.connected:
            self._network.spawn(partial(self._ask_for_peers, peer_id))

    async def _serve_exchange(self, stream: Stream) -> None:
        with trio.fail_after(limits.REQUEST_TIMEOUT_S):
            own, wanted = await wellknown.read_exchange_request(stream)
        self._learn(stream.peer_id, own)
        others = [peer_id for peer_id in self._network.connected if peer_id != stream.peer_id]
        told = [*self._relay.addresses_of(others)[:wanted], *self._network.book.sample(wanted, others)]
        await wellknown.send_exchange_answer(stream, told)

    def _learn(self, teller: str, addresses: Iterable[TcpAddress]) -> None:
        """Take candidates from a peer; one that came over the internet cannot name addresses of our own network, and
        none can name hosts: what a name stands for, this machine's own doors maybe, its owner decides later."""
        state = self._network.connected.get(teller)
        if state is None:
            return
        told = [each for each in addresses if each.kind.startswith("ip") and each.scope >= state.scope]
        self._network.kad.met(teller, told)
        fresh = [self._network.book.add(address) for address in told]
        if any(fresh):
            self._network.dialer.wake()

    # Tidying

    async def _tidy(self) -> None:
        """Leave topics nobody reads any more, and save now and then."""
        saved_s = trio.current_time()
        while True:
            await trio.sleep(_TIDY_INTERVAL_S)
            for topic in self._network.topics.abandoned():
                await self._network.leave(topic)
            if trio.current_time() - saved_s >= limits.SAVE_INTERVAL_S:
                saved_s = trio.current_time()
                await self.save()


def usable_bootstrap(texts: tuple[str, ...]) -> list[TcpAddress]:
    """The bootstrap addresses. Raises AddressError for one that is malformed or names no peer."""
    addresses = []
    for text in texts:
        address = parse_address(text)
        if address.peer_id is None:
            raise AddressError(f"the bootstrap address {text} does not say who listens there; add /p2p/<peer id>")
        addresses.append(address)
    return addresses
