"""Sparse matrices of I32F32 numbers: one dict (column -> value) a row.

An absent cell and a cell of value 0 differ, and each function says which cells survive: dropped bonds and decayed bonds
depend on it. All values are non-negative.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from node.primitives.fixed import I32F32, div_toward_zero
from tests.reference.yuma.vector import FRAC, ONE

Row: TypeAlias = dict[int, int]
Matrix: TypeAlias = list[Row]

_MAX: Final = I32F32.max_raw


def keep_cells(matrix: Matrix, keep: Callable[[int, int], bool]) -> Matrix:
    """Only the cells (row, column) for which `keep` holds."""
    return [{j: value for j, value in row.items() if keep(i, j)} for i, row in enumerate(matrix)]


def row_sums(matrix: Matrix) -> list[int]:
    """Sum of each row."""
    return [min(sum(row.values()), _MAX) for row in matrix]


def row_normalize(matrix: Matrix) -> Matrix:
    """Rows divided by their sums; a row of sum 0 stays."""
    result: Matrix = []
    for row, total in zip(matrix, row_sums(matrix), strict=True):
        result.append({j: div_toward_zero(value << FRAC, total) for j, value in row.items()} if total else dict(row))
    return result


def column_normalize(matrix: Matrix, columns: int) -> Matrix:
    """Columns divided by their sums; a column of sum 0 stays."""
    totals = [0] * columns
    for row in matrix:
        for j, value in row.items():
            totals[j] = min(totals[j] + value, _MAX)
    return _divide_columns(matrix, totals)


def column_max_upscale(matrix: Matrix, columns: int) -> Matrix:
    """Columns divided by their largest value; a column of zeros stays."""
    largest = [0] * columns
    for row in matrix:
        for j, value in row.items():
            largest[j] = max(largest[j], value)
    return _divide_columns(matrix, largest)


def _divide_columns(matrix: Matrix, divisors: Sequence[int]) -> Matrix:
    return [{j: (value << FRAC) // divisors[j] if divisors[j] else value for j, value in row.items()} for row in matrix]


def mask_diagonal(matrix: Matrix, except_index: int | None = None) -> Matrix:
    """Without the cells (i, i), but for row `except_index`."""
    return keep_cells(matrix, lambda i, j: i != j or i == except_index)


def column_clip(matrix: Matrix, limits: Sequence[int]) -> Matrix:
    """Values capped at their column's limit; a positive value capped to 0 disappears, a zero stays."""
    return [
        {j: min(value, limits[j]) for j, value in row.items() if value <= limits[j] or limits[j] > 0} for row in matrix
    ]


def row_scale(matrix: Matrix, factors: Sequence[int]) -> Matrix:
    """Each row multiplied by its factor; every cell stays."""
    return [
        {j: min(value * factor >> FRAC, _MAX) for j, value in row.items()}
        for row, factor in zip(matrix, factors, strict=True)
    ]


def columns_weighted_by_rows(matrix: Matrix, factors: Sequence[int], columns: int) -> list[int]:
    """Per column the sum over rows of factor_i * value_ij."""
    totals = [0] * columns
    for row, factor in zip(matrix, factors, strict=True):
        if factor:
            for j, value in row.items():
                totals[j] += factor * value >> FRAC
    return [min(total, _MAX) for total in totals]


def rows_weighted_by_columns(matrix: Matrix, factors: Sequence[int]) -> list[int]:
    """Per row the sum over columns of value_ij * factor_j."""
    return [min(sum(value * factors[j] >> FRAC for j, value in row.items()), _MAX) for row in matrix]


def interpolate(low: Matrix, high: Matrix, ratio: int) -> Matrix:
    """low + ratio * (high - low) per cell; only positives stay, but ratio 0 and 1 return the matrix as it is."""
    if ratio <= 0:
        return low
    if ratio >= ONE:
        return high
    return [
        _positive({j: a.get(j, 0) + (ratio * (b.get(j, 0) - a.get(j, 0)) >> FRAC) for j in sorted(a.keys() | b.keys())})
        for a, b in zip(low, high, strict=True)
    ]


def moving_average(new: Matrix, old: Matrix, alpha: int) -> Matrix:
    """alpha * new + (1 - alpha) * old over the cells of both; only positives stay."""
    kept = ONE - alpha
    return [
        _positive(
            {j: (alpha * a.get(j, 0) >> FRAC) + (kept * b.get(j, 0) >> FRAC) for j in sorted(a.keys() | b.keys())}
        )
        for a, b in zip(new, old, strict=True)
    ]


def moving_average_by_cell(new: Matrix, old: Matrix, alpha: Callable[[int, int, int], int]) -> Matrix:
    """The same with an alpha per cell and values capped at 1, over the cells of `new` only: others are dropped.

    `alpha(column, new value, old value)` gives the cell's alpha. Only positives stay.
    """
    result: Matrix = []
    for fresh, stored in zip(new, old, strict=True):
        row: Row = {}
        for j, value in fresh.items():
            before = stored.get(j, 0)
            row[j] = blend(alpha(j, value, before), value, before)
        result.append(_positive(row))
    return result


def blend(alpha: int, new: int, old: int) -> int:
    """min(1, (1 - alpha) * old + alpha * new) of one cell."""
    return min(((ONE - alpha) * old >> FRAC) + max(0, alpha * new >> FRAC), ONE)


def _positive(row: Row) -> Row:
    return {j: value for j, value in row.items() if value > 0}
