"""Why a validator cannot set its weights."""

from node.ledger.errors.base import CallError


class CanNotSetRootNetworkWeights(CallError):
    sentence = "The root network has no weights."
    remedy = "Name a subnet."


class WeightVecNotEqualSize(CallError):
    sentence = "There must be one value per uid."
    remedy = "Give as many values as uids."


class UidsLengthExceedUidsInSubNet(CallError):
    sentence = "There are more weights than neurons."
    remedy = "Name each neuron once; `neurond metagraph` lists them."


class NotEnoughStakeToSetWeights(CallError):
    sentence = "The hotkey's stake weight is below the threshold for setting weights."
    remedy = "Put more stake behind the hotkey."


class IncorrectWeightVersionKey(CallError):
    sentence = "The weights were made by an older version than the subnet accepts."
    remedy = "Update the validator."


class SettingWeightsTooFast(CallError):
    sentence = "Weights were set too recently."
    remedy = "Wait for the block that the message names."


class NeuronNoValidatorPermit(CallError):
    sentence = "The neuron holds no validator permit."
    remedy = "Put more stake behind the hotkey: each epoch gives the permits anew, to those with the most."


class DuplicateUids(CallError):
    sentence = "A uid is named twice."
    remedy = "Name each uid once."


class UidVecContainInvalidOne(CallError):
    sentence = "A uid does not exist in this subnet."
    remedy = "`neurond metagraph` lists the uids of a subnet."


class WeightVecLengthIsLow(CallError):
    sentence = "There are fewer weights than the subnet's minimum."
    remedy = "Name more neurons; min_allowed_weights in `neurond subnets show` says how many."


class CommitRevealEnabled(CallError):
    sentence = "Weights of this subnet are committed first."
    remedy = "Commit their hash, and reveal them in the epoch that is the subnet's reveal period later."


class CommitRevealDisabled(CallError):
    sentence = "Weights of this subnet are set openly."
    remedy = "Set them without a commit."


class CommittingWeightsTooFast(CallError):
    sentence = "Weights were committed too recently."
    remedy = "Wait for the block that the message names."


class TooManyUnrevealedCommits(CallError):
    sentence = "Ten commits wait to be revealed already."
    remedy = "Reveal them when their epoch comes, or let them expire."


class NoWeightsCommitFound(CallError):
    sentence = "The hotkey has committed nothing on this subnet."
    remedy = "Commit their hash first with commit_weights."


class InvalidRevealCommitHashNotMatch(CallError):
    sentence = "No waiting commit has the hash of these weights."
    remedy = "Reveal exactly the uids, values, salt and version key that were committed."


class RevealTooEarly(CallError):
    sentence = "The epoch to reveal these weights has not begun."
    remedy = "Reveal them in the epoch that the message names."


class ExpiredWeightCommit(CallError):
    sentence = "The epoch to reveal these weights is over."
    remedy = "Commit new weights."
