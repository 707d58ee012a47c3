"""Lent stake: what a hotkey holds after lending to children and borrowing from parents, and who gets its dividends.

Proportions are u64 with 2^64 - 1 as 1. The child-key take is taken inside the split; the delegate take applies later
to whatever each hotkey received.
"""

from collections.abc import Sequence
from dataclasses import dataclass


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
    raise NotImplementedError


def total_stake_weight(alpha_rao: int, root_rao: int, tao_weight_u64: int) -> int:
    """Inherited α + tao weight * inherited root τ as I64F64: the stake an epoch sees."""
    raise NotImplementedError


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
    raise NotImplementedError
