"""Why a subnet cannot be created, started, changed or dissolved."""

from node.ledger.errors.base import CallError


class NetworkTxRateLimitExceeded(CallError):
    sentence = "A subnet was created too recently."


class SubnetLimitReached(CallError):
    sentence = "There are as many subnets as may be, and all of them are too young to make room."


class CannotAffordLockCost(CallError):
    sentence = "The coldkey cannot pay the lock cost of a subnet."


class NotSubnetOwner(CallError):
    sentence = "Only the owner of that subnet, or an approved proposal, may do this."


class FirstEmissionBlockNumberAlreadySet(CallError):
    sentence = "That subnet was started before."


class NeedWaitingMoreBlocksToStarCall(CallError):  # sic: the field's own spelling
    sentence = "The subnet is too young to be started."


class AdminActionProhibitedDuringWeightsWindow(CallError):
    sentence = "The subnet's next epoch is too near to change its numbers."
    remedy = "Try again after the epoch."


class TxRateLimitExceeded(CallError):
    sentence = "This was done too recently."


class InvalidIdentity(CallError):
    sentence = "A text of this identity is empty where it must not be, too long, or not printable."


class InvalidValue(CallError):
    sentence = "The value is out of range."


class UnknownParameter(CallError):
    sentence = "There is no parameter of that name that a call may set."


class TempoOutOfBounds(CallError):
    sentence = "The tempo is out of range."


class ActivityCutoffTooLow(CallError):
    sentence = "The activity cutoff is below the minimum."


class LiquidAlphaDisabled(CallError):
    sentence = "Liquid alpha is off in that subnet."
    remedy = "Turn `liquid_alpha` on first."


class AlphaHighTooLow(CallError):
    sentence = "The upper alpha is below the minimum."


class AlphaLowOutOfRange(CallError):
    sentence = "The lower alpha is below the minimum or above the upper one."


class TrimmingWouldExceedMaxImmunePercentage(CallError):
    sentence = "Too many of the seats that would remain are immune."


class RegistrationPriceLimitExceeded(CallError):
    sentence = "A seat costs more than the limit."
