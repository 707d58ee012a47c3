"""Roots of Merkle trees that neurons commit to: receipts of an epoch, and indexes of data. See `node.ledger.calls`."""

from typing import Final

from node.ledger import errors as e
from node.ledger.calls.base import FREE, HOT, NETUID, U63, CallSpec, HashField, NetUidField
from node.primitives.codec import Wire


class CommitReceiptRoot(Wire, frozen=True, tag=95):
    """Commit to the receipts of one epoch of a subnet: the root over them and how many there are."""

    netuid: NetUidField
    epoch: U63
    root: HashField
    leaves: U63


class CommitIndexRoot(Wire, frozen=True, tag=96):
    """Commit to the index of the data a miner holds: the root over its buckets, and their number and size."""

    netuid: NetUidField
    root: HashField
    buckets: U63
    size_bytes: U63


RootsCall = CommitReceiptRoot | CommitIndexRoot

_ROOT_HASH = ("root", "Merkle root, 32 bytes")
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        95,
        "commit_receipt_root",
        CommitReceiptRoot,
        HOT,
        FREE,
        (
            NETUID,
            ("epoch", "the subnet's present epoch or the one before"),
            _ROOT_HASH,
            ("leaves", "number of receipts"),
        ),
        (e.SubnetNotExists, e.HotKeyNotRegisteredInSubNet, e.ReceiptEpochOutOfBounds, e.ReceiptRootExists),
    ),
    CallSpec(
        96,
        "commit_index_root",
        CommitIndexRoot,
        HOT,
        FREE,
        (NETUID, _ROOT_HASH, ("buckets", "number of leaves"), ("size_bytes", "size of the data in bytes")),
        (e.SubnetNotExists, e.HotKeyNotRegisteredInSubNet, e.CommitmentRateLimitExceeded),
    ),
)
