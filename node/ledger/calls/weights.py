"""Validators' opinions, open or committed first and revealed later. See `node.ledger.calls`."""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import FREE, HOT, NETUID, U16, U63, CallSpec, HashField, NetUidField, UidField
from node.primitives.codec import Wire
from node.primitives.limits import UIDS_MAX, WEIGHT_BATCH_MAX, WEIGHT_SALT_MAX

_Uids = Annotated[tuple[UidField, ...], msgspec.Meta(max_length=UIDS_MAX)]
_Values = Annotated[tuple[U16, ...], msgspec.Meta(max_length=UIDS_MAX)]
_Salt = Annotated[tuple[U16, ...], msgspec.Meta(max_length=WEIGHT_SALT_MAX)]


class SetWeights(Wire, frozen=True, tag=7):
    """A validator's opinion: one u16 per uid; only ratios count."""

    netuid: NetUidField
    uids: _Uids
    values: _Values
    version_key: U63


class CommitWeights(Wire, frozen=True, tag=40):
    """Publish the hash of weights that `RevealWeights` opens later (`node.ledger.commit_hash`)."""

    netuid: NetUidField
    commit_hash: HashField


class RevealWeights(Wire, frozen=True, tag=41):
    """Open committed weights, in the epoch that lies the subnet's reveal period after the commit's."""

    netuid: NetUidField
    uids: _Uids
    values: _Values
    salt: _Salt
    version_key: U63


class BatchSetWeights(Wire, frozen=True, tag=42):
    """`SetWeights` for several subnets; items fail on their own, and at least one must succeed."""

    items: Annotated[tuple[SetWeights, ...], msgspec.Meta(min_length=1, max_length=WEIGHT_BATCH_MAX)]


class BatchCommitWeights(Wire, frozen=True, tag=43):
    """`CommitWeights` for several subnets; items fail on their own, and at least one must succeed."""

    items: Annotated[tuple[CommitWeights, ...], msgspec.Meta(min_length=1, max_length=WEIGHT_BATCH_MAX)]


class BatchRevealWeights(Wire, frozen=True, tag=44):
    """`RevealWeights` several times; items fail on their own, and at least one must succeed."""

    items: Annotated[tuple[RevealWeights, ...], msgspec.Meta(min_length=1, max_length=WEIGHT_BATCH_MAX)]


WeightsCall = SetWeights | CommitWeights | RevealWeights | BatchSetWeights | BatchCommitWeights | BatchRevealWeights

_ROW = (("uids", "u16 each"), ("values", "u16 each"))
_KEY = ("version_key", "subnet's own version")
_ITEMS = ("items", "at most 16 such calls")
_COMMON = (
    e.CanNotSetRootNetworkWeights, e.WeightVecNotEqualSize, e.SubnetNotExists, e.UidsLengthExceedUidsInSubNet,
    e.HotKeyNotRegisteredInSubNet, e.NotEnoughStakeToSetWeights, e.IncorrectWeightVersionKey,
)  # fmt: skip
_ROW_ERRORS = (
    e.NeuronNoValidatorPermit, e.DuplicateUids, e.UidVecContainInvalidOne, e.WeightVecLengthIsLow,
)  # fmt: skip
_SET = (e.CommitRevealEnabled, *_COMMON, e.SettingWeightsTooFast, *_ROW_ERRORS)
_COMMIT = (
    e.SubnetNotExists, e.CommitRevealDisabled, e.HotKeyNotRegisteredInSubNet, e.CommittingWeightsTooFast,
    e.TooManyUnrevealedCommits,
)  # fmt: skip
_REVEAL = (
    e.CommitRevealDisabled, e.NoWeightsCommitFound, e.RevealTooEarly, e.ExpiredWeightCommit,
    e.InvalidRevealCommitHashNotMatch, *_COMMON, *_ROW_ERRORS,
)  # fmt: skip
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(7, "set_weights", SetWeights, HOT, FREE, (NETUID, *_ROW, _KEY), _SET),
    CallSpec(
        40,
        "commit_weights",
        CommitWeights,
        HOT,
        FREE,
        (NETUID, ("commit_hash", "32 bytes, of hotkey, netuid, uids, values, salt and version key")),
        _COMMIT,
    ),
    CallSpec(
        41,
        "reveal_weights",
        RevealWeights,
        HOT,
        FREE,
        (NETUID, *_ROW, ("salt", "u16 each, at most 32"), _KEY),
        _REVEAL,
    ),
    CallSpec(42, "batch_set_weights", BatchSetWeights, HOT, FREE, (_ITEMS,), _SET),
    CallSpec(43, "batch_commit_weights", BatchCommitWeights, HOT, FREE, (_ITEMS,), _COMMIT),
    CallSpec(44, "batch_reveal_weights", BatchRevealWeights, HOT, FREE, (_ITEMS,), _REVEAL),
)
