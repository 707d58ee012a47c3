"""Consensus: per miner the largest weight that a majority of active stake supports.

Candidates are the rows with stake. Sorted by score, the answer is the first one at which the mass of scores up to it
exceeds the minority (total - kappa); a tie at exactly the minority mass therefore goes up.
"""

from collections.abc import Sequence

from tests.reference.yuma.matrix import Matrix
from tests.reference.yuma.vector import normalize


def weighted_median(masses: Sequence[int], scores: Sequence[int], minority: int) -> int:
    """First score whose cumulated mass exceeds `minority`, the largest score if none does, 0 without candidates."""
    ordered = sorted(zip(scores, masses, strict=True))
    reached = 0
    for position, (score, mass) in enumerate(ordered):
        reached += mass
        ends_score = position + 1 == len(ordered) or ordered[position + 1][0] != score
        if ends_score and reached > minority:
            return score
    return ordered[-1][0] if ordered else 0


def weighted_median_columns(stake: Sequence[int], matrix: Matrix, columns: int, kappa: int) -> list[int]:
    """The weighted median of every column; an absent cell scores 0. `stake` and `kappa` are I32F32."""
    rows = [i for i, amount in enumerate(stake) if amount > 0]
    masses = normalize([stake[i] for i in rows])
    total = sum(masses)
    minority = total - kappa
    scored: list[list[tuple[int, int]]] = [[] for _ in range(columns)]
    for i, mass in zip(rows, masses, strict=True):
        for j, value in matrix[i].items():
            scored[j].append((value, mass))
    medians: list[int] = []
    for cells in scored:
        silent = total - sum(mass for _, mass in cells)
        if len(cells) < len(rows):  # the rows that say nothing about this column are one candidate of score 0
            cells = [(0, silent), *cells]
        medians.append(weighted_median([mass for _, mass in cells], [score for score, _ in cells], minority))
    return medians
