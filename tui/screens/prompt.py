"""Two small dialogs: one asks for a line, one asks whether to go on; `esc` is always "no"."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from tui.screens.base import Dialog
from tui.widgets.draw import say
from tui.widgets.line_input import LineInput


class Prompt(Dialog[str | None]):
    """Asks for one line; `check` returns what is wrong with it, "" when nothing is."""

    HELP = "Enter takes the line, esc leaves everything as it is."
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(
        self, title: str, words: Content, *, chars_max: int, value: str = "", hint: str = "",
        check: Callable[[str], str] = lambda _: "",
    ) -> None:  # fmt: skip
        super().__init__()
        self._title, self._words, self._value, self._hint = title, words, value, hint
        self._chars_max, self._check = chars_max, check

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content("enter takes it · esc leaves all as it is")
            yield Static(self._words, classes="words", markup=False)
            line = LineInput(self._chars_max, placeholder=self._hint, id="prompt")
            line.value = self._value
            yield line
            yield Static("", id="prompt-trouble", classes="failure", markup=False)

    def on_mount(self) -> None:
        self.query_one("#prompt").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        trouble = self._check(text) if text else "Type something, or press esc."
        if trouble:
            self.query_one("#prompt-trouble", Static).update(say((trouble, "bad")))
        else:
            self.dismiss(text)


class Confirm(Dialog[bool]):
    """Asks whether to do something that cannot be undone by a key; the focus is on "Cancel"."""

    HELP = "Nothing happens unless you choose the other button."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "Cancel"),
        Binding("left,right,h,l,tab", "other", "Other button", show=False),
    ]

    def __init__(self, title: str, words: Content, verb: str) -> None:
        super().__init__()
        self._title, self._words, self._verb = title, words, verb

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(self._title)
            yield Static(self._words, classes="words", markup=False)
            with Vertical(classes="buttons"):
                yield Button("Cancel", id="no")
                yield Button(self._verb, id="yes")

    def on_mount(self) -> None:
        self.query_one(".buttons").styles.layout = "horizontal"
        self.query_one("#no").focus()

    def action_other(self) -> None:
        other = "#yes" if self.query_one("#no").has_focus else "#no"
        self.query_one(other).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
