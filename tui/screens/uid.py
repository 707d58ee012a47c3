"""The page of one seat: its facts beside weights in, weights out, past pay, and why it ranks where it does."""

from collections.abc import Iterable
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from node.control.schema import Metagraph, Neuron
from tui.limits import CHAIN_INTERVAL_S, LOOK_AGE_S, SLOW_LOOK_AGE_S
from tui.looks import Look, Looks
from tui.model import Model
from tui.screens.base import NodeScreen
from tui.seat_text import history_lines, seat_lines, weight_lines, why_lines
from tui.themes import TONES
from tui.widgets.draw import rows, say

_TABS: Final = ("why", "weights in", "weights out", "pay")


class SeatTabs(Static):
    """The tabs of the page, clickable; the one that is seen stands in brackets."""

    DEFAULT_CSS = "SeatTabs { height: 1; padding: 0 1; }"

    def show(self, current: int) -> None:
        pieces = []
        for at, name in enumerate(_TABS):
            style = "$text-accent bold" if at == current else TONES["dim"]
            word = f"[{name}]" if at == current else f" {name} "
            pieces.append(Content.assemble((word, style), "  "))
        self.update(Content("").join(pieces))


class SeatScreen(NodeScreen):
    """See the module; `open` chooses the seat."""

    NAME = "metagraph"
    COMMAND = "why"
    HELP = "One seat. 'why' asks its validators what they saw; the weights are those on chain now."
    CSS_PATH = "uid.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", "Back"),
        Binding("tab,l,right", "tab(1)", "Next tab"),
        Binding("shift+tab,h,left", "tab(-1)", "Tab before", show=False),
        Binding("j,down", "line(1)", "Down", show=False),
        Binding("k,up", "line(-1)", "Up", show=False),
        Binding("ctrl+d,pagedown", "line(12)", "Further down", show=False),
        Binding("ctrl+u,pageup", "line(-12)", "Further up", show=False),
        Binding("g,home", "ends(0)", "To the top", show=False),
        Binding("G,end", "ends(1)", "To the end", show=False),
        Binding("n", "seat(1)", "Next seat"),
        Binding("N", "seat(-1)", "Seat before", show=False),
        Binding("y", "yank", "Copy hotkey"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.looks = Looks(self, self.paint_again)
        self._netuid = 0
        self._uid = 0
        self._tab = 0
        self._painted: tuple[object, ...] = ()

    def open(self, netuid: int, uid: int) -> None:
        """Show this seat."""
        self._netuid, self._uid, self._painted = netuid, uid, ()

    def body(self) -> Iterable[Widget]:
        facts = VerticalScroll(
            Static("", id="seat-facts", markup=False), id="seat-side", classes="pane", can_focus=False
        )
        facts.border_title = Content("Seat")
        page = VerticalScroll(Static("", id="seat-words", markup=False), id="seat-page", classes="pane")
        yield SeatTabs(id="seat-tabs")
        yield Horizontal(facts, page, id="seat-body")

    @property
    def _graph(self) -> Look[Metagraph]:
        return self.looks.of(
            f"graph {self._netuid}", lambda: self.node_app.api.metagraph(self._netuid), CHAIN_INTERVAL_S
        )

    def _neuron(self) -> Neuron | None:
        graph = self._graph.value
        return next((each for each in graph.neurons if each.uid == self._uid), None) if graph else None

    def paint_again(self) -> None:
        """Paint now, whatever has changed."""
        self._painted = ()
        self.paint(self.model)

    def paint_body(self, model: Model) -> None:
        words, version = self._page(model)
        key = (self._netuid, self._uid, self._tab, version, self._graph.version, self.size)
        if key == self._painted:
            return
        self._painted = key
        seat = self._neuron()
        self.query_one(SeatTabs).show(self._tab)
        page = self.query_one("#seat-page")
        page.border_title = Content(f"Subnet {self._netuid} · uid {self._uid} · {_TABS[self._tab]}")
        self.query_one("#seat-words", Static).update(words)
        mine = seat is not None and model.status is not None and seat.hotkey == model.status.hotkey
        trouble = self._graph.trouble or "asking for the seat …"
        facts = rows(seat_lines(seat, mine)) if seat is not None else say((trouble, "dim"))
        self.query_one("#seat-facts", Static).update(facts)

    def _page(self, model: Model) -> tuple[Content, int]:
        """The words of the tab, and the version of what they were made from."""
        seat = self._neuron()
        if _TABS[self._tab] == "why":
            if seat is None:
                return say(("asking …", "dim")), 0
            hotkey = seat.hotkey
            why = self.looks.of(
                f"why {hotkey}", lambda: self.node_app.api.why(self._netuid, hotkey), SLOW_LOOK_AGE_S
            )  # fmt: skip
            if why.value is None:
                return say((why.trouble or "asking its validators …", "warn" if why.trouble else "dim")), why.version
            return rows(why_lines(why.value, self.node_app.clock.now_ms())), why.version
        look = self.looks.of(
            f"seat {self._netuid} {self._uid}", lambda: self.node_app.api.seat(self._netuid, self._uid), LOOK_AGE_S
        )
        found = look.value
        if found is None:
            return say((look.trouble or "asking …", "warn" if look.trouble else "dim")), look.version
        if _TABS[self._tab] == "weights in":
            lines = weight_lines(found.weights_in, "No validator has given this seat a weight.")
        elif _TABS[self._tab] == "weights out":
            lines = weight_lines(found.weights_out, "This seat has set no weights; only validators do.")
        else:
            lines = history_lines(found, self.query_one("#seat-page").content_size.width)
        return rows(lines), look.version

    def action_back(self) -> None:
        self.node_app.action_show("metagraph")

    def action_tab(self, step: int) -> None:
        self._tab = (self._tab + step) % len(_TABS)
        self.query_one("#seat-page").scroll_to(y=0, animate=False)
        self.paint_body(self.model)

    def action_seat(self, step: int) -> None:
        """Go to the next uid, or the one before."""
        graph = self._graph.value
        uids = [each.uid for each in graph.neurons] if graph else []
        if self._uid in uids:
            self.open(self._netuid, uids[(uids.index(self._uid) + step) % len(uids)])
            self.paint_body(self.model)

    def action_line(self, step: int) -> None:
        self.query_one("#seat-page").scroll_relative(y=step, animate=False)

    def action_ends(self, end: int) -> None:
        page = self.query_one("#seat-page")
        page.scroll_to(y=page.max_scroll_y if end else 0, animate=False)

    def action_yank(self) -> None:
        seat = self._neuron()
        if seat is not None:
            self.app.copy_to_clipboard(seat.hotkey)
            self.notify("Copied the hotkey", timeout=2)

    def on_click(self, event: object) -> None:
        """A click on a tab opens it."""
        widget = getattr(event, "widget", None)
        if isinstance(widget, SeatTabs):
            x = getattr(event, "x", 0) - 1
            for at, name in enumerate(_TABS):
                if 0 <= x < len(name) + 4:
                    self._tab = at
                    self.paint_body(self.model)
                    return
                x -= len(name) + 4

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#seat-page").focus()
