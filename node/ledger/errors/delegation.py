"""Why a call on takes fails."""

from node.ledger.errors.base import CallError


class DelegateTakeTooLow(CallError):
    sentence = "The take must change, and not fall below the minimum."
    remedy = "Raise a take with increase_take, lower it with decrease_take."


class DelegateTakeTooHigh(CallError):
    sentence = "The take is above the maximum."
    remedy = "Choose a lower one."


class DelegateTxRateLimitExceeded(CallError):
    sentence = "The take was changed too recently to raise it."
    remedy = "Wait for the block that the message names; lowering is possible at any time."
