"""`?`: every key of what has the focus, of its screen and of the whole program."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.screens.base import Dialog
from tui.text import fit
from tui.widgets.draw import rows, say

_KEY_CELLS = 18


class HelpScreen(Dialog[None]):
    """Shows the bindings that are in force, so that it cannot be out of date."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close"),
        Binding("j,down", "line(1)", "Down", show=False),
        Binding("k,up", "line(-1)", "Up", show=False),
    ]

    def __init__(self, screen: Screen[object], focused: Widget | None) -> None:
        super().__init__()
        self._of_screen = screen
        self._focused = focused

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("Help")
            box.border_subtitle = Content("esc closes")
            with VerticalScroll(id="help-scroll"):
                yield Static(rows(self._lines()), classes="words", markup=False)

    def on_mount(self) -> None:
        self.query_one("#help-scroll").focus()

    def _lines(self) -> Iterable[Content]:
        if self._focused is not None and not isinstance(self._focused, Screen):
            yield from _section(type(self._focused).__name__, self._focused)
        name = getattr(self._of_screen, "NAME", "") or type(self._of_screen).__name__.removesuffix("Screen")
        yield from _section(name.capitalize(), self._of_screen)
        yield from _section("Everywhere", self.app)

    def action_line(self, step: int) -> None:
        self.query_one("#help-scroll").scroll_relative(y=step, animate=False)


def _section(title: str, node: DOMNode) -> Iterable[Content]:
    words = getattr(node, "HELP", "")
    keys = [each for each in own_bindings(node) if each.description]
    if not words and not keys:
        return
    yield say((title, "accent"))
    if words:
        yield say((words, "dim"))
    for binding in keys:
        yield say((fit("  " + shown_keys(binding), _KEY_CELLS), "strong"), binding.tooltip or binding.description)
    yield say("")


def own_bindings(node: DOMNode) -> list[Binding]:
    """Return the bindings that our own classes declare for `node`, nearest class first."""
    found: list[Binding] = []
    for kind in type(node).__mro__:
        if kind.__module__.startswith("tui."):
            found += [each for each in kind.__dict__.get("BINDINGS", ()) if isinstance(each, Binding)]
    return found


def shown_keys(binding: Binding) -> str:
    """Return the keys of a binding as they are written on a keyboard."""
    if binding.key_display:
        return binding.key_display
    names = {"question_mark": "?", "escape": "esc", "slash": "/", "up": "↑", "down": "↓", "left": "←", "right": "→",
             "right_square_bracket": "]", "left_square_bracket": "[", "pagedown": "pgdn", "pageup": "pgup"}  # fmt: skip
    return " ".join(names.get(key.strip(), key.strip().replace("ctrl+", "^")) for key in binding.key.split(","))
