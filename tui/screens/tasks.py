"""Screen 3: the work this node asked for, did or judged."""

from textual.content import Content

from tui.model import Model
from tui.screens.tabled import TableScreen
from tui.tables import TASK_COLUMNS, task_rows
from tui.text import clean, clean_block, count, millis, time_of_day
from tui.widgets.draw import field, rows, say
from tui.widgets.live_table import LiveTable, Row


class TasksScreen(TableScreen):
    """Tasks, newest first."""

    NAME = "tasks"
    COMMAND = "status"
    HEADING = "Tasks"
    HELP = "Work that this node asked for, did or judged. The score is between 0 and 1 and decides what a miner earns."
    PARTS = ("tasks", "status")

    def table(self) -> LiveTable:
        return LiveTable(TASK_COLUMNS, "No task yet. Ask the network something with 2.", sort=0, descending=True)

    def rows(self, model: Model) -> list[Row] | None:
        return None if model.tasks is None else task_rows(model.tasks.values(), self.node_app.utc_offset_s)

    def words(self, model: Model) -> Content:
        tasks = (model.tasks or {}).values()
        running = sum(task.state == "running" for task in tasks)
        failed = sum(task.state == "failed" for task in tasks)
        return Content(f"{count(len(tasks))} tasks · {running} running · {failed} failed")

    def detail(self, model: Model, key: str) -> Content:
        task = next((each for each in (model.tasks or {}).values() if clean(each.id) == key), None)
        if task is None:
            return say(("This task has left the list.", "dim"))
        tokens_s = 1000 * task.tokens / task.latency_ms if task.latency_ms and task.latency_ms > 0 else None
        return rows(
            [
                say((clean(task.kind, 40) or "task", "strong"), (f"  {clean(task.state)}", "accent")),
                say((clean(task.id, 80), "dim")),
                say(""),
                field("started", say(time_of_day(task.started_ms, self.node_app.utc_offset_s))),
                field("took", say(millis(task.latency_ms))),
                field("tokens", say(count(task.tokens), (f"  {tokens_s:.1f} a second" if tokens_s else "", "dim"))),
                field("score", say("not judged yet" if task.score is None else f"{task.score:.3f}")),
                field("subnet", say(str(task.netuid))),
                *([field("failed by", say((clean(task.code, 80), "bad")))] if task.code else []),
                say(""),
                say(("miner", "dim")),
                say(clean(task.miner, 80) or "–"),
                say(("validator", "dim")),
                say(clean(task.validator, 80) or "–"),
                say(""),
                say(("begins with", "dim")),
                say(clean_block(task.preview, 600) or "–"),
            ]
        )
