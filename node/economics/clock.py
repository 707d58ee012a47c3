"""When a subnet's epoch runs: a stateless function of block, netuid and tempo, so that replay needs no counters.

An epoch runs in block b iff tempo > 0 and (b + netuid + 1) mod (tempo + 1) = 0; the period is tempo + 1 blocks and the
netuid staggers the subnets.
"""

from node.primitives.fixed import U64_MAX


def _phase(block: int, netuid: int) -> int:
    return (block + netuid + 1) & U64_MAX


def epoch_due(block: int, netuid: int, tempo: int) -> bool:
    """Whether the epoch of `netuid` runs in this block; never with tempo 0."""
    return tempo > 0 and _phase(block, netuid) % (tempo + 1) == 0


def blocks_until_next_epoch(block: int, netuid: int, tempo: int) -> int:
    """Blocks between this one and the next epoch's: 0 if the next block runs it, 2^64 - 1 for tempo 0."""
    return tempo - _phase(block, netuid) % (tempo + 1) if tempo > 0 else U64_MAX


def epoch_index(block: int, netuid: int, tempo: int) -> int:
    """Number of the epoch a block belongs to (commit-reveal counts in it); 0 for tempo 0."""
    return _phase(block, netuid) // (tempo + 1) if tempo > 0 else 0


def first_block_of_epoch(epoch: int, netuid: int, tempo: int) -> int:
    """First block of epoch number `epoch`, 0 where that would be before genesis."""
    return max(0, min(epoch * (tempo + 1), U64_MAX) - (netuid + 1))


def blocks_until_stateful_epoch(block: int, last_epoch_block: int, tempo: int) -> int:
    """The same for the stateful clock (last epoch's block + tempo); 0 if overdue, 2^64 - 1 for tempo 0."""
    return max(0, min(last_epoch_block + tempo, U64_MAX) - block) if tempo > 0 else U64_MAX
