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
