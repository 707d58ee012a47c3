"""Stake lent to other hotkeys. See `node.ledger.calls`."""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import BY_SIZE, COLD, HOTKEY, NETUID, TAKE, U16, U64, Account, CallSpec, NetUidField
from node.primitives.codec import Wire
from node.primitives.limits import CHILDREN_ASKED_MAX
from node.primitives.types import AccountId

Child = tuple[U64, Account]
"""A part of a hotkey's stake (2^64 - 1 is all of it) and the hotkey that gets to use it."""


class SetChildren(Wire, frozen=True, tag=45):
    """Lend parts of a hotkey's stake on a subnet to other hotkeys; replaces the list, an empty one ends all lending."""

    hotkey: Account
    netuid: NetUidField
    children: Annotated[tuple[Child, ...], msgspec.Meta(max_length=CHILDREN_ASKED_MAX)]


class SetChildkeyTake(Wire, frozen=True, tag=46):
    """The part of what it earns for other coldkeys' stake that a child keeps (65 535 = all)."""

    hotkey: Account
    netuid: NetUidField
    take_u16: U16


class SetAutoParentDelegation(Wire, frozen=True, tag=47):
    """Whether a root validator lends its stake on every new subnet to the subnet owner's hotkey (on at first)."""

    hotkey: Account
    enabled: bool


ChildrenCall = SetChildren | SetChildkeyTake | SetAutoParentDelegation

_OWNED = (e.HotKeyAccountNotExists, e.NonAssociatedColdKey)
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        45,
        "set_children",
        SetChildren,
        COLD,
        BY_SIZE,
        (HOTKEY, NETUID, ("children", "(proportion of 2^64 - 1, hotkey) each, at most 5")),
        (
            e.TxRateLimitExceeded, e.RegistrationNotPermittedOnRootSubnet, e.SubnetNotExists, *_OWNED, e.DuplicateChild,
            e.InvalidChild, e.TooManyChildren, e.ProportionOverflow, e.ChildParentInconsistency,
            e.NotEnoughStakeToSetChildkeys, e.TooManyParents,
        ),
    ),
    CallSpec(
        46,
        "set_childkey_take",
        SetChildkeyTake,
        COLD,
        BY_SIZE,
        (HOTKEY, NETUID, TAKE),
        (e.SubnetNotExists, *_OWNED, e.InvalidChildkeyTake, e.TxChildkeyTakeRateLimitExceeded),
    ),
    CallSpec(
        47,
        "set_auto_parent_delegation_enabled",
        SetAutoParentDelegation,
        COLD,
        BY_SIZE,
        (HOTKEY, ("enabled", "yes or no")),
        _OWNED,
    ),
)  # fmt: skip


def accounts_of(children: tuple[Child, ...]) -> tuple[AccountId, ...]:
    """The children without their proportions."""
    return tuple(account for _, account in children)
