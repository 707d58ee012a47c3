"""Answering others' questions: who is nearest to a key.

Bounded in streams, rate and size, for each peer and in all. Told are only peers that answered this node themselves, at
addresses that the asker can know of; nothing an asker sends changes the routing table.
"""

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

import trio

from p2p import base58, limits
from p2p.addresses import TcpAddress, check_peer_id
from p2p.errors import AddressError, MalformedFrame
from p2p.framing import BufferedReader
from p2p.hardened.streams import Libp2pStream
from p2p.kad import messages
from p2p.kad.contacts import Contacts
from p2p.kad.search import scope_of
from p2p.kad.table import RoutingTable, key_of_bytes

if TYPE_CHECKING:
    from p2p.network import Libp2pNetwork

_ANSWERED = (messages.FIND_NODE, messages.GET_PROVIDERS, messages.GET_VALUE, messages.PING)


class QueryRate:
    """How many questions are answered, of one peer and in all; `now_s` is monotonic."""

    def __init__(self) -> None:
        self._peers: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._total = (limits.KAD_SERVED_TOTAL_BURST, 0.0)

    def admit(self, peer_id: str, now_s: float) -> bool:
        """Whether to answer this peer now; charges for it when so."""
        own = self._peers.pop(peer_id, (limits.KAD_SERVED_BURST, now_s))
        left = _refilled(own, now_s, limits.KAD_SERVED_PER_S, limits.KAD_SERVED_BURST)
        total = _refilled(self._total, now_s, limits.KAD_SERVED_TOTAL_PER_S, limits.KAD_SERVED_TOTAL_BURST)
        is_admitted = left >= 1.0 and total >= 1.0
        self._peers[peer_id] = (left - is_admitted, now_s)
        self._total = (total - is_admitted, now_s)
        if len(self._peers) > limits.KAD_ASKERS_MAX:
            self._peers.popitem(last=False)
        return is_admitted


class QueryServer:
    """The serving side of the hash table of one network."""

    def __init__(self, network: "Libp2pNetwork", table: RoutingTable, contacts: Contacts) -> None:
        self._network = network
        self._table = table
        self._contacts = contacts
        self._rate = QueryRate()
        self._streams: Counter[str] = Counter()

    async def serve(self, stream: Libp2pStream, reader: BufferedReader) -> None:
        """Answer the questions of one stream. Raises StreamFailed."""
        peer_id, totals = stream.peer_id, self._network.totals
        if (
            self._streams[peer_id] >= limits.KAD_STREAMS_PER_PEER
            or self._streams.total() >= limits.KAD_STREAMS_TOTAL
        ):  # fmt: skip
            totals.add("kad.refused")
            return await stream.reset()
        self._streams[peer_id] += 1
        try:
            await self._answer_all(stream, reader)
        except MalformedFrame as error:
            totals.add("kad.malformed")
            self._network.report(peer_id, limits.MALFORMED_POINTS, f"a malformed question to the hash table: {error}")
            await stream.reset()
        finally:
            self._streams[peer_id] -= 1
            if not self._streams[peer_id]:
                del self._streams[peer_id]

    async def _answer_all(self, stream: Libp2pStream, reader: BufferedReader) -> None:
        for _ in range(limits.KAD_STREAM_QUERIES):
            with trio.move_on_after(limits.KAD_QUERY_TIMEOUT_S) as scope:
                raw = await reader.varint_frame(limits.KAD_QUERY_MAX_BYTES)
            if scope.cancelled_caught or raw is None:
                break
            query = messages.read_query(raw)
            if query.kind not in _ANSWERED or not self._rate.admit(stream.peer_id, trio.current_time()):
                self._network.totals.add("kad.refused")
                return await stream.reset()
            with trio.fail_after(limits.KAD_QUERY_TIMEOUT_S):
                await stream.write(messages.answer(query, self._peers_for(query, stream.peer_id)))
            self._network.totals.add("kad.served")
        await stream.aclose()

    def _peers_for(self, query: messages.Query, asker: str) -> list[tuple[str, tuple[TcpAddress, ...]]]:
        """The target, when its own words are known, and the nearest entries of the table."""
        if query.kind == messages.PING:
            return []
        scope = scope_of(self._network, asker)
        found = self._target(query, scope)
        known = [peer_id for peer_id, _ in found]
        for entry in self._table.closest(
            key_of_bytes(query.key), limits.KAD_BUCKET_PEERS, excluded=(asker, *known)
        ):  # fmt: skip
            fit = _fit(entry.addresses, scope)
            if fit:
                found.append((entry.peer_id, fit))
        return found

    def _target(self, query: messages.Query, scope: int) -> list[tuple[str, tuple[TcpAddress, ...]]]:
        try:
            peer_id = check_peer_id(base58.encode(query.key))
        except AddressError:
            return []  # a key of something else than a peer
        network = self._network
        if peer_id == network.peer_id:
            fit = _fit(tuple(address.with_peer(peer_id) for address in network.told_addresses()), scope)
            return [(peer_id, fit)] if fit else []
        entry = self._table.get(peer_id)
        own_words = self._contacts.addresses(peer_id, trio.current_time())
        proven = () if entry is None or entry.failures else entry.addresses
        fit = _fit(tuple(dict.fromkeys((*proven, *own_words))), scope)
        return [(peer_id, fit)] if fit else []


def _fit(addresses: tuple[TcpAddress, ...], scope: int) -> tuple[TcpAddress, ...]:
    return tuple(each for each in addresses if messages.is_fit(each, scope))[: limits.KAD_ADDRESSES_TOLD]


def _refilled(bucket: tuple[float, float], now_s: float, per_s: float, burst: float) -> float:
    left, at_s = bucket
    return min(burst, left + (now_s - at_s) * per_s)
