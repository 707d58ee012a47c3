"""Bonds: τ that answers for what an authority signs. It belongs to the coldkey that owns the authority's hotkey.

A part asked back stays liable during the unbonding time, which is longer than evidence may be old. Locked τ stays in
the issuance. Each authority epoch may read every bond, so who is no authority bonds as much as a validator at least.
Source: docs/protocol.md, "Bonds".
"""

from typing import Final

from node.ledger import errors
from node.ledger.calls import BondAuthority, UnbondAuthority, WithdrawUnbonded
from node.ledger.context import Context
from node.ledger.events import AuthorityBonded, AuthorityUnbonded, UnbondedWithdrawn
from node.ledger.pallets import accounts, authority, staking
from node.ledger.state import IndexedList, Map, Overlay, StateView
from node.primitives.codec import Wire
from node.primitives.limits import UNBONDINGS_MAX
from node.primitives.types import AccountId, Height, Rao

EVERYBODY: Final = ()
"""The one owner of the list of bonds."""


class Unbonding(Wire, frozen=True):
    """A part of a bond on its way back; it can be withdrawn from block `due`."""

    amount_rao: Rao
    due: Height


class Bond(Wire, frozen=True):
    """What answers for one authority."""

    active_rao: Rao = Rao(0)
    unbonding: tuple[Unbonding, ...] = ()

    @property
    def total_rao(self) -> int:
        """All that can be slashed."""
        return self.active_rao + sum(part.amount_rao for part in self.unbonding)


BOND: Final[Map[AccountId, Bond]] = Map(
    "bonds", "bond", AccountId, Bond, default=Bond(), about="What answers for an authority"
)
BONDED: Final[IndexedList[tuple[()], AccountId]] = IndexedList(
    "bonds", "bonded", tuple[()], AccountId, about="Every account with a bond"
)


def bond_authority(context: Context, sender: AccountId, call: BondAuthority) -> None:
    """Lock τ behind an own hotkey."""
    overlay = context.state
    staking.require_owned(overlay, call.hotkey, sender)
    if call.amount_rao == 0:
        raise errors.AmountIsZero
    bond, least_rao = BOND.get(overlay, call.hotkey), context.parameters.validator_bond_min_rao
    active_rao = Rao(bond.active_rao + call.amount_rao)
    if active_rao < least_rao and not authority.is_involved(overlay, call.hotkey):
        raise errors.BondTooSmall(f"The bond of a validator has at least {least_rao} rao.")
    accounts.debit(overlay, sender, call.amount_rao)
    _put(overlay, call.hotkey, Bond(active_rao, bond.unbonding))
    context.emit(AuthorityBonded(call.hotkey, call.amount_rao))


def unbond_authority(context: Context, sender: AccountId, call: UnbondAuthority) -> None:
    """Begin to take a part back."""
    overlay = context.state
    staking.require_owned(overlay, call.hotkey, sender)
    if call.amount_rao == 0:
        raise errors.AmountIsZero
    bond = BOND.get(overlay, call.hotkey)
    if call.amount_rao > bond.active_rao:
        raise errors.NotEnoughBond(f"The bond holds {bond.active_rao} rao that are not unbonding.")
    if len(bond.unbonding) >= UNBONDINGS_MAX:
        raise errors.TooManyUnbondings
    due = Height(context.height + context.parameters.unbonding_blocks)
    parts = (*bond.unbonding, Unbonding(call.amount_rao, due))
    _put(overlay, call.hotkey, Bond(Rao(bond.active_rao - call.amount_rao), parts))
    context.emit(AuthorityUnbonded(call.hotkey, call.amount_rao, due))


def withdraw_unbonded(context: Context, sender: AccountId, call: WithdrawUnbonded) -> None:
    """Take back what is due."""
    overlay = context.state
    staking.require_owned(overlay, call.hotkey, sender)
    bond = BOND.get(overlay, call.hotkey)
    waiting = tuple(part for part in bond.unbonding if part.due > context.height)
    amount_rao = Rao(sum(part.amount_rao for part in bond.unbonding if part.due <= context.height))
    if amount_rao == 0:
        raise errors.NothingUnbonded
    _put(overlay, call.hotkey, Bond(bond.active_rao, waiting))
    accounts.credit(overlay, sender, amount_rao)
    context.emit(UnbondedWithdrawn(call.hotkey, amount_rao))


def take(overlay: Overlay, account: AccountId, amount_rao: int) -> Rao:
    """Take up to so much out of a bond, what is not unbonding first; how much it was. The caller accounts for it."""
    bond = BOND.get(overlay, account)
    left_rao = amount_rao = min(amount_rao, bond.total_rao)
    active_rao = max(0, bond.active_rao - left_rao)
    left_rao -= bond.active_rao - active_rao
    parts: list[Unbonding] = []
    for part in bond.unbonding:
        kept_rao = max(0, part.amount_rao - left_rao)
        left_rao -= part.amount_rao - kept_rao
        if kept_rao:
            parts.append(Unbonding(Rao(kept_rao), part.due))
    _put(overlay, account, Bond(Rao(active_rao), tuple(parts)))
    return Rao(amount_rao)


def require_free(view: StateView, hotkey: AccountId) -> None:
    """Raise AuthorityIsBonded if a hotkey answers for what it signed, and so cannot be given up for another key."""
    if authority.is_involved(view, hotkey) or BOND.get(view, hotkey) != Bond():
        raise errors.AuthorityIsBonded


def _put(overlay: Overlay, account: AccountId, bond: Bond) -> None:
    BOND.put(overlay, account, bond)
    if bond == Bond():
        BONDED.remove(overlay, EVERYBODY, account)
    else:
        BONDED.add(overlay, EVERYBODY, account)
