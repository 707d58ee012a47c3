"""The other way to pay root dividends: α that stays on the subnet and is claimed, at a rate per unit of root stake.

A network pays root dividends either as root stake (`distribution.root_dividends_in_tao`, what this ledger does) or by
this rule, never both. Rates are I96F32; new root stake earns nothing retroactively.
"""

from typing import Final

from node.primitives.errors import invariant
from node.primitives.fixed import I96F32, U64_MAX

_HASH_BYTES: Final = 32
_STEP_BYTES: Final = 8


def rate_increase(amount_rao: int, hotkey_root_stake_rao: int) -> int:
    """How much a dividend raises the claim rate of a hotkey, as I96F32.

    0 if the dividend exceeds the root stake: such a dividend is staked to the hotkey's owner instead.
    """
    if hotkey_root_stake_rao == 0 or amount_rao > hotkey_root_stake_rao:
        return 0
    return I96F32.safe_div(I96F32.from_int(amount_rao), I96F32.from_int(hotkey_root_stake_rao))


def claimed_by_stake(rate_q32: int, root_stake_rao: int) -> int:
    """What a stake counts as already claimed when it is added (or no longer, when it is removed), floored to rao."""
    return I96F32.to_u64(I96F32.mul(rate_q32, I96F32.from_int(root_stake_rao)))


def claimable(rate_q32: int, root_stake_rao: int, claimed_rao: int) -> int:
    """α owed to one coldkey in rao, floored."""
    return max(0, claimed_by_stake(rate_q32, root_stake_rao) - claimed_rao)


def claim_indices(block_hash: bytes, draws: int, stakers: int) -> tuple[int, ...]:
    """Which of `stakers` are paid automatically in a block, in ascending order; equal draws collapse."""
    invariant(len(block_hash) == _HASH_BYTES, "a block hash has 32 bytes")
    words = [int.from_bytes(block_hash[at : at + _STEP_BYTES], "big") for at in range(0, _HASH_BYTES, _STEP_BYTES)]
    chosen: set[int] = set()
    position = words[0]
    for step in range(draws if stakers else 0):
        position = min(position + words[step % len(words)], U64_MAX) % stakers
        chosen.add(position)
    return tuple(sorted(chosen))
