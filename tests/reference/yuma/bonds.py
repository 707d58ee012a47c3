"""Bonds: how much of a miner's incentive each validator has a claim on, and the dividends that follow.

Yuma 2 shares each miner's column between validators by stake-weighted support. Yuma 3 keeps a moving average of the
weight itself and multiplies by stake when dividends are paid; with liquid alpha each cell moves at its own speed: the
farther from consensus it is, the faster.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.economics.yuma.types import EpochParams
from node.primitives.fixed import I32F32, U16_ONE, clamp, exp_safe
from tests.reference.yuma.matrix import (
    Matrix,
    column_max_upscale,
    column_normalize,
    moving_average,
    moving_average_by_cell,
    row_scale,
    rows_weighted_by_columns,
)
from tests.reference.yuma.vector import FRAC, ONE, normalize, proportion

_PPM = 1_000_000
_STEEPNESS_UNIT = 100


@dataclass(frozen=True, slots=True)
class BondsResult:
    """Dividends per uid as I32F32 and the bonds to store, scaled so that 1 is 65 535."""

    dividends: list[int]
    stored: Matrix


def bonds_alpha(moving_average_ppm: int) -> int:
    """Speed of the moving average: 1 - ppm / 10^6 as I32F32."""
    return ONE - I32F32.from_ratio_floor(moving_average_ppm, _PPM)


def sigmoid(difference: int, steepness: int, centre: int = ONE // 2) -> int:
    """1 / (1 + e^(-steepness * (difference - centre))), all I32F32."""
    return I32F32.safe_div(ONE, I32F32.add(ONE, exp_safe(I32F32.mul(-steepness, difference - centre))))


def bonds_yuma2(
    params: EpochParams, stored: Matrix, weights: Matrix, stake: list[int], incentive: list[int]
) -> BondsResult:
    """Column-normalised bonds. `stored` holds the raw u16 values as I32F32, `weights` those meant for bonds."""
    n = len(stake)
    old = column_normalize(stored, n)
    new = column_normalize(row_scale(weights, stake), n)
    bonds = column_normalize(moving_average(new, old, bonds_alpha(params.bonds_moving_average_ppm)), n)
    dividends = normalize(rows_weighted_by_columns(bonds, incentive))
    return BondsResult(dividends, column_max_upscale(bonds, n))


def bonds_yuma3(
    params: EpochParams,
    stored: Matrix,
    weights: Matrix,
    stake: list[int],
    incentive: list[int],
    consensus: list[int],
) -> BondsResult:
    """Raw moving averages of weights; `stored` as for Yuma 2."""
    old = [{j: value // U16_ONE for j, value in row.items()} for row in stored]
    if params.liquid_alpha and any(consensus):
        bonds = _liquid(params, old, weights, consensus)
    else:
        bonds = moving_average(weights, old, bonds_alpha(params.bonds_moving_average_ppm))
    totals = rows_weighted_by_columns(column_normalize(bonds, len(stake)), incentive)
    dividends = normalize([total * amount >> FRAC for total, amount in zip(totals, stake, strict=True)])
    return BondsResult(dividends, bonds)


def _liquid(params: EpochParams, old: Matrix, weights: Matrix, consensus: Sequence[int]) -> Matrix:
    low, high = proportion(params.alpha_low_u16), proportion(params.alpha_high_u16)
    steepness = I32F32.div(I32F32.from_int(params.alpha_sigmoid_steepness), I32F32.from_int(_STEEPNESS_UNIT))
    known: dict[int, int] = {}

    def alpha(column: int, new: int, before: int) -> int:
        difference = clamp(new - consensus[column] if new >= before else before - new, 0, ONE)
        if difference not in known:
            speed = low + (sigmoid(difference, steepness) * (high - low) >> FRAC)
            known[difference] = clamp(speed, low, high)
        return known[difference]

    return moving_average_by_cell(weights, old, alpha)
