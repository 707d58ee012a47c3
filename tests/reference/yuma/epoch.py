"""One epoch from input to output: the order of the steps, and nothing else.

`evaluate` returns the I32F32 numbers, `run_epoch` what is stored of them.
"""

from dataclasses import dataclass

from node.economics.errors import EpochInputError
from node.economics.yuma.types import EpochInput, EpochOutput, SparseRow
from node.primitives.fixed import I32F32, U64_MAX
from tests.reference.yuma.bonds import BondsResult, bonds_yuma2, bonds_yuma3
from tests.reference.yuma.masks import active_stake, fresh_bonds, fresh_weights
from tests.reference.yuma.matrix import (
    Matrix,
    column_clip,
    columns_weighted_by_rows,
    interpolate,
    row_normalize,
    row_sums,
)
from tests.reference.yuma.median import weighted_median_columns
from tests.reference.yuma.vector import (
    FRAC,
    divide,
    max_upscale_to_u16,
    normalize,
    normalize_stake,
    proportion,
    to_u16,
    top_k,
)


@dataclass(frozen=True, slots=True)
class RawEpoch:
    """An epoch's numbers before they are stored: I32F32, indexed by uid."""

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
    bonds: Matrix


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
        bonds=tuple(
            _stored_row(row) if permitted else () for row, permitted in zip(raw.bonds, raw.new_permits, strict=True)
        ),
    )


def evaluate(inputs: EpochInput) -> RawEpoch:
    """The steps of an epoch in their order. Raises `EpochInputError`."""
    _check(inputs)
    params, owner = inputs.params, inputs.owner_uid
    n = len(inputs.stake_q64)
    active = [updated + params.activity_cutoff_blocks >= inputs.block for updated in inputs.last_update]
    stake = normalize_stake(_above_threshold(inputs))
    permits = [permit or uid == owner for uid, permit in enumerate(inputs.validator_permits)]
    new_permits = [kept or uid == owner for uid, kept in enumerate(top_k(stake, params.max_validators))]
    voting = active_stake(stake, active, permits)

    weights = row_normalize(fresh_weights(inputs, permits))
    consensus = weighted_median_columns(voting, weights, n, proportion(params.kappa_u16))
    clipped = column_clip(weights, consensus)
    pre_rank = columns_weighted_by_rows(weights, voting, n)
    rank = columns_weighted_by_rows(clipped, voting, n)
    incentive = normalize(rank)

    bond_weights = interpolate(weights, clipped, proportion(params.bonds_penalty_u16))
    bonds = _bonds(inputs, bond_weights, voting, incentive, consensus)
    server, validator, combined = _shares(incentive, bonds.dividends, voting, stake)
    return RawEpoch(
        stake=stake,
        active=active,
        new_permits=new_permits,
        consensus=consensus,
        validator_trust=row_sums(clipped),
        trust=[divide(after, before) for after, before in zip(rank, pre_rank, strict=True)],
        incentive=incentive,
        dividends=bonds.dividends,
        server_share=server,
        validator_share=validator,
        combined_share=combined,
        bonds=bonds.stored,
    )


def _check(inputs: EpochInput) -> None:
    n = len(inputs.stake_q64)
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
    for name, rows in (("weights", inputs.weights), ("bonds", inputs.bonds)):
        for row in rows:
            if any(not 0 <= uid < n for uid, _ in row):
                raise EpochInputError(f"{name} name an uid outside 0..{n - 1}.")


def _above_threshold(inputs: EpochInput) -> list[int]:
    """Stake of at least the threshold in whole rao; the owner's counts always."""
    threshold = inputs.params.stake_threshold_rao
    return [
        stake if stake >> 64 >= threshold or uid == inputs.owner_uid else 0
        for uid, stake in enumerate(inputs.stake_q64)
    ]


def _bonds(
    inputs: EpochInput, weights: Matrix, voting: list[int], incentive: list[int], consensus: list[int]
) -> BondsResult:
    stored = fresh_bonds(inputs)
    if inputs.params.yuma3:
        return bonds_yuma3(inputs.params, stored, weights, voting, incentive, consensus)
    return bonds_yuma2(inputs.params, stored, weights, voting, incentive)


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
        [divide(share, total) for share in incentive],
        [divide(share, total) for share in dividends],
        normalize(combined),
    )


def _rao(shares: list[int], emission_rao: int) -> tuple[int, ...]:
    return tuple(min(share * emission_rao >> FRAC, U64_MAX) for share in shares)


def _stored_row(row: dict[int, int]) -> SparseRow:
    return tuple((uid, I32F32.proportion_to_u16(row[uid])) for uid in sorted(row))
