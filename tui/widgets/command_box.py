"""The `:` line at the lower edge: type a command, tab completes it, enter obeys it. What is below goes on.

It is mounted when it is called and removed when it is left, so that no screen carries it; no dialog, which would draw
everything below itself anew.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.command_line import parse, suggestions
from tui.limits import COMMAND_CHARS_MAX
from tui.text import clean, fit
from tui.widgets.draw import rows, say
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from tui.app import NeurondApp

_SHOWN: Final = 8
_NAME_CELLS: Final = 14


class CommandBox(Vertical):
    """Obeys one line and is gone."""

    HELP: ClassVar[str] = "Commands by name or alias; a unique beginning is enough. Screens take words: :peers 12D3."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("tab", "complete", "Complete"),
        Binding("down", "choose(1)", "Next", show=False),
        Binding("up", "choose(-1)", "Previous", show=False),
    ]
    DEFAULT_CSS = """
    CommandBox {
        layer: above; dock: bottom; width: 100%; height: auto; max-height: 100%; padding: 0 1;
        background: $surface; border-top: solid $frame-focus;
    }
    CommandBox #command-list { height: auto; width: 100%; text-wrap: nowrap; text-overflow: ellipsis; }
    CommandBox #command-row { height: 1; }
    CommandBox #command-sign { width: 2; color: $text-accent; text-style: bold; }
    CommandBox #command { width: 1fr; background: $surface; }
    """

    def __init__(self, recent: Sequence[str]) -> None:
        super().__init__()
        self._recent = recent
        self._chosen: int | None = None
        self._fault = ""
        self._before: Widget | None = None

    def compose(self) -> ComposeResult:
        yield Static(rows(self._lines("")), id="command-list", markup=False)
        with Horizontal(id="command-row"):
            yield Static(":", id="command-sign", markup=False)
            yield LineInput(COMMAND_CHARS_MAX, placeholder="peers, stake 250 on 1, theme light …", id="command")

    def on_mount(self) -> None:
        self._before = self.screen.focused
        self._line.focus()

    @property
    def _line(self) -> LineInput:
        return self.query_one("#command", LineInput)

    def _found(self) -> list[tuple[str, str]]:
        return suggestions(self._line.value, self._recent)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()  # the screen below has a line of its own
        self._chosen, self._fault = None, ""
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        found = self._found()
        taken = found[self._chosen][0] if self._chosen is not None and self._chosen < len(found) else ""
        text = taken or event.value.strip()
        app = cast("NeurondApp", self.app)
        self._fault = app.fault_of(text) if text else ""
        if self._fault:
            self._draw()
            return
        self.action_leave()
        if text:
            app.remember(text)
            app.call_after_refresh(app.obey, parse(text))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Whoever goes elsewhere has left."""
        self.call_after_refresh(self._leave_unless_here)

    def _leave_unless_here(self) -> None:
        if self.is_attached and not self.has_focus_within:
            self.remove()

    def action_leave(self) -> None:
        """Give the focus back to what had it."""
        if self._before is not None and self._before.is_attached:
            self._before.focus(scroll_visible=False)
        else:
            self.screen.set_focus(None)
        self.remove()

    def action_complete(self) -> None:
        """Take the chosen suggestion, or the first."""
        found = self._found()
        if found:
            self._line.value = found[self._chosen or 0][0] + " "
            self._line.cursor_position = len(self._line.value)

    def action_choose(self, step: int) -> None:
        count = len(self._found())
        if count:
            start = -1 if self._chosen is None and step > 0 else self._chosen or 0
            self._chosen = (start + step) % count
            self._draw()

    def _draw(self) -> None:
        self.query_one("#command-list", Static).update(rows(self._lines(self._line.value)))

    def _lines(self, typed: str) -> list[Content]:
        """Always as many lines, so that the box keeps its place while one types."""
        if self._fault:
            lines = [say(("✖ ", "bad"), clean(self._fault, 300))]
        else:
            found = suggestions(typed, self._recent)
            first = max(0, (self._chosen or 0) - _SHOWN + 1)
            lines = [self._entry(index, *each) for index, each in enumerate(found[first : first + _SHOWN], first)]
            more = len(found) - first - len(lines)
            if more > 0:
                lines.append(say((f"  and {more} more", "dim")))
        return [*lines, *([say("")] * (_SHOWN + 1 - len(lines)))]

    def _entry(self, index: int, name: str, what: str) -> Content:
        sign = "▸ " if index == self._chosen else "  "
        return say((sign, "accent"), (fit(clean(name), max(_NAME_CELLS, len(name))), "strong"), (f" {what}", "dim"))
