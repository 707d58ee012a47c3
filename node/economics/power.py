"""floor(scale * (n/d)^(p/q)) exactly: the one transcendental step of a pool with unequal weights.

Logarithm and exponential run in integers with an error bound; precision doubles until both ends of the bound have the
same floor. A power that is itself rational is computed as such, so the doubling ends. Never a float: every node gets
the same last digit.
"""

from functools import lru_cache
from math import gcd
from typing import Final

from node.primitives.errors import invariant

_START_BITS: Final = 192
_MAX_BITS: Final = 1 << 14
"""Far beyond what any irrational power of u128 numbers needs; reaching it means the arithmetic is broken."""
_ERROR_BITS: Final = 48
"""Relative error of a power is below 2^(48 - bits): series, products and squarings lose under 40 bits together."""
_HALVINGS: Final = 16
_ROOT_MAX: Final = 256
"""A number below 2^256 is a perfect q-th power only for q below this (or if it is 1)."""


def scaled_power(numerator: int, denominator: int, exponent: int, root: int, scale: int) -> int:
    """floor(scale * (numerator / denominator)^(exponent / root)); denominator and root are positive."""
    invariant(denominator > 0 and root > 0, "a power needs positive denominators")
    invariant(numerator >= 0 and exponent >= 0 and scale >= 0, "a power of negative numbers is not used here")
    if exponent == 0 or numerator == denominator:
        return scale
    if numerator == 0:
        return 0
    shared = gcd(numerator, denominator)
    n, d = numerator // shared, denominator // shared
    shared = gcd(exponent, root)
    p, q = exponent // shared, root // shared
    rational = _perfect_root(n, d, q)
    if rational is not None:
        return int(scale * rational[0] ** p // rational[1] ** p)
    bits = _START_BITS
    while bits <= _MAX_BITS:
        low, high = _bounds(n, d, p, q, scale, bits)
        if low == high:
            return low
        bits *= 2
    invariant(False, "an irrational power is never this close to an integer")
    return 0


def _perfect_root(n: int, d: int, q: int) -> tuple[int, int] | None:
    """The q-th root of n/d if it is rational."""
    if q == 1:
        return n, d
    if q >= _ROOT_MAX:
        return None
    root_n, root_d = integer_root(n, q), integer_root(d, q)
    return (root_n, root_d) if root_n**q == n and root_d**q == d else None


def integer_root(value: int, degree: int) -> int:
    """floor(value^(1/degree)) for value >= 0, degree >= 1, by Newton's method from above."""
    if value < 2:
        return value
    guess = 1 << -(-value.bit_length() // degree)
    while True:
        better = ((degree - 1) * guess + value // int(guess ** (degree - 1))) // degree
        if better >= guess:
            return guess
        guess = better


def _bounds(n: int, d: int, p: int, q: int, scale: int, bits: int) -> tuple[int, int]:
    mantissa, shift = _exp(_ln(n, d, bits) * p // q, bits)
    error = 1 << _ERROR_BITS
    return _shifted(scale * (mantissa - error), shift - bits), _shifted(scale * (mantissa + error), shift - bits)


def _shifted(value: int, shift: int) -> int:
    return value << shift if shift >= 0 else value >> -shift


def _atanh(n: int, d: int, bits: int) -> int:
    """atanh(n/d) * 2^bits for |n/d| <= 1/3, by its power series."""
    term = (abs(n) << bits) // d
    square_n, square_d = n * n, d * d
    total, k = 0, 1
    while term:
        total += term // k
        term = term * square_n // square_d
        k += 2
    return total if n >= 0 else -total


@lru_cache(maxsize=8)
def _ln2(bits: int) -> int:
    return 2 * _atanh(1, 3, bits)


def _ln(n: int, d: int, bits: int) -> int:
    """ln(n/d) * 2^bits."""
    shift = n.bit_length() - d.bit_length()
    scaled_n, scaled_d = (n, d << shift) if shift >= 0 else (n << -shift, d)
    # scaled_n / scaled_d lies in (1/2, 2): |x - 1| / |x + 1| <= 1/3
    return shift * _ln2(bits) + 2 * _atanh(scaled_n - scaled_d, scaled_n + scaled_d, bits)


def _exp(exponent: int, bits: int) -> tuple[int, int]:
    """e^(exponent / 2^bits) as (mantissa * 2^bits, power of two), the mantissa in [1, 2]."""
    shift, rest = divmod(exponent, _ln2(bits))
    rest >>= _HALVINGS
    total = term = 1 << bits
    k = 1
    while term:
        term = (term * rest >> bits) // k
        total += term
        k += 1
    for _ in range(_HALVINGS):
        total = total * total >> bits
    return total, shift
