"""The routing table: which peers one keeps so that everybody can be found in a few steps.

Pure bookkeeping: times come in as parameters, nothing is asked here. Who calls `add` has proven that this peer answers
at this address: claims of others never enter, so that an answer full of invented peers leaves no trace.
"""

import ipaddress
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from heapq import nsmallest

from p2p import base58, limits
from p2p.addresses import TcpAddress

_KEY_BITS = 256
_PUBLIC = 2


@lru_cache(maxsize=4096)
def key_of(peer_id: str) -> int:
    """Where a peer stands: SHA-256 of its binary id, as a number."""
    return key_of_bytes(base58.decode(peer_id))


def key_of_bytes(raw: bytes) -> int:
    """The same of a key as it travels in a query."""
    return int.from_bytes(sha256(raw).digest(), "big")


def group_of(address: TcpAddress) -> str:
    """Who is counted together: a /24 or /48 of the internet, since whoever has one address there has many; else a
    host."""
    if not address.kind.startswith("ip") or address.scope < _PUBLIC:
        return address.host
    prefix = limits.KAD_GROUP_IP4_BITS if address.kind == "ip4" else limits.KAD_GROUP_IP6_BITS
    return str(ipaddress.ip_network(f"{address.host}/{prefix}", strict=False))


@dataclass(slots=True)
class Entry:
    """One peer that answered at `proven`; `others` are further addresses it named itself."""

    key: int
    proven: TcpAddress
    others: tuple[TcpAddress, ...]
    group: str
    seen_s: float
    failures: int = 0

    @property
    def peer_id(self) -> str:
        """Whose entry this is."""
        return self.proven.peer_id or ""

    @property
    def addresses(self) -> tuple[TcpAddress, ...]:
        """All of them, the proven one first."""
        others = (address for address in self.others if address != self.proven)
        return (self.proven, *others)[: limits.ADDRESSES_PER_PEER]


class RoutingTable:
    """Buckets by the number of leading bits that a peer's key shares with ours, least recently seen first."""

    def __init__(self, own_peer_id: str) -> None:
        self._own_key = key_of(own_peer_id)
        self._buckets: dict[int, dict[str, Entry]] = {}
        self._refreshed_s: dict[int, float] = {}

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def __contains__(self, peer_id: str) -> bool:
        return self.get(peer_id) is not None

    def get(self, peer_id: str) -> Entry | None:
        """The entry of a peer."""
        return self._buckets.get(self._index(key_of(peer_id)), {}).get(peer_id)

    def wants(self, address: TcpAddress) -> bool:
        """Whether a peer that proves this address would be taken: worth asking before the proof is paid for."""
        peer_id = address.peer_id
        if peer_id is None or key_of(peer_id) == self._own_key:
            return False
        index = self._index(key_of(peer_id))
        bucket = self._buckets.get(index, {})
        if not self._group_has_room(group_of(address), bucket, address):
            return False
        if peer_id in bucket or any(entry.failures for entry in bucket.values()):
            return True
        return len(bucket) < limits.KAD_BUCKET_PEERS and len(self) < limits.KAD_TABLE_PEERS

    def add(self, proven: TcpAddress, others: tuple[TcpAddress, ...], now_s: float) -> bool:
        """Enter a peer, or what is new about it, as seen now; False when it was not taken.

        A full bucket keeps whom it has: those that stayed longest stay on, and a flood of newcomers moves nobody who
        answers. Only an entry that failed gives way.
        """
        if not self.wants(proven):
            return False
        peer_id = proven.peer_id or ""
        index = self._index(key_of(peer_id))
        bucket = self._buckets.setdefault(index, {})
        bucket.pop(peer_id, None)
        if len(bucket) >= limits.KAD_BUCKET_PEERS or len(self) >= limits.KAD_TABLE_PEERS:
            del bucket[next(peer for peer, entry in bucket.items() if entry.failures)]
        bucket[peer_id] = Entry(key_of(peer_id), proven, others, group_of(proven), now_s)
        return True

    def seen(self, peer_id: str, now_s: float) -> None:
        """It answered just now."""
        entry = self.get(peer_id)
        if entry is not None:
            entry.seen_s, entry.failures = now_s, 0
            bucket = self._buckets[self._index(entry.key)]
            bucket[peer_id] = bucket.pop(peer_id)

    def failed(self, peer_id: str) -> None:
        """It did not answer: told to nobody until it does again, and out the second time."""
        entry = self.get(peer_id)
        if entry is None:
            return
        entry.failures += 1
        if entry.failures >= limits.KAD_FAILURES_MAX:
            self.remove(peer_id)

    def remove(self, peer_id: str) -> None:
        """Forget a peer."""
        index = self._index(key_of(peer_id))
        bucket = self._buckets.get(index, {})
        bucket.pop(peer_id, None)
        if not bucket:
            self._buckets.pop(index, None)
            self._refreshed_s.pop(index, None)

    def closest(self, key: int, count: int, *, excluded: Collection[str] = (), sound: bool = True) -> list[Entry]:
        """The `count` entries nearest to `key`; with `sound` only those whose last answer did not fail."""
        fit = (
            entry
            for bucket in self._buckets.values()
            for peer_id, entry in bucket.items()
            if peer_id not in excluded and not (sound and entry.failures)
        )
        return nsmallest(count, fit, key=lambda entry: entry.key ^ key)

    def unseen_since(self, before_s: float, count: int) -> list[Entry]:
        """Up to `count` entries last seen before `before_s`, the longest unseen first."""
        entries = (entry for bucket in self._buckets.values() for entry in bucket.values() if entry.seen_s < before_s)
        return nsmallest(count, entries, key=lambda entry: entry.seen_s)

    def stalest_bucket(self, before_s: float) -> int | None:
        """The bucket whose range was looked up longest ago, at least before `before_s`; None when all are fresh."""
        due = [index for index in self._buckets if self._refreshed_s.get(index, float("-inf")) < before_s]
        return min(due, key=lambda index: self._refreshed_s.get(index, float("-inf")), default=None)

    def refreshed(self, index: int, now_s: float) -> None:
        """The range of a bucket was looked up."""
        self._refreshed_s[index] = now_s

    def bucket_of(self, key: int) -> int:
        """The number of the bucket into which a key falls."""
        return self._index(key)

    def _index(self, key: int) -> int:
        return _KEY_BITS - (self._own_key ^ key).bit_length()

    def _group_has_room(self, group: str, bucket: dict[str, Entry], address: TcpAddress) -> bool:
        """One network may hold a few places of a bucket and of the table, however many ids it makes up."""
        is_public = address.scope >= _PUBLIC
        per_bucket = limits.KAD_GROUP_PER_BUCKET if is_public else limits.KAD_HOST_PER_BUCKET
        per_table = limits.KAD_GROUP_PER_TABLE if is_public else limits.KAD_HOST_PER_TABLE
        own = address.peer_id
        in_bucket = sum(entry.group == group for peer_id, entry in bucket.items() if peer_id != own)
        if in_bucket >= per_bucket:
            return False
        counts = Counter(e.group for b in self._buckets.values() for peer_id, e in b.items() if peer_id != own)
        return counts[group] < per_table
