"""A decimal number of 21 digits with its own exponent: shares that neither overflow nor lose small holders.

value = mantissa * 10^exponent with mantissa in (10^20, 10^21], or zero. Every rounding truncates.
"""

from dataclasses import dataclass
from typing import Final

MANTISSA_MAX: Final = 10**21
MANTISSA_MIN: Final = 10**20


@dataclass(frozen=True, slots=True)
class SafeFloat:
    """A normalised number; build one with `normalised` or `from_int`."""

    mantissa: int
    exponent: int


ZERO: Final = SafeFloat(0, 0)


def normalised(mantissa: int, exponent: int) -> SafeFloat:
    """mantissa * 10^exponent with the mantissa brought into (10^20, 10^21] by truncation; a zero is `ZERO`."""
    raise NotImplementedError


def from_int(value: int) -> SafeFloat:
    """An integer as SafeFloat (exact below 10^21)."""
    return normalised(value, 0)


def add(left: SafeFloat, right: SafeFloat) -> SafeFloat:
    """Sum: the smaller exponent is aligned to the larger by truncation."""
    raise NotImplementedError


def sub(left: SafeFloat, right: SafeFloat) -> SafeFloat:
    """Difference, at least zero."""
    raise NotImplementedError


def mul_div(value: SafeFloat, factor: SafeFloat, divisor: SafeFloat) -> SafeFloat:
    """value * factor / divisor computed exactly, then normalised by truncation; `ZERO` for a zero divisor."""
    raise NotImplementedError


def floor_to_int(value: SafeFloat) -> int:
    """The integer part."""
    raise NotImplementedError
