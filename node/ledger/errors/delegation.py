"""Why a call on takes fails."""

from node.ledger.errors.base import CallError


class DelegateTakeTooLow(CallError):
    sentence = "The take must change, and not fall below the minimum."


class DelegateTakeTooHigh(CallError):
    sentence = "The take is above the maximum."


class DelegateTxRateLimitExceeded(CallError):
    sentence = "The take was changed too recently to raise it."
