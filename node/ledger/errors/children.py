"""Why a call on child hotkeys fails."""

from node.ledger.errors.base import CallError


class InvalidChild(CallError):
    sentence = "A hotkey cannot be its own child."
    remedy = "Leave the hotkey itself out of the list."


class DuplicateChild(CallError):
    sentence = "A child is named twice."
    remedy = "Name each child once."


class TooManyChildren(CallError):
    sentence = "A hotkey has at most five children on a subnet."
    remedy = "Name fewer children."


class TooManyParents(CallError):
    sentence = "A child has 128 parents already, and none of them lends less."
    remedy = "Choose another child, or put more stake behind the parent first."


class ProportionOverflow(CallError):
    sentence = "The proportions of the children are more than the whole."
    remedy = "Lower the proportions: together they are at most 2^64 - 1."


class ChildParentInconsistency(CallError):
    sentence = "A hotkey cannot be child and parent of the same hotkey on a subnet."
    remedy = "Choose another hotkey, or end the other link first."


class NotEnoughStakeToSetChildkeys(CallError):
    sentence = "The hotkey's stake is below the threshold for lending it to children."
    remedy = "Put more stake behind the hotkey first."


class InvalidChildkeyTake(CallError):
    sentence = "The take is outside of what the network and the subnet allow."
    remedy = "Choose a take within the bounds that the message names."


class TxChildkeyTakeRateLimitExceeded(CallError):
    sentence = "The child's take was changed too recently to raise it."
    remedy = "Wait for the block that the message names; lowering is possible at any time."
