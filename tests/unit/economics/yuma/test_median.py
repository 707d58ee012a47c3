"""Consensus weights."""

import random

from node.primitives.fixed import I32F32
from tests.reference.yuma.median import weighted_median, weighted_median_columns

ONE = I32F32.one


def by_pivots(masses: list[int], scores: list[int], minority: int) -> int:
    """The rule as it is written: partition around the middle candidate until the minority mass is found."""
    candidates, low, high = list(zip(scores, masses, strict=True)), 0, sum(masses)
    while candidates:
        if len(candidates) == 1:
            return candidates[0][0]
        pivot = candidates[len(candidates) // 2][0]
        lower = [c for c in candidates if c[0] < pivot]
        upper = [c for c in candidates if c[0] > pivot]
        below, above = low + sum(m for _, m in lower), high - sum(m for _, m in upper)
        if minority < below and lower:
            candidates, high = lower, below
        elif above <= minority and upper:
            candidates, low = upper, above
        else:
            return pivot
    return 0


def test_sorting_gives_what_partitioning_gives() -> None:
    rng = random.Random(7)
    for _ in range(3_000):
        count = rng.randrange(0, 9)
        masses = [rng.choice([0, 1, 2, 5, ONE // 7]) for _ in range(count)]
        scores = [rng.choice([0, 1, 2, 3, ONE]) for _ in range(count)]
        for minority in (-1, 0, sum(masses) // 2, sum(masses), rng.randrange(-3, sum(masses) + 3)):
            assert weighted_median(masses, scores, minority) == by_pivots(masses, scores, minority)


def test_exactly_half_on_each_side_goes_to_the_higher_weight() -> None:
    assert weighted_median([5, 5], [1, 9], 5) == 9
    assert weighted_median([5, 5], [1, 9], 4) == 1


def test_an_absent_weight_counts_as_zero() -> None:
    matrix = [{0: 7}, {0: 7, 1: 9}, {1: 9}]
    assert weighted_median_columns([ONE, ONE, ONE], matrix, 3, ONE // 2) == [7, 9, 0]
    assert weighted_median_columns([ONE, ONE, 2 * ONE], matrix, 3, 3 * ONE // 4) == [0, 9, 0]


def test_rows_without_stake_have_no_say() -> None:
    assert weighted_median_columns([0, ONE], [{0: 9}, {0: 2}], 1, ONE // 2) == [2]
    assert weighted_median_columns([0, 0], [{0: 9}, {0: 2}], 1, ONE // 2) == [0]
