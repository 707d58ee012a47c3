"""The arrays of the epoch against the plain integers of `tests.reference.yuma`, to the last bit."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.economics.errors import EpochInputError
from node.economics.yuma import arrays, epoch, median, sigmoid
from node.economics.yuma.types import EpochInput, EpochParams, SparseRow
from node.primitives.fixed import I32F32, I64F64, U16_MAX
from tests.reference.yuma import bonds as plain_bonds
from tests.reference.yuma import epoch as plain
from tests.reference.yuma import median as plain_median

ONE = I32F32.one
BLOCK = 1_000
EDGES = (0, 1, 2, ONE // 2, ONE - 1, ONE)
VECTORS = [
    field.name for field in dataclasses.fields(epoch.RawEpoch) if field.name != "bonds"
]  # fmt: skip


def must_agree(inputs: EpochInput) -> None:
    ours, theirs = epoch.evaluate(inputs), plain.evaluate(inputs)
    for name in VECTORS:
        assert getattr(ours, name) == getattr(theirs, name), name
    assert epoch.run_epoch(inputs) == plain.run_epoch(inputs)


u16 = st.one_of(st.sampled_from((0, 1, 32_767, 32_768, 65_534, U16_MAX)), st.integers(0, U16_MAX))
parameters = st.builds(
    EpochParams,
    kappa_u16=u16,
    bonds_penalty_u16=u16,
    bonds_moving_average_ppm=st.sampled_from((0, 1, 900_000, 999_999, 1_000_000)),
    activity_cutoff_blocks=st.sampled_from((0, 5, 5_000)),
    tempo_blocks=st.sampled_from((1, 360, 2_000)),
    max_validators=st.integers(1, 12),
    stake_threshold_rao=st.sampled_from((0, 3, 10**9)),
    yuma3=st.booleans(),
    liquid_alpha=st.booleans(),
    alpha_low_u16=u16,
    alpha_high_u16=u16,
    alpha_sigmoid_steepness=st.sampled_from((-32_768, -1, 0, 1, 99, 1_000, 2_000, 32_767)),
    commit_reveal=st.booleans(),
)
stakes = st.one_of(
    st.sampled_from((0, 0, 1, 1 << 64, 5 << 64, I64F64.max_raw)), st.integers(0, 1 << 110)
)  # fmt: skip


@st.composite
def epochs(draw: st.DrawFn) -> EpochInput:
    n = draw(st.integers(0, 10))

    def vector(values: st.SearchStrategy[object]) -> tuple[object, ...]:
        return tuple(draw(st.lists(values, min_size=n, max_size=n)))

    def rows() -> tuple[SparseRow, ...]:
        one = st.dictionaries(st.integers(0, n - 1), u16, max_size=n) if n else st.just({})
        return tuple(tuple(sorted(row.items())) for row in draw(st.lists(one, min_size=n, max_size=n)))

    heights = st.sampled_from((0, 1, 400, 639, 640, 641, 994, 995, 999, BLOCK))
    return EpochInput(
        params=draw(parameters),
        block=BLOCK,
        emission_rao=draw(st.sampled_from((0, 1, 10**11, 2**64 - 1))),
        stake_q64=vector(stakes),  # type: ignore[arg-type]
        validator_permits=vector(st.sampled_from((True, True, False))),  # type: ignore[arg-type]
        last_update=vector(heights),  # type: ignore[arg-type]
        block_at_registration=vector(heights),  # type: ignore[arg-type]
        weights=rows(),
        bonds=rows(),
        owner_uid=draw(st.sampled_from((None, *range(n)))),
        last_mechanism_step=draw(st.sampled_from((0, 1, 639, 999))),
        oldest_commit=vector(st.sampled_from((None, 0, 640, BLOCK))) if draw(st.booleans()) else (),  # type: ignore[arg-type]
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(epochs())
def test_any_epoch_equals_the_plain_one(inputs: EpochInput) -> None:
    must_agree(inputs)


def large(params: EpochParams, seed: int, *, validators: int, density: float, uids: int = 64) -> EpochInput:
    """A subnet with many opinions: stale weights, zeros, values that tie, idle validators."""
    chance = random.Random(seed)

    def row(uid: int) -> SparseRow:
        if uid >= validators and chance.random() < 0.9:
            return ()
        return tuple(
            (target, chance.choice((0, 1, 30_000, U16_MAX, chance.randrange(1 << 16))))
            for target in range(uids)
            if chance.random() < density
        )

    return EpochInput(
        params=params,
        block=10_000,
        emission_rao=10**11,
        stake_q64=tuple(chance.choice((10**12, chance.randrange(10**15))) << 64 for _ in range(uids)),
        validator_permits=tuple(uid < validators for uid in range(uids)),
        last_update=tuple(chance.choice((9_999, 9_000, 4_000)) for _ in range(uids)),
        block_at_registration=tuple(chance.choice((1, 1, 1, 9_000, 9_990)) for _ in range(uids)),
        weights=tuple(row(uid) for uid in range(uids)),
        bonds=tuple(row(uid) for uid in range(uids)),
        owner_uid=chance.choice((None, 3)),
        last_mechanism_step=9_640,
    )


@pytest.mark.parametrize("density", [0.1, 0.9, 1.0])
@pytest.mark.parametrize("validators", [16, 64])
@pytest.mark.parametrize("penalty", [0, 40_000, U16_MAX])
@pytest.mark.parametrize(
    "rules", [{"yuma3": False}, {}, {"liquid_alpha": True}, {"liquid_alpha": True, "alpha_low_u16": 0}]
)
def test_a_full_subnet_equals_the_plain_one(
    rules: dict[str, int], penalty: int, validators: int, density: float
) -> None:
    params = EpochParams(bonds_penalty_u16=penalty, max_validators=24, **rules)  # type: ignore[arg-type]
    must_agree(large(params, penalty + validators, validators=validators, density=density))


@pytest.mark.parametrize("rules", [{"yuma3": False}, {}, {"liquid_alpha": True, "alpha_high_u16": U16_MAX}])
def test_a_lone_validator_and_a_lone_miner_have_shares_of_exactly_one(rules: dict[str, int]) -> None:
    alone = EpochInput(
        params=EpochParams(bonds_moving_average_ppm=0, **rules),  # type: ignore[arg-type]
        block=BLOCK,
        emission_rao=10**9,
        stake_q64=(7 << 64, 0),
        validator_permits=(True, False),
        last_update=(BLOCK, BLOCK),
        block_at_registration=(1, 1),
        weights=(((1, U16_MAX),), ()),
        bonds=(((1, U16_MAX),), ()),
        last_mechanism_step=500,
    )
    must_agree(alone)
    assert epoch.evaluate(alone).incentive == [0, ONE]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from((*EDGES, 3, ONE // 7)), st.sampled_from(EDGES)), max_size=12),
    st.sampled_from((0, 1, ONE // 4, 32_767 * ONE // U16_MAX, ONE // 2, 3 * ONE // 4, ONE - 1, ONE)),
)
def test_the_sorted_median_is_the_plain_one(candidates: list[tuple[int, int]], kappa: int) -> None:
    stake, scores = [mass for mass, _ in candidates], [score for _, score in candidates]
    column = np.array(scores, dtype=np.uint64).reshape(-1, 1)
    sparse = [{0: score} if score else {} for score in scores]
    ours = median.weighted_median_columns(stake, column, kappa)
    assert ours == plain_median.weighted_median_columns(stake, sparse, 1, kappa)


@pytest.mark.parametrize(("kappa", "answer"), [(ONE // 2, 9), (ONE // 2 + 1, 1)])
def test_a_tie_at_exactly_the_minority_mass_goes_to_the_higher_weight(kappa: int, answer: int) -> None:
    column = np.array([[1], [9]], dtype=np.uint64)
    assert median.weighted_median_columns([5, 5], column, kappa) == [answer]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.one_of(st.sampled_from(EDGES), st.integers(0, ONE)), max_size=8), st.integers(-32_768, 32_767))
def test_the_speed_curve_is_the_plain_one(differences: list[int], percent: int) -> None:
    steepness = I32F32.div(I32F32.from_int(percent), I32F32.from_int(100))
    ours = sigmoid.sigmoids(np.array(differences, dtype=np.uint64), steepness)
    assert ours.tolist() == [plain_bonds.sigmoid(difference, steepness) for difference in differences]


def test_the_speed_curve_is_exact_where_the_series_has_its_own_constant() -> None:
    """e^1 is a constant of the rule: at steepness -2 the difference 1 has the exponent 1 exactly, at 2 it has -1."""
    ends = np.array([0, ONE], dtype=np.uint64)
    for steepness in (-2 * ONE, 2 * ONE):
        ours = sigmoid.sigmoids(ends, steepness).tolist()
        assert ours == [plain_bonds.sigmoid(value, steepness) for value in (0, ONE)]


def test_products_and_quotients_of_the_edges_are_exact() -> None:
    left = np.array([a for a in EDGES for _ in EDGES], dtype=np.uint64)
    right = np.array([b for _ in EDGES for b in EDGES], dtype=np.uint64)
    pairs = [(a, b) for a in EDGES for b in EDGES]
    assert arrays.scaled_cells(left, right).tolist() == [a * b >> 32 for a, b in pairs]
    column, row = np.array(EDGES, dtype=np.uint64), np.array([EDGES], dtype=np.uint64)
    square = np.repeat(row, len(EDGES), axis=0)
    assert arrays.scaled_rows(square, column).ravel().tolist() == [a * b >> 32 for a, b in pairs]
    assert arrays.scaled_columns(square.T.copy(), column).ravel().tolist() == [a * b >> 32 for a, b in pairs]
    for factor in EDGES:
        assert arrays.scaled(column, factor).tolist() == [a * factor >> 32 for a in EDGES]
    parts = [(a, b) for a in EDGES for b in (*EDGES, ONE + 1, 3 * ONE, 4 * ONE, 2**47) if a <= b]
    wholes = np.array([b for _, b in parts], dtype=np.uint64)
    shares = arrays.quotient(np.array([a for a, _ in parts], dtype=np.uint64), wholes).tolist()
    assert shares == [(a << 32) // b if b else 0 for a, b in parts]


@pytest.mark.parametrize(
    "change",
    [
        {"weights": (((0, 65_536),), ())},
        {"weights": (((0, -1),), ())},
        {"bonds": (((-1, 1),), ())},
        {"last_update": (-1, 0)},
        {"block_at_registration": (0, 1 << 64)},
        {"stake_q64": (-1, 0)},
        {"stake_q64": (1 << 127, 0)},
        {"params": EpochParams(bonds_moving_average_ppm=1_000_001)},
        {"params": EpochParams(kappa_u16=65_536)},
        {"params": EpochParams(alpha_low_u16=-1)},
    ],
)
def test_numbers_outside_their_type_are_refused(change: dict[str, object]) -> None:
    empty = EpochInput(EpochParams(), 5, 0, (1 << 64, 0), (True, True), (1, 1), (0, 0), ((), ()), ((), ()))
    epoch.run_epoch(empty)
    with pytest.raises(EpochInputError):
        epoch.run_epoch(dataclasses.replace(empty, **change))  # type: ignore[arg-type]
