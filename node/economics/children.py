"""Lent stake: what a hotkey holds after lending to children and borrowing from parents, and who gets its dividends.

Proportions are u64 with 2^64 - 1 as 1. The child-key take is taken inside the split; the delegate take applies later
to whatever each hotkey received.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.economics.emission import tao_weight_q32
from node.primitives.fixed import I64F64, U16_ONE, U64_MAX, U96F32


@dataclass(frozen=True, slots=True)
class ParentStake:
    """A parent's own stake and the proportion it lends to this child."""

    proportion_u64: int
    alpha_rao: int
    root_rao: int
    same_owner: bool = False
    """Parent and child belong to one coldkey: no take and no burn between them."""


@dataclass(frozen=True, slots=True)
class DividendShares:
    """A dividend after the split, in rao."""

    parents_rao: tuple[int, ...]
    """In the order of the parents given."""
    hotkey_rao: int
    burned_rao: int


def inherited_stake(own_rao: int, children_u64: Sequence[int], parents: Sequence[tuple[int, int]]) -> int:
    """Own stake - what is lent to children + what parents lend; `parents` holds (proportion u64, parent's own rao).

    Used once for α and once for root τ.
    """
    own = U96F32.from_int(own_rao)
    lent = sum(U96F32.mul(own, _proportion(child)) for child in children_u64)
    borrowed = sum(U96F32.mul(U96F32.from_int(stake), _proportion(proportion)) for proportion, stake in parents)
    return U96F32.to_u64(U96F32.add(U96F32.sub(own, lent), borrowed))


def total_stake_weight(alpha_rao: int, root_rao: int, tao_weight_u64: int) -> int:
    """Inherited α + tao weight * inherited root τ as I64F64: the stake an epoch sees."""
    weight = I64F64.from_ratio_floor(tao_weight_u64, U64_MAX)
    return I64F64.add(I64F64.from_int(alpha_rao), I64F64.mul(I64F64.from_int(root_rao), weight))


def split_dividend(
    dividend_rao: int,
    alpha_rao: int,
    root_rao: int,
    children_u64: Sequence[int],
    parents: Sequence[ParentStake],
    childkey_take_u16: int,
    tao_weight_u64: int,
    childkey_burn_u64: int = 0,
) -> DividendShares:
    """Divide a hotkey's dividend between its parents and itself by the stake each one put in."""
    tao_weight = tao_weight_q32(tao_weight_u64)
    kept = U96F32.sub(U96F32.one, sum(_proportion(child) for child in children_u64))
    own_weight = _floor(_contribution(alpha_rao, root_rao, kept, tao_weight))
    weights = [_contribution(p.alpha_rao, p.root_rao, _proportion(p.proportion_u64), tao_weight) for p in parents]
    total = U96F32.add(own_weight, sum(weights))
    dividend = U96F32.from_int(dividend_rao)
    take_rate = U96F32.from_ratio_floor(childkey_take_u16, U16_ONE)
    burn_rate = _proportion(childkey_burn_u64)
    amounts: list[int] = []
    to_parents = taken = burned = 0
    for parent, weight in zip(parents, weights, strict=True):
        emission = U96F32.mul(dividend, U96F32.safe_div(weight, total))
        to_parents += emission
        if not parent.same_owner:
            burn, take = U96F32.mul(burn_rate, emission), U96F32.mul(take_rate, emission)
            burned, taken = burned + burn, taken + take
            emission = U96F32.sub(emission, burn + take)
        amounts.append(U96F32.to_u64(emission))
    hotkey = U96F32.add(U96F32.sub(dividend, to_parents), taken)
    return DividendShares(tuple(amounts), U96F32.to_u64(hotkey), U96F32.to_u64(burned))


def _proportion(value_u64: int) -> int:
    return U96F32.from_ratio_floor(value_u64, U64_MAX)


def _floor(raw: int) -> int:
    return raw & ~(U96F32.one - 1)


def _contribution(alpha_rao: int, root_rao: int, proportion_q32: int, weight_q32: int) -> int:
    alpha = U96F32.mul(U96F32.from_int(alpha_rao), proportion_q32)
    root = U96F32.mul(U96F32.mul(U96F32.from_int(root_rao), proportion_q32), weight_q32)
    return U96F32.add(alpha, root)
