"""What a seat costs and who loses one: burn price, lock cost of a subnet, pruning, refunds of a dissolved subnet.

The burn price jumps at every registration and decays with a half life; no interval state. Pruning follows a total order
(emission, registration block, uid), so that every node removes the same neuron.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.primitives.fixed import U64_MAX

BURN_INCREASE_DEFAULT_Q64: Final = 23_242_897_532_874_035_200
"""1.26 as the nearest 53-bit number, U64F64."""
BURN_HALF_LIFE_DEFAULT_BLOCKS: Final = 360
BURN_MIN_DEFAULT_RAO: Final = 500_000
BURN_MAX_DEFAULT_RAO: Final = 100 * 10**9
BURN_START_DEFAULT_RAO: Final = 10**9
NETWORK_LOCK_MIN_DEFAULT_RAO: Final = 1_000 * 10**9
LOCK_REDUCTION_DEFAULT_BLOCKS: Final = 100_800
MIN_NON_IMMUNE_UIDS_DEFAULT: Final = 10


@dataclass(frozen=True, slots=True)
class PruneCandidate:
    """One neuron as pruning sees it, listed in uid order."""

    emission_rao: int
    registered_at: int


@dataclass(frozen=True, slots=True)
class SubnetPruneCandidate:
    """One subnet as pruning sees it."""

    netuid: int
    moving_price_q32: int
    registered_at: int


def burn_after_registration(burn_rao: int, increase_q64: int, min_rao: int, max_rao: int) -> int:
    """The burn price after one registration: multiplied (at least by 1), floored, clamped."""
    raise NotImplementedError


def burn_decay_factor(half_life_blocks: int) -> int:
    """The per-block factor as Q32: the largest whose power `half_life_blocks` is at most 1/2; 1 for half life 0."""
    raise NotImplementedError


def burn_after_block(burn_rao: int, half_life_blocks: int, min_rao: int, max_rao: int) -> int:
    """The burn price one block later."""
    raise NotImplementedError


def adjusted_by_interval(
    current: int, registrations: int, target: int, adjustment_alpha_u64: int, low: int, high: int = U64_MAX
) -> int:
    """The older rule: price or difficulty after an adjustment interval with that many registrations."""
    raise NotImplementedError


def lock_cost(
    last_lock_rao: int,
    last_lock_block: int,
    block: int,
    *,
    min_lock_rao: int = NETWORK_LOCK_MIN_DEFAULT_RAO,
    reduction_interval_blocks: int = LOCK_REDUCTION_DEFAULT_BLOCKS,
    block_emission_rao: int = 10**9,
) -> int:
    """What creating a subnet costs now in rao: twice the last price, falling linearly, never below the minimum."""
    raise NotImplementedError


def neuron_to_prune(
    neurons: Sequence[PruneCandidate],
    protected_uids: Sequence[int],
    block: int,
    immunity_blocks: int,
    min_non_immune_uids: int = MIN_NON_IMMUNE_UIDS_DEFAULT,
) -> int | None:
    """The uid that makes room, or None if nobody may be removed."""
    raise NotImplementedError


def subnet_to_prune(subnets: Sequence[SubnetPruneCandidate], block: int, immunity_blocks: int) -> int | None:
    """The netuid with the lowest moving price past its immunity (earlier registration on ties), or None."""
    raise NotImplementedError


def median_price(prices_q64: Sequence[int]) -> int:
    """Median of the non-zero spot prices as U64F64 (mean of the middle two, floored); 1 if there are none."""
    raise NotImplementedError


def dissolve_payouts(
    subnet_tao_rao: int, alpha_rao: Mapping[bytes, int], protocol_alpha_rao: int = 0
) -> dict[bytes, int]:
    """τ per staker when a subnet is dissolved: pro rata to α, left-over rao one each by largest remainder.

    Keys are visited in the mapping's order, which decides ties. The protocol's part is not in the result.
    """
    raise NotImplementedError
