"""Commitments: a few bytes that a neuron publishes for its subnet, a model's hash for one."""

from node.ledger import errors
from node.ledger.calls import SetCommitment
from node.ledger.context import Context
from node.ledger.events import CommitmentSet
from node.ledger.pallets import subnets
from node.ledger.pallets.neurons import COMMITMENT, Commitment, require_uid
from node.primitives.types import AccountId


def set_commitment(context: Context, sender: AccountId, call: SetCommitment) -> None:
    """Publish or withdraw the sender's commitment; a withdrawn one keeps its place in the rate limit."""
    overlay, key = context.state, (call.netuid, sender)
    subnets.require(overlay, call.netuid)
    require_uid(overlay, call.netuid, sender)
    old = COMMITMENT.find(overlay, key)
    pause_blocks = context.parameters.commitment_rate_limit_blocks
    if old is not None and context.height < old.height + pause_blocks:
        raise errors.CommitmentRateLimitExceeded(f"The next change is possible from block {old.height + pause_blocks}.")
    COMMITMENT.put(overlay, key, Commitment(context.height, call.data))
    context.emit(CommitmentSet(call.netuid, sender))
