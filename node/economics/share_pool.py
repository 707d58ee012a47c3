"""Stake of many coldkeys behind one hotkey: a value that dividends raise, and shares that they do not touch.

A dividend is one addition, however many nominators there are. A position is worth floor(value * share / denominator).
Shares never sum to more than the denominator: the denominator moves first, a share by the exact change it made. Whoever
stores pools keeps `Share`s as they are, also those of an earlier generation: they are worth nothing.
"""

from dataclasses import dataclass

from node.primitives.errors import invariant
from node.primitives.safefloat import (
    ZERO,
    SafeFloat,
    add,
    floor_to_int,
    from_int,
    is_greater,
    mul_div,
    sub,
    sub_exact,
)


@dataclass(frozen=True, slots=True)
class Share:
    """One coldkey's part of a pool; counts only in the pool's own generation."""

    amount: SafeFloat = ZERO
    generation: int = 0


NO_SHARE = Share()
"""What a coldkey holds that never deposited, or withdrew everything."""


@dataclass(frozen=True, slots=True)
class SharePool:
    """α (or root τ) behind one hotkey on one subnet."""

    value_rao: int = 0
    denominator: SafeFloat = ZERO
    generation: int = 0
    """Rises each time the pool is emptied, so that a left-over fraction of a rao cannot claim a later deposit."""

    @property
    def is_empty(self) -> bool:
        """Nobody holds a share: a dividend would reach nobody."""
        return self.denominator == ZERO


@dataclass(frozen=True, slots=True)
class PoolChange:
    """The pool and one coldkey's share after a deposit or a withdrawal."""

    pool: SharePool
    share: Share


def value_of(pool: SharePool, share: Share) -> int:
    """What a share is worth in rao, rounded down, at most the pool's value; 0 in an empty pool."""
    worth = floor_to_int(mul_div(from_int(pool.value_rao), _counted(pool, share), pool.denominator))
    return min(worth, pool.value_rao)


def deposit(pool: SharePool, share: Share, amount_rao: int) -> PoolChange:
    """Add stake of one coldkey that holds `share` so far (`NO_SHARE` for a new one)."""
    invariant(amount_rao >= 0, "a deposit is not negative")
    if amount_rao == 0:
        return PoolChange(pool, share)
    amount = from_int(amount_rao)
    if pool.is_empty:
        return PoolChange(
            SharePool(pool.value_rao + amount_rao, amount, pool.generation), Share(amount, pool.generation)
        )
    denominator = add(pool.denominator, mul_div(amount, pool.denominator, from_int(pool.value_rao)))
    gained = sub_exact(denominator, pool.denominator)
    return PoolChange(
        SharePool(pool.value_rao + amount_rao, denominator, pool.generation),
        Share(add(_counted(pool, share), gained), pool.generation),
    )


def withdraw(pool: SharePool, share: Share, amount_rao: int) -> PoolChange:
    """Take stake of one coldkey out, at most `value_of` its share; taking all of it leaves `NO_SHARE`."""
    worth_rao = value_of(pool, share)
    invariant(0 <= amount_rao <= worth_rao, "a withdrawal takes no more than the share is worth")
    if amount_rao == 0:
        return PoolChange(pool, share)
    left_rao = pool.value_rao - amount_rao
    if left_rao == 0:
        return PoolChange(SharePool(0, ZERO, pool.generation + 1), NO_SHARE)
    held = _counted(pool, share)
    denominator = sub(pool.denominator, mul_div(from_int(amount_rao), pool.denominator, from_int(pool.value_rao)))
    lost = sub_exact(pool.denominator, denominator)
    if amount_rao == worth_rao or is_greater(lost, held):
        return PoolChange(SharePool(left_rao, sub(pool.denominator, held), pool.generation), NO_SHARE)
    rest = SharePool(left_rao, denominator, pool.generation)
    remaining = Share(sub(held, lost), pool.generation)
    if value_of(rest, remaining) == 0:
        return PoolChange(SharePool(left_rao, sub(denominator, remaining.amount), pool.generation), NO_SHARE)
    return PoolChange(rest, remaining)


def distribute(pool: SharePool, amount_rao: int) -> SharePool:
    """Raise everybody's position pro rata (a dividend); the pool is not empty."""
    invariant(amount_rao >= 0, "a dividend is not negative")
    invariant(amount_rao == 0 or not pool.is_empty, "a dividend needs somebody to receive it")
    return SharePool(pool.value_rao + amount_rao, pool.denominator, pool.generation)


def _counted(pool: SharePool, share: Share) -> SafeFloat:
    return share.amount if share.generation == pool.generation else ZERO
