"""The `:` line at the lower edge: type a command, tab completes it, enter obeys it. What is below stays in sight."""

from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from tui.command_line import suggestions
from tui.limits import COMMAND_CHARS_MAX
from tui.screens.base import Dialog
from tui.text import clean, fit
from tui.widgets.draw import rows, say
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from tui.app import NeurondApp

_SHOWN: Final = 8
_NAME_CELLS: Final = 14


class CommandScreen(Dialog[str]):
    """Dismisses with a line that parses, or None."""

    CSS_PATH = "command.tcss"
    HELP = "Commands by name or alias; a unique beginning is enough. Screens take words to find: :peers 12D3."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", priority=True),
        Binding("tab", "complete", "Complete", priority=True),
        Binding("down,ctrl+n", "choose(1)", "Next", priority=True, show=False),
        Binding("up,ctrl+p", "choose(-1)", "Previous", priority=True, show=False),
    ]

    def __init__(self, recent: tuple[str, ...]) -> None:
        super().__init__()
        self._recent = recent
        self._chosen: int | None = None
        self._fault = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="command-box"):
            yield Static("", id="command-list", markup=False)
            with Horizontal(id="command-row"):
                yield Static(":", id="command-sign", markup=False)
                yield LineInput(COMMAND_CHARS_MAX, placeholder="peers, stake 250 on 1, theme light …", id="command")

    def on_mount(self) -> None:
        self.query_one("#command").focus()
        self._draw()

    @property
    def _found(self) -> list[tuple[str, str]]:
        return suggestions(self.query_one("#command", LineInput).value, self._recent)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._chosen, self._fault = None, ""
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        found = self._found
        taken = found[self._chosen][0] if self._chosen is not None and self._chosen < len(found) else ""
        text = taken or event.value.strip()
        if not text:
            self.dismiss(None)
            return
        self._fault = cast("NeurondApp", self.app).fault_of(text)
        if self._fault:
            self._draw()
        else:
            self.dismiss(text)

    def action_complete(self) -> None:
        """Take the chosen suggestion, or the first."""
        found = self._found
        if found:
            line = self.query_one("#command", LineInput)
            line.value = found[self._chosen or 0][0] + " "
            line.cursor_position = len(line.value)

    def action_choose(self, step: int) -> None:
        count = len(self._found)
        if count:
            start = -1 if self._chosen is None and step > 0 else 0 if self._chosen is None else self._chosen
            self._chosen = (start + step) % count
            self._draw()

    def _draw(self) -> None:
        self.query_one("#command-list", Static).update(rows(self._lines()))

    def _lines(self) -> list[Content]:
        if self._fault:
            return [say(("✖ ", "bad"), clean(self._fault, 300))]
        found = self._found
        first = max(0, (self._chosen or 0) - _SHOWN + 1)
        lines = [
            say(
                ("▸ " if index == self._chosen else "  ", "accent"),
                (fit(clean(name), max(_NAME_CELLS, len(name))), "strong"),
                (f" {what}", "dim"),
            )
            for index, (name, what) in enumerate(found[first : first + _SHOWN], first)
        ]
        more = len(found) - first - len(lines)
        return [*lines, say((f"  and {more} more", "dim"))] if more > 0 else lines
