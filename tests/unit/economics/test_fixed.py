"""Fixed-point numbers: every rounding by name."""

from fractions import Fraction

import pytest

from node.primitives import fixed
from node.primitives.errors import InvariantBroken
from node.primitives.fixed import I32F32, I64F64, U64_MAX, U64F64, U96F32


def test_products_floor_also_below_zero() -> None:
    assert I32F32.mul(3, 1 << 31) == 1
    assert I32F32.mul(-3, 1 << 31) == -2


def test_quotients_truncate_toward_zero() -> None:
    assert I32F32.div(I32F32.from_int(-1), I32F32.from_int(3)) == -(I32F32.one // 3)
    assert I32F32.div(I32F32.from_int(1), I32F32.from_int(-3)) == -(I32F32.one // 3)


def test_nothing_wraps_at_the_ends_of_the_range() -> None:
    assert I32F32.from_int(1 << 40) == I32F32.max_raw
    assert I32F32.sub(I32F32.min_raw, 1) == I32F32.min_raw
    assert U64F64.sub(0, 1) == 0
    assert I32F32.mul(I32F32.max_raw, I32F32.max_raw) == I32F32.max_raw


def test_safe_division_answers_zero_where_there_is_no_quotient() -> None:
    assert U64F64.safe_div(1, 0) == 0
    assert U64F64.safe_div(U64F64.max_raw, 1) == 0
    with pytest.raises(InvariantBroken):
        U64F64.div(1, 0)


def test_narrowing_floors_and_widening_is_exact() -> None:
    assert I32F32.convert((5 << 64) + (1 << 64) - 1, I64F64) == (5 << 32) + (1 << 32) - 1
    assert I64F64.convert(-7, I32F32) == -7 << 32
    assert U96F32.convert(1 << 31, U64F64) == 0


@pytest.mark.parametrize(("numerator", "rounded"), [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2)])
def test_halves_go_to_the_even_neighbour(numerator: int, rounded: int) -> None:
    assert fixed.round_half_even(numerator, 2) == rounded


def test_halves_go_up_where_the_rule_says_so() -> None:
    assert [fixed.round_half_up(n, 2) for n in range(5)] == [0, 1, 1, 2, 2]


def test_integers_come_back_clamped() -> None:
    assert U96F32.to_u64(U96F32.max_raw) == U64_MAX
    assert I32F32.to_u16(-1) == 0
    assert I32F32.to_u16(I32F32.from_int(70_000)) == 65_535
    assert I32F32.proportion_to_u16(I32F32.one) == 65_535
    assert I32F32.proportion_to_u16(I32F32.one // 2) == 32_767


def test_exponential_is_one_at_zero_and_a_constant_at_one() -> None:
    assert fixed.exp(0) == I32F32.one
    assert Fraction(fixed.exp(I32F32.one), I32F32.one) == Fraction(22_802_600, 1 << 23)


def test_exponential_follows_its_series() -> None:
    two = Fraction(fixed.exp(I32F32.from_int(2)), I32F32.one)
    series = sum(Fraction(2**k, _factorial(k)) for k in range(32))
    assert 0 <= series - two < Fraction(64, I32F32.one)
    below = fixed.exp(I32F32.from_int(-2))
    assert below == I32F32.div(I32F32.one, fixed.exp(I32F32.from_int(2)))


def test_safe_exponential_clamps_at_twenty() -> None:
    assert fixed.exp_safe(I32F32.from_int(21)) == fixed.exp_safe(I32F32.from_int(20))
    assert fixed.exp_safe(I32F32.from_int(-900)) == fixed.exp_safe(I32F32.from_int(-20))


def test_logarithms_of_powers_of_two_are_whole() -> None:
    assert fixed.log2(I32F32.from_int(8)) == I32F32.from_int(3)
    assert fixed.log2(I32F32.one // 4) == I32F32.from_int(-2)
    assert abs(fixed.ln(I32F32.from_int(2)) - 2_977_044_471) < 1_000  # ln 2 * 2^32, constant of 23 bits


def _factorial(k: int) -> int:
    return 1 if k < 2 else k * _factorial(k - 1)
