"""A table for rows that change all the time: it draws only visible lines and keeps drawn ones by their values.

Sort by any column, filter, choose by key or mouse; the chosen row stays chosen while rows move. Columns that find no
room are left out, the least important first. Rows whose `mine` is set stay on top.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.limits import STRIPS_MAX
from tui.text import fit
from tui.themes import Tone

_GAP: Final = 2
_SIGNS_CELLS: Final = 3  # chosen, mine, a blank


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in cells is the least one; those with `grow` share what is left. Higher `rank`: left out earlier."""

    title: str
    width: int
    right: bool = False
    grow: bool = False
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """Printable text, its tone, and what to sort it by (the text itself when None)."""

    text: str
    tone: Tone = "plain"
    order: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row with a key of its own; `mine` pins and marks it."""

    key: str
    cells: tuple[Cell, ...]
    mine: bool = False


class LiveTable(ScrollView, can_focus=True):
    """See the module. `empty` is what it says when there is no row, and why."""

    HELP: ClassVar[str] = "A live table. Rows move as their values change; the chosen one stays chosen."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", show=False),
        Binding("k,up", "move(-1)", "Up", show=False),
        Binding("ctrl+d,pagedown", "page(1)", "Half a page down", show=False),
        Binding("ctrl+u,pageup", "page(-1)", "Half a page up", show=False),
        Binding("g,home", "top", "First row (gg works too)", show=False),
        Binding("G,end", "bottom", "Last row", show=False),
        Binding("h,left", "sort_column(-1)", "Sort by the column to the left", show=False),
        Binding("l,right", "sort_column(1)", "Sort by the column to the right", show=False),
        Binding("s", "reverse", "Sort ⇅", tooltip="Sort the other way round"),
        Binding("enter", "choose", "Open", show=False),
        Binding("y", "yank", "Copy", tooltip="Copy the chosen row's identity"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--head", "table--sorted", "table--chosen", "table--plain", "table--dim", "table--strong", "table--good",
        "table--warn", "table--bad", "table--accent", "table--second",
    }  # fmt: skip
    DEFAULT_CSS = """
    LiveTable { height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; }
    LiveTable > .table--head { color: $text-muted; text-style: bold; }
    LiveTable > .table--sorted { color: $text-accent; text-style: bold; }
    LiveTable > .table--chosen { background: $selected; }
    LiveTable:focus > .table--chosen { background: $selected-focus; }
    LiveTable > .table--dim { color: $text-muted; }
    LiveTable > .table--strong { text-style: bold; }
    LiveTable > .table--good { color: $text-success; }
    LiveTable > .table--warn { color: $text-warning; }
    LiveTable > .table--bad { color: $text-error; }
    LiveTable > .table--accent { color: $text-accent; }
    LiveTable > .table--second { color: $text-secondary; }
    """

    class Opened(Message):
        """`enter` on a row."""

        def __init__(self, table_id: str | None, key: str) -> None:
            super().__init__()
            self.table_id = table_id
            self.key = key

    class Chosen(Message):
        """Another row is the chosen one now."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(
        self, columns: Sequence[Column], empty: str, *, sort: int = 0, descending: bool = False, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self._empty = empty
        self._all: tuple[Row, ...] = ()
        self._rows: list[Row] = []
        self._sort = sort
        self._descending = descending
        self._filter = ""
        self._chosen = ""
        self._widths: tuple[int, ...] = ()
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(STRIPS_MAX)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows as shown: filtered and sorted."""
        return tuple(self._rows)

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor."""
        return next((row for row in self._rows if row.key == self._chosen), None)

    @property
    def filter(self) -> str:
        return self._filter

    def show(self, rows: Sequence[Row], empty: str | None = None) -> None:
        """Replace all rows; nothing is drawn when they are the same."""
        if empty is not None and empty != self._empty:
            self._empty = empty
            self.refresh()
        if tuple(rows) != self._all:
            self._all = tuple(rows)
            self._arrange()

    def set_filter(self, text: str) -> None:
        """Show only rows with `text` in them, or with a leading ! only rows without it."""
        self._filter = text
        self._arrange()

    def _arrange(self) -> None:
        wanted = self._filter.removeprefix("!").casefold()
        inverse = self._filter.startswith("!")
        self._rows = [row for row in self._all if not wanted or (_holds(row, wanted) != inverse)]
        self._rows.sort(key=lambda row: _order(row.cells[self._sort]), reverse=self._descending)
        self._rows.sort(key=lambda row: not row.mine)
        if self._rows and self.chosen is None:
            self._choose(0)
        self.virtual_size = Size(self.size.width, len(self._rows) + 1)
        self.refresh()

    # drawing

    def on_resize(self) -> None:
        self._strips.clear()
        self._widths = fitting(self.columns, self.scrollable_content_region.width or self.size.width)
        self.virtual_size = Size(self.size.width, len(self._rows) + 1)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y == 0:
            return self._head(width)
        if not self._rows:
            words = self._empty if not self._filter else f"No row has {self._filter!r}. Esc shows all."
            return self._words(words, y, width)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[index]
        chosen = row.key == self._chosen
        key = (row, chosen, chosen and self.has_focus, self._widths)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._line(row, chosen, width)
        return strip

    def _head(self, width: int) -> Strip:
        plain, marked = self.get_component_rich_style("table--head"), self.get_component_rich_style("table--sorted")
        segments = [Segment(" " * _SIGNS_CELLS, plain)]
        for index, (column, cells) in enumerate(zip(self.columns, self._widths, strict=False)):
            if cells:
                sign = ("▾" if self._descending else "▴") if index == self._sort else ""
                title = fit(column.title + sign, cells, right=column.right)
                segments.append(Segment(title + " " * _GAP, marked if sign else plain))
        return Strip(segments).adjust_cell_length(width, plain).apply_style(self.rich_style)

    def _line(self, row: Row, chosen: bool, width: int) -> Strip:
        sign = ("▸" if chosen else " ") + ("★ " if row.mine else "  ")
        segments = [Segment(sign, self.get_component_rich_style("table--accent"))]
        for column, cell, cells in zip(self.columns, row.cells, self._widths, strict=False):
            if cells:
                style = self.get_component_rich_style(f"table--{cell.tone}")
                segments.append(Segment(fit(cell.text, cells, right=column.right), style))
                segments.append(Segment(" " * _GAP, style))
        base = self.rich_style
        if chosen:
            base += Style(bgcolor=self.get_component_rich_style("table--chosen").bgcolor)
            segments = [Segment(each.text, _without_ground(each.style)) for each in segments]
        return Strip(segments).adjust_cell_length(width, base).apply_style(base)

    def _words(self, words: str, y: int, width: int) -> Strip:
        style = self.rich_style + self.get_component_rich_style("table--dim")
        lines = wrapped(words, width - 4)
        first = max(1, (self.size.height - len(lines)) // 2)
        text = lines[y - first].center(width) if first <= y < first + len(lines) else ""
        return Strip([Segment(fit(text, width), style)], width)

    # choosing

    def _choose(self, index: int) -> None:
        index = min(max(index, 0), len(self._rows) - 1)
        if index < 0:
            return
        self._chosen = self._rows[index].key
        self.post_message(self.Chosen(self._chosen))
        self.refresh()

    def _index(self) -> int:
        return next((index for index, row in enumerate(self._rows) if row.key == self._chosen), 0)

    def action_move(self, step: int) -> None:
        self._choose(self._index() + step)
        self._reveal()

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.size.height // 2))

    def action_top(self) -> None:
        self._choose(0)
        self._reveal()

    def action_bottom(self) -> None:
        self._choose(len(self._rows) - 1)
        self._reveal()

    def _reveal(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height - 1)
        index = self._index()
        target = index if index < top else index - height + 1 if index >= top + height else top
        self.scroll_to(y=target, animate=False)

    def action_sort_column(self, step: int) -> None:
        shown = [index for index, cells in enumerate(self._widths) if cells] or [0]
        place = shown.index(self._sort) if self._sort in shown else 0
        self.sort_by(shown[(place + step) % len(shown)])

    def sort_by(self, column: int, descending: bool | None = None) -> None:
        """Sort by a column: numbers begin with the largest, words with A, unless told otherwise."""
        self._sort = column
        self._descending = self.columns[column].right if descending is None else descending
        self._arrange()

    def action_reverse(self) -> None:
        self._descending = not self._descending
        self._arrange()

    def action_choose(self) -> None:
        if self.chosen is not None:
            self.post_message(self.Opened(self.id, self._chosen))

    def action_yank(self) -> None:
        row = self.chosen
        if row is not None:
            self.app.copy_to_clipboard(row.key)
            self.app.notify(f"Copied {row.key[:60]}", markup=False, timeout=2)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            x = offset.x - _SIGNS_CELLS
            for index, cells in enumerate(self._widths):
                if cells and 0 <= x < cells + _GAP:
                    if index == self._sort:
                        self.action_reverse()
                    else:
                        self.sort_by(index)
                    return
                x -= cells + _GAP if cells else 0
            return
        index = offset.y - 1 + self.scroll_offset.y
        if index < len(self._rows):
            self._choose(index)
            if event.chain == 2:
                self.action_choose()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()


def fitting(columns: Sequence[Column], width: int) -> tuple[int, ...]:
    """Return the width of each column within `width` cells; 0 for those left out."""
    room = width - _SIGNS_CELLS
    kept = set(range(len(columns)))
    for index in sorted(kept, key=lambda each: (-columns[each].rank, -each)):
        if sum(columns[each].width + _GAP for each in kept) <= room or len(kept) == 1:
            break
        kept.discard(index)
    spare = room - sum(columns[each].width + _GAP for each in kept)
    growing = [each for each in sorted(kept) if columns[each].grow]
    extra = dict.fromkeys(growing, max(0, spare) // max(1, len(growing)))
    return tuple(columns[each].width + extra.get(each, 0) if each in kept else 0 for each in range(len(columns)))


def _holds(row: Row, wanted: str) -> bool:
    return wanted in row.key.casefold() or any(wanted in cell.text.casefold() for cell in row.cells)


def _order(cell: Cell) -> tuple[Literal[0, 1], float, str]:
    return (0, cell.order, "") if cell.order is not None else (1, 0.0, cell.text.casefold())


def _without_ground(style: Style | None) -> Style:
    if style is None:
        return Style()
    return Style(color=style.color, bold=style.bold, italic=style.italic, underline=style.underline)


def wrapped(words: str, width: int) -> list[str]:
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
