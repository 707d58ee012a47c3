"""Progress of something long: finished steps with a tick, the running one with a bar or a moving sign."""

from textual.content import Content
from textual.widgets import Static

from node.control.options import Progress
from tui.text import clean, count, duration, gauge, size
from tui.widgets.draw import rows, say

_SIGNS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SHOWN_MAX = 8


class Steps(Static):
    """Feed it `Progress`; `turn` moves the sign."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._steps: dict[str, Progress] = {}
        self._began_s = 0.0
        self._turns = 0
        self.running = False

    def begin(self, now_s: float) -> None:
        """Start anew."""
        self._steps.clear()
        self._began_s = now_s
        self.running = True

    def add(self, progress: Progress) -> None:
        """Take in a step; the same stage replaces its last one."""
        self._steps.pop(progress.stage, None)
        self._steps[progress.stage] = progress

    def finish(self) -> None:
        """Tick the last step as well."""
        self.running = False

    def turn(self, now_s: float) -> None:
        """Draw."""
        self._turns += 1
        self.update(rows(self._lines(now_s)))

    def _lines(self, now_s: float) -> list[Content]:
        steps = list(self._steps.values())
        if not steps and self.running:
            return [say((f"{_SIGNS[self._turns % len(_SIGNS)]} ", "accent"), "beginning")]
        lines = []
        for step in steps[-_SHOWN_MAX:]:
            if step is steps[-1] and self.running:
                lines.append(self._running_line(step, now_s))
            else:
                lines.append(say(("✓ ", "good"), (clean(step.message, 120), "dim")))
        return lines

    def _running_line(self, step: Progress, now_s: float) -> Content:
        sign = (f"{_SIGNS[self._turns % len(_SIGNS)]} ", "accent")
        line = say(sign, clean(step.message, 120))  # type: ignore[arg-type]
        if step.total > 0:
            full, empty = gauge(step.done / step.total, 16)
            line = say(line, "  ", (full, "accent"), (empty, "dim"), f" {_of(step)}")
        if step.eta_s is not None:
            return say(line, (f"  {duration(step.eta_s)} left", "dim"))
        return say(line, (f"  {duration(now_s - self._began_s)}", "dim"))


def _of(step: Progress) -> str:
    if step.unit == "bytes":
        return f"{size(step.done)} of {size(step.total)}"
    return f"{count(step.done)}/{count(step.total)} {clean(step.unit, 20)}".rstrip()
