"""The work this node asked for, did or judged: what runs, what is over, and one task from close up."""

from collections.abc import Iterable
from statistics import median
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from node.control.schema import Task
from tui.limits import LOOK_AGE_S
from tui.model import Model
from tui.screens.tabled import TableScreen
from tui.tables import TASK_COLUMNS, task_rows
from tui.task_text import task_words
from tui.text import clean, count, millis, plural, spark
from tui.widgets.draw import clip, rows, say
from tui.widgets.live_table import LiveTable, Row
from tui.widgets.panel import Panel

_STATES: Final = ("", "running", "done", "failed")
_SPARK_CELLS: Final = 24
_KINDS_SHOWN: Final = 3


class KindsCard(Panel):
    """A line a kind: how many, how long they take, how they fare; the busiest kinds."""

    PARTS = ("tasks",)
    HEADING = "By kind"

    def draw(self, model: Model) -> Content:
        tasks = list((model.tasks or {}).values())
        kinds: dict[str, list[Task]] = {}
        for task in tasks:
            kinds.setdefault(task.kind, []).append(task)
        busiest = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))[:_KINDS_SHOWN]
        lines = [_kind_line(kind, found) for kind, found in busiest]
        width = self.content_size.width
        return rows(clip(line, width) for line in lines or [say(("no task yet", "dim"))])


def _kind_line(kind: str, tasks: list[Task]) -> Content:
    over = [task for task in tasks if task.state != "running"]
    times = [task.latency_ms for task in sorted(over, key=lambda each: each.started_ms) if task.latency_ms is not None]
    failed = sum(task.state == "failed" for task in tasks)
    scores = [task.score for task in tasks if task.score is not None]
    middle = f"p50 {millis(median(times))}" if times else "no time yet"
    score = f" · score {sum(scores) / len(scores):.2f}" if scores else ""
    return say(
        (f"{clean(kind, 12):<12}", "strong"), (f"{spark(times, _SPARK_CELLS):<{_SPARK_CELLS}}", "accent"),
        f"  {count(len(tasks)):>5} · {middle}", (score, "dim"),
        (f" · {failed} failed" if failed else "", "bad"),
    )  # fmt: skip


class TasksScreen(TableScreen):
    """Tasks, newest first."""

    NAME = "tasks"
    COMMAND = "status"
    HEADING = "Tasks"
    HELP = (
        "Work that this node asked for, did or judged. The score is between 0 and 1 and decides what a miner earns. "
        "v goes through running, done and failed; / takes such as kind:challenge !alice."
    )
    PARTS = ("tasks", "status")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "state", "State", tooltip="All, running, done, failed"),
        Binding("z", "group", "Group", tooltip="Group by kind, or not"),
        Binding("M", "from_miner", "Miner", show=False, tooltip="Only tasks of the chosen one's miner"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._state = ""
        self._grouped = False

    def above(self) -> Iterable[Widget]:
        yield KindsCard(id="kinds", classes="header")

    def table(self) -> LiveTable:
        return LiveTable(TASK_COLUMNS, "No task yet. Ask the network something with 2.", sort=0, descending=True)

    def rows(self, model: Model) -> list[Row] | None:
        if model.tasks is None:
            return None
        tasks = [task for task in model.tasks.values() if task.state == self._state or not self._state]
        found = task_rows(tasks, self.node_app.utc_offset_s, model.task_parts)
        if not self._grouped:
            return found
        return [row._replace(group=f"{row.cells[2].text or 'task'}") for row in found]

    def words(self, model: Model) -> Content:
        tasks = (model.tasks or {}).values()
        running = sum(task.state == "running" for task in tasks)
        failed = sum(task.state == "failed" for task in tasks)
        only = f" · only {self._state}, v for others" if self._state else ""
        return Content(f"{plural(len(tasks), 'task')} · {running} running · {failed} failed{only}")

    def detail(self, model: Model, key: str) -> Content:
        task = next((each for each in (model.tasks or {}).values() if clean(each.id) == key), None)
        if task is None:
            return say(("This task has left the list.", "dim"))
        look = self.looks.of(f"task {key}", lambda: self.node_app.api.task_detail(task.id), 4 * LOOK_AGE_S)
        return task_words(task, look, self.node_app.utc_offset_s, tuple(model.task_parts.get(task.id, {}).values()))

    def action_state(self) -> None:
        self._state = _STATES[(_STATES.index(self._state) + 1) % len(_STATES)]
        self.paint_again()

    def action_group(self) -> None:
        self._grouped = not self._grouped
        self.paint_again()

    def action_from_miner(self) -> None:
        """Filter by the miner of the chosen task."""
        row = self.query_one(LiveTable).chosen
        if row is not None:
            line = self.query_one("#filter")
            line.add_class("-shown")
            line.value = f"miner:{row.cells[3].text.split()[0]}"  # type: ignore[attr-defined]  # the filter line
