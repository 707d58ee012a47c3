"""What does not count in an epoch: stale weights, stale bonds, stake of the inactive and of those without a permit."""

from collections.abc import Sequence

import numpy as np

from node.economics.errors import EpochInputError
from node.economics.yuma.arrays import Flags, Indices, Numbers
from node.economics.yuma.types import EpochInput
from node.economics.yuma.vector import normalize
from node.primitives.fixed import U64_MAX


def active_stake(stake: Sequence[int], active: Sequence[bool], permits: Sequence[bool]) -> list[int]:
    """Stake of active uids with a permit from the previous epoch, normalised."""
    return normalize(
        [amount if on and permit else 0 for amount, on, permit in zip(stake, active, permits, strict=True)]
    )


def fresh_weights(inputs: EpochInput, uids: Indices) -> Flags:
    """Which weights of these uids count: not on oneself (but for the owner), newer than the miner's seat.

    A weight as old as the registration is void. With commit-reveal a commit older than it voids the weight too.
    """
    registered = blocks("block_at_registration", inputs.block_at_registration)
    fresh: Flags = blocks("last_update", inputs.last_update)[uids][:, None] > registered
    others = np.flatnonzero(uids != (-1 if inputs.owner_uid is None else inputs.owner_uid))
    fresh[others, uids[others]] = False
    if inputs.params.commit_reveal and inputs.oldest_commit:
        never = U64_MAX  # whoever has no commit is not older than anybody
        commits = blocks("oldest_commit", [never if block is None else block for block in inputs.oldest_commit])
        fresh &= commits[uids][:, None] >= registered
    return fresh


def fresh_bonds(inputs: EpochInput) -> Flags:
    """Which columns of the stored bonds count: not those of miners registered since the last epoch."""
    last = inputs.last_mechanism_step + 1 if inputs.last_mechanism_step else inputs.block - inputs.params.tempo_blocks
    return np.array([max(last, 0) > block for block in inputs.block_at_registration], dtype=np.bool_)


def blocks(name: str, heights: Sequence[int]) -> Numbers:
    """Heights as an array. Raises `EpochInputError` for one that is no u64."""
    try:
        return np.array(heights, dtype=np.uint64)
    except OverflowError as error:
        raise EpochInputError(f"{name} holds a number that is no block height.") from error
