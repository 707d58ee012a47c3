"""What all screens of an attached node share: status bar, tabs, the banner of a lost node, footer, painting."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen, ScreenResultType
from textual.widget import Widget

from tui.keymap import give_ids
from tui.limits import FILTER_CHARS_MAX, GONE_AFTER_S
from tui.model import Model
from tui.text import clean, duration
from tui.widgets.draw import say
from tui.widgets.key_line import KeyLine
from tui.widgets.line_input import LineInput
from tui.widgets.panel import Panel
from tui.widgets.status_bar import StatusBar
from tui.widgets.tab_strip import TabStrip

if TYPE_CHECKING:
    from tui.app import NeurondApp


class Banner(Panel):
    """Says that the node is gone or silent and what can be done; hidden while all is well."""

    PARTS = ("link", "second", "trouble")
    DEFAULT_CSS = """
    Banner { border: none; height: 1; dock: bottom; margin-bottom: 1; padding: 0 1; background: $error 30%;
             color: $foreground; display: none; width: 100%; }
    Banner.-shown { display: block; }
    """

    def paint(self, model: Model) -> None:
        long = model.silent_s >= GONE_AFTER_S
        self.set_class(model.link in ("gone", "stale") and long, "-shown")
        super().paint(model)

    def draw(self, model: Model) -> Content:
        age = duration(model.silent_s)
        if model.link == "stale":
            return say(("! ", "warn"), f"The node has been silent for {age}; values may be old. Waiting for it.")
        if self.app.is_restarting:  # type: ignore[attr-defined]
            return say(("… ", "warn"), f"Starting the node again: {self.app.restart_words}")  # type: ignore[attr-defined]
        return say(
            ("✖ ", "bad"), f"The node has been gone for {age}; values are old. ", ("S", "strong"), " starts it again."
        )


class NodeScreen(Screen[None]):
    """A screen of an attached node. `NAME` is its tab, `HELP` its prose, `COMMAND` its twin on the command line.

    `CHANGES` names those of its actions that change the node or move money: a read-only window refuses them.
    """

    CHANGES: ClassVar[frozenset[str]] = frozenset()
    NAME: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    COMMAND: ClassVar[str] = ""

    _styled_by: tuple[str, int] | None = None

    def compose(self) -> ComposeResult:
        yield StatusBar()
        yield TabStrip(self.NAME)
        with Vertical(id="body"):
            yield from self.body()
        yield Banner()
        yield KeyLine()

    def body(self) -> Iterable[Widget]:
        """Give the widgets between tabs and footer."""
        raise NotImplementedError

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        give_ids()

    def open_with(self, words: str) -> None:
        """Show what the `:` line asked for after this screen's name; here: what to find, where there is a filter."""
        line = self.query("#filter").first() if self.query("#filter") else None
        if isinstance(line, LineInput):
            line.value = clean(words, FILTER_CHARS_MAX)
            line.set_class(bool(words), "-shown")
        else:
            self.notify(f"This screen has nothing to find {clean(words, 40)!r} in.", timeout=3)

    def why_not(self, action: str) -> str:
        """Return why an action cannot be done now, empty when it can; help and key tell it."""
        return self.node_app.read_only_words if self.node_app.options.read_only and action in self.CHANGES else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keep what cannot be done in sight, greyed; its reason is told when its key is pressed."""
        return None if self.why_not(action) else True

    @property
    def node_app(self) -> "NeurondApp":
        return cast("NeurondApp", self.app)

    @property
    def model(self) -> Model:
        return self.node_app.model

    def paint(self, model: Model) -> None:
        """Show what has changed; called four times a second while this screen is seen."""
        if not (self.is_mounted and self.is_running):
            return
        self.set_class(model.link in ("gone", "stale") and model.silent_s >= GONE_AFTER_S, "-old")
        if self.node_app.is_paused:
            self.query_one(StatusBar).paint(model)
            return
        for panel in self.query(Panel):
            panel.paint(model)
        self.paint_body(model)

    def paint_body(self, model: Model) -> None:
        """Show what is not in a `Panel`."""

    @on(events.ScreenResume)
    def keep_styles(self, event: events.ScreenResume) -> None:
        """Spare all widgets the matching of all rules, unless rules came or changed while the screen was away."""
        # a widget's own rules, which come with the first of its kind, concern none that is there already
        rules = (self.app.theme, sum(not each.is_defaults for each in self.app.stylesheet.source.values()))
        event.refresh_styles = rules != self._styled_by
        self._styled_by = rules

    def on_screen_resume(self) -> None:
        self.paint(self.model)

    def on_mount(self) -> None:
        self.call_after_refresh(lambda: self.paint(self.model))


class Dialog(ModalScreen[ScreenResultType]):
    """A box over the screen below, which stays visible and goes on."""

    HELP: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        give_ids()

    @property
    def node_app(self) -> "NeurondApp":
        return cast("NeurondApp", self.app)

    def paint(self, model: Model) -> None:
        """Show what has changed."""
        for panel in self.query(Panel):
            panel.paint(model)
