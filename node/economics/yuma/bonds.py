"""Bonds: how much of a miner's incentive each validator has a claim on, and the dividends that follow.

Yuma 2 shares each miner's column between validators by stake-weighted support. Yuma 3 keeps a moving average of the
weight itself and multiplies by stake when dividends are paid; with liquid alpha each cell moves at its own speed: the
farther from consensus it is, the faster.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from node.economics.yuma.arrays import (
    Numbers,
    column_shares,
    numbers,
    quotient,
    row_sums,
    scaled,
    scaled_cells,
    scaled_columns,
    scaled_rows,
)
from node.economics.yuma.cells import Matrix
from node.economics.yuma.sigmoid import sigmoids
from node.economics.yuma.types import EpochParams
from node.economics.yuma.vector import FRAC, ONE, normalize, proportion
from node.primitives.fixed import I32F32, U16_ONE

_PPM: Final = 1_000_000
_STEEPNESS_UNIT: Final = 100
_SHIFT: Final = np.uint64(FRAC)
_ONE: Final = np.uint64(ONE)


@dataclass(frozen=True, slots=True)
class BondsResult:
    """Dividends per row as I32F32 and the bonds to store, as proportions."""

    dividends: list[int]
    stored: Matrix


def bonds_alpha(moving_average_ppm: int) -> int:
    """Speed of the moving average: 1 - ppm / 10^6 as I32F32."""
    return ONE - I32F32.from_ratio_floor(moving_average_ppm, _PPM)


def bonds_yuma2(
    params: EpochParams, stored: Matrix, weights: Matrix, stake: Sequence[int], incentive: Sequence[int]
) -> BondsResult:
    """Column-normalised bonds. `stored` holds u16 numbers, `weights` I32F32; `stake` goes by row, `incentive` by uid.

    A column of u16 numbers has the same shares as the column of these numbers in I32F32.
    """
    old = quotient_of_u16(stored.values, stored.values.sum(axis=0, dtype=np.uint64))
    new = column_shares(scaled_rows(weights.values, numbers(stake)))
    moved = _moved(params, new, old)
    shares = column_shares(moved)
    dividends = normalize(row_sums(scaled_columns(shares, numbers(incentive))))
    largest = shares.max(axis=0, initial=np.uint64(0))
    return BondsResult(dividends, Matrix(quotient(shares, largest), moved > 0))


def bonds_yuma3(
    params: EpochParams,
    stored: Matrix,
    weights: Matrix,
    stake: Sequence[int],
    incentive: Sequence[int],
    consensus: Sequence[int],
) -> BondsResult:
    """Raw moving averages of weights; arguments as for Yuma 2, `consensus` by uid."""
    old = (stored.values << _SHIFT) // np.uint64(U16_ONE)
    if params.liquid_alpha and any(consensus):
        bonds = _liquid(params, old, weights, numbers(consensus))
    else:
        bonds = _moved(params, weights.values, old)
    totals = row_sums(scaled_columns(column_shares(bonds), numbers(incentive)))
    dividends = normalize([total * amount >> FRAC for total, amount in zip(totals, stake, strict=True)])
    return BondsResult(dividends, Matrix(bonds, bonds > 0))


def quotient_of_u16(parts: Numbers, wholes: Numbers) -> Numbers:
    """floor(part / whole) of small integers as I32F32; parts of a whole of 0 are 0 and stay."""
    shares: Numbers = (parts << _SHIFT) // np.maximum(wholes, np.uint64(1))
    return shares


def _moved(params: EpochParams, new: Numbers, old: Numbers) -> Numbers:
    """alpha * new + (1 - alpha) * old; whatever is positive is a bond, so absent cells need no mask."""
    alpha = bonds_alpha(params.bonds_moving_average_ppm)
    return scaled(new, alpha) + scaled(old, ONE - alpha)


def _liquid(params: EpochParams, old: Numbers, weights: Matrix, consensus: Numbers) -> Numbers:
    """Moving averages with a speed per cell, over the cells of `weights` only: other bonds are dropped."""
    new, before = weights.values[weights.present], old[weights.present]
    agreed = np.broadcast_to(consensus, old.shape)[weights.present]
    away = np.where(new >= before, np.maximum(new, agreed) - agreed, before - new)
    speed = _speeds(params, away)
    moved = scaled_cells(speed, new) + scaled_cells(_ONE - speed, before)
    bonds = np.zeros(old.shape, dtype=np.uint64)
    bonds[weights.present] = np.minimum(moved, _ONE)
    return bonds


def _speeds(params: EpochParams, differences: Numbers) -> Numbers:
    """Alpha per cell: low + sigmoid * (high - low), between low and high; low if they cross."""
    low, high = proportion(params.alpha_low_u16), proportion(params.alpha_high_u16)
    if high <= low:
        return np.full(differences.shape, low, dtype=np.uint64)
    steepness = I32F32.div(I32F32.from_int(params.alpha_sigmoid_steepness), I32F32.from_int(_STEEPNESS_UNIT))
    return np.uint64(low) + scaled(sigmoids(differences, steepness), high - low)
