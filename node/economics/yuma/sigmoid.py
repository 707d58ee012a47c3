"""The speed curve of liquid alpha on arrays: 1 / (1 + e^(-steepness * (difference - 1/2))), exact.

Term by term what `fixed.exp_safe` computes. Bounds, with |x| <= 20 in I32F32: a term of the series is below
20^20/20! * 2^32 < 2^58 and the sum below e^20 * 2^32 < 2^61, so no rule's saturation is reached. The product term * x
needs 96 bits; it is formed in parts: with term = a * 2^32 + b and x = c * 2^32 + d, all parts below 2^32,
floor(term * x / 2^32) = a * x + b * c + floor(b * d / 2^32), where a * x < 2^63 and the result is below 2^63.
"""

from typing import Final

import numpy as np

from node.economics.yuma.arrays import Numbers
from node.economics.yuma.vector import FRAC, ONE
from node.primitives.fixed import U64_MAX, exp

_CENTRE: Final = ONE // 2
_EXPONENT_MAX: Final = 20 * ONE
_TERMS: Final = 32
"""As many as `fixed.exp` has."""
_CHUNK: Final = 8_192
"""Cells at a time: what the series works on stays in the processor's cache."""
_SHIFT: Final = np.uint64(FRAC)
_LOW: Final = np.uint64(ONE - 1)
_ONE: Final = np.uint64(ONE)
_UNIT: Final = np.uint64(1)


def sigmoids(differences: Numbers, steepness: int) -> Numbers:
    """The curve at each difference (0 to 1), always below 1; `steepness` is I32F32."""
    parts = [_sigmoids(differences[at : at + _CHUNK], steepness) for at in range(0, len(differences), _CHUNK)]
    return np.concatenate(parts) if parts else differences


def _sigmoids(differences: Numbers, steepness: int) -> Numbers:
    offset = differences.astype(np.int64) - _CENTRE
    # floor(-steepness * offset / 2^32), the steepness split like x above; |offset| <= 2^31 keeps each part in 63 bits
    whole, rest = -steepness >> FRAC, -steepness & (ONE - 1)
    exponents = offset * whole + (offset * rest >> FRAC)
    np.clip(exponents, -_EXPONENT_MAX, _EXPONENT_MAX, out=exponents)
    return _inverse(_exp(exponents) + _ONE)


def _exp(exponents: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Numbers:
    x = np.abs(exponents).astype(np.uint64)
    high, low = x >> _SHIFT, x & _LOW
    total, term = x + _ONE, x.copy()
    for divisor in range(2, _TERMS):
        rest = term & _LOW
        term >>= _SHIFT
        term *= x
        term += rest * high
        rest *= low
        rest >>= _SHIFT
        term += rest
        term //= np.uint64(divisor)
        if not term.any():
            break
        total += term
    total[exponents == ONE] = exp(ONE)  # the rule has a constant of its own there
    negative = exponents < 0
    total[negative] = _inverse(total[negative])
    return total


def _inverse(divisors: Numbers) -> Numbers:
    """floor(1 / divisor) of numbers of at least 1: 2^64 / d, which needs one more bit than a word has."""
    result: Numbers = np.uint64(U64_MAX) // divisors
    result += (divisors & (divisors - _UNIT)) == 0
    return result
