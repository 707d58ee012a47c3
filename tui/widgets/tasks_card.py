"""The work of late: how much, how fast, how good."""

from collections.abc import Sequence

from textual.content import Content

from node.control.schema import Task
from tui.model import Model
from tui.text import count, float_of, millis, spark
from tui.themes import Tone
from tui.widgets.draw import clip, field, rows, say
from tui.widgets.panel import Panel

_LABEL_CELLS = 9


class TasksCard(Panel):
    """Counts, latency percentiles, mean score, and the latest latencies as bars."""

    PARTS = ("tasks", "trouble")
    HEADING = "Tasks"

    def draw(self, model: Model) -> Content:
        lines = _lines(model, self.content_size.width)
        return rows(clip(line, self.content_size.width) for line in lines[: max(1, self.content_size.height)])


def _lines(model: Model, width: int) -> list[Content]:
    if model.tasks is None:
        return [say((model.trouble.get("status", "waiting for the node"), "dim"))]
    tasks = list(model.tasks.values())
    if not tasks:
        return [say(("none yet", "dim")), say(("2 asks the network", "dim"))]
    failed = sum(task.state == "failed" for task in tasks)
    scores = [float_of(task.score) for task in tasks if task.score is not None]
    latencies = [float_of(task.latency_ms) for task in tasks if task.latency_ms is not None]
    return [
        say(
            (f"{count(sum(task.state == 'done' for task in tasks))} done", "good"),
            (f" · {sum(task.state == 'running' for task in tasks)} running", "plain"),
            (f" · {failed} failed", "bad" if failed else "dim"),
        ),
        field("latency", say(f"p50 {millis(_quantile(latencies, 0.5))}", _worst(latencies)), _LABEL_CELLS),
        field("score", say(f"{sum(scores) / len(scores):.2f} mean" if scores else ("none judged yet", "dim")), 9),
        field("tokens", say(count(sum(task.tokens for task in tasks))), _LABEL_CELLS),
        field("each", say((spark(_ordered(tasks), max(4, width - _LABEL_CELLS)), "accent")), _LABEL_CELLS),
    ]


def _worst(latencies: Sequence[float]) -> tuple[str, Tone]:
    return f"  p99 {millis(_quantile(latencies, 0.99))}", "dim"


def _ordered(tasks: Sequence[Task]) -> list[float]:
    """Return latencies in order of start."""
    return [float_of(t.latency_ms) for t in sorted(tasks, key=lambda t: t.started_ms) if t.latency_ms is not None]


def _quantile(values: Sequence[float], share: float) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
