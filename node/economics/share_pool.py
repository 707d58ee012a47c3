"""Stake of many coldkeys behind one hotkey: a value that dividends raise, and shares that they do not touch.

A dividend is one addition, whoever many nominators there are. Shares are `SafeFloat`s; a position is worth
floor(value * share / denominator).
"""

from dataclasses import dataclass

from node.primitives.errors import invariant
from node.primitives.safefloat import ZERO, SafeFloat, add, floor_to_int, from_int, mul_div, sub


@dataclass(frozen=True, slots=True)
class SharePool:
    """α (or root τ) behind one hotkey on one subnet."""

    value_rao: int = 0
    denominator: SafeFloat = ZERO


@dataclass(frozen=True, slots=True)
class PoolChange:
    """The pool and one coldkey's share after a deposit or a withdrawal."""

    pool: SharePool
    share: SafeFloat


def value_of(pool: SharePool, share: SafeFloat) -> int:
    """What a share is worth in rao, rounded down; 0 in an empty pool."""
    if pool.denominator == ZERO:
        return 0
    return floor_to_int(mul_div(from_int(pool.value_rao), share, pool.denominator))


def deposit(pool: SharePool, share: SafeFloat, amount_rao: int) -> PoolChange:
    """Add stake of one coldkey that holds `share` so far (`ZERO` for a new one)."""
    if amount_rao == 0:
        return PoolChange(pool, share)
    amount = from_int(amount_rao)
    # Value without holders (everybody left, or a dividend came first) belongs to the first depositor.
    shares = amount if _is_empty(pool) else mul_div(pool.denominator, amount, from_int(pool.value_rao))
    grown = SharePool(pool.value_rao + amount_rao, add(pool.denominator, shares))
    return PoolChange(grown, add(share, shares))


def withdraw(pool: SharePool, share: SafeFloat, amount_rao: int) -> PoolChange:
    """Take stake of one coldkey out; at most what its share is worth. Emptying a position leaves share `ZERO`."""
    worth = value_of(pool, share)
    invariant(0 <= amount_rao <= worth, "a withdrawal takes no more than the share is worth")
    left_rao = pool.value_rao - amount_rao
    if amount_rao == worth:
        return PoolChange(SharePool(left_rao, sub(pool.denominator, share)), ZERO)
    shares = mul_div(pool.denominator, from_int(amount_rao), from_int(pool.value_rao))
    return PoolChange(SharePool(left_rao, sub(pool.denominator, shares)), sub(share, shares))


def distribute(pool: SharePool, amount_rao: int) -> SharePool:
    """Raise everybody's position pro rata (a dividend). The caller checks `pool.denominator` is not zero first."""
    return SharePool(pool.value_rao + amount_rao, pool.denominator)


def _is_empty(pool: SharePool) -> bool:
    return pool.denominator == ZERO or pool.value_rao == 0
