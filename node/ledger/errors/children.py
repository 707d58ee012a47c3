"""Why a call on child hotkeys fails."""

from node.ledger.errors.base import CallError


class InvalidChild(CallError):
    sentence = "A hotkey cannot be its own child."


class DuplicateChild(CallError):
    sentence = "A child is named twice."


class TooManyChildren(CallError):
    sentence = "A hotkey has at most five children on a subnet."


class TooManyParents(CallError):
    sentence = "A child has 128 parents already, and none of them lends less."
    remedy = "Choose another child, or put more stake behind the parent first."


class ProportionOverflow(CallError):
    sentence = "The proportions of the children are more than the whole."


class ChildParentInconsistency(CallError):
    sentence = "A hotkey cannot be child and parent of the same hotkey on a subnet."


class NotEnoughStakeToSetChildkeys(CallError):
    sentence = "The hotkey's stake is below the threshold for lending it to children."


class InvalidChildkeyTake(CallError):
    sentence = "The take is outside of what the network and the subnet allow."


class TxChildkeyTakeRateLimitExceeded(CallError):
    sentence = "The child's take was changed too recently to raise it."
