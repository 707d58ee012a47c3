"""The log: lines drawn as they scroll by, newest at the bottom; it holds still when scrolled up."""

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from node.control.schema import LOG_LEVELS, LogLevel, LogLine
from tui.text import clean, fit, time_of_day
from tui.widgets.live_table import wrapped

_SIGNS: Final[dict[LogLevel, str]] = {"debug": "·", "info": "i", "warning": "!", "error": "✖"}
_AREA_CELLS: Final = 10


class LogView(ScrollView, can_focus=True):
    """Shows lines of at least `level` with the filter's text in them (or, after !, without it)."""

    HELP: ClassVar[str] = "The node's log. It follows the newest line until you scroll up; G follows again."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
        Binding("ctrl+d,pagedown", "page(1)", "Half a page down", show=False),
        Binding("ctrl+u,pageup", "page(-1)", "Half a page up", show=False),
        Binding("g,home", "top", "Oldest line", show=False),
        Binding("G,end", "follow", "Newest line, and follow"),
        Binding("l,right", "sideways(10)", "Further to the right", show=False),
        Binding("h,left", "sideways(-10)", "Further to the left", show=False),
        Binding("y", "yank", "Copy what is shown", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--time", "log--area", "log--debug", "log--info", "log--warning", "log--error", "log--text",
    }  # fmt: skip
    DEFAULT_CSS = """
    LogView { height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; }
    LogView > .log--time { color: $text-muted; }
    LogView > .log--area { color: $text-secondary; }
    LogView > .log--debug { color: $text-muted; }
    LogView > .log--info { color: $text-accent; }
    LogView > .log--warning { color: $text-warning; }
    LogView > .log--error { color: $text-error; }
    LogView > .log--text { color: $foreground; }
    """

    def __init__(self, empty: str, *, utc_offset_s: int = 0, id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._utc_offset_s = utc_offset_s
        self._lines: list[LogLine] = []
        self._shift = 0
        self.following = True

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The lines as shown."""
        return tuple(self._lines)

    def show(self, lines: Iterable[LogLine], level: LogLevel = "info", wanted: str = "") -> None:
        """Replace the lines."""
        low = LOG_LEVELS.index(level)
        text, inverse = wanted.removeprefix("!").casefold(), wanted.startswith("!")
        self._lines = [
            line
            for line in lines
            if LOG_LEVELS.index(line.level) >= low
            and (not text or (text in f"{line.area} {line.message}".casefold()) != inverse)
        ]
        self.virtual_size = Size(self.size.width, len(self._lines))
        if self.following:
            self.scroll_end(animate=False, immediate=True)
        self.refresh()

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._lines))
        if self.following:
            self.scroll_end(animate=False)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if not self._lines:
            return self._words(y, width)
        index = y + self.scroll_offset.y
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        return self._line(self._lines[index], width)

    def _line(self, line: LogLine, width: int) -> Strip:
        def style(name: str) -> Style:
            return self.get_component_rich_style(f"log--{name}")

        message = clean(line.message)[self._shift :]
        tone = "text" if line.level in ("info", "debug") else line.level
        segments = [
            Segment(time_of_day(line.time_ms, self._utc_offset_s) + " ", style("time")),
            Segment(_SIGNS[line.level] + " ", style(line.level)),
        ]
        if width >= 60:
            segments.append(Segment(fit(clean(line.area), _AREA_CELLS) + " ", style("area")))
        used = sum(segment.cell_length for segment in segments)
        segments.append(Segment(fit(message, max(0, width - used)), style(tone)))
        return Strip(segments).adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)

    def _words(self, y: int, width: int) -> Strip:
        style = self.rich_style + self.get_component_rich_style("log--time")
        lines = wrapped(self._empty, width - 4)
        first = max(0, (self.size.height - len(lines)) // 2)
        text = lines[y - first].center(width) if first <= y < first + len(lines) else ""
        return Strip([Segment(fit(text, width), style)], width)

    def action_scroll(self, step: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + step, animate=False)

    def action_page(self, direction: int) -> None:
        self.action_scroll(direction * max(1, self.size.height // 2))

    def action_top(self) -> None:
        self.scroll_to(y=0, animate=False)

    def action_follow(self) -> None:
        self.following = True
        self.scroll_end(animate=False)

    def action_sideways(self, step: int) -> None:
        self._shift = max(0, self._shift + step)
        self.refresh()

    def action_yank(self) -> None:
        top = self.scroll_offset.y
        shown = self._lines[top : top + self.size.height]
        self.app.copy_to_clipboard("\n".join(f"{line.area} {clean(line.message)}" for line in shown))
        self.app.notify(f"Copied {len(shown)} lines", timeout=2)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.following = new_value >= self.max_scroll_y
