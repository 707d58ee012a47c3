"""Screen 1: everything at a glance."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget

from tui.model import Model
from tui.screens.base import NodeScreen
from tui.tables import PEER_COLUMNS, SEAT_COLUMNS, peer_rows, seat_rows
from tui.text import clean, cut, plural, price
from tui.widgets.braille import BrailleLine
from tui.widgets.chain_card import ChainCard
from tui.widgets.checklist import Checklist
from tui.widgets.draw import edge
from tui.widgets.earnings_card import EarningsCard
from tui.widgets.host_card import HostCard
from tui.widgets.live_table import LiveTable
from tui.widgets.log_view import LogView
from tui.widgets.tasks_card import TasksCard

_PANES = ("seats", "log", "peers-pane", "price-pane")
_TITLES = {"seats": "Neurons", "log": "Log", "peers-pane": "Peers", "price-pane": "Price"}


class HomeScreen(NodeScreen):
    """Cards above, panes below; on a narrow terminal the panes become tabs that the tab key turns."""

    NAME = "home"
    COMMAND = "status"
    HELP = "The node at a glance. Cards above, live panes below; on a small terminal tab turns the panes."
    CSS_PATH = "home.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "app.role", "Role", tooltip="Switch role: the plan is shown before anything happens"),
        Binding("2", "app.show('ask')", "Ask", tooltip="Ask the network a question"),
        Binding("tab", "pane(1)", "Next pane", tooltip="Go to the next pane; on a small terminal, turn to it"),
        Binding("shift+tab", "pane(-1)", "Previous pane", show=False),
        Binding("i", "app.invite", "Invite", tooltip="Copy an invite that lets another machine join"),
    ]

    AUTO_FOCUS = ""  # the footer then shows what the screen itself can do

    def __init__(self) -> None:
        super().__init__()
        self._pane = 0
        self._painted: dict[str, tuple[int, ...]] = {}

    def body(self) -> Iterable[Widget]:
        yield Container(
            ChainCard(id="chain"), EarningsCard(id="earnings"), TasksCard(id="tasks"), HostCard(id="host"), id="cards"
        )
        yield Checklist(id="checklist")
        seats = LiveTable(SEAT_COLUMNS, "Nobody has registered yet.", sort=3, descending=True, id="seats")
        peers = LiveTable(PEER_COLUMNS, "No peer yet. i makes an invite for another machine.", sort=2, id="peers-pane")
        chart = Vertical(BrailleLine("The price appears after two readings.", id="price"), id="price-pane")
        log = LogView("The node has said nothing yet.", utc_offset_s=self.node_app.utc_offset_s, id="log")
        for pane in (seats, peers, chart, log):
            pane.add_class("pane")
        yield Container(Horizontal(seats, Vertical(chart, peers, id="side"), id="middle"), log, id="panes")

    def paint_body(self, model: Model) -> None:
        if self._new("seats", model.key(("metagraph", "status", "subnets", "trouble"))):
            self._paint_seats(model)
        if self._new("peers", model.key(("peers", "trouble"))):
            table = self.query_one("#peers-pane", LiveTable)
            table.show(peer_rows(model.peers or ()), model.trouble.get("peers"))
            edge(table, Content(plural(len(model.peers or ()), "peer")))
        if self._new("price", model.key(("subnets",))):
            self.query_one(BrailleLine).show(list(model.prices))
            mine = model.subnet()
            edge(self.query_one("#price-pane"), Content(f"{price(mine.price_rao)} τ" if mine else ""))
        if self._new("log", model.key(("log",))):
            self.query_one(LogView).show(model.log)
        if self._new("panes", (self.is_narrow, self._pane)):  # a title, even the same one, draws its pane again
            self._title_panes(model)

    def _paint_seats(self, model: Model) -> None:
        table = self.query_one("#seats", LiveTable)
        found = model.metagraph
        table.show(seat_rows(found, model.status) if found else (), model.trouble.get("subnets"))
        mine = model.subnet()
        if mine is not None:
            edge(table, Content(f"subnet {mine.netuid} {cut(clean(mine.name), 20)}"))

    def _new(self, what: str, key: tuple[int, ...]) -> bool:
        fresh = self._painted.get(what) != key
        self._painted[what] = key
        return fresh

    def _title_panes(self, model: Model) -> None:
        narrow = self.is_narrow
        for index, name in enumerate(_PANES):
            pane = self.query_one(f"#{name}")
            title = _TITLES[name]
            if narrow:
                title = " · ".join(_TITLES[each].upper() if each == name else _TITLES[each] for each in _PANES)
            pane.border_title = Content(title)
            pane.set_class(index == self._pane, "-front")
        self.set_class(narrow, "-turned")
        front = _PANES[self._pane]
        self.query_one("#middle").set_class(front != "log", "-front")
        self.query_one("#side").set_class(front in ("peers-pane", "price-pane"), "-front")

    @property
    def is_narrow(self) -> bool:
        return self.has_class("-narrow") or self.has_class("-tiny") or self.has_class("-short")

    def action_pane(self, step: int) -> None:
        """Turn the panes; with room for all of them, move the focus instead."""
        self._pane = (self._pane + step) % len(_PANES)
        self._title_panes(self.model)
        pane = self.query_one(f"#{_PANES[self._pane]}")
        if pane.can_focus:
            self.call_after_refresh(pane.focus)

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        self.node_app.action_show("peers" if event.table_id == "peers-pane" else "metagraph")
