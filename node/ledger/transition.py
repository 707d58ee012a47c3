"""The state transition: the one place where a block changes the state.

`execute_block` checks everything a header commits to except its seal and the producer's turn, which belong to
consensus. `build_block` makes a block that `execute_block` accepts. Order: docs/protocol.md, "Block step".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from node.ledger import merkle
from node.ledger.events import Event
from node.ledger.header import Block, Header
from node.ledger.state import StateView
from node.ledger.transaction import Transaction
from node.primitives.crypto import Verifier
from node.primitives.types import AccountId, Hash, Height, Rao, Slot


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
class Receipt:
    """What became of one transaction of a block; `error_code` is "" when it succeeded."""

    transaction_hash: Hash
    ok: bool
    error_code: str
    fee_rao: Rao


@dataclass(frozen=True, slots=True)
class Executed:
    """A block's whole effect. `changes` is net, by ascending path; None removes the row."""

    state: ChainState
    changes: Mapping[Hash, bytes | None]
    undo: Mapping[Hash, bytes | None]
    events: tuple[Event, ...]
    receipts: tuple[Receipt, ...]
    """One per transaction of the block, in its order."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A candidate that `build_block` left out; `error_code` is "BlockTooLarge" if it may come in a later block."""

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
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Checked:
    """A transaction that could enter the next block as far as its sender's state says (mempool's view)."""

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
    raise NotImplementedError


def build_block(
    parent: ChainState,
    slot: Slot,
    proposer: AccountId,
    candidates: Sequence[bytes],
    genesis_hash: Hash,
    *,
    verify: Verifier,
) -> Draft:
    """Draft the block of `slot` on `parent` from `candidates` in order, up to the limits; invalid ones are skipped."""
    raise NotImplementedError


def check_stateless(raw: bytes) -> Transaction:
    """First stage of the mempool's check: form and size only. Raises a `TransactionError` leaf."""
    raise NotImplementedError


def check_stateful(
    state: ChainState, transaction: Transaction, raw: bytes, genesis_hash: Hash, *, verify: Verifier
) -> Checked:
    """Second stage: era, signature, nonce not used, fee affordable; a fee-free call must also succeed.

    Raises a `TransactionError` leaf.
    """
    raise NotImplementedError


def check_transaction(state: ChainState, raw: bytes, genesis_hash: Hash, *, verify: Verifier) -> Checked:
    """Both stages at once against the state of the chain's head."""
    raise NotImplementedError
