"""Why a validator cannot set its weights."""

from node.ledger.errors.base import CallError


class CanNotSetRootNetworkWeights(CallError):
    sentence = "The root network has no weights."


class WeightVecNotEqualSize(CallError):
    sentence = "There must be one value per uid."


class UidsLengthExceedUidsInSubNet(CallError):
    sentence = "There are more weights than neurons."


class NotEnoughStakeToSetWeights(CallError):
    sentence = "The hotkey's stake weight is below the threshold for setting weights."


class IncorrectWeightVersionKey(CallError):
    sentence = "The weights were made by an older version than the subnet accepts."
    remedy = "Update the validator."


class SettingWeightsTooFast(CallError):
    sentence = "Weights were set too recently."


class NeuronNoValidatorPermit(CallError):
    sentence = "The neuron holds no validator permit."


class DuplicateUids(CallError):
    sentence = "A uid is named twice."


class UidVecContainInvalidOne(CallError):
    sentence = "A uid does not exist in this subnet."


class WeightVecLengthIsLow(CallError):
    sentence = "There are fewer weights than the subnet's minimum."


class CommitRevealEnabled(CallError):
    sentence = "Weights of this subnet are committed first."
    remedy = "Commit their hash, and reveal them in the epoch that is the subnet's reveal period later."


class CommitRevealDisabled(CallError):
    sentence = "Weights of this subnet are set openly."
    remedy = "Set them without a commit."


class CommittingWeightsTooFast(CallError):
    sentence = "Weights were committed too recently."


class TooManyUnrevealedCommits(CallError):
    sentence = "Ten commits wait to be revealed already."
    remedy = "Reveal them when their epoch comes, or let them expire."


class NoWeightsCommitFound(CallError):
    sentence = "The hotkey has committed nothing on this subnet."


class InvalidRevealCommitHashNotMatch(CallError):
    sentence = "No waiting commit has the hash of these weights."


class RevealTooEarly(CallError):
    sentence = "The epoch to reveal these weights has not begun."


class ExpiredWeightCommit(CallError):
    sentence = "The epoch to reveal these weights is over."
