"""The clockwork of the simulator: events in virtual time, one seeded source of chance, a hash of all that happened.

Nothing in it knows consensus. Two runs of one seed give the same trace hash, in any process. The trace costs more than
the events themselves, so it is kept only where somebody compares it.
"""

import hashlib
import heapq
import random
from collections.abc import Callable
from typing import Any

Action = Callable[[Any], object]
"""What an entry of the queue calls, with the one argument that it was scheduled with."""


class Kernel:
    """Runs actions in order of virtual time; equal times in order of scheduling.

    `heap` holds (time, order, action, argument); whoever sends to many at once may push to it, counting `order` up.
    """

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.random = random.Random(seed)
        self.now_ms = 0
        self.events = 0
        self.traced = traced
        self.heap: list[tuple[int, int, Action, object]] = []
        self.order = 0
        self._trace = hashlib.blake2b(digest_size=16)

    def after(self, delay_ms: int, action: Action, argument: object = None) -> None:
        """Call `action(argument)` in `delay_ms`; a delay below zero is none."""
        self.order = order = self.order + 1
        heapq.heappush(self.heap, (self.now_ms + delay_ms if delay_ms > 0 else self.now_ms, order, action, argument))

    def run_until(self, end_ms: int) -> None:
        """Run everything due up to `end_ms`."""
        heap, pop, events = self.heap, heapq.heappop, 0
        while heap and heap[0][0] <= end_ms:
            self.now_ms, _, action, argument = pop(heap)
            events += 1
            action(argument)
        self.events += events
        self.now_ms = end_ms

    def record(self, *parts: object) -> None:
        """Add what happened to the trace; call it only where `traced`."""
        self._trace.update(repr((self.now_ms, *parts)).encode())

    @property
    def trace_hash(self) -> str:
        """What two runs of one seed have in common."""
        return self._trace.hexdigest()
