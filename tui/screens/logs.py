"""Screen 9: what the node says."""

from collections.abc import Iterable
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from node.control.schema import LogLevel
from tui.limits import FILTER_CHARS_MAX
from tui.model import Model
from tui.screens.base import NodeScreen
from tui.text import count
from tui.widgets.line_input import LineInput
from tui.widgets.log_view import LogView

_LEVELS: Final[tuple[LogLevel, ...]] = ("info", "warning", "error", "debug")


class LogsScreen(NodeScreen):
    """The log with level and filter."""

    NAME = "logs"
    COMMAND = "logs -f"
    HELP = "The node's log. v goes through the levels, / filters, ! before the words leaves lines with them out."
    CSS_PATH = "logs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("v", "level", "Level"),
        Binding("escape", "unfilter", "Show all", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._painted: tuple[object, ...] = ()
        self._level: LogLevel = "info"
        self._filter = ""

    def body(self) -> Iterable[Widget]:
        view = LogView("No line yet at this level.", utc_offset_s=self.node_app.utc_offset_s, id="log")
        view.add_class("pane")
        yield view
        yield LineInput(FILTER_CHARS_MAX, placeholder="filter: words to find, !words to leave out", id="filter")

    def paint_body(self, model: Model) -> None:
        view = self.query_one(LogView)
        key = (*model.key(("log",)), self._level, self._filter, view.following)
        if key == self._painted:
            return
        self._painted = key
        view.show(model.log, self._level, self._filter)
        view.border_title = Content(f"Log · {self._level} and above")
        lost = f" · {count(model.log_lost)} missed" if model.log_lost else ""
        held = "" if view.following else " · holding still, G follows"
        view.border_subtitle = Content(f"{count(len(view.lines))} of {count(len(model.log))} lines{lost}{held}")

    def action_level(self) -> None:
        """Go to the next level; only "debug" asks the node for more than it sends anyway."""
        self._level = _LEVELS[(_LEVELS.index(self._level) + 1) % len(_LEVELS)]
        self.node_app.follow_log(self._level)
        self.paint_body(self.model)

    def action_filter(self) -> None:
        line = self.query_one("#filter", LineInput)
        line.add_class("-shown")
        line.focus()

    def action_unfilter(self) -> None:
        line = self.query_one("#filter", LineInput)
        line.value = ""
        line.remove_class("-shown")
        self.query_one(LogView).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter = event.value
        self.paint_body(self.model)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one("#filter").set_class(bool(event.value), "-shown")
        self.query_one(LogView).focus()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(LogView).focus()
