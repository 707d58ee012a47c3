"""What the node tells by itself: its status and tasks to the hub, and how late its event loop runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import trio

from node.primitives.types import AccountId
from node.service.views import task_view

if TYPE_CHECKING:
    from node.market.tasks import TaskView
    from node.service.app import Node

STATUS_S: Final = 0.5
LAG_PROBE_S: Final = 0.1
LAG_MEMORY: Final = 0.9  # weight of the past in the shown lag; it follows a change within a second
TASKS_TOLD_MAX: Final = 50

TaskKey = tuple[str, AccountId]
"""A task is known by its id and its miner."""


class LagMeter:
    """How much later than asked the event loop wakes a task: the measure of CPU work where none belongs."""

    def __init__(self) -> None:
        self.lag_ms = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            due = trio.current_time() + LAG_PROBE_S
            await trio.sleep_until(due)
            late_ms = (trio.current_time() - due) * 1000
            self.lag_ms = max(late_ms, LAG_MEMORY * self.lag_ms + (1 - LAG_MEMORY) * late_ms)


def abandoned(told: Mapping[TaskKey, TaskView], now: Mapping[TaskKey, TaskView]) -> list[TaskView]:
    """Return the tasks that a stopped role left open, as the failures they are: nobody will finish them."""
    gone = [task for key, task in told.items() if key not in now and task.state not in ("done", "failed")]
    return [replace(task, state="failed", code="CANCELLED") for task in gone]


async def tell_status(node: Node) -> None:
    """Put the status and changed tasks into the hub, until cancelled."""
    from node.service.status import status_of  # the status reads the node, the node starts this

    told: dict[TaskKey, TaskView] = {}
    told_at: Mapping[TaskKey, int] = {}
    while True:
        running = node.running
        if running is not None:
            node.hub.put_status(status_of(node))
            tasks = running.services.tasks()[:TASKS_TOLD_MAX]
            own = running.keys.hotkey_account
            places = {(task.id, task.miner): netuid for netuid, task in tasks}
            now = {(task.id, task.miner): task for _, task in reversed(tasks)}
            for key, task in now.items():
                if told.get(key) != task:
                    node.hub.put_task(task_view(task, places[key], own))
            for task in abandoned(told, now):
                node.hub.put_task(task_view(task, told_at.get((task.id, task.miner), 0), own))
            told_at = places
            told = now
        await trio.sleep(STATUS_S)
