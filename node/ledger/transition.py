"""The state transition: the one place where a block changes the state.

`execute_block` checks everything a header commits to except its seal and the producer's turn, which belong to
consensus. `build_block` makes a block that `execute_block` accepts. Order: docs/protocol.md, "Block step".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from node.ledger import errors, merkle, phases
from node.ledger.apply import Receipt, apply_free, apply_prepared, apply_transaction, check_entry, is_frozen, prepare
from node.ledger.calls import Call, is_free
from node.ledger.context import Context
from node.ledger.dispatch import dispatch
from node.ledger.events import Event
from node.ledger.fees import require_payable, total_fee
from node.ledger.header import HEADER_VERSION, UNSIGNED, Block, Header, header_hash
from node.ledger.pallets import accounts, authority, children, emission, epoch, pos, registration, system, turns
from node.ledger.state import LayeredView, Overlay, StateView
from node.ledger.transaction import Transaction, decode_transaction, transaction_hash
from node.primitives import crypto
from node.primitives.codec import encode
from node.primitives.crypto import Verifier
from node.primitives.limits import BLOCK_BYTES_MAX, HEADER_BYTES_MAX, TRANSACTIONS_PER_BLOCK_MAX
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, Rao, SetId, Slot

__all__ = [
    "ChainState", "Checked", "Draft", "Executed", "Preview", "Receipt", "Skipped", "build_block", "check_stateful",
    "check_stateless", "check_transaction", "execute_block", "preview_call", "restore_state",
]  # fmt: skip

_LENGTH_PREFIX_BYTES: Final = 3  # of a byte string of at most 64 KiB


@dataclass(frozen=True, slots=True)
class ChainState:
    """The state after a block."""

    height: Height
    slot: Slot
    hash: Hash
    view: StateView
    tree: merkle.Node

    @property
    def state_root(self) -> Hash:
        """The root this block's header carries."""
        return merkle.root_hash(self.tree)


@dataclass(frozen=True, slots=True)
class Executed:
    """A block's whole effect. `changes` is net, by ascending path; None removes the row. `undo` reverses it."""

    state: ChainState
    changes: Mapping[Hash, bytes | None]
    undo: Mapping[Hash, bytes | None]
    events: tuple[Event, ...]
    receipts: tuple[Receipt, ...]
    """One per transaction of the block, in its order."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A candidate that `build_block` left out; with "BlockTooLarge" or "NonceTooHigh" it may come in a later block."""

    transaction_hash: Hash
    error_code: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A block without its producer's signature."""

    header: Header
    transactions: tuple[bytes, ...]
    skipped: tuple[Skipped, ...]
    changes: Mapping[Hash, bytes | None]
    undo: Mapping[Hash, bytes | None]
    tree: merkle.Node
    parent_view: StateView
    events: tuple[Event, ...]
    receipts: tuple[Receipt, ...]

    def seal(self, signature: bytes) -> tuple[Block, Executed]:
        """The block with its signature over `seal_message(genesis_hash, draft.header)`, and its effect."""
        header = replace(self.header, signature=signature)
        view = LayeredView(self.changes, self.parent_view)
        state = ChainState(header.height, header.slot, header_hash(header), view, self.tree)
        executed = Executed(state, self.changes, self.undo, self.events, self.receipts)
        return Block(header, self.transactions), executed


@dataclass(frozen=True, slots=True)
class Preview:
    """What a call would do: its events, and by how much the sender's free τ would change, the fee apart."""

    events: tuple[Event, ...]
    free_change_rao: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A transaction that could enter the next block as far as its sender's state says (the mempool's view)."""

    transaction: Transaction
    hash: Hash
    sender: AccountId
    nonce: int
    next_nonce: int
    """The sender's next nonce in this state; above it there is a gap."""
    fee_rao: Rao
    """Fee and tip together."""
    size_bytes: int
    expires_height: Height
    """Last height that may include it."""


def execute_block(parent: ChainState, block: Block, genesis_hash: Hash, *, verify: Verifier) -> Executed:
    """Run `block` on its parent's state. Raises a `BlockError` leaf if any part of it breaks a rule."""
    header = block.header
    _check_header(parent, header)
    if len(block.transactions) > TRANSACTIONS_PER_BLOCK_MAX or len(encode(block)) > BLOCK_BYTES_MAX:
        raise errors.BlockTooLarge
    if merkle.list_root(block.transactions) != header.transactions_root:
        raise errors.WrongTransactionsRoot
    context = _begin(parent, header.slot, header.proposer, header.next_set, verify=verify)
    receipts = _apply_all(context, block.transactions, genesis_hash, verify=verify)
    changes, undo = context.state.effect()
    tree = merkle.update(parent.tree, changes)
    if merkle.root_hash(tree) != header.state_root:
        raise errors.WrongStateRoot
    state = ChainState(header.height, header.slot, header_hash(header), LayeredView(changes, parent.view), tree)
    return Executed(state, changes, undo, tuple(context.events), receipts)


def build_block(
    parent: ChainState,
    slot: Slot,
    proposer: AccountId,
    candidates: Sequence[bytes],
    genesis_hash: Hash,
    *,
    verify: Verifier,
    enact: bool,
) -> Draft:
    """Draft the block of `slot` on `parent` from `candidates` in order, up to the limits; invalid ones are skipped.

    `enact` tells whether it may enact the authority set that waits: its announcing block is final.

    Raises SlotNotAfterParent.
    """
    if slot <= parent.slot:
        raise errors.SlotNotAfterParent
    sets = authority.announced(parent.view, slot, enact=enact)
    context = _begin(parent, slot, proposer, sets[2], verify=verify)
    taken: list[bytes] = []
    receipts: list[Receipt] = []
    skipped: list[Skipped] = []
    room_bytes = BLOCK_BYTES_MAX - HEADER_BYTES_MAX
    for raw in candidates:
        size_bytes = len(raw) + _LENGTH_PREFIX_BYTES
        try:
            if size_bytes > room_bytes or len(taken) == TRANSACTIONS_PER_BLOCK_MAX:
                raise errors.BlockTooLarge
            receipts.append(apply_transaction(context, raw, genesis_hash, verify=verify))
        except (errors.TransactionError, errors.BlockTooLarge) as error:
            skipped.append(Skipped(transaction_hash(raw), error.code))
        else:
            taken.append(raw)
            room_bytes -= size_bytes
    return _drafted(parent, context, slot, sets, tuple(taken), tuple(skipped), tuple(receipts))


def check_stateless(raw: bytes) -> Transaction:
    """First stage of the mempool's check: form and size only. Raises a `TransactionError` leaf."""
    return decode_transaction(raw)


def check_stateful(
    state: ChainState, transaction: Transaction, raw: bytes, genesis_hash: Hash, *, verify: Verifier
) -> Checked:
    """Second stage: era, signature, nonce not used, fee affordable; a fee-free call must also succeed, and a coldkey
    whose swap is announced sends steps of it alone.

    Raises a `TransactionError` leaf.
    """
    context = _next_block(state, Slot(state.slot + 1), AccountId(ZERO_HASH), verify=verify)
    next_nonce = check_entry(context.state, context.height, transaction, genesis_hash, verify=verify)
    identity, fee_rao = transaction_hash(raw), total_fee(context.parameters, transaction, len(raw))
    if is_free(transaction.call):
        apply_free(context, transaction, identity)
    else:
        require_payable(context.state, transaction.sender, fee_rao)
        is_frozen(context.state, transaction)
    return Checked(
        transaction=transaction,
        hash=identity,
        sender=transaction.sender,
        nonce=transaction.nonce,
        next_nonce=next_nonce,
        fee_rao=fee_rao,
        size_bytes=len(raw),
        expires_height=transaction.era.last_height,
    )


def check_transaction(state: ChainState, raw: bytes, genesis_hash: Hash, *, verify: Verifier) -> Checked:
    """Both stages at once against the state of the chain's head."""
    return check_stateful(state, check_stateless(raw), raw, genesis_hash, verify=verify)


def preview_call(state: ChainState, sender: AccountId, call: Call) -> Preview:
    """What `call` would do in the next block, fee and nonce apart. Raises the CallError it would fail with."""
    context = _next_block(state, Slot(state.slot + 1), AccountId(ZERO_HASH), verify=crypto.verify)
    before_rao = accounts.free_balance(context.state, sender)
    dispatch(context, sender, call)
    return Preview(tuple(context.events), accounts.free_balance(context.state, sender) - before_rao)


def restore_state(view: StateView, tree: merkle.Node, block_hash: Hash) -> ChainState:
    """The chain's state from stored rows: `tree` is built from the rows of `view`, `block_hash` names its block."""
    clock = system.CLOCK.get(view)
    return ChainState(clock.height, clock.slot, block_hash, view, tree)


def _check_header(parent: ChainState, header: Header) -> None:
    """Everything of a header that the parent's state decides, but the roots."""
    if header.parent != parent.hash:
        raise errors.WrongParent
    if header.height != parent.height + 1:
        raise errors.WrongHeight
    if header.slot <= parent.slot:
        raise errors.SlotNotAfterParent
    expected = authority.announced(parent.view, header.slot, enact=bool(header.next_set))
    if (header.set_id, header.next_set_hash, header.next_set) != expected:
        raise errors.WrongAuthoritySet


def _next_block(parent: ChainState, slot: Slot, proposer: AccountId, *, verify: Verifier) -> Context:
    """The parent's state with the next block's clock."""
    overlay, height = Overlay(parent.view), Height(parent.height + 1)
    system.begin_block(overlay, system.Clock(height, slot, proposer), parent.hash)
    return Context(overlay, height, proposer, system.PARAMETERS.get(overlay), verify=verify)


def _begin(parent: ChainState, slot: Slot, proposer: AccountId, listed: phases.Members, *, verify: Verifier) -> Context:
    """Everything a block does before its transactions; `listed` is its header's `next_set`."""
    context = _next_block(parent, slot, proposer, verify=verify)
    _change_authorities(context, parent.slot, listed)
    registration.decay_prices(context)
    emission.emit(context)
    ran = epoch.run_due_epochs(context)
    emission.move_prices(context)
    for netuid in ran:
        children.apply_waiting(context, netuid)
    return context


def _change_authorities(context: Context, parent_slot: Slot, listed: phases.Members) -> None:
    begins_epoch = turns.advance(context, parent_slot)
    authority.advance(context, listed)
    if listed:
        pos.note_enacted(context)
    if begins_epoch:
        pos.decide(context)


def _apply_all(context: Context, raws: Sequence[bytes], genesis_hash: Hash, *, verify: Verifier) -> tuple[Receipt, ...]:
    """Run a received block's transactions. Raises InvalidTransactionInBlock for the first that may not be in it."""
    prepared = prepare(context, raws, genesis_hash, verify=verify)
    receipts: list[Receipt] = []
    for index, raw in enumerate(raws):
        try:
            if index < len(prepared):
                receipts.append(apply_prepared(context, prepared[index]))
            else:
                receipts.append(apply_transaction(context, raw, genesis_hash, verify=verify))
        except errors.TransactionError as error:
            raise errors.InvalidTransactionInBlock(f"Transaction {index}: {error.code}: {error}") from error
    return tuple(receipts)


def _drafted(
    parent: ChainState,
    context: Context,
    slot: Slot,
    sets: tuple[SetId, Hash, phases.Members],
    transactions: tuple[bytes, ...],
    skipped: tuple[Skipped, ...],
    receipts: tuple[Receipt, ...],
) -> Draft:
    changes, undo = context.state.effect()
    tree = merkle.update(parent.tree, changes)
    set_id, next_set_hash, next_set = sets
    header = Header(
        HEADER_VERSION, context.height, slot, parent.hash, context.producer, merkle.list_root(transactions),
        merkle.root_hash(tree), set_id, next_set_hash, next_set, UNSIGNED,
    )  # fmt: skip
    return Draft(
        header, transactions, skipped, changes, undo, tree, parent.view, tuple(context.events), receipts
    )  # fmt: skip
