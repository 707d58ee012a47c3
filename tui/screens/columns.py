"""Which columns of a table are shown: a list to tick, applied at once."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.screens.base import Dialog
from tui.widgets.draw import rows, say
from tui.widgets.live_table import LiveTable


class ColumnsScreen(Dialog[None]):
    """Ticks columns of one table; those without room stay away whatever is ticked, and that is said."""

    HELP = "Columns that find no room in the terminal are left out, the least important first."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,w,enter", "dismiss", "Close"),
        Binding("j,down", "move(1)", "Down", show=False),
        Binding("k,up", "move(-1)", "Up", show=False),
        Binding("space", "tick", "Show or hide"),
        Binding("a", "all", "Show all"),
    ]

    def __init__(self, table: LiveTable) -> None:
        super().__init__()
        self._table = table
        self._at = 0

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content("Columns")
            box.border_subtitle = Content("space shows or hides · a all · esc closes")
            yield Static(id="columns", classes="words", markup=False)

    def on_mount(self) -> None:
        self._show()

    def action_move(self, step: int) -> None:
        self._at = (self._at + step) % len(self._table.columns)
        self._show()

    def action_tick(self) -> None:
        """Show or hide the column; the first one, which names the row, stays."""
        title = self._table.columns[self._at].title
        if self._at:
            self._table.set_hidden(self._table.hidden ^ {title})
        self._show()

    def action_all(self) -> None:
        self._table.set_hidden(())
        self._show()

    def _show(self) -> None:
        lines = []
        for index, column in enumerate(self._table.columns):
            ticked = column.title not in self._table.hidden
            no_room = ticked and not self._table.has_room(index)
            lines.append(
                say(
                    ("▸ " if index == self._at else "  ", "accent"),
                    ("[x] " if ticked else "[ ] ", "good" if ticked else "dim"),
                    (column.title, "strong" if index == self._at else "plain"),
                    ("  names the row, stays" if not index else "  no room" if no_room else "", "dim"),
                )
            )
        self.query_one("#columns", Static).update(rows(lines))
