"""One epoch from input to output: the order of the steps, and nothing else.

`evaluate` returns the I32F32 numbers, `run_epoch` what is stored of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from node.economics.errors import EpochInputError
from node.economics.yuma.arrays import (
    column_sums,
    numbers,
    row_sums,
    scaled_rows,
)
from node.economics.yuma.bonds import BondsResult, bonds_yuma2, bonds_yuma3, quotient_of_u16
from node.economics.yuma.cells import Matrix, keep, read_rows, spread, stored_rows
from node.economics.yuma.masks import active_stake, fresh_bonds, fresh_weights
from node.economics.yuma.median import weighted_median_columns
from node.economics.yuma.types import EpochInput, EpochOutput, SparseRow
from node.economics.yuma.vector import (
    FRAC,
    ONE,
    max_upscale_to_u16,
    normalize,
    normalize_stake,
    proportion,
    to_u16,
    top_k,
)
from node.primitives.fixed import I64F64, U16_MAX, U64_MAX
from node.primitives.limits import EPOCH_UIDS_MAX

_PPM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class RawEpoch:
    """An epoch's numbers before they are stored: I32F32, indexed by uid; of the bonds what is stored."""

    stake: list[int]
    active: list[bool]
    new_permits: list[bool]
    consensus: list[int]
    validator_trust: list[int]
    trust: list[int]
    incentive: list[int]
    dividends: list[int]
    server_share: list[int]
    validator_share: list[int]
    combined_share: list[int]
    bonds: tuple[SparseRow, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """Weights and bonds of the uids that have some, or a vote; all other rows are empty."""

    places: list[int]
    """Each uid's row, -1 for an empty one."""
    weights: Matrix
    """I32F32, each row summing to about 1."""
    bonds: Matrix
    """u16 as stored."""

    def by_uid(self, values: Sequence[int]) -> list[int]:
        """A vector by row as a vector by uid."""
        return [0 if place < 0 else values[place] for place in self.places]


def run_epoch(inputs: EpochInput) -> EpochOutput:
    """Run Yuma Consensus once. Raises `EpochInputError` if the vectors do not fit together."""
    raw = evaluate(inputs)
    incentive = to_u16(raw.incentive)
    return EpochOutput(
        stake_weight=to_u16(raw.stake),
        active=tuple(raw.active),
        consensus=to_u16(raw.consensus),
        rank=incentive,
        trust=to_u16(raw.trust),
        incentive=incentive,
        dividends=to_u16(raw.dividends),
        validator_trust=to_u16(raw.validator_trust),
        new_validator_permits=tuple(raw.new_permits),
        server_emission=_rao(raw.server_share, inputs.emission_rao),
        validator_emission=_rao(raw.validator_share, inputs.emission_rao),
        emission=_rao(raw.combined_share, inputs.emission_rao),
        pruning_score=max_upscale_to_u16(raw.combined_share),
        bonds=raw.bonds,
    )


def evaluate(inputs: EpochInput) -> RawEpoch:
    """The steps of an epoch in their order. Raises `EpochInputError`."""
    _check(inputs)
    params, owner = inputs.params, inputs.owner_uid
    active = [updated + params.activity_cutoff_blocks >= inputs.block for updated in inputs.last_update]
    stake = normalize_stake(_above_threshold(inputs))
    permits = [permit or uid == owner for uid, permit in enumerate(inputs.validator_permits)]
    new_permits = [kept or uid == owner for uid, kept in enumerate(top_k(stake, params.max_validators))]
    voting = active_stake(stake, active, permits)

    table = _table(inputs, permits, voting)
    weights, votes = table.weights, [voting[uid] for uid, place in enumerate(table.places) if place >= 0]
    consensus = weighted_median_columns(votes, weights.values, proportion(params.kappa_u16))
    clipped = _clipped(weights, consensus)
    pre_rank = column_sums(scaled_rows(weights.values, numbers(votes)))
    rank = column_sums(scaled_rows(clipped.values, numbers(votes)))
    incentive = normalize(rank)

    bond_weights = _interpolated(weights, clipped, proportion(params.bonds_penalty_u16))
    bonds = _bonds(inputs, table, bond_weights, votes, incentive, consensus)
    dividends = table.by_uid(bonds.dividends)
    server, validator, combined = _shares(incentive, dividends, voting, stake)
    return RawEpoch(
        stake=stake,
        active=active,
        new_permits=new_permits,
        consensus=consensus,
        validator_trust=table.by_uid(row_sums(clipped.values)),
        trust=[(after << FRAC) // before if before else 0 for after, before in zip(rank, pre_rank, strict=True)],
        incentive=incentive,
        dividends=dividends,
        server_share=server,
        validator_share=validator,
        combined_share=combined,
        bonds=stored_rows(bonds.stored, table.places, new_permits),
    )


def _check(inputs: EpochInput) -> None:
    n, params = len(inputs.stake_q64), inputs.params
    if n > EPOCH_UIDS_MAX:
        raise EpochInputError(f"An epoch has at most {EPOCH_UIDS_MAX} uids, not {n}.")
    vectors = {
        "validator_permits": len(inputs.validator_permits),
        "last_update": len(inputs.last_update),
        "block_at_registration": len(inputs.block_at_registration),
        "weights": len(inputs.weights),
        "bonds": len(inputs.bonds),
        "oldest_commit": len(inputs.oldest_commit) or n,
    }
    for name, length in vectors.items():
        if length != n:
            raise EpochInputError(f"{name} has {length} entries for {n} uids.")
    proportions = (params.kappa_u16, params.bonds_penalty_u16, params.alpha_low_u16, params.alpha_high_u16)
    if not all(0 <= value <= U16_MAX for value in proportions) or not 0 <= params.bonds_moving_average_ppm <= _PPM:
        raise EpochInputError("A proportion among the hyperparameters lies outside 0 to 1.")
    if not all(0 <= stake <= I64F64.max_raw for stake in inputs.stake_q64):
        raise EpochInputError("A stake is no I64F64 number, or negative.")


def _table(inputs: EpochInput, permits: Sequence[bool], voting: Sequence[int]) -> _Table:
    """Weights and bonds without the stale ones; rows without a permit are void, weights are normalised by row."""
    n = len(permits)
    weights, bonds = read_rows("weights", inputs.weights), read_rows("bonds", inputs.bonds)
    permitted, used = np.array(permits, dtype=np.bool_), np.array(voting, dtype=np.uint64) > 0
    used[weights.rows] |= permitted[weights.rows]
    used[bonds.rows] = True
    uids = np.flatnonzero(used)
    places = np.where(used, np.cumsum(used) - 1, -1)
    kept = keep(spread(weights, np.where(permitted, places, -1), len(uids), n), fresh_weights(inputs, uids))
    totals = kept.values.sum(axis=1, dtype=np.uint64)[:, None]
    return _Table(
        places.tolist(),
        Matrix(quotient_of_u16(kept.values, totals), kept.present),
        keep(spread(bonds, places, len(uids), n), fresh_bonds(inputs)),
    )


def _clipped(weights: Matrix, limits: Sequence[int]) -> Matrix:
    """Values capped at their column's limit; a positive value capped to 0 disappears, a zero stays."""
    most = numbers(limits)
    present = weights.present & ((most > 0) | (weights.values == 0))
    return Matrix(np.minimum(weights.values, most), present)


def _interpolated(low: Matrix, high: Matrix, ratio: int) -> Matrix:
    """low + ratio * (high - low), high at most low; only positives stay, but ratio 0 and 1 return their end as it is.

    The floor of a negative product is minus the ceiling of the positive one; the ratio is below 1, so it fits.
    """
    if ratio <= 0:
        return low
    if ratio >= ONE:
        return high
    fall = (low.values - high.values) * np.uint64(ratio)
    values = low.values - ((fall + np.uint64(ONE - 1)) >> np.uint64(FRAC))
    return Matrix(values, values > 0)


def _above_threshold(inputs: EpochInput) -> list[int]:
    """Stake of at least the threshold in whole rao; the owner's counts always."""
    threshold = inputs.params.stake_threshold_rao
    return [
        stake if stake >> 64 >= threshold or uid == inputs.owner_uid else 0
        for uid, stake in enumerate(inputs.stake_q64)
    ]


def _bonds(
    inputs: EpochInput,
    table: _Table,
    weights: Matrix,
    votes: Sequence[int],
    incentive: Sequence[int],
    consensus: Sequence[int],
) -> BondsResult:
    if inputs.params.yuma3:
        return bonds_yuma3(inputs.params, table.bonds, weights, votes, incentive, consensus)
    return bonds_yuma2(inputs.params, table.bonds, weights, votes, incentive)


def _shares(
    incentive: list[int], dividends: list[int], voting: list[int], stake: list[int]
) -> tuple[list[int], list[int], list[int]]:
    """Shares of the emission as (server, validator, both); by stake if nobody earned anything."""
    combined = [i + d for i, d in zip(incentive, dividends, strict=True)]
    total = sum(combined)
    if total == 0:
        by_stake = voting if any(voting) else stake
        return incentive, by_stake, by_stake
    return (
        [(share << FRAC) // total for share in incentive],
        [(share << FRAC) // total for share in dividends],
        normalize(combined),
    )


def _rao(shares: list[int], emission_rao: int) -> tuple[int, ...]:
    return tuple([min(share * emission_rao >> FRAC, U64_MAX) for share in shares])
