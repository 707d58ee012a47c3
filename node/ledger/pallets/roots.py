"""Committed roots: what a neuron cannot take back later. Receipts of each epoch, and the index of data it holds.

The newest receipt roots of a neuron are kept, older ones stand in old blocks. Who loses the seat loses its roots here.
"""

from typing import Final

from node.economics.clock import epoch_index
from node.ledger import errors
from node.ledger.calls import CommitIndexRoot, CommitReceiptRoot
from node.ledger.context import Context
from node.ledger.events import IndexRootCommitted, ReceiptRootCommitted
from node.ledger.pallets import neurons, subnets
from node.ledger.state import Map, Overlay
from node.primitives.codec import Wire
from node.primitives.limits import RECEIPT_EPOCHS_KEPT
from node.primitives.types import AccountId, Hash, Height, NetUid


class ReceiptRoot(Wire, frozen=True):
    """The receipts of one epoch: how many, and the root over them."""

    epoch: int
    root: Hash
    leaves: int
    height: Height


class IndexRoot(Wire, frozen=True):
    """An index of data: the root over its buckets, their number and size."""

    root: Hash
    buckets: int
    size_bytes: int
    height: Height


RECEIPTS: Final[Map[neurons.HotkeyAt, tuple[ReceiptRoot, ...]]] = Map(
    "roots",
    "receipts",
    neurons.HotkeyAt,
    tuple[ReceiptRoot, ...],
    default=(),
    about="Newest receipt roots, oldest first",
)
INDEX: Final[Map[neurons.HotkeyAt, IndexRoot]] = Map(
    "roots", "index", neurons.HotkeyAt, IndexRoot, about="The index a neuron has committed to"
)


def commit_receipts(context: Context, sender: AccountId, call: CommitReceiptRoot) -> None:
    """Commit to the receipts of the present epoch or the one before, once."""
    overlay, key = context.state, (call.netuid, sender)
    subnets.require(overlay, call.netuid)
    neurons.require_uid(overlay, call.netuid, sender)
    tempo_blocks = subnets.HYPERPARAMETERS.get(overlay, call.netuid).tempo_blocks
    epoch = epoch_index(context.height, call.netuid, tempo_blocks)
    if not epoch - 1 <= call.epoch <= epoch:
        raise errors.ReceiptEpochOutOfBounds(f"The present epoch of subnet {call.netuid} is {epoch}.")
    kept = RECEIPTS.get(overlay, key)
    if any(each.epoch == call.epoch for each in kept):
        raise errors.ReceiptRootExists
    new = ReceiptRoot(call.epoch, call.root, call.leaves, context.height)
    RECEIPTS.put(overlay, key, (*kept, new)[-RECEIPT_EPOCHS_KEPT:])
    context.emit(ReceiptRootCommitted(call.netuid, sender, call.epoch, call.root))


def commit_index(context: Context, sender: AccountId, call: CommitIndexRoot) -> None:
    """Commit to an index of data in the place of the one before."""
    overlay, key = context.state, (call.netuid, sender)
    subnets.require(overlay, call.netuid)
    neurons.require_uid(overlay, call.netuid, sender)
    old, pause_blocks = INDEX.find(overlay, key), context.parameters.commitment_rate_limit_blocks
    if old is not None and context.height < old.height + pause_blocks:
        raise errors.CommitmentRateLimitExceeded(f"The next index is possible from block {old.height + pause_blocks}.")
    INDEX.put(overlay, key, IndexRoot(call.root, call.buckets, call.size_bytes, context.height))
    context.emit(IndexRootCommitted(call.netuid, sender, call.root))


def forget(overlay: Overlay, netuid: NetUid, hotkey: AccountId) -> None:
    """Drop what a neuron has committed to; it leaves its seat."""
    RECEIPTS.delete(overlay, (netuid, hotkey))
    INDEX.delete(overlay, (netuid, hotkey))


def swap_hotkey(overlay: Overlay, netuid: NetUid, old: AccountId, new: AccountId) -> None:
    """Carry the commitments of a seat over to a hotkey's successor."""
    RECEIPTS.put(overlay, (netuid, new), RECEIPTS.get(overlay, (netuid, old)))
    index = INDEX.find(overlay, (netuid, old))
    if index is not None:
        INDEX.put(overlay, (netuid, new), index)
    forget(overlay, netuid, old)
