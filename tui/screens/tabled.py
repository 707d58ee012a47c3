"""Screens that are one live table with a filter line and a detail pane beside it."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.limits import FILTER_CHARS_MAX
from tui.model import Model, Part
from tui.screens.base import NodeScreen
from tui.widgets.line_input import LineInput
from tui.widgets.live_table import LiveTable, Row


class TableScreen(NodeScreen):
    """Give `table`, `rows` and `detail`; filter, sorting and moving are here."""

    CSS_PATH = "tabled.tcss"
    PARTS: ClassVar[tuple[Part, ...]] = ()
    HEADING: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("escape", "unfilter", "Show all", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._painted: tuple[int, ...] = ()

    def body(self) -> Iterable[Widget]:
        table = self.table()
        table.add_class("pane")
        table.border_title = Content(self.HEADING)
        detail = Static("", id="detail", classes="pane", markup=False)
        detail.border_title = Content("Details")
        yield Horizontal(table, Vertical(*self.side(), detail, id="detail-side"), id="tabled")
        yield LineInput(FILTER_CHARS_MAX, placeholder="filter: words to find, !words to leave out", id="filter")

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

    def paint_body(self, model: Model) -> None:
        key = model.key((*self.PARTS, "trouble"))
        if key == self._painted:
            return
        self._painted = key
        trouble = next((model.trouble[part] for part in self.PARTS if part in model.trouble), None)
        table = self.query_one(LiveTable)
        table.show(self.rows(model) or (), trouble)
        table.border_subtitle = self.words(model)
        self._paint_detail()

    def _paint_detail(self) -> None:
        row = self.query_one(LiveTable).chosen
        self.show_detail(self.detail(self.model, row.key) if row is not None else Content("Nothing is chosen."))

    def show_detail(self, words: Content) -> None:
        """Put `words` into the detail pane."""
        self.query_one("#detail", Static).update(words)

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self._paint_detail()

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        self.toggle_class("-detail")  # on a narrow terminal the details take the table's place
        self._paint_detail()

    def action_filter(self) -> None:
        line = self.query_one("#filter", LineInput)
        line.add_class("-shown")
        line.focus()

    def action_unfilter(self) -> None:
        if self.has_class("-detail"):
            self.remove_class("-detail")
            return
        line = self.query_one("#filter", LineInput)
        line.value = ""
        line.remove_class("-shown")
        self.query_one(LiveTable).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one(LiveTable).set_filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one("#filter").set_class(bool(event.value), "-shown")
        self.query_one(LiveTable).focus()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(LiveTable).focus()
