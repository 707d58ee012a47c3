"""A validator's score book: one masked moving average per hotkey, and the last verdicts it rests on.

Only judged miners move; a verdict without a score moves nobody; a new hotkey starts from nothing, whatever its seat.
Scores are floats and stay in this node: what goes on chain is made by `node.market.weights`. The same calls in the same
order give the same bits on every machine: the node and whoever recounts its record run this code.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from node.market.limits import BOOK_ROWS_MAX, RECENT_MAX, RECENT_PER_MINER_MAX
from node.primitives.types import AccountId, Height
from node.subnets.base import Judged, Standing, Verdict


class ScoreBook(Mapping[AccountId, Standing]):
    """Standings by hotkey; `alpha` is the share of a full verdict in the average."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha
        self._rows: dict[AccountId, Standing] = {}

    def restore(self, rows: Iterable[tuple[AccountId, Standing]]) -> None:
        """Take in saved rows; those with numbers that are not finite are left out."""
        self._rows.update((k, row) for k, row in rows if math.isfinite(row.score) and math.isfinite(row.samples))

    def __getitem__(self, hotkey: AccountId) -> Standing:
        return self._rows[hotkey]

    def __iter__(self) -> Iterator[AccountId]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def record(self, miner: AccountId, verdict: Verdict, height: Height, judged: Judged | None = None) -> bool:
        """s ← s + alpha·q·(r - s) for a verdict of score r and weight q; False when it carries no usable score.

        `judged` is what `weigh` can look back at; it is kept with the miner, also without a score.
        """
        score, weight = verdict.score, verdict.weight
        if score is None or not (math.isfinite(score) and math.isfinite(weight)):
            if judged is not None:
                self._rows[miner] = replace(self._rows.get(miner, Standing()), recent=self._with(miner, judged))
                self._trim()
            return False
        score, weight = min(max(score, 0.0), 1.0), min(max(weight, 0.0), 1.0)
        old = self._rows.get(miner, Standing())
        moved = old.score + self.alpha * weight * (score - old.score)
        self._rows[miner] = Standing(moved, old.samples + weight, height, self._with(miner, judged))
        self._trim()
        return True

    def decay(self, miners: Iterable[AccountId]) -> None:
        """s ← s·(1 - alpha) for miners that nobody could reach for a whole epoch."""
        for miner in miners:
            row = self._rows.get(miner)
            if row is not None:
                self._rows[miner] = replace(row, score=row.score * (1.0 - self.alpha))

    def _with(self, miner: AccountId, judged: Judged | None) -> tuple[Judged, ...]:
        recent = self._rows[miner].recent if miner in self._rows else ()
        kept = min(RECENT_PER_MINER_MAX, RECENT_MAX // max(1, len(self._rows)))
        return (*recent, judged)[-kept:] if judged is not None else recent

    def _trim(self) -> None:
        while len(self._rows) > BOOK_ROWS_MAX:
            del self._rows[min(self._rows, key=lambda hotkey: (self._rows[hotkey].last_height, hotkey))]
