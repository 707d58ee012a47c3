"""Consensus: per miner the largest weight that a majority of active stake supports.

Candidates are the rows with stake. Sorted by score, the answer is the first one at which the mass of scores up to it
exceeds the minority (total - kappa); a tie at exactly the minority mass therefore goes up.
"""

from collections.abc import Sequence

import numpy as np

from node.economics.yuma.arrays import Numbers
from node.economics.yuma.vector import normalize


def weighted_median_columns(stake: Sequence[int], matrix: Numbers, kappa: int) -> list[int]:
    """The weighted median of every column; an absent cell is 0. `stake` by row and `kappa` are I32F32.

    A score (at most 2^32) and its row's number (below 2^15) share a word, so that one sort without indices orders both.
    Rows of one score may come in any order: the sum of masses up to a score is the same.
    """
    rows = [row for row, amount in enumerate(stake) if amount > 0]
    if not rows:
        return [0] * matrix.shape[1]
    masses = normalize([stake[row] for row in rows])
    bits = np.uint64(len(rows).bit_length())
    keys = (matrix[rows] << bits) | np.arange(len(rows), dtype=np.uint64)[:, None]
    ordered = np.sort(np.ascontiguousarray(keys.T), axis=1)
    candidates = (ordered & np.uint64((1 << int(bits)) - 1)).astype(np.intp)
    reached = np.cumsum(np.array(masses, dtype=np.int64)[candidates], axis=1)
    short = (reached <= sum(masses) - kappa).sum(axis=1)  # how many scores leave the mass at the minority or below
    first = np.minimum(short, len(rows) - 1)
    medians: list[int] = (ordered[np.arange(len(first)), first] >> bits).tolist()
    return medians
