"""What a seat costs and who loses one: burn price, lock cost of a subnet, pruning, refunds of a dissolved subnet.

The burn price jumps at every registration and decays with a half life; no interval state. Pruning follows a total order
(emission, registration block, uid), so that every node removes the same neuron.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from node.primitives.errors import invariant
from node.primitives.fixed import U64_MAX, U64F64, U110F18, clamp

BURN_INCREASE_DEFAULT_Q64: Final = 23_242_897_532_874_035_200
"""1.26 as the nearest 53-bit number, U64F64."""
BURN_HALF_LIFE_DEFAULT_BLOCKS: Final = 360
BURN_MIN_DEFAULT_RAO: Final = 500_000
BURN_MAX_DEFAULT_RAO: Final = 100 * 10**9
BURN_START_DEFAULT_RAO: Final = 10**9
NETWORK_LOCK_MIN_DEFAULT_RAO: Final = 1_000 * 10**9
LOCK_REDUCTION_DEFAULT_BLOCKS: Final = 100_800
MIN_NON_IMMUNE_UIDS_DEFAULT: Final = 10

_Q32: Final = 1 << 32


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
    factor = max(increase_q64, U64F64.one)
    return clamp(U64F64.to_u64(U64F64.mul(U64F64.from_int(burn_rao), factor)), min_rao, max_rao)


@lru_cache(maxsize=256)
def burn_decay_factor(half_life_blocks: int) -> int:
    """The per-block factor as Q32: the largest whose power `half_life_blocks` is at most 1/2; 1 for half life 0."""
    if half_life_blocks == 0:
        return _Q32
    low, high = 0, _Q32
    while high - low > 1:
        middle = (low + high) // 2
        if _power_q32(middle, half_life_blocks) <= _Q32 // 2:
            low = middle
        else:
            high = middle
    return low


def _power_q32(base_q32: int, exponent: int) -> int:
    """base^exponent by square and multiply, every product floored at 2^-32."""
    result = _Q32
    while exponent:
        if exponent & 1:
            result = (result * base_q32) >> 32
        base_q32 = (base_q32 * base_q32) >> 32
        exponent >>= 1
    return result


def burn_after_block(burn_rao: int, half_life_blocks: int, min_rao: int, max_rao: int) -> int:
    """The burn price one block later."""
    if half_life_blocks == 0:
        return burn_rao
    return clamp((burn_rao * burn_decay_factor(half_life_blocks)) >> 32, min_rao, max_rao)


def adjusted_by_interval(
    current: int, registrations: int, target: int, adjustment_alpha_u64: int, low: int, high: int = U64_MAX
) -> int:
    """The older rule: price or difficulty after an adjustment interval with that many registrations."""
    invariant(target > 0, "an adjustment needs a positive target")
    fmt = U110F18
    value = fmt.from_int(current)
    keep = fmt.from_ratio_floor(adjustment_alpha_u64, U64_MAX)
    ratio = fmt.safe_div(fmt.mul(value, fmt.from_int(registrations + target)), fmt.from_int(2 * target))
    adjusted = fmt.add(fmt.mul(keep, value), fmt.mul(fmt.sub(fmt.one, keep), ratio))
    return clamp(fmt.to_u64(adjusted), low, high)


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
    multiplier = 1 if last_lock_block == 0 else 2
    interval = reduction_interval_blocks * block_emission_rao // 10**9
    reduction = last_lock_rao // interval * (block - last_lock_block) if interval else 0
    return max(min_lock_rao, last_lock_rao * multiplier - reduction)


def neuron_to_prune(
    neurons: Sequence[PruneCandidate],
    protected_uids: Sequence[int],
    block: int,
    immunity_blocks: int,
    min_non_immune_uids: int = MIN_NON_IMMUNE_UIDS_DEFAULT,
) -> int | None:
    """The uid that makes room, or None if nobody may be removed."""
    protected = frozenset(protected_uids)
    candidates = [(n.emission_rao, n.registered_at, uid) for uid, n in enumerate(neurons) if uid not in protected]
    immune = [candidate for candidate in candidates if block - candidate[1] < immunity_blocks]
    others = [candidate for candidate in candidates if block - candidate[1] >= immunity_blocks]
    pool = others if len(others) > min_non_immune_uids else immune
    return min(pool)[2] if pool else None


def subnet_to_prune(subnets: Sequence[SubnetPruneCandidate], block: int, immunity_blocks: int) -> int | None:
    """The netuid with the lowest moving price past its immunity (earlier registration on ties), or None."""
    old = [s for s in subnets if block >= s.registered_at + immunity_blocks]
    if not old:
        return None
    return min(old, key=lambda s: (s.moving_price_q32, s.registered_at, s.netuid)).netuid


def median_price(prices_q64: Sequence[int]) -> int:
    """Median of the non-zero spot prices as U64F64 (mean of the middle two, floored); 1 if there are none."""
    prices = sorted(price for price in prices_q64 if price > 0)
    if not prices:
        return U64F64.one
    middle = len(prices) // 2
    return prices[middle] if len(prices) % 2 else (prices[middle - 1] + prices[middle]) // 2


def dissolve_payouts(
    subnet_tao_rao: int, alpha_rao: Mapping[bytes, int], protocol_alpha_rao: int = 0
) -> dict[bytes, int]:
    """τ per staker when a subnet is dissolved: pro rata to α, left-over rao one each by largest remainder.

    Keys are visited in the mapping's order, which decides ties. The protocol's part is not in the result.
    """
    total = sum(alpha_rao.values()) + protocol_alpha_rao
    if total == 0:
        return {}
    payouts = {key: subnet_tao_rao * amount // total for key, amount in alpha_rao.items()}
    remainders = {key: subnet_tao_rao * amount % total for key, amount in alpha_rao.items()}
    protocol_rao = subnet_tao_rao * protocol_alpha_rao // total
    left_rao = subnet_tao_rao - protocol_rao - sum(payouts.values())
    for key in sorted(alpha_rao, key=lambda key: -remainders[key])[:left_rao]:
        payouts[key] += 1
    return payouts
