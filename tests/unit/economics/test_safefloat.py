"""Decimal numbers of 21 digits."""

from node.primitives import safefloat
from node.primitives.safefloat import MANTISSA_MAX, MANTISSA_MIN, ZERO, SafeFloat, normalised


def test_numbers_are_stored_in_one_form_only() -> None:
    assert normalised(1, 0) == SafeFloat(10**21, -21)
    assert normalised(10**25 + 7, -4) == SafeFloat(10**21, 0)
    assert normalised(0, 55) == ZERO
    for mantissa in (1, 9, 10**20, 10**20 + 1, 10**21, 10**21 + 1, 12345):
        assert MANTISSA_MIN < normalised(mantissa, 0).mantissa <= MANTISSA_MAX


def test_integers_come_back() -> None:
    for value in (0, 1, 10**9, 2**64 - 1):
        assert safefloat.floor_to_int(safefloat.from_int(value)) == value
    assert safefloat.floor_to_int(normalised(3, 30)) == 3 * 10**30
    assert safefloat.floor_to_int(normalised(3, -1000)) == 0


def test_a_sum_truncates_the_smaller_number() -> None:
    assert safefloat.add(normalised(1, 24), normalised(99, 0)) == normalised(10**22 + 0, 2)
    assert safefloat.add(ZERO, normalised(5, 0)) == normalised(5, 0)


def test_a_difference_is_never_negative() -> None:
    assert safefloat.sub(normalised(1, 0), normalised(2, 0)) == ZERO
    assert safefloat.sub(ZERO, normalised(2, 0)) == ZERO
    assert safefloat.sub_exact(normalised(1, 0), normalised(2, 0)) == ZERO


def test_the_exact_difference_never_exceeds_the_truth() -> None:
    big, small = normalised(1, 24), normalised(10**20 + 1, 0)
    assert safefloat.sub(big, small).mantissa * 10**3 > 10**24 - (10**20 + 1)
    exact = safefloat.sub_exact(big, small)
    assert exact.mantissa * 10**exact.exponent <= 10**24 - (10**20 + 1)
    assert safefloat.sub_exact(big, ZERO) == big


def test_a_share_of_a_value_is_truncated() -> None:
    third = safefloat.mul_div(safefloat.from_int(1), safefloat.from_int(1), safefloat.from_int(3))
    assert third.mantissa // 10 == 33333333333333333333
    assert safefloat.mul_div(third, third, ZERO) == ZERO


def test_comparison_sees_the_last_digit() -> None:
    assert safefloat.is_greater(normalised(10**20 + 1, 3), normalised(10**21, 2))
    assert not safefloat.is_greater(ZERO, ZERO)
    assert safefloat.is_greater(normalised(1, -900), ZERO)
