"""Screens that are one live table with a filter line and a detail pane beside it."""

from collections.abc import Iterable
from typing import ClassVar

from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.limits import FILTER_CHARS_MAX
from tui.looks import Looks
from tui.model import Model, Part
from tui.screens.base import NodeScreen
from tui.widgets.draw import edge
from tui.widgets.line_input import LineInput
from tui.widgets.live_table import LiveTable, Row
from tui.widgets.pane_strip import PaneStrip


class TableScreen(NodeScreen):
    """Give `table`, `rows` and `detail`; filter, marks, columns, sorting and moving are here.

    On a narrow terminal the details are a tab of their own: `enter` goes there, `esc` comes back.
    """

    CSS_PATH = "tabled.tcss"
    PARTS: ClassVar[tuple[Part, ...]] = ()
    HEADING: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("escape", "unfilter", "Show all", show=False),
        Binding("ctrl+e", "scroll_detail(4)", "Details further down", show=False),
        Binding("ctrl+y", "scroll_detail(-4)", "Details further up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._painted: tuple[int, ...] = ()
        self.looks = Looks(self, self.paint_again)

    def body(self) -> Iterable[Widget]:
        table = self.table()
        table.add_class("pane")
        table.border_title = Content(self.HEADING)
        words = Static("", id="detail-words", markup=False)
        detail = VerticalScroll(words, id="detail", classes="pane", can_focus=False)
        detail.border_title = Content("Details")
        yield from self.above()
        yield PaneStrip(self.HEADING or "List", "Details")
        yield Horizontal(table, Vertical(*self.side(), detail, id="detail-side"), id="tabled")
        yield LineInput(FILTER_CHARS_MAX, placeholder="filter: word, !without, ~ltrs, column:word", id="filter")

    def above(self) -> Iterable[Widget]:
        """Give what stands above the table, if anything."""
        return ()

    def side(self) -> Iterable[Widget]:
        """Give what stands above the details, if anything."""
        return ()

    def table(self) -> LiveTable:
        """Make the table."""
        raise NotImplementedError

    def rows(self, model: Model) -> list[Row] | None:
        """Return the rows, None while they are not known."""
        raise NotImplementedError

    def detail(self, model: Model, key: str) -> Content:
        """Return all that is known of the chosen row."""
        raise NotImplementedError

    def words(self, model: Model) -> Content:
        """Return the words in the table's lower edge."""
        return Content("")

    @property
    def chosen_key(self) -> str | None:
        """The key of the chosen row."""
        row = self.query_one(LiveTable).chosen
        return None if row is None else row.key

    def paint_body(self, model: Model) -> None:
        key = model.key((*self.PARTS, "trouble"))
        if key == self._painted:
            return
        self._painted = key
        trouble = next((model.trouble[part] for part in self.PARTS if part in model.trouble), None)
        table = self.query_one(LiveTable)
        table.show(self.rows(model) or (), trouble)
        edge(table, self.words(model))
        self._paint_detail()

    def paint_again(self) -> None:
        """Paint now, whatever has changed."""
        self._painted = ()
        self.paint(self.model)

    def _paint_detail(self) -> None:
        key = self.chosen_key
        self.show_detail(self.detail(self.model, key) if key is not None else Content("Nothing is chosen."))

    def show_detail(self, words: Content) -> None:
        """Put `words` into the detail pane."""
        self.query_one("#detail-words", Static).update(words)

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self._paint_detail()

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        self._show_pane(second=not self.has_class("-detail"))

    def on_live_table_columns_asked(self, event: LiveTable.ColumnsAsked) -> None:
        from tui.screens.columns import ColumnsScreen

        self.app.push_screen(ColumnsScreen(event.table))

    def on_pane_strip_chosen(self, event: PaneStrip.Chosen) -> None:
        self._show_pane(second=event.second)

    def _show_pane(self, *, second: bool) -> None:
        """On a narrow terminal the details take the table's place."""
        self.set_class(second, "-detail")
        self.query_one(PaneStrip).show(second=second)
        self._paint_detail()

    def action_scroll_detail(self, step: int) -> None:
        self.query_one("#detail").scroll_relative(y=step, animate=False)

    def action_filter(self) -> None:
        line = self.query_one("#filter", LineInput)
        line.add_class("-shown")
        line.focus()

    def action_unfilter(self) -> None:
        """Leave the details, take the filter away, or the marks: one of them in this order; else pass the key on."""
        if self.has_class("-detail"):
            self._show_pane(second=False)
            return
        line, table = self.query_one("#filter", LineInput), self.query_one(LiveTable)
        if not line.value and not line.has_focus and not table.unmark():
            raise SkipAction
        line.value = ""
        line.remove_class("-shown")
        table.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "filter":
            self.query_one(LiveTable).set_filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "filter":
            self.query_one("#filter").set_class(bool(event.value), "-shown")
            self.query_one(LiveTable).focus()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(LiveTable).focus()
