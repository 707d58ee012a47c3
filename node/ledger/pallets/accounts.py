"""Accounts: nonce and free τ, and the issuance that all τ sums to.

Accounts are never removed: a nonce that could start again would let old transactions be replayed. What keeps their
number in bounds is the existential deposit that a transfer must bring to a new account.
"""

from typing import Final

from node.ledger import errors
from node.ledger.calls import Transfer
from node.ledger.context import Context
from node.ledger.events import Transferred
from node.ledger.state import IndexedList, Map, Overlay, StateView, Value
from node.primitives.codec import Wire
from node.primitives.errors import invariant
from node.primitives.types import MAX_SUPPLY_RAO, AccountId, Rao

EVERYBODY: Final = ()
"""The one owner of the list of accounts."""


class Account(Wire, frozen=True):
    """One account: the nonce of its next transaction and its free τ."""

    nonce: int = 0
    free_rao: Rao = Rao(0)


_NOBODY: Final = Account()
ACCOUNT: Final[Map[AccountId, Account]] = Map(
    "accounts", "account", AccountId, Account, default=_NOBODY, about="Nonce and free balance"
)
ACCOUNTS: Final[IndexedList[tuple[()], AccountId]] = IndexedList(
    "accounts", "accounts", tuple[()], AccountId, about="Every account"
)
HEIR: Final[Map[AccountId, AccountId]] = Map(
    "accounts", "heir", AccountId, AccountId, about="Who took the place of a coldkey that was swapped"
)
ISSUANCE: Final[Value[int]] = Value("accounts", "issuance", int, default=0, about="All τ in existence, in rao")


def free_balance(view: StateView, account: AccountId) -> Rao:
    """Free τ of an account; 0 for an unknown one."""
    return ACCOUNT.get(view, account).free_rao


def heir(view: StateView, account: AccountId) -> AccountId:
    """Who has an account's place now: the account itself, or the last of the coldkeys that it was swapped for."""
    while (new := HEIR.find(view, account)) is not None:
        account = new
    return account


def name_heir(overlay: Overlay, old: AccountId, new: AccountId) -> None:
    """Put `new` in the place of `old`; who is named so has no heir itself, so that no chain of them is a ring."""
    HEIR.delete(overlay, new)
    HEIR.put(overlay, old, new)


def credit(overlay: Overlay, account: AccountId, amount_rao: int) -> None:
    """Add free τ, creating the account if it is new."""
    invariant(0 <= amount_rao <= MAX_SUPPLY_RAO, "a credit is an amount")
    if amount_rao:
        _put(overlay, account, amount_rao, nonces=0)


def debit(overlay: Overlay, account: AccountId, amount_rao: int) -> None:
    """Take free τ. Raises InsufficientBalance."""
    invariant(0 <= amount_rao <= MAX_SUPPLY_RAO, "a debit is an amount")
    old = ACCOUNT.get(overlay, account)
    if old.free_rao < amount_rao:
        raise errors.InsufficientBalance(f"The account holds {old.free_rao} rao; {amount_rao} rao are needed.")
    if amount_rao:
        ACCOUNT.put(overlay, account, Account(old.nonce, Rao(old.free_rao - amount_rao)))


def pay_fee(overlay: Overlay, account: AccountId, fee_rao: int) -> bool:
    """Take a fee and count one transaction of the account, if it covers the fee; whether it does."""
    old = ACCOUNT.get(overlay, account)
    if old.free_rao < fee_rao:
        return False
    if old == _NOBODY:
        ACCOUNTS.add(overlay, EVERYBODY, account)
    ACCOUNT.put(overlay, account, Account(old.nonce + 1, Rao(old.free_rao - fee_rao)))
    return True


def use_nonce(overlay: Overlay, account: AccountId) -> None:
    """Count one transaction of the account."""
    _put(overlay, account, 0, nonces=1)


def mint(overlay: Overlay, amount_rao: int) -> None:
    """Raise the issuance; whoever mints credits the same amount somewhere."""
    issuance_rao = ISSUANCE.get(overlay) + amount_rao
    invariant(amount_rao >= 0 and issuance_rao <= MAX_SUPPLY_RAO, "issuance stays below the cap")
    ISSUANCE.put(overlay, issuance_rao)


def recycle(overlay: Overlay, amount_rao: int) -> None:
    """Lower the issuance by τ that nobody holds any more."""
    issuance_rao = ISSUANCE.get(overlay) - amount_rao
    invariant(amount_rao >= 0 and issuance_rao >= 0, "no more τ is recycled than exists")
    ISSUANCE.put(overlay, issuance_rao)


def transfer(context: Context, sender: AccountId, call: Transfer) -> None:
    """Move free τ to another account."""
    overlay = context.state
    if call.amount_rao == 0:
        raise errors.AmountIsZero
    deposit_rao = context.parameters.existential_deposit_rao
    if call.amount_rao < deposit_rao and not ACCOUNT.has(overlay, call.to):
        raise errors.ExistentialDeposit(f"A new account needs at least {deposit_rao} rao.")
    debit(overlay, sender, call.amount_rao)
    credit(overlay, call.to, call.amount_rao)
    context.emit(Transferred(sender, call.to, call.amount_rao))


def _put(overlay: Overlay, account: AccountId, delta_rao: int, *, nonces: int) -> None:
    old = ACCOUNT.get(overlay, account)
    if old == _NOBODY:
        ACCOUNTS.add(overlay, EVERYBODY, account)
    ACCOUNT.put(overlay, account, Account(old.nonce + nonces, Rao(old.free_rao + delta_rao)))
