"""Screen 5: stake and swap. Positions, candles of the chosen subnet, a ticket quoted while it is filled in."""

from collections.abc import Iterable
from typing import ClassVar, Final, Literal

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from node.control.schema import MarketBoard, Metagraph
from tui.limits import CHAIN_INTERVAL_S, GRAPH_AGE_S
from tui.looks import Looks
from tui.model import Model
from tui.positions import COLUMNS, Place, place_rows, places
from tui.screens.base import NodeScreen
from tui.text import clean, tau
from tui.widgets.candles import Candles
from tui.widgets.draw import edge, say
from tui.widgets.live_table import LiveTable
from tui.widgets.price_chart import PriceChart
from tui.widgets.ticket import MODES, Mode, Ticket

Pane = Literal["positions", "chart", "ticket"]
_PANES: Final[tuple[Pane, ...]] = ("positions", "chart", "ticket")
_TAKEN: Final = ("s", "w")  # of a table's own keys: here they are kinds of moves


class PositionTable(LiveTable, inherit_bindings=False):
    """A table whose letters are left to the ticket."""

    BINDINGS: ClassVar[list[BindingType]] = [
        each for each in LiveTable.BINDINGS if isinstance(each, Binding) and each.key not in _TAKEN
    ]


class TradeScreen(NodeScreen):
    """See the module."""

    CSS_PATH = "trade.tcss"
    NAME = "trade"
    COMMAND = "stake show"
    CHANGES = frozenset({"mode"})
    HELP = (
        "Your positions and the other subnets. Choose one, press the letter of a move, fill in the ticket: it is "
        "quoted while you type. Review shows all of it again before anything is signed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(key, f"mode('{mode}')", word.replace("(", "").replace(")", ""), show=mode in ("stake", "unstake"))
            for mode, (key, word) in MODES.items()
        ),
        Binding("i", "interval(1)", "Interval", tooltip="Longer candles; I: shorter ones"),
        Binding("I", "interval(-1)", "Shorter candles", show=False),
        Binding("o", "pane(1)", "Other pane", tooltip="To the next pane: positions, chart, ticket"),
        Binding("escape", "back", "Back to the positions", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.looks = Looks(self, self.paint_again)
        self._painted: tuple[object, ...] = ()
        self._wanted = ""

    def body(self) -> Iterable[Widget]:
        table = PositionTable(COLUMNS, "This node knows no coldkey yet.", sort=3, descending=True, id="positions")
        table.add_class("pane")
        table.border_title = Content("Positions")
        yield Static("", id="trade-panes", markup=False)
        yield Horizontal(table, PriceChart(id="chart"), id="trade-top")
        yield Ticket(self._graph)

    def on_mount(self) -> None:
        super().on_mount()
        self._see("positions")
        self.query_one(PositionTable).focus()

    # --- painting ---------------------------------------------------------------------------------------------------

    @property
    def board(self) -> MarketBoard | None:
        """The market's day, as far as it is known."""
        return self.looks.of("markets", lambda: self.node_app.api.markets(), CHAIN_INTERVAL_S).value

    def paint_again(self) -> None:
        """Paint now, whatever has changed."""
        self._painted = ()
        self.paint(self.model)

    def paint_body(self, model: Model) -> None:
        board = self.board
        key = (model.key(("account", "subnets", "status", "trouble")), board)
        if key != self._painted:
            self._painted = key
            table = self.query_one(PositionTable)
            table.show(place_rows(model, board), model.trouble.get("account"))
            edge(table, self._sums(model))
            if self._wanted:
                self._choose_netuid(self._wanted)
        place = self.place
        self.query_one(PriceChart).paint(self.looks, None if place is None else place.netuid, self._title_of(place))
        ticket = self.query_one(Ticket)
        ticket.choose(place)
        ticket.paint(model, 0 if board is None else board.stake_threshold_rao)

    @property
    def place(self) -> Place | None:
        """The chosen row: a position, or a subnet without one."""
        row = self.query_one(PositionTable).chosen
        return None if row is None else next((each for each in places(self.model) if each.key == row.key), None)

    def _sums(self, model: Model) -> Content:
        account = model.account
        if account is None:
            return Content("")
        return say(f"free {tau(account.balance_rao)}", (" · ", "dim"), f"staked {tau(account.stakes_value_rao)}")

    def _title_of(self, place: Place | None) -> str:
        found = next((each for each in self.model.subnets or () if place and each.netuid == place.netuid), None)
        return "" if found is None else clean(f"{found.netuid} {found.name}", 40)

    def _graph(self, netuid: int) -> Metagraph | None:
        """The seats of a subnet, asked for when a ticket is about them."""

        async def read() -> Metagraph:
            return await self.node_app.api.metagraph(netuid)

        return self.looks.of(f"metagraph {netuid}", read, GRAPH_AGE_S).value

    # --- actions ----------------------------------------------------------------------------------------------------

    def open_with(self, words: str) -> None:
        """`:trade 3` chooses subnet 3."""
        self._wanted = words.strip()
        self._choose_netuid(self._wanted)

    def _choose_netuid(self, number: str) -> None:
        found = next((each for each in places(self.model) if str(each.netuid) == number), None)
        table = next(iter(self.query(PositionTable)), None)
        if found is not None and table is not None and any(row.key == found.key for row in table.rows):
            self._wanted = ""
            table.choose(found.key)

    def action_mode(self, mode: Mode) -> None:
        self._see("ticket")
        ticket = self.query_one(Ticket)
        ticket.choose(self.place, mode)
        self.call_after_refresh(ticket.focus_first)

    def action_interval(self, step: int) -> None:
        self.query_one(PriceChart).action_interval(step)
        self.paint(self.model)

    def action_pane(self, step: int) -> None:
        seen = next((index for index, each in enumerate(_PANES) if self.has_class(f"-see-{each}")), 0)
        self._see(_PANES[(seen + step) % len(_PANES)])

    def action_back(self) -> None:
        """To the positions, or, from there, to the screen before."""
        if self.query_one(PositionTable).has_focus:
            raise SkipAction
        self._see("positions")

    def _see(self, pane: Pane) -> None:
        """Go to a pane; on a narrow terminal it takes the whole place."""
        self._mark(pane)
        if pane == "ticket":
            self.call_after_refresh(self.query_one(Ticket).focus_first)
        else:
            self.call_after_refresh(self.query_one(PositionTable if pane == "positions" else Candles).focus)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Whichever way the focus came to a pane, this is the one that is seen."""
        inside = {each.id for each in event.widget.ancestors_with_self}
        pane = next((each for each in _PANES if each in inside), None)
        if pane is not None and not self.has_class(f"-see-{pane}"):
            self._mark(pane)

    def _mark(self, pane: Pane) -> None:
        for each in _PANES:
            self.set_class(each == pane, f"-see-{each}")
        words = [say((f"[{each}]", "accent") if each == pane else (f" {each} ", "dim")) for each in _PANES]
        self.query_one("#trade-panes", Static).update(Content(" ").join([*words, say(("  o: next", "dim"))]))

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        self._see("ticket")

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self.paint(self.model)
