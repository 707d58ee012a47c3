"""Commitments: a few bytes that a neuron publishes for its subnet, a model's hash for one."""

from node.ledger import errors
from node.ledger.calls import SetCommitment, SetCommitmentResetBonds
from node.ledger.context import Context
from node.ledger.events import BondsReset, CommitmentSet
from node.ledger.pallets import scores, subnets
from node.ledger.pallets.neurons import COMMITMENT, Commitment, require_uid
from node.primitives.types import AccountId


def set_commitment(context: Context, sender: AccountId, call: SetCommitment | SetCommitmentResetBonds) -> None:
    """Publish or withdraw the sender's commitment; a withdrawn one keeps its place in the rate limit.

    With a reset, validators begin anew with the neuron where the subnet allows it: it is not what it was.
    """
    overlay, key = context.state, (call.netuid, sender)
    subnets.require(overlay, call.netuid)
    uid = require_uid(overlay, call.netuid, sender)
    old = COMMITMENT.find(overlay, key)
    pause_blocks = context.parameters.commitment_rate_limit_blocks
    if old is not None and context.height < old.height + pause_blocks:
        raise errors.CommitmentRateLimitExceeded(f"The next change is possible from block {old.height + pause_blocks}.")
    COMMITMENT.put(overlay, key, Commitment(context.height, call.data))
    context.emit(CommitmentSet(call.netuid, sender))
    if isinstance(call, SetCommitmentResetBonds) and subnets.HYPERPARAMETERS.get(overlay, call.netuid).bonds_reset:
        scores.reset_bonds(overlay, call.netuid, uid)
        context.emit(BondsReset(call.netuid, sender))
