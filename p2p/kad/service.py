"""The hash table of a running host: takes part in it, keeps its table fresh, and finds peers by their id.

Every known peer is a way in and none is needed: a search begins with whoever is connected or in the table. Nothing
waits for it, and a round that fails is tried again later, ever less often.
"""

import logging
import random
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import trio
from libp2p.peer.id import ID

from p2p import base58, limits
from p2p.addresses import TcpAddress
from p2p.api import Discovery
from p2p.dialer import Connect
from p2p.errors import P2PError
from p2p.hardened.swarm import close_quietly
from p2p.kad.contacts import Contacts
from p2p.kad.lookup import OURSELVES, Lookup
from p2p.kad.search import Asker, Search, scope_of
from p2p.kad.serving import QueryServer
from p2p.kad.table import RoutingTable, group_of, key_of, key_of_bytes

if TYPE_CHECKING:
    from p2p.network import Libp2pNetwork

_log = logging.getLogger(__name__)

_KEY_OF_A_PEER = b"\x00\x24\x08\x01\x12\x20"  # an Ed25519 public key inlined in a peer id
_OWN_PROTOCOLS = "/ipfs/", "/meshsub/", "/floodsub/"


def protocol_name(tag: str) -> str:
    """Under which name a network of ours speaks Kademlia; `tag` is what gossip topics name it by."""
    return f"/neurond/{tag}/kad/1.0.0"


class Kademlia:
    """One network's part of the hash table; idle until `take_part`."""

    def __init__(self, network: "Libp2pNetwork", connect: Connect, rng: random.Random) -> None:
        self.table = RoutingTable(network.identity.peer_id)
        self.contacts = Contacts()
        self._network = network
        self._rng = rng
        self._asker = Asker(network, connect, self.table, self.contacts)
        self._server = QueryServer(network, self.table, self.contacts)
        self._finds = trio.CapacityLimiter(limits.KAD_FINDS_AT_ONCE)
        self._proofs = trio.CapacityLimiter(limits.KAD_PROOFS_AT_ONCE)
        self._considered: set[str] = set()
        self._is_seeing_off = False
        self._begun = trio.Event()
        self._arrived = trio.Event()
        self._looked_up_at_s: float | None = None
        self._problem = ""

    # What the network asks and tells

    def take_part(self, tag: str) -> None:
        """Ask from now on, under the name of this network, and serve if others can dial us; a second call changes
        nothing."""
        if self._begun.is_set():
            return
        self._asker.protocol = protocol_name(tag)
        if self._network.listeners:
            self._network.handle_raw(self._asker.protocol, self._server.serve)
        self._begun.set()

    def discovery(self) -> Discovery:
        """How it goes."""
        return Discovery(len(self.table), self._looked_up_at_s, self._problem)

    async def find(self, peer_id: str, timeout_s: float) -> tuple[TcpAddress, ...]:
        """Where a peer may be, the proven address first: from our own book, or by asking those nearest to its id."""
        network = self._network
        await trio.lowlevel.checkpoint()
        if peer_id == network.peer_id:
            return tuple(address.with_peer(peer_id) for address in network.told_addresses())
        state = network.connected.get(peer_id)
        if state is not None:
            with trio.move_on_after(timeout_s):
                await state.settled.wait()  # it is about to say where it is
        known = self._known(peer_id)
        if not self._begun.is_set() or (known and network.host.connections(peer_id)):
            return known
        network.totals.add("kad.finds")
        lookup = self._lookup(key_of(peer_id), peer_id)
        with trio.move_on_after(timeout_s):
            async with self._finds:
                await self._search(lookup, base58.decode(peer_id), peer_id)
        found = tuple(dict.fromkeys((*self._known(peer_id), *lookup.target_addresses)))
        network.totals.add("kad.found" if found else "kad.not_found")
        return found[: limits.KAD_ADDRESSES_CLAIMED_MAX]

    def met(self, peer_id: str, addresses: Iterable[TcpAddress]) -> None:
        """A connected peer has said where it is, among others maybe: only its words about itself count."""
        scope = scope_of(self._network, peer_id)
        own = tuple(a for a in addresses if a.peer_id == peer_id and a.scope >= scope)
        state = self._network.connected.get(peer_id)
        if state is None:
            return
        if own:
            group = group_of(own[0] if state.remote is None else state.remote)
            self.contacts.note(peer_id, own, group, trio.current_time())
        if not len(self.table):
            self._arrived.set()
        if self.contacts.is_relayed(peer_id):
            return self.table.remove(peer_id)  # where it seems to be is a hole in its router, open to us alone
        if self._begun.is_set() and peer_id not in self._considered and peer_id not in self.table:
            self._considered.add(peer_id)
            self._network.spawn(partial(self._consider, peer_id))

    def keep(self, peer_id: str) -> None:
        """Somebody wants to talk to this peer: its connection is not that of a search any more."""
        self._asker.guests.discard(peer_id)

    # The loop

    async def run(self) -> None:
        """Look around: soon after the start, then ever less often, for ever."""
        await self._begun.wait()
        pause_s = limits.KAD_FIRST_S
        while True:
            await self._pause(pause_s)
            if self._network.connected:
                await self._round()
                is_short = len(self._network.connected) < self._network.config.target_peers
                pause_s = min(2 * pause_s, limits.KAD_SEEK_S if is_short else limits.KAD_REFRESH_S)

    async def _pause(self, pause_s: float) -> None:
        """Wait; the first peer after a time without any ends the pause."""
        self._arrived = trio.Event()
        with trio.move_on_after(pause_s * self._rng.uniform(0.75, 1.25)):
            await self._arrived.wait()
            await trio.sleep(limits.KAD_FIRST_S * self._rng.uniform(0.0, 1.0))

    async def _round(self) -> None:
        """Ask who has joined, look for ourselves, look into one bucket, see whether the longest unseen live."""
        network, now_s = self._network, trio.current_time()
        for peer_id in network.connected:
            self.contacts.touch(peer_id, now_s)
        outside = [peer for peer in network.connected if peer not in self.table and peer not in self._considered]
        self._rng.shuffle(outside)
        for peer_id in outside[: limits.KAD_CONSIDERED]:
            self._considered.add(peer_id)
            network.spawn(partial(self._consider, peer_id))
        await self._look(base58.decode(network.peer_id))
        bucket = self.table.stalest_bucket(now_s - limits.KAD_BUCKET_STALE_S)
        if bucket is not None:
            self.table.refreshed(bucket, now_s)
            if bucket < limits.KAD_REFRESHED_BUCKETS_MAX:
                await self._look(self._key_in(bucket))
        for entry in self.table.unseen_since(now_s - limits.KAD_STALE_S, limits.KAD_CHECKED):
            await self._check(entry.peer_id, entry.addresses)

    async def _look(self, key: bytes) -> None:
        lookup = self._lookup(key_of_bytes(key), None)
        with trio.move_on_after(limits.FIND_TIMEOUT_S):
            await self._search(lookup, key, None)

    async def _search(self, lookup: Lookup, key: bytes, target: str | None) -> None:
        try:
            await Search(self._asker, self._network, self.table, lookup, key).run(target)
        finally:
            if lookup.answers:
                self._looked_up_at_s, self._problem = trio.current_time(), ""
            elif lookup.asked:
                self._problem = f"none of {lookup.asked} peers answered a search"
            else:
                self._problem = "no peer is known that could be asked"
            if self._asker.guests and not self._is_seeing_off:
                self._is_seeing_off = True
                self._network.spawn(self._see_off)

    def _lookup(self, key: int, target: str | None) -> Lookup:
        """A search that begins with the table's nearest, the connected peers and, if known, the target itself."""
        network = self._network
        lookup = Lookup(key, network.peer_id, target)
        known = () if target is None else self._known(target)
        if target is not None and known:
            lookup.learn(OURSELVES, {target: known})
        for entry in self.table.closest(key, limits.KAD_BUCKET_PEERS, sound=False):
            lookup.learn(OURSELVES, {entry.peer_id: entry.addresses})
        if len(self.table) < limits.KAD_BUCKET_PEERS:
            for peer_id in tuple(network.connected)[: limits.KAD_BUCKET_PEERS]:
                if peer_id != target:  # connected from its side: others say where it can be dialled
                    lookup.learn(OURSELVES, {peer_id: ()})
        return lookup

    def _known(self, peer_id: str) -> tuple[TcpAddress, ...]:
        """What this node knows itself, where it is connected first."""
        state = self._network.connected.get(peer_id)
        remote = () if state is None or state.remote is None or state.direction == "in" else (state.remote,)
        entry = self.table.get(peer_id)
        proven = () if entry is None else entry.addresses
        here = (address.with_peer(peer_id) for address in remote)
        own_words = self.contacts.addresses(peer_id, trio.current_time())
        return tuple(dict.fromkeys((*here, *proven, *own_words, *self._network.book.addresses(peer_id))))

    def _key_in(self, bucket: int) -> bytes:
        """A random key that falls into a bucket; takes 2^(bucket + 1) tries on average."""
        for _ in range(limits.KAD_KEY_TRIES_MAX):
            key = _KEY_OF_A_PEER + self._rng.randbytes(32)
            if self.table.bucket_of(key_of_bytes(key)) == bucket:
                break
        return key

    # Entries

    async def _consider(self, peer_id: str) -> None:
        """Ask a connected peer for ourselves; who answers, and can be dialled, enters the table."""
        try:
            await trio.sleep(self._rng.uniform(0.0, limits.KAD_GREET_S))
            state = self._network.connected.get(peer_id)
            if state is None or state.remote is None or peer_id in self.table or self.contacts.is_relayed(peer_id):
                return
            ports = {address.port for address in self.contacts.addresses(peer_id, trio.current_time())}
            where = [state.remote.port] if state.direction == "out" else sorted(ports)
            kind, host = state.remote.kind, state.remote.host
            wanted = [TcpAddress(kind, host, port, peer_id) for port in where[: limits.KAD_ADDRESSES_TRIED]]
            if not wanted or not self.table.wants(wanted[0]):
                return
            await self._asker.ask(peer_id, base58.decode(self._network.peer_id))
            proven = wanted[0] if state.direction == "out" else await self._proven(wanted)
            if proven is not None:
                self.table.add(proven, self.contacts.addresses(peer_id, trio.current_time()), trio.current_time())
        except P2PError as error:
            self._network.totals.add("kad.not_entered")
            _log.debug("%s does not enter the table: %s", peer_id, error)
        finally:
            self._considered.discard(peer_id)

    async def _proven(self, wanted: list[TcpAddress]) -> TcpAddress | None:
        """The first of these addresses at which the peer answers a call back; all are of the host it came from."""
        async with self._proofs:
            for address in wanted:
                with trio.move_on_after(limits.KAD_DIAL_TIMEOUT_S):
                    try:
                        await self._network.host.swarm.prove(address, ID.from_base58(address.peer_id or ""))
                    except P2PError:
                        continue
                    return address
        return None

    async def _check(self, peer_id: str, addresses: tuple[TcpAddress, ...]) -> None:
        """Whether an entry still answers."""
        try:
            await self._asker.visit(peer_id, addresses[: limits.KAD_ADDRESSES_TRIED])
            await self._asker.ask(peer_id, base58.decode(self._network.peer_id))
        except P2PError:
            self.table.failed(peer_id)

    async def _see_off(self) -> None:
        """Close the connections made for searches; below the target they become ones like all others."""
        guests = self._asker.guests
        try:
            while guests:
                await trio.sleep(limits.KAD_GUEST_S)
                for peer_id in tuple(guests):
                    await self._see_off_one(peer_id)
        finally:
            self._is_seeing_off = False

    async def _see_off_one(self, peer_id: str) -> None:
        network, guests = self._network, self._asker.guests
        state = network.connected.get(peer_id)
        if state is None or len(network.connected) <= network.config.target_peers:
            guests.discard(peer_id)
        elif trio.current_time() - state.connected_at_s >= limits.KAD_GUEST_S and not self._is_used(peer_id):
            guests.discard(peer_id)
            network.totals.add("kad.guests_left")
            for connection in network.host.connections(peer_id):
                await close_quietly(connection)

    def _is_used(self, peer_id: str) -> bool:
        """Whether any stream to a peer is more than a host's own small talk."""
        streams = (stream for each in self._network.host.connections(peer_id) for stream in each.get_streams())
        own = (*_OWN_PROTOCOLS, self._asker.protocol)
        return any(not str(stream.get_protocol() or "?").startswith(own) for stream in streams)
