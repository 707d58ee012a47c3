"""The log: lines drawn as they scroll by, newest at the bottom; it holds still when scrolled up.

One line has the cursor. Long lines run off to the right, or are wrapped; where a pattern fits is underlined.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Final

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from node.control.schema import LOG_LEVELS, LogLevel, LogLine
from tui.limits import HIGHLIGHT_CHARS_MAX
from tui.text import clean, fit, time_of_day
from tui.widgets.table_rows import wrapped

_SIGNS: Final[dict[LogLevel, str]] = {"debug": "·", "info": "i", "warning": "!", "error": "✖"}
_AREA_CELLS: Final = 10
_AREA_MIN_WIDTH: Final = 60

Span = tuple[int, int]


class LogView(ScrollView, can_focus=True):
    """Shows the lines that it is given; `empty` is said when there are none."""

    HELP: ClassVar[str] = "The node's log. It follows the newest line until you move up; G follows again."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", show=False),
        Binding("k,up", "move(-1)", "Up", show=False),
        Binding("ctrl+d,pagedown", "page(1)", "Half a page down", show=False),
        Binding("ctrl+u,pageup", "page(-1)", "Half a page up", show=False),
        Binding("g,home", "top", "Oldest line", show=False),
        Binding("G,end", "follow", "Newest line, and follow", show=False),
        Binding("l,right", "sideways(10)", "Further to the right", show=False),
        Binding("h,left", "sideways(-10)", "Further to the left", show=False),
        Binding("enter", "open", "Whole line", show=False),
        Binding("y", "yank", "Copy the line", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--time", "log--area", "log--debug", "log--info", "log--warning", "log--error", "log--text", "log--found",
        "log--chosen",
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
    LogView > .log--found { color: $text-accent; text-style: bold underline; }
    LogView > .log--chosen { background: $selected; }
    """

    class Opened(Message):
        """`enter` on a line."""

        def __init__(self, line: LogLine) -> None:
            super().__init__()
            self.line = line

    def __init__(self, empty: str, *, utc_offset_s: int = 0, id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._utc_offset_s = utc_offset_s
        self._lines: list[LogLine] = []
        self._rows: list[tuple[int, str]] = []  # a line's index and the piece of it in this row; only while wrapping
        self._find: Callable[[str], Span | None] = lambda _: None
        self._shift = 0
        self._chosen_seq: int | None = None
        self.wrapping = False
        self.following = True

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The lines as shown."""
        return tuple(self._lines)

    @property
    def chosen(self) -> LogLine | None:
        """The line that has the cursor; the newest one while following."""
        if not self._lines:
            return None
        return self._lines[self._index()]

    def show(
        self, lines: Iterable[LogLine], level: LogLevel = "info", find: Callable[[str], Span | None] = lambda _: None
    ) -> None:
        """Replace the lines by those of at least `level`; `find` tells where in a text a pattern fits."""
        low = LOG_LEVELS.index(level)
        self._lines, self._find = [line for line in lines if LOG_LEVELS.index(line.level) >= low], find
        chosen = self._chosen_seq
        if chosen is not None and self._lines and all(line.seq != chosen for line in self._lines):
            self._chosen_seq = min(self._lines, key=lambda line: abs(line.seq - chosen)).seq
        self._lay_out()

    def say(self, words: str) -> None:
        """Change what is said where there is no line."""
        self._empty = words
        self.refresh()

    def go_to(self, index: int) -> None:
        """Put the cursor on a line and show it."""
        if self._lines:
            index = min(max(index, 0), len(self._lines) - 1)
            self._chosen_seq = self._lines[index].seq
            self.following = False
            self._reveal(index)
            self.refresh()

    def _lay_out(self) -> None:
        width = max(10, self.scrollable_content_region.width - self._head_cells())
        self._rows = []
        if self.wrapping:
            for index, line in enumerate(self._lines):
                self._rows += [(index, piece) for piece in _pieces(clean(line.message), width)]
        self.virtual_size = Size(self.size.width, len(self._rows) if self.wrapping else len(self._lines))
        if self.following:
            self.scroll_end(animate=False, immediate=True)
        self.refresh()

    def on_resize(self) -> None:
        self._lay_out()

    # drawing

    def _head_cells(self) -> int:
        return 11 + (_AREA_CELLS + 1 if self.scrollable_content_region.width >= _AREA_MIN_WIDTH else 0)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if not self._lines:
            return self._words(y, width)
        row = y + self.scroll_offset.y
        if self.wrapping:
            if row >= len(self._rows):
                return Strip.blank(width, self.rich_style)
            index, piece = self._rows[row]
            return self._line(index, piece, width, is_first=row == 0 or self._rows[row - 1][0] != index)
        if row >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        return self._line(row, clean(self._lines[row].message)[self._shift :], width, is_first=True)

    def _line(self, index: int, message: str, width: int, *, is_first: bool) -> Strip:
        def style(name: str) -> Style:
            return self.get_component_rich_style(f"log--{name}")

        line = self._lines[index]
        tone = "text" if line.level in ("info", "debug") else line.level
        segments = [Segment(" " * self._head_cells())]
        if is_first:
            segments = [
                Segment(time_of_day(line.time_ms, self._utc_offset_s) + " ", style("time")),
                Segment(_SIGNS[line.level] + " ", style(line.level)),
            ]
            if width >= _AREA_MIN_WIDTH:
                segments.append(Segment(fit(clean(line.area), _AREA_CELLS) + " ", style("area")))
        used = sum(segment.cell_length for segment in segments)
        segments += self._marked(fit(message, max(0, width - used)), style(tone), style("found"))
        base = self.rich_style
        if self.has_focus and not self.following and line.seq == self._chosen_seq:
            base += Style(bgcolor=style("chosen").bgcolor)
            segments = [Segment(each.text, _without_ground(each.style)) for each in segments]
        return Strip(segments).adjust_cell_length(width, base).apply_style(base)

    def _marked(self, text: str, plain: Style, found: Style) -> list[Segment]:
        span = self._find(text[:HIGHLIGHT_CHARS_MAX])
        if span is None or span[0] >= span[1]:
            return [Segment(text, plain)]
        start, end = span
        return [Segment(text[:start], plain), Segment(text[start:end], found), Segment(text[end:], plain)]

    def _words(self, y: int, width: int) -> Strip:
        style = self.rich_style + self.get_component_rich_style("log--time")
        lines = wrapped(self._empty, width - 4)
        first = max(0, (self.size.height - len(lines)) // 2)
        text = lines[y - first].center(width) if first <= y < first + len(lines) else ""
        return Strip([Segment(fit(text, width), style)], width)

    # moving

    def _index(self) -> int:
        last = len(self._lines) - 1
        if self.following or self._chosen_seq is None:
            return last
        return next((index for index, line in enumerate(self._lines) if line.seq == self._chosen_seq), last)

    def _reveal(self, index: int) -> None:
        row = index
        if self.wrapping:
            row = next((at for at, (of, _) in enumerate(self._rows) if of == index), 0)
        top, height = int(self.scroll_offset.y), max(1, self.size.height)
        if not top <= row < top + height:
            self.scroll_to(y=row if row < top else row - height + 1, animate=False, immediate=True)

    def action_move(self, step: int) -> None:
        index = self._index() + step
        if index >= len(self._lines):
            self.action_follow()
        else:
            self.go_to(index)

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.size.height // 2))

    def action_top(self) -> None:
        self.go_to(0)

    def action_follow(self) -> None:
        self.following = True
        self._chosen_seq = None
        self.scroll_end(animate=False)
        self.refresh()

    def action_sideways(self, step: int) -> None:
        self._shift = max(0, self._shift + step)
        self.refresh()

    def action_wrap(self) -> None:
        """Wrap long lines, or let them run off to the right again."""
        self.wrapping, self._shift = not self.wrapping, 0
        self._lay_out()
        self._reveal(max(0, self._index()))

    def action_open(self) -> None:
        if self.chosen is not None:
            self.post_message(self.Opened(self.chosen))

    def action_yank(self) -> None:
        line = self.chosen
        if line is not None:
            self.app.copy_to_clipboard(as_text([line], self._utc_offset_s).rstrip("\n"))
            self.app.notify("Copied the line", timeout=2)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        row = -1 if offset is None else offset.y + int(self.scroll_offset.y)
        if self.wrapping:
            row = self._rows[row][0] if 0 <= row < len(self._rows) else -1
        if 0 <= row < len(self._lines):
            self.go_to(row)
            if event.chain == 2:
                self.action_open()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y:
            self.following = False
        elif new_value >= self.max_scroll_y and self._chosen_seq is None:
            self.following = True


def as_text(lines: Sequence[LogLine], utc_offset_s: int) -> str:
    """Return lines as they are copied and saved, one a row."""
    return "".join(
        f"{time_of_day(line.time_ms, utc_offset_s)} {line.level:<7} {clean(line.area)}: {clean(line.message)}\n"
        for line in lines
    )


def _pieces(text: str, width: int) -> list[str]:
    return [text] if cell_len(text) <= width else chop_cells(text, width)


def _without_ground(style: Style | None) -> Style:
    if style is None:
        return Style()
    return Style(color=style.color, bold=style.bold, italic=style.italic, underline=style.underline)
