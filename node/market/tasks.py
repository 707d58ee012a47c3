"""The recent work of this node, for screens: a bounded list in memory. The journal in the store keeps more."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Literal

from node.market.limits import PREVIEW_CHARS_MAX, TASKS_SHOWN_MAX
from node.primitives.types import AccountId

Kind = Literal["user", "challenge", "audit"]
TaskState = Literal["waiting", "running", "judging", "done", "failed"]


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task at one miner. `score` is None until judged or when it could not be; `code` is the verdict's name."""

    id: str
    kind: Kind
    miner: AccountId
    state: TaskState
    created_at_ms: int
    latency_ms: int = 0
    tokens: int = 0
    score: float | None = None
    code: str = ""
    preview: str = ""
    asker: AccountId | None = None


class TaskLog:
    """The last tasks, newest last; a task is known by its id and its miner together."""

    def __init__(self, kept_max: int = TASKS_SHOWN_MAX) -> None:
        self._kept_max = kept_max
        self._rows: OrderedDict[tuple[str, AccountId], TaskView] = OrderedDict()

    def put(self, task: TaskView) -> None:
        """Add a task or replace what is known of it."""
        key = (task.id, task.miner)
        self._rows[key] = replace(task, preview=one_line(task.preview))
        while len(self._rows) > self._kept_max:
            self._rows.popitem(last=False)

    def get(self, task_id: str, miner: AccountId) -> TaskView | None:
        """The row of a task at a miner."""
        return self._rows.get((task_id, miner))

    def recent(self, limit: int = TASKS_SHOWN_MAX) -> tuple[TaskView, ...]:
        """At most `limit` tasks, newest first."""
        return tuple(reversed(self._rows.values()))[:limit]


def one_line(text: str) -> str:
    """Text fit for a table cell: one line, no control characters, at most PREVIEW_CHARS_MAX characters."""
    flat = "".join(char if char.isprintable() else " " for char in text[: 2 * PREVIEW_CHARS_MAX])
    flat = " ".join(flat.split())
    return flat if len(flat) <= PREVIEW_CHARS_MAX else flat[: PREVIEW_CHARS_MAX - 1] + "…"
