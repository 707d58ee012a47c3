"""Validators' opinions. See `node.ledger.calls`."""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import FREE, HOT, NETUID, U16, U63, CallSpec, NetUidField, UidField
from node.primitives.codec import Wire
from node.primitives.limits import UIDS_MAX


class SetWeights(Wire, frozen=True, tag=7):
    """A validator's opinion: one u16 per uid; only ratios count."""

    netuid: NetUidField
    uids: Annotated[tuple[UidField, ...], msgspec.Meta(max_length=UIDS_MAX)]
    values: Annotated[tuple[U16, ...], msgspec.Meta(max_length=UIDS_MAX)]
    version_key: U63


WeightsCall = SetWeights

_WEIGHT_ERRORS = (
    e.CanNotSetRootNetworkWeights, e.WeightVecNotEqualSize, e.SubnetNotExists, e.UidsLengthExceedUidsInSubNet,
    e.HotKeyNotRegisteredInSubNet, e.NotEnoughStakeToSetWeights, e.IncorrectWeightVersionKey, e.SettingWeightsTooFast,
    e.NeuronNoValidatorPermit, e.DuplicateUids, e.UidVecContainInvalidOne, e.WeightVecLengthIsLow,
)  # fmt: skip
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        7,
        "set_weights",
        SetWeights,
        HOT,
        FREE,
        (NETUID, ("uids", "u16 each"), ("values", "u16 each"), ("version_key", "subnet's own version")),
        _WEIGHT_ERRORS,
    ),
)
