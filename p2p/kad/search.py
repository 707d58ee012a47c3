"""Carries out a search: a few peers asked at a time, connections made for it where there are none.

Must end when its deadline says so, whatever the peers do; what one of them does ends at most its own turn.
"""

import logging
from typing import TYPE_CHECKING

import trio

from p2p import limits
from p2p.addresses import TcpAddress
from p2p.dialer import Connect
from p2p.errors import BusyError, MalformedFrame, P2PError, ProtocolRefusedError, StreamFailed, UnreachableError
from p2p.kad import messages
from p2p.kad.contacts import Contacts
from p2p.kad.lookup import Lookup, Told
from p2p.kad.table import RoutingTable

if TYPE_CHECKING:
    from p2p.network import Libp2pNetwork

_PUBLIC = 2
_log = logging.getLogger(__name__)


def scope_of(network: "Libp2pNetwork", peer_id: str) -> int:
    """How far away a peer may be, as `TcpAddress.scope` says; the internet when that is not known."""
    state = network.connected.get(peer_id)
    return _PUBLIC if state is None else state.scope


class Asker:
    """Asks single peers under the network's own name for the hash table."""

    def __init__(self, network: "Libp2pNetwork", connect: Connect, table: RoutingTable, contacts: Contacts) -> None:
        self._network = network
        self._connect = connect
        self._table = table
        self._contacts = contacts
        self.protocol = ""
        self.guests: set[str] = set()
        """Peers connected for a search only."""

    async def ask(self, peer_id: str, key: bytes) -> Told:
        """What a connected peer answers to who is nearest to `key`. Raises P2PError; what is malformed costs points."""
        network = self._network
        with trio.move_on_after(limits.KAD_QUERY_TIMEOUT_S):
            stream, reader, _ = await network.host.open(peer_id, (self.protocol,))
            try:
                await stream.write(messages.find_node(key))
                # Our half stays open: js-libp2p gives up a question whose stream ends before it has looked at it.
                raw = await reader.varint_frame(limits.KAD_ANSWER_MAX_BYTES)
                if raw is None:
                    raise StreamFailed(f"{peer_id} ended the stream without an answer")
                told = messages.read_answer(raw, messages.FIND_NODE, scope_of(network, peer_id))
            except BaseException as error:
                await stream.reset()
                if isinstance(error, MalformedFrame):
                    network.totals.add("kad.malformed")
                    network.report(peer_id, limits.MALFORMED_POINTS, f"a malformed answer of the hash table: {error}")
                raise
            await stream.aclose()
            self._table.seen(peer_id, trio.current_time())
            return told
        raise UnreachableError(f"{peer_id} did not answer within {limits.KAD_QUERY_TIMEOUT_S:g} s")

    async def visit(self, peer_id: str, addresses: tuple[TcpAddress, ...]) -> None:
        """Connect to a peer at one of these addresses unless it is connected. Raises P2PError."""
        if self._network.host.connections(peer_id):
            return
        network, doorsteps = self._network, self._network.dialer.doorsteps
        on_hearsay = not network.book.is_proven(peer_id) and peer_id not in self._table
        error: P2PError = UnreachableError(f"nobody told where {peer_id} is")
        for address in addresses:
            if on_hearsay and not doorsteps.may_knock(address.host, trio.current_time()):
                error = BusyError(f"too many strangers were dialled at {address.host} or in all")
                continue
            self.guests.add(peer_id)  # before: a search that ends now must not leave a connection nobody closes
            try:
                await self._connect(address, limits.KAD_DIAL_TIMEOUT_S)
            except P2PError as refused:
                error = refused
                continue
            doorsteps.answered(address.host)
            return
        raise error

    def enter(self, peer_id: str) -> None:
        """A peer that we dialled and that answered is fit for the table: there and then it was proven."""
        state = self._network.connected.get(peer_id)
        is_dialled = state is not None and state.direction == "out" and not self._contacts.is_relayed(peer_id)
        if state is not None and state.remote is not None and is_dialled:
            others = self._network.book.addresses(peer_id)
            self._table.add(state.remote.with_peer(peer_id), others, trio.current_time())


class Search:
    """One search for `key`, as it travels in questions; ends early when `target` is connected."""

    def __init__(self, asker: Asker, network: "Libp2pNetwork", table: RoutingTable, lookup: Lookup, key: bytes) -> None:
        self._asker = asker
        self._network = network
        self._table = table
        self._lookup = lookup
        self._key = key
        self._waiting_for = 0
        self._progress = trio.Event()

    async def run(self, target: str | None = None) -> None:
        """Ask until nobody nearer is left; the caller sets the deadline."""
        self._network.totals.add("kad.searches")
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(limits.KAD_PARALLEL):
                    nursery.start_soon(self._work, target, nursery.cancel_scope)
        finally:
            for liar in self._lookup.liars():
                self._network.totals.add("kad.false_answers")
                self._network.report(liar, limits.KAD_FALSE_POINTS, "none of the peers it told of answers")

    async def _work(self, target: str | None, whole: trio.CancelScope) -> None:
        while True:
            step = self._lookup.next()
            if step is None and not self._waiting_for:
                return
            if step is None:
                await self._progress.wait()
                continue
            peer_id, addresses = step
            self._waiting_for += 1
            try:
                if await self._turn(peer_id, addresses, target):
                    whole.cancel()
            finally:
                self._waiting_for -= 1
                self._progress.set()
                self._progress = trio.Event()

    async def _turn(self, peer_id: str, addresses: tuple[TcpAddress, ...], target: str | None) -> bool:
        """Ask one peer; True when it is the target and is connected now."""
        lookup, totals = self._lookup, self._network.totals
        if self._network.is_banned(peer_id):
            lookup.failed(peer_id, is_dead=False)
            return False
        totals.add("kad.asked")
        try:
            await self._asker.visit(peer_id, addresses)
            if peer_id == target:
                return True
            told = await self._asker.ask(peer_id, self._key)
        except (MalformedFrame, ProtocolRefusedError) as error:
            self._table.remove(peer_id)
            self._missed(peer_id, error, is_dead=False)
        except (BusyError, StreamFailed) as error:
            self._missed(peer_id, error, is_dead=False)  # alive, but it has enough to do
        except P2PError as error:
            self._table.failed(peer_id)
            self._missed(peer_id, error, is_dead=True)
        else:
            self._asker.enter(peer_id)
            lookup.answered(peer_id, told)
        return False

    def _missed(self, peer_id: str, error: P2PError, *, is_dead: bool) -> None:
        self._network.totals.add("kad.unanswered")
        _log.debug("%s did not help to find a peer: %s", peer_id, error)
        self._lookup.failed(peer_id, is_dead=is_dead)
