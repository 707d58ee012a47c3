"""The components that speak in the log, each a chip with its lines, warnings and errors; a click hides or shows one."""

from collections.abc import Sequence
from typing import Final

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.log_lines import AreaCount
from tui.text import clean, count, cut
from tui.widgets.draw import say

_NAME_CELLS: Final = 12


class AreaChips(Widget):
    """One row of chips, as many as find room, those with errors first."""

    DEFAULT_CSS = "AreaChips { height: 1; width: 100%; padding: 0 1; }"

    class Toggled(Message):
        """A chip was clicked."""

        def __init__(self, area: str) -> None:
            super().__init__()
            self.area = area

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._areas: tuple[AreaCount, ...] = ()
        self._hidden: frozenset[str] = frozenset()

    def show(self, areas: Sequence[AreaCount], hidden: frozenset[str]) -> None:
        """Redraw, if anything is another."""
        if (tuple(areas), hidden) != (self._areas, self._hidden):
            self._areas, self._hidden = tuple(areas), hidden
            self.refresh()

    def render(self) -> Content:
        chips, room = [], self.content_size.width - 6
        for each in self._areas:
            chip = self._chip(each)
            room -= chip.cell_length
            if room < 0:
                chips.append(say(("…", "dim")))
                break
            chips.append(chip)
        return Content("").join(chips)

    def _chip(self, each: AreaCount) -> Content:
        gone = each.area in self._hidden
        name = cut(clean(each.area), _NAME_CELLS)
        faults = [(f" !{count(each.warnings)}", "warn")] if each.warnings else []
        faults += [(f" ✖{count(each.errors)}", "bad")] if each.errors else []
        if gone:
            return say((f"[ ] {name} ", "dim"), ("  ", "dim"))
        return say(("[x] ", "good"), name, (f" {count(each.lines)}", "dim"), *faults, "   ")  # type: ignore[arg-type]

    def on_click(self, event: events.Click) -> None:
        x = event.x - 1
        for each in self._areas:
            width = self._chip(each).cell_length
            if 0 <= x < width:
                self.post_message(self.Toggled(each.area))
                return
            x -= width
