"""`a`: what needs attention, since when, and what to do about it; what is over stays until it is cleared."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.alerts import Alert
from tui.model import Model
from tui.screens.base import Dialog
from tui.text import clean, duration, time_of_day
from tui.widgets.draw import rows, say


class AlertsScreen(Dialog[None]):
    """The list goes on while it is open."""

    CSS_PATH = "help.tcss"
    HELP = "Conditions that hold are marked ! or ✖; those that are over have a ✓ and how long they held."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,a", "dismiss", "Close"),
        Binding("c", "clear", "Clear what is over"),
        Binding("j,down", "line(1)", "Down", show=False),
        Binding("k,up", "line(-1)", "Up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shown: object = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("Alerts")
            box.border_subtitle = Content("c clears what is over · esc closes")
            with VerticalScroll(id="help-scroll"):
                yield Static("", classes="words", id="alerts", markup=False)

    def on_mount(self) -> None:
        self.query_one("#help-scroll").focus()
        self.paint(self.node_app.model)

    def paint(self, model: Model) -> None:
        """Show the list when it, or the second, has changed."""
        alerts = self.node_app.alerts.alerts
        key = (alerts, int(model.now_s))
        if key != self._shown:
            self._shown = key
            self.query_one("#alerts", Static).update(rows(self._lines(alerts, model.now_ms)))

    def _lines(self, alerts: tuple[Alert, ...], now_ms: int) -> Iterable[Content]:
        if not alerts:
            yield say(
                ("✓ ", "good"), "Nothing needs attention. ", ("What did while this window is open stays here.", "dim")
            )
        for each in alerts:
            over = each.until_ms is not None
            length = duration(((now_ms if each.until_ms is None else each.until_ms) - each.since_ms) / 1000)
            sign = say(("✓ ", "good")) if over else say(("✖ ", "bad") if each.severity == "error" else ("! ", "warn"))
            at = time_of_day(each.since_ms, self.node_app.utc_offset_s)
            held = f"held {length}, over" if over else f"for {length}"
            yield say(sign, (clean(each.title), "dim" if over else "strong"), (f"  {at}  {held}", "dim"))
            yield say(("  " + clean(each.words, 300), "dim" if over else "plain"))
            if each.remedy and not over:
                yield say(("  → ", "accent"), clean(each.remedy, 200))
            yield say("")

    def action_clear(self) -> None:
        self.node_app.alerts.forget_ended()
        self.paint(self.node_app.model)

    def action_line(self, step: int) -> None:
        self.query_one("#help-scroll").scroll_relative(y=step, animate=False)
