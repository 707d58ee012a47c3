"""Why a subnet cannot be created, started, changed or dissolved."""

from node.ledger.errors.base import CallError


class NetworkTxRateLimitExceeded(CallError):
    sentence = "A subnet was created too recently."
    remedy = "Wait for the block that the message names."


class SubnetLimitReached(CallError):
    sentence = "There are as many subnets as may be, and all of them are too young to make room."
    remedy = "Try again when a subnet has outlived its immunity."


class CannotAffordLockCost(CallError):
    sentence = "The coldkey cannot pay the lock cost of a subnet."
    remedy = "Send the coldkey more τ, or wait: the cost falls with time."


class NotSubnetOwner(CallError):
    sentence = "Only the owner of that subnet, or an approved proposal, may do this."
    remedy = "Sign with the owner's coldkey; `neurond subnets show` names it."


class FirstEmissionBlockNumberAlreadySet(CallError):
    sentence = "That subnet was started before."
    remedy = "Nothing is left to do."


class NeedWaitingMoreBlocksToStarCall(CallError):  # sic: the field's own spelling
    sentence = "The subnet is too young to be started."
    remedy = "Wait for the block that the message names."


class AdminActionProhibitedDuringWeightsWindow(CallError):
    sentence = "The subnet's next epoch is too near to change its numbers."
    remedy = "Try again after the epoch."


class TxRateLimitExceeded(CallError):
    sentence = "This was done too recently."
    remedy = "Wait for the block that the message names."


class InvalidIdentity(CallError):
    sentence = "A text of this identity is empty where it must not be, too long, or not printable."
    remedy = "Give a subnet a name, keep texts short, and use printable characters only."


class InvalidValue(CallError):
    sentence = "The value is out of range."
    remedy = "Choose a value within the bounds that the message names."


class UnknownParameter(CallError):
    sentence = "There is no parameter of that name that a call may set."
    remedy = "docs/protocol.md lists what can be set; a subnet's alphas have a call of their own, set_alpha_values."


class TempoOutOfBounds(CallError):
    sentence = "The tempo is out of range."
    remedy = "Choose a tempo within the bounds that the message names."


class ActivityCutoffTooLow(CallError):
    sentence = "The activity cutoff is below the minimum."
    remedy = "Choose a larger one."


class LiquidAlphaDisabled(CallError):
    sentence = "Liquid alpha is off in that subnet."
    remedy = "Turn `liquid_alpha` on first."


class AlphaHighTooLow(CallError):
    sentence = "The upper alpha is below the minimum."
    remedy = "Choose a larger one."


class AlphaLowOutOfRange(CallError):
    sentence = "The lower alpha is below the minimum or above the upper one."
    remedy = "Choose one between the minimum and the upper alpha."


class TrimmingWouldExceedMaxImmunePercentage(CallError):
    sentence = "Too many of the seats that would remain are immune."
    remedy = "Keep more seats, or wait until fewer are immune."


class RegistrationPriceLimitExceeded(CallError):
    sentence = "A seat costs more than the limit."
    remedy = "Raise the limit, or wait until the price has fallen."
