"""A validator: draws challenges, judges answers, keeps the score book, audits users' calls, sets weights in time."""

from collections.abc import Callable, Mapping

import trio

from node.market.context import MarketContext
from node.market.tasks import TaskView
from node.subnets.base import AnySubnet, Book, ModelPool


class ValidatorRole:
    """Start with `await nursery.start(role.run)`, stop with `await role.drain()` and then by cancelling `run`."""

    def __init__(
        self, context: MarketContext, subnet: AnySubnet, models: ModelPool, *, now_ms: Callable[[], int]
    ) -> None:
        raise NotImplementedError

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Load the book, open the models, then draw, judge and set weights until cancelled."""
        raise NotImplementedError

    async def drain(self, timeout_s: float = 10.0) -> None:
        """Draw no more rounds and wait until open answers are judged and the book is saved, at most `timeout_s`."""
        raise NotImplementedError

    def book(self) -> Book:
        """Standing of every miner by hotkey."""
        raise NotImplementedError

    def tasks(self) -> tuple[TaskView, ...]:
        """Recent tasks, newest first."""
        raise NotImplementedError

    def counters(self) -> Mapping[str, int]:
        """Totals since the start by name, refusals by reason included."""
        raise NotImplementedError
