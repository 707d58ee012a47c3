"""`?`: every key of what has the focus, of its screen and of the whole program, as they are in force just now."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.actions import ActionError
from textual.actions import parse as parse_action
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.keymap import bindings_of, give_ids
from tui.registry import PLACES
from tui.screens.base import Dialog
from tui.text import clean, fit
from tui.widgets.draw import rows, say

if TYPE_CHECKING:
    from tui.app import NeurondApp

_KEY_CELLS: Final = 18
_NAMES: Final = {
    "question_mark": "?", "escape": "esc", "slash": "/", "up": "↑", "down": "↓", "left": "←", "right": "→",
    "right_square_bracket": "]", "left_square_bracket": "[", "pagedown": "pgdn", "pageup": "pgup", "colon": ":",
    "minus": "-", "plus": "+", "equals_sign": "=", "full_stop": ".", "comma": ",", "asterisk": "*",
    "exclamation_mark": "!", "semicolon": ";", "less_than_sign": "<", "greater_than_sign": ">",
}  # fmt: skip


class HelpScreen(Dialog[None]):
    """Shows the bindings that are in force, so that it cannot be out of date; those that do nothing now say why."""

    CSS_PATH = "help.tcss"
    HELP = "What keys do here."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close"),
        Binding("j,down", "line(1)", "Down", show=False),
        Binding("k,up", "line(-1)", "Up", show=False),
        Binding("ctrl+d,pagedown,space", "page(1)", "A page down", show=False),
        Binding("ctrl+u,pageup", "page(-1)", "A page up", show=False),
        Binding("g,home", "edge(False)", "To the top", show=False),
        Binding("G,end", "edge(True)", "To the end", show=False),
    ]

    def __init__(self, screen: Screen[object], focused: Widget | None) -> None:
        super().__init__()
        app = cast("NeurondApp", screen.app)
        self._words = rows(_lines(app, screen, focused))  # now, before this dialog itself lies over what they say

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("Help")
            box.border_subtitle = Content("j k scroll · esc closes · : keymap writes all keys down")
            with VerticalScroll(id="help-scroll"):
                yield Static(self._words, classes="words", markup=False)

    def on_mount(self) -> None:
        self.query_one("#help-scroll").focus()

    def action_line(self, step: int) -> None:
        self.query_one("#help-scroll").scroll_relative(y=step, animate=False)

    def action_page(self, step: int) -> None:
        scroll = self.query_one("#help-scroll")
        scroll.scroll_relative(y=step * max(1, scroll.size.height - 2), animate=False)

    def action_edge(self, end: bool) -> None:
        scroll = self.query_one("#help-scroll")
        scroll.scroll_to(y=scroll.max_scroll_y if end else 0, animate=False)


def _lines(app: "NeurondApp", screen: Screen[object], focused: Widget | None) -> Iterable[Content]:
    give_ids()
    if focused is not None and not isinstance(focused, Screen):
        yield from _section(_title(focused), focused, app.keymap)
    name = getattr(screen, "NAME", "") or type(screen).__name__.removesuffix("Screen")
    yield from _section(name.capitalize(), screen, app.keymap)
    yield from _section("Everywhere", app, app.keymap)


def _title(widget: Widget) -> str:
    """The pane's own title, or what kind of pane it is."""
    title = widget.border_title
    words = title if isinstance(title, str) else str(title or "")
    kind = "".join(f" {each.lower()}" if each.isupper() else each for each in type(widget).__name__).strip()
    return f"{clean(words, 60)} ({kind})" if words else kind.capitalize()


def _section(title: str, node: DOMNode, keymap: Mapping[str, str]) -> Iterable[Content]:
    words = getattr(node, "HELP", "")
    keys = [each for each in own_bindings(node) if each.description]
    if not words and not keys:
        return
    yield say((title, "accent"))
    if words:
        yield say((words, "dim"))
    places = {f"show('{each.name}')": each.title for each in PLACES}
    if any(each.action in places for each in keys):
        names = ", ".join(f"{shown_keys(each, keymap)} {places[each.action]}" for each in keys if each.action in places)
        yield say((fit("  the screens", _KEY_CELLS), "strong"), names)
    for binding in keys:
        if binding.action not in places:
            yield _line(binding, node, keymap)
    yield say("")


def _line(binding: Binding, node: DOMNode, keymap: Mapping[str, str]) -> Content:
    words = binding.tooltip or binding.description
    why = refusal(node, binding.action)
    keys = fit("  " + shown_keys(binding, keymap), _KEY_CELLS)
    return say((keys, "strong"), words) if not why else say((keys, "dim"), (words, "dim"), (f"  ✗ {why}", "warn"))


def refusal(node: DOMNode, action: str) -> str:
    """Return why an action cannot be done now, empty when it can."""
    try:
        space, name, parameters = parse_action(action)
    except ActionError:
        return ""
    asked = node.app if space == "app" else node
    if asked.check_action(name, parameters):
        return ""
    why: str = getattr(asked, "why_not", lambda _: "")(name)
    return why or "not now"


def own_bindings(node: DOMNode) -> list[Binding]:
    """Return the bindings that our own classes declare for `node`, nearest class first."""
    return bindings_of(type(node))


def shown_keys(binding: Binding, keymap: Mapping[str, str] | None = None) -> str:
    """Return the keys of a binding as they are written on a keyboard, those of a person's own keymap first."""
    own = (keymap or {}).get(binding.id or "")
    if binding.key_display and own is None:
        return binding.key_display
    keys = (own or binding.key).split(",")
    return " ".join(_NAMES.get(key.strip(), key.strip().replace("ctrl+", "^")) for key in keys)
