"""Who may be served now, who waits, who is told that we are full. No queueing beyond what a deadline can bear.

Waiting callers are let in by priority (validators, then who locked most for this miner, then stake), equal ones in
order of arrival.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from node.market.errors import ServeFailed
from node.market.limits import SERVING_MAX, STREAMS_PER_CALLER_MAX, WAIT_TIMEOUT_S, WAITING_MAX
from node.primitives.types import AccountId
from node.subnets.base import Code, Neuron

Priority = tuple[int, int, int]


def priority_of(caller: Neuron, pledge_rao: int = 0) -> Priority:
    """Sort key of a caller, smaller first; `pledge_rao` is what its channel to this miner can still pay."""
    return (0 if caller.validator_permit else 1, -pledge_rao, -caller.stake_rao)


class Admission:
    """Places for tasks that run at once, and a short bounded queue in front of them."""

    def __init__(
        self,
        *,
        serving_max: int = SERVING_MAX,
        waiting_max: int = WAITING_MAX,
        per_caller_max: int = STREAMS_PER_CALLER_MAX,
        wait_s: float = WAIT_TIMEOUT_S,
    ) -> None:
        self._serving_max = serving_max
        self._waiting_max = waiting_max
        self._per_caller_max = per_caller_max
        self._wait_s = wait_s
        self._serving = 0
        self._waiting: list[tuple[Priority, int, trio.Event]] = []
        self._order = itertools.count()
        self._by_caller: Counter[AccountId] = Counter()
        self._closed = False
        self._idle = trio.Event()
        self._idle.set()

    @property
    def serving(self) -> int:
        """Tasks running now."""
        return self._serving

    def close(self) -> None:
        """Let nobody in any more; who runs may finish."""
        self._closed = True

    async def wait_idle(self) -> None:
        """Wait until nothing runs or waits."""
        await self._idle.wait()

    @asynccontextmanager
    async def place(self, caller: Neuron, pledge_rao: int = 0) -> AsyncIterator[None]:
        """Hold a place for the length of the block. Raises ServeFailed: OVERLOADED or RATE_LIMITED."""
        if self._closed:
            raise ServeFailed("This miner is stopping.", Code.OVERLOADED)
        if self._by_caller[caller.hotkey] >= self._per_caller_max:
            raise ServeFailed(f"At most {self._per_caller_max} tasks of one caller at once.", Code.RATE_LIMITED)
        self._by_caller[caller.hotkey] += 1
        self._idle = self._idle if not self._idle.is_set() else trio.Event()
        try:
            await self._enter(priority_of(caller, pledge_rao))
            try:
                yield
            finally:
                self._leave()
        finally:
            self._by_caller[caller.hotkey] -= 1
            self._by_caller += Counter()  # drops callers with nothing left
            if not self._by_caller:
                self._idle.set()

    async def _enter(self, priority: Priority) -> None:
        if self._serving < self._serving_max and not self._waiting:
            self._serving += 1
            return
        if len(self._waiting) >= self._waiting_max:
            raise ServeFailed("This miner is busy and its queue is full.", Code.OVERLOADED)
        ticket = (priority, next(self._order), trio.Event())
        heapq.heappush(self._waiting, ticket)
        try:
            with trio.move_on_after(self._wait_s):
                await ticket[2].wait()
        except trio.Cancelled:
            self._give_up(ticket)
            raise
        if not ticket[2].is_set():
            self._give_up(ticket)
            raise ServeFailed(f"This miner had no room within {self._wait_s:.0f} s.", Code.OVERLOADED)

    def _give_up(self, ticket: tuple[Priority, int, trio.Event]) -> None:
        if ticket[2].is_set():
            self._leave()  # the place was ours already when we were cancelled
            return
        self._waiting.remove(ticket)
        heapq.heapify(self._waiting)

    def _leave(self) -> None:
        if self._waiting:
            heapq.heappop(self._waiting)[2].set()  # the place passes on; the count stays
        else:
            self._serving -= 1
