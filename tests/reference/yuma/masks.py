"""What does not count in an epoch: stale weights, stale bonds, stake of the inactive and of those without a permit."""

from collections.abc import Sequence

from node.economics.yuma.types import EpochInput, SparseRow
from tests.reference.yuma.matrix import Matrix, keep_cells, mask_diagonal
from tests.reference.yuma.vector import FRAC, normalize


def active_stake(stake: Sequence[int], active: Sequence[bool], permits: Sequence[bool]) -> list[int]:
    """Stake of active uids with a permit from the previous epoch, normalised."""
    return normalize(
        [amount if on and permit else 0 for amount, on, permit in zip(stake, active, permits, strict=True)]
    )


def fresh_weights(inputs: EpochInput, permits: Sequence[bool]) -> Matrix:
    """Weights that count: set by a permit holder, not on oneself (but for the owner), newer than the miner's seat.

    A weight as old as the registration is void. With commit-reveal a commit older than it voids the weight too.
    """
    updated, registered = inputs.last_update, inputs.block_at_registration
    rows = [row if permit else {} for row, permit in zip(_fixed(inputs.weights), permits, strict=True)]
    weights = keep_cells(mask_diagonal(rows, inputs.owner_uid), lambda i, j: updated[i] > registered[j])
    if not (inputs.params.commit_reveal and inputs.oldest_commit):
        return weights
    commits = inputs.oldest_commit
    return keep_cells(weights, lambda i, j: (commit := commits[i]) is None or commit >= registered[j])


def fresh_bonds(inputs: EpochInput) -> Matrix:
    """Stored bonds without the columns of miners registered since the last epoch."""
    last = inputs.last_mechanism_step + 1 if inputs.last_mechanism_step else inputs.block - inputs.params.tempo_blocks
    stale = [max(last, 0) <= block for block in inputs.block_at_registration]
    return keep_cells(_fixed(inputs.bonds), lambda _, j: not stale[j])


def _fixed(rows: Sequence[SparseRow]) -> Matrix:
    return [{uid: value << FRAC for uid, value in row} for row in rows]
