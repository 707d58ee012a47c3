"""A miner: answers challenges of validators and calls of registered callers with one subnet's `serve`."""

from collections.abc import Callable, Mapping

import trio

from node.market.context import MarketContext
from node.market.tasks import TaskView
from node.subnets.base import AnySubnet, ModelPool


class MinerRole:
    """Start with `await nursery.start(role.run)`, stop with `await role.drain()` and then by cancelling `run`."""

    def __init__(
        self, context: MarketContext, subnet: AnySubnet, models: ModelPool, *, now_ms: Callable[[], int]
    ) -> None:
        raise NotImplementedError

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Open the models, announce the peer id on chain, serve until cancelled. Started when it can answer."""
        raise NotImplementedError

    async def drain(self, timeout_s: float = 10.0) -> None:
        """Take no more work and wait until what runs is answered, at most `timeout_s`."""
        raise NotImplementedError

    def tasks(self) -> tuple[TaskView, ...]:
        """Recent tasks, newest first."""
        raise NotImplementedError

    def counters(self) -> Mapping[str, int]:
        """Totals since the start by name, refusals by reason included."""
        raise NotImplementedError
