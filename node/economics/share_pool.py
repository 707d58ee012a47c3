"""Stake of many coldkeys behind one hotkey: a value that dividends raise, and shares that they do not touch.

A dividend is one addition, whoever many nominators there are. Shares are `SafeFloat`s; a position is worth
floor(value * share / denominator).
"""

from dataclasses import dataclass

from node.primitives.safefloat import ZERO, SafeFloat


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
    raise NotImplementedError


def deposit(pool: SharePool, share: SafeFloat, amount_rao: int) -> PoolChange:
    """Add stake of one coldkey that holds `share` so far (`ZERO` for a new one)."""
    raise NotImplementedError


def withdraw(pool: SharePool, share: SafeFloat, amount_rao: int) -> PoolChange:
    """Take stake of one coldkey out; at most what its share is worth. Emptying a position leaves share `ZERO`."""
    raise NotImplementedError


def distribute(pool: SharePool, amount_rao: int) -> SharePool:
    """Raise everybody's position pro rata (a dividend). The caller checks `pool.denominator` is not zero first."""
    raise NotImplementedError
