"""The transactions that wait for a block, bounded in count, bytes, per sender and in nonce gaps.

Expects transactions whose form, signature and balance were checked; knows only nonces, fees and sizes. Source:
docs/protocol.md, "Mempool".

    NodeError
    └── MempoolError
        ├── AlreadyPooled       the same bytes again
        ├── StaleNonce          the account is beyond this nonce
        ├── NonceGap            too far above the account's nonce
        ├── UnderpricedReplacement
        ├── SenderFull          64 of one account wait already
        ├── PoolFull            and this one pays no more than those that wait
        ├── Expired             its era ended
        └── Oversized           larger than the ledger allows
"""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from node.primitives.errors import NodeError
from node.primitives.limits import (
    MEMPOOL_BYTES_MAX,
    MEMPOOL_NONCE_GAP_MAX,
    MEMPOOL_PER_SENDER_MAX,
    MEMPOOL_TRANSACTIONS_MAX,
    TRANSACTION_BYTES_MAX,
)
from node.primitives.types import AccountId, Hash, Height, Rao

_REPLACEMENT_PERCENT: Final = 110  # a replacement pays a tenth more, so that repeating it for ever costs something
_PRIORITY_SCALE: Final = 1 << 32  # fee per byte as an integer with enough digits to order by


class MempoolError(NodeError):
    """A transaction that the pool does not take."""

    code = "mempool_error"


class AlreadyPooled(MempoolError):
    """The same transaction is waiting already."""

    code = "mempool_already_pooled"
    remedy = "Wait for it; it need not be sent again."


class StaleNonce(MempoolError):
    """The account has used this nonce."""

    code = "mempool_stale_nonce"
    remedy = "Ask for the account's next nonce and sign again."


class NonceGap(MempoolError):
    """Too many transactions are missing before this one."""

    code = "mempool_nonce_gap"
    remedy = "Send the transactions before it first."


class UnderpricedReplacement(MempoolError):
    """Another transaction with this nonce waits, and this one does not pay a tenth more."""

    code = "mempool_underpriced_replacement"
    remedy = "Raise the tip, or wait for the first one."


class SenderFull(MempoolError):
    """One account has as many transactions waiting as it may."""

    code = "mempool_sender_full"
    remedy = "Wait until some of them are in a block."


class PoolFull(MempoolError):
    """The pool is full of transactions that pay at least as much."""

    code = "mempool_full"
    remedy = "Raise the tip, or try again later."


class Expired(MempoolError):
    """The transaction's era is over."""

    code = "mempool_expired"
    remedy = "Sign it again with a current era."


class Oversized(MempoolError):
    """The transaction is larger than the ledger allows."""

    code = "mempool_oversized"
    remedy = "Send less in one transaction."


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

    @property
    def priority(self) -> int:
        """Fee per byte, scaled."""
        return self.fee_rao * _PRIORITY_SCALE // max(1, self.size_bytes)


@dataclass(frozen=True, slots=True)
class Added:
    """It is ready for a block, and so are those that waited for it: `ready` is to be gossiped, in this order."""

    ready: tuple[PoolTransaction, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """Kept, not gossiped: transactions with lower nonces are missing."""

    missing_nonce: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """It took the place of `old`; gossip it when `ready`."""

    old: PoolTransaction
    ready: bool


Outcome = Added | Held | Replaced


class Mempool:
    """Transactions by sender and nonce; `height` is that of the head."""

    def __init__(self, height: Height) -> None:
        self._height = height
        self._by_hash: dict[Hash, PoolTransaction] = {}
        self._by_sender: dict[AccountId, dict[int, PoolTransaction]] = {}
        self._next: dict[AccountId, int] = {}
        self._arrival: dict[Hash, int] = {}
        self._arrivals = 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    def __contains__(self, transaction_hash: object) -> bool:
        return transaction_hash in self._by_hash

    @property
    def size_bytes(self) -> int:
        """What the waiting transactions weigh."""
        return self._bytes

    def get(self, transaction_hash: Hash) -> PoolTransaction | None:
        """Return a waiting transaction."""
        return self._by_hash.get(transaction_hash)

    def add(self, transaction: PoolTransaction, next_nonce: int) -> Outcome:
        """Take a checked transaction of an account whose next nonce in the head's state is `next_nonce`.

        Raises:
            MempoolError: one of the leaves drawn in this module's docstring; the pool is unchanged then.
        """
        sender = transaction.sender
        self._check(transaction, next_nonce)
        own = self._by_sender.get(sender, {})
        old = own.get(transaction.nonce)
        if old is not None:
            if transaction.fee_rao * 100 < old.fee_rao * _REPLACEMENT_PERCENT or transaction.fee_rao <= old.fee_rao:
                raise UnderpricedReplacement(f"Nonce {transaction.nonce} is taken by one that pays {old.fee_rao} rao.")
        elif len(own) >= MEMPOOL_PER_SENDER_MAX:
            raise SenderFull(f"This account has {len(own)} transactions waiting.")
        self._make_room(transaction, old)
        if old is not None:
            self._remove(old)
        self._insert(transaction)
        self._next[sender] = next_nonce
        missing = self._first_missing(sender)
        if old is not None:
            return Replaced(old, ready=transaction.nonce < missing)
        if transaction.nonce > missing:
            return Held(missing)
        own = self._by_sender[sender]
        return Added(tuple(own[nonce] for nonce in range(transaction.nonce, missing)))

    def senders(self) -> set[AccountId]:
        """Return the accounts that have transactions waiting."""
        return set(self._by_sender)

    def next_nonce(self, sender: AccountId, next_nonce: int) -> int:
        """Return the nonce a new transaction of `sender` should have, counting those that wait."""
        own = self._by_sender.get(sender, {})
        while next_nonce in own:
            next_nonce += 1
        return next_nonce

    def select(
        self, *, bytes_max: int, count_max: int, next_nonce: Callable[[AccountId], int]
    ) -> tuple[PoolTransaction, ...]:
        """Return what to build a block of: best fee per byte first, each sender's nonces in order."""
        heads: list[tuple[int, int, PoolTransaction]] = []
        for sender, own in self._by_sender.items():
            first = own.get(next_nonce(sender))
            if first is not None:
                heads.append(self._ordered(first))
        heapq.heapify(heads)
        chosen: list[PoolTransaction] = []
        while heads and len(chosen) < count_max:
            transaction = heapq.heappop(heads)[2]
            if transaction.size_bytes > bytes_max or transaction.expires_height <= self._height:
                continue  # with it go the sender's later nonces: they need this one
            bytes_max -= transaction.size_bytes
            chosen.append(transaction)
            following = self._by_sender[transaction.sender].get(transaction.nonce + 1)
            if following is not None:
                heapq.heappush(heads, self._ordered(following))
        return tuple(chosen)

    def prune(self, height: Height, nonces: Mapping[AccountId, int]) -> tuple[PoolTransaction, ...]:
        """Follow the head to `height`: drop what expired and what `nonces` (next ones, of accounts that moved) used.

        Returns the dropped transactions. After a reorganisation, add the undone block's transactions again.
        """
        self._height = height
        dropped = [
            transaction
            for transaction in self._by_hash.values()
            if transaction.expires_height <= height or transaction.nonce < nonces.get(transaction.sender, 0)
        ]
        for transaction in dropped:
            self._remove(transaction)
        for sender, nonce in nonces.items():
            if sender in self._next:
                self._next[sender] = nonce
        return tuple(dropped)

    def discard(self, transaction_hash: Hash) -> None:
        """Drop a transaction that turned out not to execute; those after it wait for another one with its nonce."""
        transaction = self._by_hash.get(transaction_hash)
        if transaction is not None:
            self._remove(transaction)

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

    def _make_room(self, transaction: PoolTransaction, old: PoolTransaction | None) -> None:
        """Choose the cheapest last transactions of other senders to go; raise before anything has gone."""
        count = len(self._by_hash) + (0 if old is not None else 1) - MEMPOOL_TRANSACTIONS_MAX
        excess = self._bytes + transaction.size_bytes - (0 if old is None else old.size_bytes) - MEMPOOL_BYTES_MAX
        victims: list[PoolTransaction] = []
        if count > 0 or excess > 0:
            tails = [self._tail(sender, -1) for sender in self._by_sender if sender != transaction.sender]
            heap = [(tail.priority, -self._arrival[tail.hash], tail) for tail in tails if tail is not None]
            heapq.heapify(heap)
            while count > 0 or excess > 0:
                if not heap or heap[0][0] >= transaction.priority:
                    raise PoolFull(f"{len(self._by_hash)} transactions wait, and all of them pay as much per byte.")
                victim = heapq.heappop(heap)[2]
                victims.append(victim)
                count, excess = count - 1, excess - victim.size_bytes
                before = self._tail(victim.sender, victim.nonce)
                if before is not None:
                    heapq.heappush(heap, (before.priority, -self._arrival[before.hash], before))
        for victim in victims:
            self._remove(victim)

    def _tail(self, sender: AccountId, below: int) -> PoolTransaction | None:
        own = self._by_sender[sender]
        nonce = max((nonce for nonce in own if below < 0 or nonce < below), default=None)
        return None if nonce is None else own[nonce]

    def _first_missing(self, sender: AccountId) -> int:
        return self.next_nonce(sender, self._next[sender])

    def _ordered(self, transaction: PoolTransaction) -> tuple[int, int, PoolTransaction]:
        return (-transaction.priority, self._arrival[transaction.hash], transaction)

    def _insert(self, transaction: PoolTransaction) -> None:
        self._arrivals += 1
        self._arrival[transaction.hash] = self._arrivals
        self._by_hash[transaction.hash] = transaction
        self._by_sender.setdefault(transaction.sender, {})[transaction.nonce] = transaction
        self._bytes += transaction.size_bytes

    def _remove(self, transaction: PoolTransaction) -> None:
        del self._by_hash[transaction.hash]
        del self._arrival[transaction.hash]
        self._bytes -= transaction.size_bytes
        own = self._by_sender[transaction.sender]
        del own[transaction.nonce]
        if not own:
            del self._by_sender[transaction.sender]
            del self._next[transaction.sender]
