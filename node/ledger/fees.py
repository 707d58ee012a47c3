"""Fees: what a transaction pays for its place in a block. Fee and tip go to the block's producer in any case.

Free calls (weights, axons, commitments) are bounded by their rate limits and enter a block only when they succeed.
"""

from node.ledger import errors
from node.ledger.calls import is_free
from node.ledger.context import Context
from node.ledger.pallets import accounts
from node.ledger.parameters import Parameters
from node.ledger.state import StateView
from node.ledger.transaction import Transaction
from node.primitives.types import AccountId, Rao


def size_fee(parameters: Parameters, size_bytes: int) -> Rao:
    """The fee of a paid transaction of that size, without tip."""
    return Rao(parameters.base_fee_rao + size_bytes * parameters.byte_fee_rao)


def total_fee(parameters: Parameters, transaction: Transaction, size_bytes: int) -> Rao:
    """Fee and tip of a transaction; 0 for a free call."""
    if is_free(transaction.call):
        return Rao(0)
    return Rao(size_fee(parameters, size_bytes) + transaction.tip_rao)


def require_payable(view: StateView, sender: AccountId, fee_rao: Rao) -> None:
    """Raise CannotPayFee unless the sender's free balance covers the fee."""
    if accounts.free_balance(view, sender) < fee_rao:
        raise _cannot_pay(view, sender, fee_rao)


def give_back(context: Context, sender: AccountId, fee_rao: Rao) -> None:
    """Undo a `charge` of this transaction: the producer still holds the fee."""
    accounts.debit(context.state, context.producer, fee_rao)
    accounts.credit(context.state, sender, fee_rao)


def charge(context: Context, sender: AccountId, fee_rao: Rao) -> None:
    """Move the fee from the sender to the block's producer and use the sender's nonce. Raises CannotPayFee."""
    if not accounts.pay_fee(context.state, sender, fee_rao):
        raise _cannot_pay(context.state, sender, fee_rao)
    accounts.credit(context.state, context.producer, fee_rao)


def _cannot_pay(view: StateView, sender: AccountId, fee_rao: Rao) -> errors.CannotPayFee:
    free_rao = accounts.free_balance(view, sender)
    return errors.CannotPayFee(f"The fee is {fee_rao} rao; the sender holds {free_rao} rao.")
