"""Leaf errors of the mempool: why a transaction does not wait for a block.

NodeError
└── MempoolError
    ├── AlreadyPooled, UnderpricedReplacement
    ├── StaleNonce, NonceGap              below the account's nonce, too far above it
    ├── SenderFull, PoolFull, LaneFull    64 of one account; those that pay as much; those that pay nothing
    ├── ReportedEnough                    of one offender
    └── Expired, Oversized
"""

from node.primitives.errors import NodeError


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


class LaneFull(MempoolError):
    """As many fee-free transactions wait as may."""

    code = "mempool_lane_full"
    remedy = "Try again in a few blocks."


class ReportedEnough(MempoolError):
    """Enough reports of the same offender wait already."""

    code = "mempool_reported_enough"
    remedy = "Nothing is to be done: the offender is reported."


class Expired(MempoolError):
    """The transaction's era is over."""

    code = "mempool_expired"
    remedy = "Sign it again with a current era."


class Oversized(MempoolError):
    """The transaction is larger than the ledger allows."""

    code = "mempool_oversized"
    remedy = "Send less in one transaction."
