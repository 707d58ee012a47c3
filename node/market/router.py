"""Which miners a user's question goes to: by score, with seeded exploration, around those that just failed.

A weighted draw without replacement: the best get most of the traffic and newcomers some; known cheats get none while
anybody else is there. Given the same inputs and seed it always chooses the same.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from node.market.limits import FAILOVER_MINERS_MAX
from node.primitives.crypto import digest
from node.primitives.types import AccountId
from node.subnets.base import Book, Neuron, Standing

NEWCOMER_SHARE = 0.25  # of the best score: enough to be tried, too little to be relied on
DISTRUST_SAMPLES = 2.0  # evidence after which a low score is believed
DISTRUST_SHARE = 0.25  # of the best score; below it a miner is asked only when nobody else is left
COOL_DOWN_S = 30.0  # after a failure a miner is asked last


class Router:
    """Chooses miners and remembers who is busy and who failed; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._running: Counter[AccountId] = Counter()
        self._failed_at: dict[AccountId, float] = {}

    def choose(
        self, candidates: Sequence[Neuron], book: Book, seed: bytes, *, count: int = FAILOVER_MINERS_MAX
    ) -> list[Neuron]:
        """At most `count` miners in the order to try them."""
        now = self._clock()
        self._failed_at = {k: at for k, at in self._failed_at.items() if now - at < COOL_DOWN_S}
        best = max((book[n.hotkey].score for n in candidates if n.hotkey in book), default=0.0)

        def order(neuron: Neuron) -> tuple[bool, bool, float, int]:
            standing = book.get(neuron.hotkey)
            weight = _trust(standing, best) / (1 + self._running[neuron.hotkey])
            lot = int.from_bytes(digest("route", seed, neuron.hotkey)[:8], "big") + 0.5
            # The smallest of -ln(u)/w wins with probability proportional to w.
            return (
                neuron.hotkey in self._failed_at,
                _distrusted(standing, best),
                -math.log(lot / 2**64) / max(weight, 1e-9),
                neuron.uid,
            )

        return sorted(candidates, key=order)[:count]

    def began(self, miner: AccountId) -> None:
        """A call to this miner runs."""
        self._running[miner] += 1

    def ended(self, miner: AccountId, *, failed: bool) -> None:
        """The call is over; a failure sends the miner to the end of the line for a while."""
        self._running[miner] -= 1
        self._running += Counter()
        if failed:
            self.failed(miner)

    def failed(self, miner: AccountId) -> None:
        """Ask this miner last for a while."""
        self._failed_at[miner] = self._clock()


def _trust(standing: Standing | None, best: float) -> float:
    """Weight in the draw; squared, so that a better miner gets clearly more."""
    newcomer = NEWCOMER_SHARE * best if best > 0.0 else 1.0
    known = standing.score if standing is not None and standing.samples >= DISTRUST_SAMPLES else 0.0
    return max(known, newcomer) ** 2


def _distrusted(standing: Standing | None, best: float) -> bool:
    return standing is not None and standing.samples >= DISTRUST_SAMPLES and standing.score < DISTRUST_SHARE * best
