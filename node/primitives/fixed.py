"""Fixed-point numbers as raw integers, with a name for every rounding.

A value of format `I32F32` is an `int` r that means r / 2^32; nothing here is ever a float. The formats and roundings
(floor for products and narrowing, toward zero for quotients, saturation at the ends of the range) are part of the
consensus rules: a last bit that differs between two nodes is a fork.
"""

from dataclasses import dataclass
from typing import Final

from node.primitives.errors import invariant

U16_ONE: Final = 65_535
"""A proportion stored as u16: 65 535 stands for 1."""
U16_MAX: Final = (1 << 16) - 1
U64_MAX: Final = (1 << 64) - 1
"""Largest u64, and the u64 proportion that stands for 1."""


@dataclass(frozen=True, slots=True)
class FixedFormat:
    """One fixed-point format: `frac_bits` bits after the point, raw values from `min_raw` to `max_raw`."""

    name: str
    int_bits: int
    frac_bits: int
    signed: bool
    min_raw: int
    max_raw: int

    @property
    def one(self) -> int:
        """The raw value of 1."""
        return 1 << self.frac_bits

    def saturate(self, raw: int) -> int:
        """Clamp a raw value to the range; nothing ever wraps.

        The methods below look at the range first, because this call would cost more than their arithmetic.
        """
        return self.min_raw if raw < self.min_raw else self.max_raw if raw > self.max_raw else raw

    def from_int(self, value: int) -> int:
        """An integer as raw value; exact, saturating."""
        raw = value << self.frac_bits
        return raw if self.min_raw <= raw <= self.max_raw else self.saturate(raw)

    def from_ratio_floor(self, numerator: int, denominator: int) -> int:
        """numerator / denominator rounded down; the denominator is positive."""
        invariant(denominator > 0, "a ratio needs a positive denominator")
        return self.saturate((numerator << self.frac_bits) // denominator)

    def from_ratio_half_even(self, numerator: int, denominator: int) -> int:
        """numerator / denominator rounded to nearest, ties to even (how constants of the rules are written)."""
        return self.saturate(round_half_even(numerator << self.frac_bits, denominator))

    def convert(self, raw: int, source: "FixedFormat") -> int:
        """A raw value of `source` in this format: exact when widened, floor when narrowed, saturating."""
        shift = self.frac_bits - source.frac_bits
        moved = raw << shift if shift >= 0 else raw >> -shift
        return moved if self.min_raw <= moved <= self.max_raw else self.saturate(moved)

    def add(self, left: int, right: int) -> int:
        """Sum; exact, saturating."""
        return self.saturate(left + right)

    def sub(self, left: int, right: int) -> int:
        """Difference; exact, saturating (an unsigned result below 0 becomes 0)."""
        return self.saturate(left - right)

    def mul(self, left: int, right: int) -> int:
        """Product rounded down (also for negatives), saturating."""
        raw = (left * right) >> self.frac_bits
        return raw if self.min_raw <= raw <= self.max_raw else self.saturate(raw)

    def div(self, left: int, right: int) -> int:
        """Quotient truncated toward zero, saturating; the divisor is not zero."""
        invariant(right != 0, "a fixed-point divisor is never zero here")
        return self.saturate(div_toward_zero(left << self.frac_bits, right))

    def safe_div(self, left: int, right: int) -> int:
        """Quotient truncated toward zero; 0 for a zero divisor and for a quotient out of range."""
        if right == 0:
            return 0
        numerator = left << self.frac_bits
        raw = numerator // right if numerator >= 0 < right else div_toward_zero(numerator, right)
        return raw if self.min_raw <= raw <= self.max_raw else 0

    def floor_to_int(self, raw: int) -> int:
        """The integer part, rounded down."""
        return raw >> self.frac_bits

    def to_u64(self, raw: int) -> int:
        """Floor to u64: negative becomes 0, too large becomes 2^64 - 1."""
        return clamp(raw >> self.frac_bits, 0, U64_MAX)

    def to_u16(self, raw: int) -> int:
        """Floor to u16: negative becomes 0, too large becomes 65 535."""
        return clamp(raw >> self.frac_bits, 0, U16_MAX)

    def proportion_to_u16(self, raw: int) -> int:
        """A proportion as u16: floor(x * 65 535)."""
        return self.to_u16(self.saturate(raw * U16_ONE))


def _signed(int_bits: int, frac_bits: int) -> FixedFormat:
    half = 1 << (int_bits + frac_bits - 1)
    return FixedFormat(f"I{int_bits}F{frac_bits}", int_bits, frac_bits, True, -half, half - 1)


def _unsigned(int_bits: int, frac_bits: int) -> FixedFormat:
    return FixedFormat(f"U{int_bits}F{frac_bits}", int_bits, frac_bits, False, 0, (1 << (int_bits + frac_bits)) - 1)


I32F32: Final = _signed(32, 32)
"""Numbers of an epoch."""
I64F64: Final = _signed(64, 64)
"""Stake before it is normalised."""
I96F32: Final = _signed(96, 32)
"""Stored moving prices, root claims, emission in rao."""
U96F32: Final = _unsigned(96, 32)
"""Emissions and dividends."""
U64F64: Final = _unsigned(64, 64)
"""Pool prices and subnet shares."""
U110F18: Final = _unsigned(110, 18)
"""The interval-based registration price."""


def clamp(value: int, low: int, high: int) -> int:
    """`value` limited to [low, high]; `low` wins if the bounds cross."""
    return max(low, min(value, high))


def div_toward_zero(numerator: int, denominator: int) -> int:
    """Integer quotient truncated toward zero."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def round_half_even(numerator: int, denominator: int) -> int:
    """Nearest integer to numerator / denominator, ties to the even neighbour; the denominator is positive."""
    invariant(denominator > 0, "rounding needs a positive denominator")
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    return quotient + (twice > denominator or (twice == denominator and quotient & 1))


def round_half_up(numerator: int, denominator: int) -> int:
    """Nearest integer to numerator / denominator, ties upward; both are non-negative."""
    return (2 * numerator + denominator) // (2 * denominator)


_E_Q23: Final = 22_802_600
_LOG2_E_Q23: Final = 12_102_203
_EXP_TERMS: Final = 32
_EXP_SAFE_MAX: Final = 20


def exp(raw: int) -> int:
    """e^x in I32F32 by its Taylor series up to x^31; every product floored, 1/e^|x| for negative x."""
    fmt = I32F32
    if raw == 0:
        return fmt.one
    if raw == fmt.one:
        return _E_Q23 << (fmt.frac_bits - 23)
    x = fmt.saturate(abs(raw))
    total, term = fmt.add(x, fmt.one), x
    for i in range(2, _EXP_TERMS):
        term = fmt.saturate(fmt.mul(term, x) // i)
        total = fmt.add(total, term)
    return total if raw > 0 else fmt.div(fmt.one, total)


def exp_safe(raw: int) -> int:
    """e^x in I32F32 with x first clamped to [-20, 20]."""
    limit = I32F32.from_int(_EXP_SAFE_MAX)
    return exp(clamp(raw, -limit, limit))


def log2(raw: int, fmt: FixedFormat = I32F32) -> int:
    """log2(x), x > 0: halvings round the dropped bit up, fraction bits by repeated squaring."""
    invariant(raw > 0, "a logarithm needs a positive number")
    if raw < fmt.one:
        return -log2(fmt.div(fmt.one, raw), fmt)
    whole = 0
    while raw >= 2 * fmt.one:
        raw = (raw >> 1) + (raw & 1)
        whole += 1
    result = whole << fmt.frac_bits
    for bit in range(fmt.frac_bits - 1, -1, -1):
        raw = (raw * raw) >> fmt.frac_bits
        if raw >= 2 * fmt.one:
            raw = (raw >> 1) + (raw & 1)
            result |= 1 << bit
    return result


def ln(raw: int, fmt: FixedFormat = I32F32) -> int:
    """ln(x) = log2(x) / log2(e), the constant kept with 23 fraction bits; x > 0."""
    return fmt.div(log2(raw, fmt), _LOG2_E_Q23 << (fmt.frac_bits - 23))
