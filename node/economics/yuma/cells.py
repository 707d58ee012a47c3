"""Between stored rows, (uid, u16) pairs, and dense arrays of the uids that have a row.

An absent cell and a cell of value 0 differ, because dropped bonds and decayed bonds depend on it: beside the numbers,
which are 0 where a cell is absent, goes a mask of the cells that are present.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from node.economics.errors import EpochInputError
from node.economics.yuma.arrays import Flags, Indices, Numbers
from node.economics.yuma.types import SparseRow
from node.economics.yuma.vector import FRAC
from node.primitives.fixed import U16_ONE

_SHIFT: Final = np.uint64(FRAC)
_U16_ONE: Final = np.uint64(U16_ONE)


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of stored rows, one entry each."""

    rows: Indices
    columns: Indices
    values: Numbers


@dataclass(frozen=True, slots=True)
class Matrix:
    """Numbers and presence, [rows, uids]; an absent cell's number is 0."""

    values: Numbers
    present: Flags


def read_rows(name: str, rows: Sequence[SparseRow]) -> Cells:
    """The cells of all rows. Raises `EpochInputError` for a uid without a row and for a value that is no u16."""
    columns: list[bytes] = []
    values: list[bytes] = []
    lengths: list[int] = []
    try:
        for row in rows:
            lengths.append(len(row))
            if row:
                uids, numbers = zip(*row, strict=True)
                columns.append(struct.pack(f"={len(row)}H", *uids))
                values.append(struct.pack(f"={len(row)}H", *numbers))
    except struct.error as error:
        raise EpochInputError(f"{name} hold a uid or a value that is no u16.") from error
    targets = np.frombuffer(b"".join(columns), dtype=np.uint16).astype(np.intp)
    if len(targets) and int(targets.max()) >= len(rows):
        raise EpochInputError(f"{name} name an uid outside 0..{len(rows) - 1}.")
    owners = np.repeat(np.arange(len(rows), dtype=np.intp), lengths)
    return Cells(owners, targets, np.frombuffer(b"".join(values), dtype=np.uint16).astype(np.uint64))


def spread(cells: Cells, places: Indices, rows: int, columns: int) -> Matrix:
    """The cells as a matrix; `places` gives each uid's row in it, -1 leaves the uid's cells out."""
    target = places[cells.rows]
    flat, values = target * columns + cells.columns, cells.values
    if len(target) and int(target.min()) < 0:
        kept = target >= 0
        flat, values = flat[kept], values[kept]
    numbers, present = np.zeros(rows * columns, dtype=np.uint64), np.zeros(rows * columns, dtype=np.bool_)
    numbers[flat] = values
    present[flat] = True
    return Matrix(numbers.reshape(rows, columns), present.reshape(rows, columns))


def keep(matrix: Matrix, mask: Flags) -> Matrix:
    """Only the cells where the mask, which broadcasts, is true."""
    return Matrix(matrix.values * mask, matrix.present & mask)


def stored_rows(matrix: Matrix, places: Sequence[int], permits: Sequence[bool]) -> tuple[SparseRow, ...]:
    """Proportions as u16 (floor) in rows by uid: the present cells of uids that have a row and a permit."""
    scaled = matrix.values * _U16_ONE
    scaled >>= _SHIFT
    every = tuple(range(matrix.values.shape[1]))
    full: Flags = np.logical_and.reduce(matrix.present, axis=1)
    rows: list[SparseRow] = []
    for place, permitted in zip(places, permits, strict=True):
        if place < 0 or not permitted:
            rows.append(())
        elif full[place]:
            rows.append(tuple(zip(every, scaled[place].tolist(), strict=True)))
        else:
            uids = np.flatnonzero(matrix.present[place])
            rows.append(tuple(zip(uids.tolist(), scaled[place, uids].tolist(), strict=True)))
    return tuple(rows)
