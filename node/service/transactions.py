"""Transactions on their way into the chain: the pool, what became of each, and the next free nonce.

Checks with a signature run in worker threads. What this node was given by its own clients is gossiped again until it is
in a block; what a reorganisation undid is checked again and waits again. Must never let a peer's transaction in without
both stages of the ledger's check.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import trio

from node.control.errors import error_view
from node.control.schema import ErrorView, TransactionStatus
from node.ledger import queries
from node.ledger.calls import ReportEvidence, is_free
from node.ledger.errors import BadSignature
from node.ledger.evidence import read_evidence
from node.ledger.header import Block, header_hash
from node.ledger.pallets.accounts import ACCOUNT
from node.ledger.transaction import transaction_hash
from node.ledger.transition import ChainState, Checked, Executed, Receipt, Skipped, check_stateless, check_transaction
from node.mempool import Added, Held, Lane, Mempool, Outcome, PoolTransaction, Replaced
from node.mempool.errors import AlreadyPooled, PoolFull
from node.primitives.crypto import Verifier
from node.primitives.errors import NodeError
from node.primitives.limits import BLOCK_BYTES_MAX, MEMPOOL_TRANSACTIONS_MAX, TRANSACTIONS_PER_BLOCK_MAX
from node.primitives.types import AccountId, Hash, Height
from node.service.logbook import logger

if TYPE_CHECKING:
    from node.consensus.events import Finalised, NewHead
    from node.service.chain import Chain

BODY_BYTES_MAX: Final = BLOCK_BYTES_MAX - 64 * 1024  # room for the header and the lengths
REMEMBERED_MAX: Final = 20_000  # fates of transactions kept for questions; four full blocks
REPUBLISH_BLOCKS: Final = 10  # a transaction that gossip lost is sent again after this many blocks
RETURNED_AT_ONCE_MAX: Final = 256  # undone transactions checked in one go of a worker thread: about 20 ms
REFUSED_BLOCKS: Final = 5  # how long a refused one is not looked at again: less than until its sender repeats it

log = logger("transactions")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Included:
    """A transaction in a block of the best chain."""

    height: Height
    block: Hash
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why a transaction was refused, and at which height of the head."""

    height: Height
    error: ErrorView


class Transactions:
    """The pool of one chain and the fate of each transaction it saw."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._pool = Mempool(chain.head.height)
        self._undone: OrderedDict[Hash, bytes] = OrderedDict()
        self._has_undone = trio.Event()
        self._own: OrderedDict[Hash, bytes] = OrderedDict()
        self._included: OrderedDict[Hash, Included] = OrderedDict()
        self._dropped: OrderedDict[Hash, Dropped] = OrderedDict()
        self.publish: Callable[[bytes], None] = lambda raw: None

    async def run(self) -> None:
        """Let undone transactions wait again, until cancelled."""
        while True:
            await self._has_undone.wait()
            self._has_undone = trio.Event()
            while self._undone:
                await self._return_some()

    # --- in ---------------------------------------------------------------------------------------------------------

    def knows(self, raw: bytes) -> bool:
        """Tell whether this node need not look at the transaction again."""
        key = transaction_hash(raw)
        refused = self._dropped.get(key)
        if refused is not None and self._chain.head.height < refused.height + REFUSED_BLOCKS:
            return True
        return key in self._pool or key in self._included or key in self._undone

    def check_form(self, raw: bytes) -> None:
        """First stage: form and size. Raises LedgerError."""
        check_stateless(raw)

    async def submit(self, raw: bytes) -> Hash:
        """Take a transaction from this node's own clients and gossip it. Raises LedgerError or MempoolError."""
        checked = await self._check(raw)
        self._add(checked, raw)
        _keep(self._own, checked.hash, raw)
        return checked.hash

    async def receive(self, raw: bytes) -> bool:
        """Take a transaction from a peer; one that does not fit is remembered and otherwise ignored.

        False when the peer is to blame: its signature is wrong whatever fork the peer follows.
        """
        try:
            self._add(await self._check(raw), raw)
        except BadSignature as error:
            if check_stateless(raw).era.birth_height <= self._chain.final.header.height:
                return False
            self._drop(transaction_hash(raw), error)  # signed over a block of another fork, perhaps
        except AlreadyPooled:
            return True  # it came in while its signature was checked
        except NodeError as error:
            self._drop(transaction_hash(raw), error)
        return True

    async def _check(self, raw: bytes) -> Checked:
        chain = self._chain

        def check() -> Checked:
            return check_transaction(chain.head.executed.state, raw, chain.genesis_hash, verify=chain.verify)

        return await trio.to_thread.run_sync(check)

    def _add(self, checked: Checked, raw: bytes) -> None:
        lane, offender = lane_of(checked, self._chain.genesis_hash)
        entry = PoolTransaction(
            checked.hash,
            checked.sender,
            checked.nonce,
            checked.fee_rao,
            checked.size_bytes,
            checked.expires_height,
            raw,
            lane,
            offender,
        )
        view = self._chain.head.executed.state.view  # the head may have moved while the transaction was checked
        outcome = self._pool.add(entry, queries.nonce(view, checked.sender))
        for gone in outcome.evicted:
            self._remember(gone.hash, _EVICTED)
        self._dropped.pop(checked.hash, None)
        for ready in _to_gossip(outcome, entry):
            self.publish(ready.raw)

    # --- into blocks ------------------------------------------------------------------------------------------------

    def candidates(self) -> list[bytes]:
        """Return what to build the next block of, in order."""
        chosen = self._pool.select(bytes_max=BODY_BYTES_MAX, count_max=TRANSACTIONS_PER_BLOCK_MAX)
        return [entry.raw for entry in chosen]

    def skipped(self, skipped: Sequence[Skipped]) -> None:
        """Forget candidates that turned out not to execute; what only lacked room or its predecessor stays."""
        for each in skipped:
            if each.error_code not in _CAN_COME_LATER:
                self._pool.discard(each.transaction_hash)
                code = each.error_code
                self._remember(each.transaction_hash, ErrorView(code, f"The ledger refuses it: {code}."))

    def moved(self, new: NewHead[Executed], executed: Mapping[Hash, Executed]) -> None:
        """Follow the head: used nonces leave the pool, transactions of undone blocks come back."""
        for block in reversed(new.undone):
            for raw in block.transactions:
                key = transaction_hash(raw)
                self._included.pop(key, None)
                self._undone[key] = raw
        for block in new.applied:
            self._include(block, executed)
        for entry in self._pool.prune(new.height, self._moved_nonces(new, executed)):
            if entry.hash not in self._included:
                self._remember(entry.hash, _EXPIRED)
        while len(self._undone) > MEMPOOL_TRANSACTIONS_MAX:
            self._undone.popitem()
        if self._undone:
            self._has_undone.set()
        self._republish(new.height)

    def finalised(self, final: Finalised[Executed]) -> None:
        """Learn of blocks that became final, also those that were never the head."""
        for block, state in zip(final.blocks, final.states, strict=True):
            self._include(block, {header_hash(block.header): state})
            for receipt in state.receipts:
                self._own.pop(receipt.transaction_hash, None)

    def _include(self, block: Block, executed: Mapping[Hash, Executed]) -> None:
        block_hash = header_hash(block.header)
        effect = executed.get(block_hash)
        if effect is None or not block.transactions:
            return
        for receipt in effect.receipts:
            _keep(self._included, receipt.transaction_hash, Included(Height(block.header.height), block_hash, receipt))
            self._undone.pop(receipt.transaction_hash, None)

    def _moved_nonces(self, new: NewHead[Executed], executed: Mapping[Hash, Executed]) -> dict[AccountId, int]:
        """The next nonces of waiting senders whose account the new blocks changed; of all after a reorganisation."""
        effects = [executed.get(header_hash(block.header)) for block in new.applied]
        changes = [effect.changes for effect in effects if effect is not None]
        known = not new.undone and len(changes) == len(effects)
        view = new.state.state.view
        return {
            account: queries.nonce(view, account)
            for account in self._pool.senders()
            if not known or any(ACCOUNT.path(account) in each for each in changes)
        }

    async def _return_some(self) -> None:
        """Check the oldest undone transactions on the present head; those that still fit wait again."""
        raws = [self._undone[key] for key in tuple(self._undone)[:RETURNED_AT_ONCE_MAX]]
        chain = self._chain
        state, genesis = chain.head.executed.state, chain.genesis_hash

        def check() -> list[Checked | NodeError]:
            return [_checked(state, raw, genesis, chain.verify) for raw in raws]

        for raw, checked in zip(raws, await trio.to_thread.run_sync(check), strict=True):
            key = transaction_hash(raw)
            if self._undone.pop(key, None) is None:
                continue  # in a block again meanwhile
            try:
                if isinstance(checked, NodeError):
                    raise checked
                self._add(checked, raw)
            except AlreadyPooled:
                continue  # a peer was faster
            except NodeError as error:
                self._drop(key, error)

    def _republish(self, height: Height) -> None:
        if height % REPUBLISH_BLOCKS == 0:
            for key, raw in tuple(self._own.items()):
                if key in self._pool:
                    self.publish(raw)
                elif key not in self._included and key not in self._undone:
                    del self._own[key]

    def _drop(self, key: Hash, error: NodeError) -> None:
        view = error_view(error)
        if view is not None:
            self._remember(key, view)

    def _remember(self, key: Hash, error: ErrorView) -> None:
        _keep(self._dropped, key, Dropped(self._chain.head.height, error))

    # --- questions --------------------------------------------------------------------------------------------------

    def next_nonce(self, account: AccountId) -> int:
        """Return the nonce that the account's next transaction must carry, pending ones counted."""
        return self._pool.next_nonce(account, queries.nonce(self._chain.head.executed.state.view, account))

    def waiting(self) -> int:
        """Return how many transactions are in the pool."""
        return len(self._pool)

    def status(self, key: Hash) -> TransactionStatus:
        """Return what became of a transaction, as far as this node knows."""
        text = key.hex()
        found = self._included.get(key)
        if found is not None:
            return self._status_of(text, found)
        if key in self._pool or key in self._undone:
            return TransactionStatus(text, "pending")
        if key in self._dropped:
            return TransactionStatus(text, "failed", error=self._dropped[key].error)
        stored = self._chain.store.transaction(key)
        if stored is None:
            return TransactionStatus(text, "unknown")
        block = self._chain.store.hash_at(stored[0])
        return TransactionStatus(text, "final", stored[0], None if block is None else block.hex())

    def _status_of(self, text: str, found: Included) -> TransactionStatus:
        receipt = found.receipt
        final = found.height <= self._chain.final.header.height
        error = None
        if not receipt.ok:
            error = ErrorView(
                receipt.error_code, f"The ledger refused it in block {found.height}: {receipt.error_code}."
            )
        return TransactionStatus(
            text,
            "failed" if not receipt.ok else "final" if final else "in_block",
            found.height,
            found.block.hex(),
            receipt.fee_rao,
            error,
        )


_EXPIRED: Final = ErrorView(
    "expired",
    "Its era ended, or its nonce was used by another transaction, before it was in a block.",
    "Sign it again.",
)


_EVICTED: Final = ErrorView(PoolFull.code, "The pool was full and others paid more.", PoolFull.remedy)


_CAN_COME_LATER: Final = ("BlockTooLarge", "NonceTooHigh")


def lane_of(checked: Checked, genesis_hash: Hash) -> tuple[Lane, bytes]:
    """Return the lane a transaction waits in and, of evidence, whom it accuses."""
    call = checked.transaction.call
    if isinstance(call, ReportEvidence):
        return Lane.URGENT, read_evidence(call.evidence, genesis_hash).offender
    return (Lane.FREE if is_free(call) else Lane.PAID), b""


def _checked(state: ChainState, raw: bytes, genesis_hash: Hash, verify: Verifier) -> Checked | NodeError:
    try:
        return check_transaction(state, raw, genesis_hash, verify=verify)
    except NodeError as error:
        return error


def _to_gossip(outcome: Outcome, entry: PoolTransaction) -> tuple[PoolTransaction, ...]:
    """What others can use now; a transaction whose predecessors are missing stays here until they come."""
    match outcome:
        case Added(ready):
            return ready
        case Held():
            return ()
        case Replaced():
            return (entry,) if outcome.ready else ()


def _keep(memory: OrderedDict[Hash, V], key: Hash, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > REMEMBERED_MAX:
        memory.popitem(last=False)
