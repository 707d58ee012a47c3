"""The transactions that wait for a block, bounded in count, bytes, per sender and in nonce gaps.

Paid ones compete by fee per byte. A fee that no block may ever take counts for nothing: what waits behind a gap goes
first, and nothing is worth more than what has to come before it. Fee-free ones have a lane of their own, with a share
of the pool and of every block that no payment can buy: evidence cannot be kept out by those who have the money. Expects
transactions whose form, signature and balance were checked; knows only nonces, fees, sizes and lanes. Source:
docs/protocol.md, "Mempool".
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from node.mempool.errors import (
    AlreadyPooled,
    Expired,
    LaneFull,
    NonceGap,
    Oversized,
    PoolFull,
    ReportedEnough,
    SenderFull,
    StaleNonce,
    UnderpricedReplacement,
)
from node.primitives.limits import (
    MEMPOOL_BYTES_MAX,
    MEMPOOL_FREE_BYTES_MAX,
    MEMPOOL_FREE_SHARE_OF_BLOCK,
    MEMPOOL_FREE_TRANSACTIONS_MAX,
    MEMPOOL_NONCE_GAP_MAX,
    MEMPOOL_PER_SENDER_MAX,
    MEMPOOL_REPORTS_PER_OFFENDER_MAX,
    MEMPOOL_TRANSACTIONS_MAX,
    TRANSACTION_BYTES_MAX,
)
from node.primitives.types import AccountId, Hash, Height, Rao

_REPLACEMENT_PERCENT: Final = 110  # a replacement pays a tenth more, so that repeating it for ever costs something
_PRIORITY_SCALE: Final = 1 << 32  # fee per byte as an integer with enough digits to order by
_TAILS_SPARE: Final = 256  # outdated entries of the heap of evictions: each holds a transaction that has left the pool


class Lane(IntEnum):
    """What a transaction waits with; the order is that of taking."""

    URGENT = 0
    """Fee-free and first: evidence."""
    FREE = 1
    """Fee-free, in order of arrival: weights, axons, commitments."""
    PAID = 2
    """By fee per byte."""


@dataclass(frozen=True, slots=True)
class PoolTransaction:
    """What the pool needs to know; `expires_height` is the last height that may include it."""

    hash: Hash
    sender: AccountId
    nonce: int
    fee_rao: Rao
    size_bytes: int
    expires_height: Height
    raw: bytes
    lane: Lane = Lane.PAID
    offender: bytes = b""
    """Of evidence: who is accused."""

    @property
    def priority(self) -> int:
        """Fee per byte, scaled."""
        return self.fee_rao * _PRIORITY_SCALE // max(1, self.size_bytes)


@dataclass(frozen=True, slots=True)
class Added:
    """It and those that waited for it are ready for a block; gossip `ready` in this order."""

    ready: tuple[PoolTransaction, ...]
    evicted: tuple[PoolTransaction, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """Kept, not gossiped: transactions with lower nonces are missing."""

    missing_nonce: int
    evicted: tuple[PoolTransaction, ...] = ()


@dataclass(frozen=True, slots=True)
class Replaced:
    """It took the place of `old`; gossip it when `ready`."""

    old: PoolTransaction
    ready: bool
    evicted: tuple[PoolTransaction, ...] = ()


Outcome = Added | Held | Replaced  # `evicted` are those that had to make room
_Rank = tuple[tuple[int, int], int, PoolTransaction]
"""What a transaction is sorted by, then its arrival, which no other one shares."""


class Mempool:
    """Transactions by sender and nonce; `height` is that of the head."""

    def __init__(self, height: Height) -> None:
        self._height = height
        self._by_hash: dict[Hash, PoolTransaction] = {}
        self._by_sender: dict[AccountId, dict[int, PoolTransaction]] = {}
        self._next: dict[AccountId, int] = {}
        self._free: dict[Hash, PoolTransaction] = {}
        self._ranks: dict[Hash, _Rank] = {}
        self._tails: list[_Rank] = []
        self._arrivals = 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    def __contains__(self, transaction_hash: object) -> bool:
        return transaction_hash in self._by_hash

    @property
    def size_bytes(self) -> int:
        """What they weigh."""
        return self._bytes

    def add(self, transaction: PoolTransaction, next_nonce: int) -> Outcome:
        """Take a checked transaction of an account whose next nonce in the head's state is `next_nonce`.

        Raises:
            MempoolError: one of its leaves; the pool is unchanged then.
        """
        sender = transaction.sender
        self._check(transaction, next_nonce)
        own = self._by_sender.get(sender, {})
        old = leaves = own.get(transaction.nonce)
        if old is not None:
            if transaction.fee_rao * 100 < old.fee_rao * _REPLACEMENT_PERCENT or transaction.fee_rao <= old.fee_rao:
                raise UnderpricedReplacement(f"Nonce {transaction.nonce} is taken by one that pays {old.fee_rao} rao.")
        elif len(own) >= MEMPOOL_PER_SENDER_MAX:
            leaves = own[max(own)]  # what a reorganisation undid comes back below others, which wait for it
            if leaves.nonce < transaction.nonce:
                raise SenderFull(f"This account has {len(own)} transactions waiting.")
        evicted = tuple(self._room_for(transaction, leaves, next_nonce))
        for gone in evicted if leaves is None else (*evicted, leaves):
            self._remove(gone)
        evicted = evicted if leaves in (None, old) else (*evicted, leaves)
        self._next[sender] = next_nonce
        self._insert(transaction)
        missing = self.next_nonce(sender, next_nonce)
        if old is not None:
            return Replaced(old, transaction.nonce < missing, evicted)
        if transaction.nonce > missing:
            return Held(missing, evicted)
        own = self._by_sender[sender]
        return Added(tuple(own[nonce] for nonce in range(transaction.nonce, missing)), evicted)

    def senders(self) -> Iterable[AccountId]:
        """Return the accounts that have transactions waiting."""
        return self._by_sender.keys()

    def next_nonce(self, sender: AccountId, next_nonce: int) -> int:
        """Return the nonce a new transaction of `sender` should have, counting those that wait."""
        own = self._by_sender.get(sender, {})
        while next_nonce in own:
            next_nonce += 1
        return next_nonce

    def select(self, *, bytes_max: int, count_max: int) -> tuple[PoolTransaction, ...]:
        """Return what to build a block of, each sender's nonces in order.

        Fee-free ones come first, up to their share of the block, then the best fee per byte, then what is left.
        """
        free: list[_Rank] = []
        paid: list[_Rank] = []
        for sender, own in self._by_sender.items():
            first = own.get(self._next[sender])
            if first is not None:
                (paid if first.lane is Lane.PAID else free).append(self._ranks[first.hash])
        heapq.heapify(free)
        heapq.heapify(paid)
        share_bytes, share_count = bytes_max // MEMPOOL_FREE_SHARE_OF_BLOCK, count_max // MEMPOOL_FREE_SHARE_OF_BLOCK
        chosen: list[PoolTransaction] = []
        while (free or paid) and len(chosen) < count_max:
            in_share = bool(free) and share_count > 0 and free[0][2].size_bytes <= share_bytes
            transaction = heapq.heappop(free if in_share or not paid else paid)[2]
            if transaction.size_bytes > bytes_max or transaction.expires_height <= self._height:
                continue  # with it go the sender's later nonces: they need this one
            if transaction.lane is not Lane.PAID:
                share_bytes, share_count = share_bytes - transaction.size_bytes, share_count - 1
            bytes_max -= transaction.size_bytes
            chosen.append(transaction)
            following = self._by_sender[transaction.sender].get(transaction.nonce + 1)
            if following is not None:
                heapq.heappush(paid if following.lane is Lane.PAID else free, self._ranks[following.hash])
        return tuple(chosen)

    def prune(self, height: Height, nonces: Mapping[AccountId, int]) -> tuple[PoolTransaction, ...]:
        """Follow the head; return what expired or was used, by the next `nonces` of accounts that moved (also back)."""
        self._height = height
        dropped = [
            transaction
            for transaction in self._by_hash.values()
            if transaction.expires_height <= height or transaction.nonce < nonces.get(transaction.sender, 0)
        ]
        for transaction in dropped:
            self._remove(transaction)
        for sender, nonce in nonces.items():
            if self._next.get(sender, nonce) != nonce:
                self._next[sender] = nonce
                self._push_tail(sender)
        return tuple(dropped)

    def discard(self, transaction_hash: Hash) -> None:
        """Drop a transaction that turned out not to execute; those after it wait for another one with its nonce."""
        transaction = self._by_hash.get(transaction_hash)
        if transaction is not None:
            self._remove(transaction)

    # --- bounds -----------------------------------------------------------------------------------------------------

    def _check(self, transaction: PoolTransaction, next_nonce: int) -> None:
        if transaction.hash in self._by_hash:
            raise AlreadyPooled("This transaction is in the pool already.")
        if not 0 < transaction.size_bytes <= TRANSACTION_BYTES_MAX:
            raise Oversized(f"This transaction has {transaction.size_bytes} bytes; {TRANSACTION_BYTES_MAX} at most.")
        if transaction.expires_height <= self._height:
            raise Expired(f"This transaction was good up to block {transaction.expires_height}.")
        if transaction.nonce < next_nonce:
            raise StaleNonce(f"Nonce {transaction.nonce} is used; the next one is {next_nonce}.")
        if transaction.nonce > next_nonce + MEMPOOL_NONCE_GAP_MAX and transaction.nonce > self.next_nonce(
            transaction.sender, next_nonce
        ):
            raise NonceGap(f"Nonce {transaction.nonce} is too far above {next_nonce}, the next one.")

    def _room_for(
        self, transaction: PoolTransaction, old: PoolTransaction | None, next_nonce: int
    ) -> list[PoolTransaction]:
        """What else must go so that `transaction` fits in the place of `old`. Raises before anything has gone."""
        paid, worth = transaction.lane is Lane.PAID, self._worth(transaction, next_nonce)
        victims = [] if paid else self._room_in_lane(transaction, old)
        gone = [*victims, *([] if old is None else [old])]
        count = len(self._by_hash) + 1 - len(gone) - MEMPOOL_TRANSACTIONS_MAX
        excess = self._bytes + transaction.size_bytes - sum(each.size_bytes for each in gone) - MEMPOOL_BYTES_MAX
        below: dict[AccountId, int] = {}
        popped: list[_Rank] = []
        while count > 0 or excess > 0:
            tail = self._cheapest_tail(below)
            popped += [] if tail is None else [tail]
            if tail is None or (paid and tail[0] >= worth):
                self._tails += popped
                heapq.heapify(self._tails)
                raise PoolFull(f"{len(self._by_hash)} transactions wait, and all of them pay as much per byte.")
            victim = tail[2]
            if victim.sender != transaction.sender:  # without its own it could not be next
                victims.append(victim)
                count, excess = count - 1, excess - victim.size_bytes
                below[victim.sender] = victim.nonce
                self._push_tail(victim.sender, victim.nonce)
        return victims  # what was popped is pushed again when its sender changes, as each of these now does

    def _room_in_lane(self, transaction: PoolTransaction, old: PoolTransaction | None) -> list[PoolTransaction]:
        """Which fee-free transactions must go for a new one: the youngest, and only for an urgent one."""
        own = self._free if old is None else {key: each for key, each in self._free.items() if each is not old}
        if transaction.offender:
            reports = sum(each.offender == transaction.offender for each in own.values())
            if reports >= MEMPOOL_REPORTS_PER_OFFENDER_MAX:
                raise ReportedEnough(f"{reports} reports of this offender wait already.")
        count = len(own) + 1 - MEMPOOL_FREE_TRANSACTIONS_MAX
        excess = sum(each.size_bytes for each in own.values()) + transaction.size_bytes - MEMPOOL_FREE_BYTES_MAX
        victims: list[PoolTransaction] = []
        for youngest in reversed(own.values()):
            if count <= 0 and excess <= 0:
                break
            if transaction.lane < youngest.lane and transaction.sender != youngest.sender:
                victims.append(youngest)
                count, excess = count - 1, excess - youngest.size_bytes
        if count > 0 or excess > 0:
            raise LaneFull(f"{len(self._free)} fee-free transactions wait already.")
        return victims

    # --- the last paid transaction of every sender, cheapest first: what is outdated in the heap is dropped late ------

    def _cheapest_tail(self, below: Mapping[AccountId, int]) -> _Rank | None:
        """Pop the cheapest, not counting nonces from `below` on."""
        while self._tails:
            rank = heapq.heappop(self._tails)
            tail = rank[2]
            if tail.hash not in self._by_hash or tail is not self._tail(tail.sender, below.get(tail.sender)):
                continue
            if rank[0] == self._worth(tail, self._next[tail.sender]):
                return rank
        return None

    def _tail(self, sender: AccountId, below: int | None = None) -> PoolTransaction | None:
        own = self._by_sender.get(sender, {})
        paid = (nonce for nonce, each in own.items() if each.lane is Lane.PAID and (below is None or nonce < below))
        last = max(paid, default=None)
        return None if last is None else own[last]

    def _push_tail(self, sender: AccountId, below: int | None = None) -> None:
        tail = self._tail(sender, below)
        if tail is not None:
            worth = self._worth(tail, self._next[sender])
            heapq.heappush(self._tails, (worth, -self._ranks[tail.hash][1], tail))

    def _worth(self, transaction: PoolTransaction, next_nonce: int) -> tuple[int, int]:
        """Whether all before it are there (1 or 0), and the least fee per byte of the paid ones up to it."""
        own, least = self._by_sender.get(transaction.sender, {}), transaction.priority
        for nonce in range(next_nonce, transaction.nonce):
            before = own.get(nonce)
            if before is None:
                return 0, transaction.priority
            least = min(least, before.priority) if before.lane is Lane.PAID else least
        return 1, least

    def _insert(self, transaction: PoolTransaction) -> None:
        self._arrivals += 1
        self._ranks[transaction.hash] = ((transaction.lane, -transaction.priority), self._arrivals, transaction)
        self._by_hash[transaction.hash] = transaction
        self._by_sender.setdefault(transaction.sender, {})[transaction.nonce] = transaction
        self._bytes += transaction.size_bytes
        if transaction.lane is not Lane.PAID:
            self._free[transaction.hash] = transaction
        self._push_tail(transaction.sender)
        if len(self._tails) > 2 * len(self._by_sender) + _TAILS_SPARE:  # so rare that it costs nothing
            self._tails = []
            for sender in self._by_sender:
                self._push_tail(sender)

    def _remove(self, transaction: PoolTransaction) -> None:
        del self._by_hash[transaction.hash]
        del self._ranks[transaction.hash]
        self._free.pop(transaction.hash, None)
        self._bytes -= transaction.size_bytes
        own = self._by_sender[transaction.sender]
        del own[transaction.nonce]
        if not own:
            del self._by_sender[transaction.sender]
            del self._next[transaction.sender]
        else:
            self._push_tail(transaction.sender)
