"""Weights: what validators say of the neurons of a subnet. Checked in a fixed order; the first failure counts."""

from typing import Final

from node.economics.yuma.types import SparseRow
from node.economics.yuma.vector import u16_max_upscale
from node.ledger import errors
from node.ledger.calls import SetWeights
from node.ledger.context import Context
from node.ledger.events import WeightsSet
from node.ledger.pallets import children, scores, subnets
from node.ledger.pallets.neurons import COUNT, NEURON, Neuron, Seat, require_uid
from node.ledger.state import Map, Overlay
from node.primitives.types import ROOT_NETUID, AccountId, NetUid, Uid

WEIGHTS: Final[Map[Seat, SparseRow]] = Map(
    "weights",
    "weights",
    Seat,
    SparseRow,
    default=(),
    about="A neuron's weights as (uid, u16), ascending; explicit zeros are kept",
)


def set_weights(context: Context, sender: AccountId, call: SetWeights) -> None:
    """Set the sender's weights openly."""
    hyper = subnets.HYPERPARAMETERS.find(context.state, call.netuid)
    if hyper is not None and hyper.commit_reveal:
        raise errors.CommitRevealEnabled
    store_weights(context, sender, call, revealed=False)


def store_weights(context: Context, sender: AccountId, call: SetWeights, *, revealed: bool) -> None:
    """Store the sender's weights, scaled so that the largest is 65 535; revealed ones are as old as their commit."""
    uid = _checked_uid(context, sender, call, revealed=revealed)
    values = u16_max_upscale(call.values)
    row = tuple(sorted((int(target), value) for target, value in zip(call.uids, values, strict=True)))
    WEIGHTS.put(context.state, (call.netuid, uid), row)
    if not revealed:
        neuron = NEURON.get(context.state, (call.netuid, uid))
        NEURON.put(context.state, (call.netuid, uid), Neuron(neuron.hotkey, neuron.registered_at, context.height))
    context.emit(WeightsSet(call.netuid, uid))


def forget_uid(overlay: Overlay, netuid: NetUid, uid: Uid, count: int) -> None:
    """A replaced neuron's own weights go; weights given to it become zero but stay entries."""
    WEIGHTS.delete(overlay, (netuid, uid))
    for other in range(count):
        row = WEIGHTS.get(overlay, (netuid, Uid(other)))
        zeroed = tuple((target, 0 if target == uid else value) for target, value in row)
        if zeroed != row:
            WEIGHTS.put(overlay, (netuid, Uid(other)), zeroed)


def _checked_uid(context: Context, sender: AccountId, call: SetWeights, *, revealed: bool) -> Uid:
    """The sender's seat if it may set these weights."""
    overlay, netuid = context.state, call.netuid
    if netuid == ROOT_NETUID:
        raise errors.CanNotSetRootNetworkWeights
    if len(call.uids) != len(call.values):
        raise errors.WeightVecNotEqualSize
    subnet = subnets.require(overlay, netuid)
    count = COUNT.get(overlay, netuid)
    if len(call.uids) > count:
        raise errors.UidsLengthExceedUidsInSubNet
    uid = require_uid(overlay, netuid, sender)
    owner = sender == subnet.owner_hotkey
    stake_q64 = children.stake_weight_q64(overlay, netuid, sender, context.parameters.tao_weight_u64)
    if not owner and stake_q64 >> 64 < context.parameters.stake_threshold_rao:
        raise errors.NotEnoughStakeToSetWeights
    hyper = subnets.HYPERPARAMETERS.get(overlay, netuid)
    if call.version_key < hyper.weights_version_key:
        raise errors.IncorrectWeightVersionKey
    updated_at = NEURON.get(overlay, (netuid, uid)).last_update
    due = updated_at + hyper.weights_rate_limit_blocks
    if not revealed and updated_at and context.height < due:
        raise errors.SettingWeightsTooFast(f"Weights may be set again from block {due}.")
    self_weight = call.uids == (uid,)
    if not (owner or self_weight or scores.SCORES.get(overlay, netuid).validator_permits[uid]):
        raise errors.NeuronNoValidatorPermit
    if len(set(call.uids)) != len(call.uids):
        raise errors.DuplicateUids
    if any(target >= count for target in call.uids):
        raise errors.UidVecContainInvalidOne
    if len(call.uids) < min(count, hyper.min_allowed_weights) and not self_weight:
        raise errors.WeightVecLengthIsLow
    return uid
