"""A decimal number of 21 digits with its own exponent: shares that neither overflow nor lose small holders.

value = mantissa * 10^exponent with mantissa in (10^20, 10^21], or zero. Every rounding truncates.
"""

from dataclasses import dataclass
from typing import Final

MANTISSA_MAX: Final = 10**21
MANTISSA_MIN: Final = 10**20
_DIGITS: Final = 22


@dataclass(frozen=True, slots=True)
class SafeFloat:
    """A normalised number; build one with `normalised` or `from_int`."""

    mantissa: int
    exponent: int


ZERO: Final = SafeFloat(0, 0)


def normalised(mantissa: int, exponent: int) -> SafeFloat:
    """mantissa * 10^exponent with the mantissa brought into (10^20, 10^21] by truncation; a zero is `ZERO`."""
    if mantissa <= 0:
        return ZERO
    while mantissa > MANTISSA_MAX:
        mantissa //= 10
        exponent += 1
    while mantissa <= MANTISSA_MIN:
        mantissa *= 10
        exponent -= 1
    return SafeFloat(mantissa, exponent)


def from_int(value: int) -> SafeFloat:
    """An integer as SafeFloat (exact below 10^21)."""
    return normalised(value, 0)


def add(left: SafeFloat, right: SafeFloat) -> SafeFloat:
    """Sum: the mantissa with the smaller exponent is truncated to the larger exponent."""
    return _aligned(left, right, 1)


def sub(left: SafeFloat, right: SafeFloat) -> SafeFloat:
    """Difference, at least zero; aligned like a sum, so it can exceed the true difference."""
    return _aligned(left, right, -1)


def sub_exact(left: SafeFloat, right: SafeFloat) -> SafeFloat:
    """Difference computed without loss and then truncated, at least zero; never exceeds the true difference."""
    if right.mantissa == 0:
        return left
    exponent = min(left.exponent, right.exponent)
    return normalised(_at(left, exponent) - _at(right, exponent), exponent)


def mul_div(value: SafeFloat, factor: SafeFloat, divisor: SafeFloat) -> SafeFloat:
    """value * factor / divisor: one integer quotient of the mantissas, truncated; `ZERO` for a zero divisor."""
    if divisor.mantissa == 0:
        return ZERO
    exponent = value.exponent + factor.exponent - divisor.exponent
    return normalised(value.mantissa * factor.mantissa // divisor.mantissa, exponent)


def is_greater(left: SafeFloat, right: SafeFloat) -> bool:
    """Whether left > right, compared without loss."""
    if left.mantissa == 0 or right.mantissa == 0:
        return left.mantissa > right.mantissa
    exponent = min(left.exponent, right.exponent)
    return _at(left, exponent) > _at(right, exponent)


def floor_to_int(value: SafeFloat) -> int:
    """The integer part."""
    return _at(value, 0)


def _aligned(left: SafeFloat, right: SafeFloat, sign: int) -> SafeFloat:
    if right.mantissa == 0:
        return left
    if left.mantissa == 0:
        return right if sign > 0 else ZERO
    exponent = max(left.exponent, right.exponent)
    return normalised(_at(left, exponent) + sign * _at(right, exponent), exponent)


def _at(value: SafeFloat, exponent: int) -> int:
    """The mantissa the value has at another exponent, truncated."""
    shift = exponent - value.exponent
    if shift > _DIGITS:
        return 0  # every digit is dropped; no need for a huge power
    return value.mantissa // _pow10(shift) if shift >= 0 else value.mantissa * _pow10(-shift)


def _pow10(exponent: int) -> int:
    return int(10**exponent)
