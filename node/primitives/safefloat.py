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
    """Sum: the smaller exponent is aligned to the larger by truncation."""
    return _aligned_sum(left, right, 1)


def sub(left: SafeFloat, right: SafeFloat) -> SafeFloat:
    """Difference, at least zero."""
    return _aligned_sum(left, right, -1)


def _aligned_sum(left: SafeFloat, right: SafeFloat, sign: int) -> SafeFloat:
    if right.mantissa == 0:
        return left
    if left.mantissa == 0:
        return right if sign > 0 else ZERO
    exponent = max(left.exponent, right.exponent)
    aligned = _aligned(left, exponent) + sign * _aligned(right, exponent)
    return normalised(aligned, exponent)


def _aligned(value: SafeFloat, exponent: int) -> int:
    shift = exponent - value.exponent
    # 22 digits are enough to drop any mantissa; the bound keeps 10^shift small.
    return value.mantissa // 10**shift if shift < _DIGITS else 0


def mul_div(value: SafeFloat, factor: SafeFloat, divisor: SafeFloat) -> SafeFloat:
    """value * factor / divisor computed exactly, then normalised by truncation; `ZERO` for a zero divisor."""
    if divisor.mantissa == 0:
        return ZERO
    # Digits to spare, so that the quotient still has more than 21 of them before it is cut.
    scaled = value.mantissa * factor.mantissa * 10**_DIGITS
    exponent = value.exponent + factor.exponent - divisor.exponent - _DIGITS
    return normalised(scaled // divisor.mantissa, exponent)


def floor_to_int(value: SafeFloat) -> int:
    """The integer part."""
    if value.exponent >= 0:
        return value.mantissa * 10**value.exponent
    return value.mantissa // 10**-value.exponent
