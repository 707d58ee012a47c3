"""What a delegate keeps. See `node.ledger.calls`."""

from typing import Final

from node.ledger import errors as e
from node.ledger.calls.base import BY_SIZE, COLD, HOTKEY, TAKE, U16, Account, CallSpec
from node.primitives.codec import Wire


class IncreaseTake(Wire, frozen=True, tag=9):
    """Raise the part of dividends a delegate keeps (65 535 = all)."""

    hotkey: Account
    take_u16: U16


class DecreaseTake(Wire, frozen=True, tag=10):
    """Lower the part of dividends a delegate keeps (65 535 = all)."""

    hotkey: Account
    take_u16: U16


DelegationCall = IncreaseTake | DecreaseTake

_TAKE_ERRORS = (e.HotKeyAccountNotExists, e.NonAssociatedColdKey)
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        9,
        "increase_take",
        IncreaseTake,
        COLD,
        BY_SIZE,
        (HOTKEY, TAKE),
        (*_TAKE_ERRORS, e.DelegateTakeTooLow, e.DelegateTakeTooHigh, e.DelegateTxRateLimitExceeded),
    ),
    CallSpec(10, "decrease_take", DecreaseTake, COLD, BY_SIZE, (HOTKEY, TAKE), (*_TAKE_ERRORS, e.DelegateTakeTooLow)),
)
