"""I32F32 arithmetic on NumPy arrays of uint64: exact, and equal to the last bit to Python's integers.

All numbers here are proportions, 0 to 1: raw values of at most 2^32. A product of two then fits 64 bits unless both are
exactly 1, so a factor of 1 is not multiplied: the other one is the result. Sums are of at most 2^15 such numbers
(`EPOCH_UIDS_MAX`) and stay below 2^48; no rule's saturation is ever reached.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from node.economics.yuma.vector import FRAC, ONE
from node.primitives.fixed import U64_MAX

Numbers: TypeAlias = NDArray[np.uint64]
Indices: TypeAlias = NDArray[np.intp]
Flags: TypeAlias = NDArray[np.bool_]

_ONE: Final = np.uint64(ONE)
_UNIT: Final = np.uint64(1)
_SHIFT: Final = np.uint64(FRAC)
_LARGEST: Final = np.uint64(U64_MAX)


def numbers(values: Sequence[int]) -> Numbers:
    """A vector as an array; the values fit u64."""
    return np.array(values, dtype=np.uint64)


def scaled(matrix: Numbers, factor: int) -> Numbers:
    """floor(factor * cell)."""
    if factor == ONE:
        return matrix
    product = matrix * np.uint64(factor)
    product >>= _SHIFT
    return product


def scaled_rows(matrix: Numbers, factors: Numbers) -> Numbers:
    """floor(factor_i * cell_ij)."""
    product = matrix * factors[:, None]
    product >>= _SHIFT
    whole = factors == _ONE
    if whole.any():
        product[whole] = matrix[whole]
    return product


def scaled_columns(matrix: Numbers, factors: Numbers) -> Numbers:
    """floor(cell_ij * factor_j)."""
    product = matrix * factors
    product >>= _SHIFT
    whole = factors == _ONE
    if whole.any():
        product[:, whole] = matrix[:, whole]
    return product


def scaled_cells(left: Numbers, right: Numbers) -> Numbers:
    """floor(left * right), cell by cell."""
    product = left * right
    product >>= _SHIFT
    whole = left == _ONE
    if whole.any():
        product[whole] = right[whole]
    return product


def quotient(parts: Numbers, wholes: Numbers) -> Numbers:
    """floor(parts / wholes) as I32F32 where no part exceeds its whole; parts of a whole of 0 are 0 and stay.

    A part of 1 would need the numerator 2^64. floor(2^64 / w) is floor((2^64 - 1) / w), plus 1 if w is a power of two.
    """
    divisors = np.maximum(wholes, _UNIT)
    numerators = parts << _SHIFT
    whole = parts == _ONE
    if not whole.any():
        numerators //= divisors
        return numerators
    numerators[whole] = _LARGEST
    numerators //= divisors
    numerators += whole & ((divisors & (divisors - _UNIT)) == 0)
    return numerators


def column_shares(matrix: Numbers) -> Numbers:
    """Columns divided by their sums; a column of zeros stays."""
    return quotient(matrix, matrix.sum(axis=0, dtype=np.uint64))


def column_sums(matrix: Numbers) -> list[int]:
    """Sum of each column."""
    sums: list[int] = matrix.sum(axis=0, dtype=np.uint64).tolist()
    return sums


def row_sums(matrix: Numbers) -> list[int]:
    """Sum of each row."""
    sums: list[int] = matrix.sum(axis=1, dtype=np.uint64).tolist()
    return sums
