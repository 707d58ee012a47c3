"""A table for rows that change all the time: it draws only visible lines and keeps drawn ones by their values.

Sort by any column, filter, mark, choose by key or mouse; the chosen row stays chosen while rows move. Columns that find
no room are left out, the least important first; any can be hidden. Rows whose `mine` is set stay on top.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

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
from tui.widgets.table_rows import GAP, SIGNS_CELLS, Cell, Column, Row, RowFilter, arranged, fitting, wrapped

__all__ = ["Cell", "Column", "LiveTable", "Row", "fitting", "wrapped"]


class LiveTable(ScrollView, can_focus=True):
    """See the module. `empty` is what it says when there is no row, and why."""

    HELP: ClassVar[str] = (
        "A live table. Rows move as their values change; the chosen one stays chosen. A filter takes words, !word, "
        "~letters in order and column:word."
    )
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
        Binding("space", "mark", "Mark", show=False, tooltip="Mark the row, or take the mark away"),
        Binding("w", "columns", "Columns", show=False, tooltip="Choose which columns are shown"),
        Binding("enter", "choose", "Open", show=False),
        Binding("y", "yank", "Copy", tooltip="Copy the identity of the chosen row, or of all marked ones"),
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

    class ColumnsAsked(Message):
        """`w`: somebody wants to choose which columns are shown."""

        def __init__(self, table: "LiveTable") -> None:
            super().__init__()
            self.table = table

    def __init__(
        self, columns: Sequence[Column], empty: str, *, sort: int = 0, descending: bool = False, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.hidden: frozenset[str] = frozenset()
        self._empty = empty
        self._all: tuple[Row, ...] = ()
        self._rows: list[Row] = []
        self._lines: list[Row | str] = []  # rows, and names of groups
        self._marked: dict[str, None] = {}
        self._sort = sort
        self._descending = descending
        self._filter = RowFilter("")
        self._chosen = ""
        self._widths: tuple[int, ...] = ()
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(STRIPS_MAX)
        self._styles: dict[str, Style] = {}

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows as shown: filtered and sorted."""
        return tuple(self._rows)

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor."""
        return next((row for row in self._rows if row.key == self._chosen), None)

    @property
    def marked(self) -> tuple[str, ...]:
        """The keys of the marked rows that are still there, in the order in which they were marked."""
        here = {row.key for row in self._all}
        return tuple(key for key in self._marked if key in here)

    @property
    def filter(self) -> str:
        return self._filter.text

    def show(self, rows: Sequence[Row], empty: str | None = None) -> None:
        """Replace all rows; nothing is drawn when they are the same."""
        if empty is not None and empty != self._empty:
            self._empty = empty
            self.refresh()
        if (found := tuple(rows)) != self._all:
            self._all = found
            self._arrange()

    def set_filter(self, text: str) -> None:
        """Show only rows that fit `text`, as `RowFilter` reads it."""
        self._filter = RowFilter(text, self.columns)
        self._arrange()

    def set_hidden(self, titles: Iterable[str]) -> None:
        """Hide these columns, and show all others that find room."""
        self.hidden = frozenset(titles)
        self._fit()
        self.refresh()

    def has_room(self, column: int) -> bool:
        """Tell whether a column is drawn at the present width."""
        return column < len(self._widths) and self._widths[column] > 0

    def choose(self, key: str) -> None:
        """Choose the row with this key, if it is shown."""
        if any(row.key == key for row in self._rows):
            self._choose(next(index for index, row in enumerate(self._rows) if row.key == key))
            self._reveal()

    def _arrange(self) -> None:
        fits = self._filter.fits
        rows = [row for row in self._all if fits(row)] if self._filter else self._all
        self._rows = arranged(rows, self._sort, descending=self._descending)
        self._lines = list(self._rows)
        if any(row.group for row in self._rows):
            self._lines = []
            for index, row in enumerate(self._rows):
                if index == 0 or row.group != self._rows[index - 1].group:
                    self._lines.append(row.group)
                self._lines.append(row)
        if self._rows and self.chosen is None:
            self._choose(0)
        self.virtual_size = Size(self.size.width, len(self._lines) + 1)
        self.refresh()

    # drawing

    def on_resize(self) -> None:
        self._fit()
        self.virtual_size = Size(self.size.width, len(self._lines) + 1)

    def _fit(self) -> None:
        self._strips.clear()
        self._widths = fitting(self.columns, self.scrollable_content_region.width or self.size.width, self.hidden)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
        self._styles.clear()

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(f"table--{name}")
        return style

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y == 0:
            return self._head(width)
        if not self._rows:
            words = self._empty if not self._filter else f"No row has {self._filter.text!r}. Esc shows all."
            return self._words(words, y, width)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[index]
        if isinstance(line, str):
            return self._group(line, width)
        chosen = line.key == self._chosen
        key = (line, chosen, chosen and self.has_focus, line.key in self._marked)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._line(line, chosen, width)
        return strip

    def _head(self, width: int) -> Strip:
        plain, marked = self._style("head"), self._style("sorted")
        segments = [Segment(" " * SIGNS_CELLS, plain)]
        for index, (column, cells) in enumerate(zip(self.columns, self._widths, strict=False)):
            if cells:
                sign = ("▾" if self._descending else "▴") if index == self._sort else ""
                title = fit(column.title + sign, cells, right=column.right)
                segments.append(Segment(title + " " * GAP, marked if sign else plain))
        return Strip(segments).adjust_cell_length(width, plain).apply_style(self.rich_style)

    def _group(self, name: str, width: int) -> Strip:
        count = sum(row.group == name for row in self._rows)
        text = fit(f" ── {name or 'others'} · {count} ", width)
        return Strip([Segment(text, self._style("head"))], width).apply_style(self.rich_style)

    def _line(self, row: Row, chosen: bool, width: int) -> Strip:
        sign = ("▸" if chosen else " ") + ("★" if row.mine else " ") + ("●" if row.key in self._marked else " ")
        segments = [Segment(sign, self._style("accent"))]
        for column, cell, cells in zip(self.columns, row.cells, self._widths, strict=False):
            if cells:
                text = fit(cell.text, cells, right=column.right)
                segments.append(Segment(text + " " * GAP, self._style(cell.tone)))
        base = self.rich_style
        if chosen:
            base += Style(bgcolor=self.get_component_rich_style("table--chosen").bgcolor)
            segments = [Segment(each.text, _without_ground(each.style)) for each in segments]
        return Strip(segments).adjust_cell_length(width, base).apply_style(base)

    def _words(self, words: str, y: int, width: int) -> Strip:
        style = self.rich_style + self._style("dim")
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
        chosen = self.chosen
        index = 0 if chosen is None else self._lines.index(chosen)
        target = index if index < top else index - height + 1 if index >= top + height else top
        self.scroll_to(y=0 if index <= 1 else target, animate=False)

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

    def action_mark(self) -> None:
        """Mark the chosen row or take its mark away, and go on to the next."""
        if self._chosen in self._marked:
            del self._marked[self._chosen]
        elif self.chosen is not None:
            self._marked[self._chosen] = None
        self.action_move(1)

    def unmark(self) -> bool:
        """Take all marks away; tell whether there was one."""
        had = bool(self._marked)
        self._marked.clear()
        self.refresh()
        return had

    def action_columns(self) -> None:
        self.post_message(self.ColumnsAsked(self))

    def action_choose(self) -> None:
        if self.chosen is not None:
            self.post_message(self.Opened(self.id, self._chosen))

    def action_yank(self) -> None:
        keys = self.marked or ((self._chosen,) if self.chosen is not None else ())
        if keys:
            self.app.copy_to_clipboard("\n".join(keys))
            words = keys[0][:60] if len(keys) == 1 else f"{len(keys)} rows"
            self.app.notify(f"Copied {words}", markup=False, timeout=2)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._click_head(offset.x - SIGNS_CELLS)
            return
        index = offset.y - 1 + self.scroll_offset.y
        if index < len(self._lines) and not isinstance(line := self._lines[index], str):
            self._choose(self._rows.index(line))
            if event.chain == 2:
                self.action_choose()

    def _click_head(self, x: int) -> None:
        for index, cells in enumerate(self._widths):
            if cells and 0 <= x < cells + GAP:
                if index == self._sort:
                    self.action_reverse()
                else:
                    self.sort_by(index)
                return
            x -= cells + GAP if cells else 0

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()


def _without_ground(style: Style | None) -> Style:
    if style is None:
        return Style()
    return Style(color=style.color, bold=style.bold, italic=style.italic, underline=style.underline)
