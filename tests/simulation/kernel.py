"""The clockwork of the simulator: events in virtual time, one seeded source of chance, a hash of all that happened.

Nothing in it knows consensus. Two runs of one seed give the same trace hash, in any process.
"""

import hashlib
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True)
class _Entry:
    at_ms: int
    order: int
    action: Callable[[], object] = field(compare=False)


class Kernel:
    """Runs actions in order of virtual time; equal times in order of scheduling."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_ms = 0
        self.events = 0
        self._heap: list[_Entry] = []
        self._order = 0
        self._trace = hashlib.blake2b(digest_size=16)

    def after(self, delay_ms: int, action: Callable[[], object]) -> None:
        """Run `action` in `delay_ms`."""
        self._order += 1
        heapq.heappush(self._heap, _Entry(self.now_ms + max(0, delay_ms), self._order, action))

    def run_until(self, end_ms: int) -> None:
        """Run everything due up to `end_ms`."""
        while self._heap and self._heap[0].at_ms <= end_ms:
            entry = heapq.heappop(self._heap)
            self.now_ms = entry.at_ms
            self.events += 1
            entry.action()
        self.now_ms = end_ms

    def record(self, *parts: object) -> None:
        """Add what happened to the trace."""
        self._trace.update(repr((self.now_ms, *parts)).encode())

    @property
    def trace_hash(self) -> str:
        """What two runs of one seed have in common."""
        return self._trace.hexdigest()
