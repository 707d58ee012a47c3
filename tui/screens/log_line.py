"""One line of the log in full: its fields and the JSON in it, laid out."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.screens.base import Dialog


class LogLineScreen(Dialog[None]):
    """Shows the text that it is given."""

    HELP = "The whole line; c copies it."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("c,y", "copy", "Copy"),
        Binding("j,down", "line(1)", "Down", show=False),
        Binding("k,up", "line(-1)", "Up", show=False),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("Line")
            box.border_subtitle = Content("c copies · esc closes")
            with VerticalScroll(id="line-scroll"):
                yield Static(Content(self._text), classes="words", markup=False)

    def on_mount(self) -> None:
        self.query_one("#line-scroll").styles.height = min(24, self._text.count("\n") + 6)
        self.query_one("#line-scroll").focus()

    def action_line(self, step: int) -> None:
        self.query_one("#line-scroll").scroll_relative(y=step, animate=False)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._text)
        self.notify("copied", title="Line", timeout=2)
