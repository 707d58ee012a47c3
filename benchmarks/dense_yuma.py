"""A plain float64 NumPy epoch on dense arrays: the rival of the exact one, and a second opinion on its results.

It computes the same outputs by the same rules, without the exactness that a consensus needs: sums depend on the order
in which they are formed, so two machines may differ in a last bit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.economics.yuma.types import EpochInput, SparseRow

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
U16 = 65_535.0


@dataclass(frozen=True)
class DenseInput:
    """An epoch's input as arrays; weights and bonds are [validators as uids, uids]."""

    source: EpochInput
    stake: Floats
    permits: Flags
    last_update: Floats
    registered: Floats
    weights: Floats
    bonds: Floats


@dataclass(frozen=True)
class DenseOutput:
    """What is stored of an epoch, as proportions (emission in α rao)."""

    consensus: Floats
    trust: Floats
    validator_trust: Floats
    incentive: Floats
    dividends: Floats
    emission: Floats
    permits: Flags
    bonds: Floats


def dense(inputs: EpochInput) -> DenseInput:
    """The same input as arrays."""
    return DenseInput(
        inputs,
        np.array([stake / 2**64 for stake in inputs.stake_q64]),
        np.array(inputs.validator_permits),
        np.array(inputs.last_update, float),
        np.array(inputs.block_at_registration, float),
        _matrix(inputs.weights),
        _matrix(inputs.bonds),
    )


def dense_epoch(inputs: DenseInput) -> DenseOutput:
    """Yuma Consensus once."""
    source, params = inputs.source, inputs.source.params
    active = inputs.last_update + params.activity_cutoff_blocks >= source.block
    stake = _share(np.where(inputs.stake >= params.stake_threshold_rao, inputs.stake, 0.0))
    permits = np.zeros(len(stake), bool)
    permits[np.argsort(stake, kind="stable")[-params.max_validators :]] = True
    permits &= stake > 0
    voting = _share(stake * (active & inputs.permits))

    fresh = (inputs.last_update[:, None] > inputs.registered[None, :]) & inputs.permits[:, None]
    weights = inputs.weights * fresh
    np.fill_diagonal(weights, 0.0)
    weights = _rows(weights)
    consensus = _median(voting, weights, params.kappa_u16 / U16)
    clipped = np.minimum(weights, consensus)
    before, after = voting @ weights, voting @ clipped
    incentive = _share(after)
    trust = np.divide(after, before, out=np.zeros_like(after), where=before > 0)

    bonds, dividends = _bonds(inputs, clipped, voting, incentive, consensus)
    emission = _share(incentive + dividends) * source.emission_rao
    return DenseOutput(consensus, trust, clipped.sum(1), incentive, dividends, emission, permits, bonds)


def _bonds(
    inputs: DenseInput, weights: Floats, voting: Floats, incentive: Floats, consensus: Floats
) -> tuple[Floats, Floats]:
    params = inputs.source.params
    last = inputs.source.last_mechanism_step
    since = last + 1 if last else inputs.source.block - params.tempo_blocks
    old = inputs.bonds * (inputs.registered < since)
    alpha = 1.0 - params.bonds_moving_average_ppm / 1e6
    if not params.yuma3:
        new = _columns(weights * voting[:, None])
        bonds = _columns(alpha * new + (1.0 - alpha) * _columns(old))
        most = bonds.max(0)
        return np.divide(bonds, most, out=bonds.copy(), where=most > 0), _share(bonds @ incentive)
    old = old / U16
    if params.liquid_alpha:
        low, high = params.alpha_low_u16 / U16, params.alpha_high_u16 / U16
        away = np.clip(np.where(weights >= old, weights - consensus, old - weights), 0.0, 1.0)
        slope = params.alpha_sigmoid_steepness / 100
        speed = np.clip(low + (high - low) / (1.0 + np.exp(-slope * (away - 0.5))), low, high)
        bonds = np.minimum(speed * weights + (1.0 - speed) * old, 1.0) * (weights > 0)  # no weight, no bond
    else:
        bonds = alpha * weights + (1.0 - alpha) * old
    return bonds, _share((_columns(bonds) @ incentive) * voting)


def _median(voting: Floats, weights: Floats, kappa: float) -> Floats:
    """The weighted median of every column over the rows with stake."""
    rows = voting > 0
    masses, scores = _share(voting[rows]), weights[rows]
    order = np.argsort(scores, axis=0)
    reached = np.cumsum(masses[order], axis=0) > masses.sum() - kappa
    first = np.where(reached.any(0), reached.argmax(0), len(masses) - 1)
    columns = np.arange(weights.shape[1])
    medians: Floats = scores[order[first, columns], columns]
    return medians


def _matrix(rows: tuple[SparseRow, ...]) -> Floats:
    matrix = np.zeros((len(rows), len(rows)))
    for index, row in enumerate(rows):
        for uid, value in row:
            matrix[index, uid] = value
    return matrix


def _share(values: Floats) -> Floats:
    total = float(values.sum())
    return values / total if total > 0 else values


def _rows(matrix: Floats) -> Floats:
    totals = matrix.sum(1, keepdims=True)
    shares: Floats = np.divide(matrix, totals, out=np.zeros_like(matrix), where=totals > 0)
    return shares


def _columns(matrix: Floats) -> Floats:
    totals = matrix.sum(0)
    shares: Floats = np.divide(matrix, totals, out=np.zeros_like(matrix), where=totals > 0)
    return shares
