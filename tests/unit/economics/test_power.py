"""Exact powers."""

import pytest

from node.economics.power import integer_root, scaled_power
from node.primitives.errors import InvariantBroken

SCALE = 10**18


@pytest.mark.parametrize(
    ("numerator", "denominator", "exponent", "root", "expected"),
    [
        (2, 3, 1, 2, 816_496_580_927_726_032),
        (1, 4, 1, 2, SCALE // 2),
        (27, 8, 2, 3, 9 * SCALE // 4),
        (1, 3, 1, 1, SCALE // 3),
        (2, 1, 1, 2, 1_414_213_562_373_095_048),
        (0, 5, 1, 2, 0),
        (7, 7, 3, 5, SCALE),
        (9, 2, 0, 5, SCALE),
        (6, 3, 500_000_000_000_000_000, SCALE, 1_414_213_562_373_095_048),
    ],
)
def test_the_floor_of_a_power_is_exact(
    numerator: int, denominator: int, exponent: int, root: int, expected: int
) -> None:
    assert scaled_power(numerator, denominator, exponent, root, SCALE) == expected


def test_a_rational_power_is_not_lost_to_rounding() -> None:
    base = 12_345_678_901
    assert scaled_power(base**3, 1, 1, 3, SCALE) == base * SCALE
    assert scaled_power(base**3 + 1, 1, 1, 3, SCALE) >= base * SCALE
    assert scaled_power(base**3 - 1, 1, 1, 3, SCALE) < base * SCALE


def test_roots_are_floored() -> None:
    for degree in (1, 2, 3, 7):
        for value in (0, 1, 2, 26, 27, 28, 10**30, 2**200 - 1):
            root = integer_root(value, degree)
            assert root**degree <= value < (root + 1) ** degree


def test_a_meaningless_power_stops_the_node() -> None:
    with pytest.raises(InvariantBroken):
        scaled_power(1, 0, 1, 1, SCALE)
    with pytest.raises(InvariantBroken):
        scaled_power(-1, 2, 1, 1, SCALE)
