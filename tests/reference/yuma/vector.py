"""Vectors of I32F32 numbers: normalising, ranking, scaling to u16."""

from collections.abc import Sequence
from typing import Final

from node.primitives.fixed import I32F32, I64F64, U16_MAX, U16_ONE, round_half_up

ONE: Final = I32F32.one
FRAC: Final = I32F32.frac_bits
_MULTIPLY_FIRST_MAX: Final = 32_768
"""Up to this maximum value * 65 535 still fits I32F32, so the quotient can be taken last."""


def divide(numerator: int, denominator: int) -> int:
    """Quotient of two non-negative I32F32 numbers, floored; 0 for a zero divisor or out of range."""
    if denominator == 0:
        return 0
    quotient = (numerator << FRAC) // denominator
    return quotient if quotient <= I32F32.max_raw else 0


def proportion(value_u16: int) -> int:
    """A u16 proportion as I32F32."""
    return I32F32.from_ratio_floor(value_u16, U16_ONE)


def normalize(values: Sequence[int]) -> list[int]:
    """Each value divided by the sum; unchanged if the sum is 0."""
    total = I32F32.saturate(sum(values))
    return [I32F32.div(value, total) for value in values] if total else list(values)


def normalize_stake(stake_q64: Sequence[int]) -> list[int]:
    """Stake (I64F64) divided by its sum in I64F64, then truncated to I32F32."""
    total = I64F64.saturate(sum(stake_q64))
    shares = [I64F64.safe_div(stake, total) for stake in stake_q64] if total else list(stake_q64)
    return [I32F32.convert(share, I64F64) for share in shares]


def top_k(values: Sequence[int], k: int) -> list[bool]:
    """Which values are among the k largest and not zero; a tie at the edge drops the lower index."""
    dropped = sorted(range(len(values)), key=lambda i: values[i])[: max(0, len(values) - k)]
    kept = [value > 0 for value in values]
    for i in dropped:
        kept[i] = False
    return kept


def to_u16(values: Sequence[int]) -> tuple[int, ...]:
    """Proportions as u16, floored."""
    return tuple(I32F32.proportion_to_u16(value) for value in values)


def max_upscale_to_u16(values: Sequence[int]) -> tuple[int, ...]:
    """I32F32 values scaled so that the largest becomes 65 535, rounded half away from zero."""
    largest = max(values, default=0)
    if largest <= 0:
        return tuple(0 for _ in values)
    if largest <= _MULTIPLY_FIRST_MAX << FRAC:
        return tuple(_rounded(I32F32.safe_div(I32F32.saturate(value * U16_ONE), largest)) for value in values)
    factor = I32F32.safe_div(I32F32.from_int(U16_ONE), largest)
    return tuple(_rounded(I32F32.mul(value, factor)) for value in values)


def u16_max_upscale(weights: Sequence[int]) -> tuple[int, ...]:
    """u16 weights as they are stored: the largest becomes 65 535."""
    return max_upscale_to_u16([weight << FRAC for weight in weights])


def is_max_weight_limited(weights: Sequence[int], limit_u16: int) -> bool:
    """Whether no weight's share of the sum exceeds `limit_u16`; 65 535 is no limit."""
    if limit_u16 == U16_MAX or not any(weights):
        return True
    shares = normalize([weight << FRAC for weight in weights])
    return max(shares) <= proportion(limit_u16)


def _rounded(raw: int) -> int:
    return min(max(round_half_up(raw, ONE), 0), U16_MAX)
