"""All seats of a subnet, what they do and what they get; one opens as a page, two are compared."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from node.control.schema import Metagraph, Neuron
from tui.limits import CHAIN_INTERVAL_S
from tui.model import Model
from tui.screens.base import Dialog
from tui.screens.tabled import TableScreen
from tui.seat_text import comparison, seat_lines
from tui.tables import SEAT_COLUMNS, seat_rows
from tui.text import clean, count, cut, plural
from tui.widgets.draw import rows, say
from tui.widgets.live_table import LiveTable, Row

_COMPARED = 2


class MetagraphScreen(TableScreen):
    """Seats by incentive; this node's own is pinned with a star. Other subnets than the node's own are asked for."""

    NAME = "metagraph"
    COMMAND = "metagraph"
    HEADING = "Metagraph"
    HELP = (
        "The seats of a subnet. Incentive pays miners, dividends pay validators; ★ marks this node's own seat. The bar "
        "beside a figure is its fifth among all seats that have some: ▁ the lowest, █ the highest."
    )
    PARTS = ("metagraph", "status", "subnets")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("equals_sign", "compare", "Compare", key_display="=", tooltip="Compare the two seats marked by space"),
        Binding("n", "subnet(1)", "Subnet", tooltip="Show the next subnet"),
        Binding("N", "subnet(-1)", "Subnet before", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._netuid: int | None = None  # None: the one that the window shows anyway
        self._version = 0

    def table(self) -> LiveTable:
        return LiveTable(SEAT_COLUMNS, "Nobody has registered on this subnet yet.", sort=3, descending=True)

    @property
    def graph(self) -> Metagraph | None:
        """The seats that are shown."""
        netuid = self._netuid
        if netuid is None:
            return self.model.metagraph
        look = self.looks.of(f"graph {netuid}", lambda: self.node_app.api.metagraph(netuid), CHAIN_INTERVAL_S)
        return look.value

    def paint_body(self, model: Model) -> None:
        if self._netuid is not None:
            _ = self.graph  # asks again once it is old
        super().paint_body(model)

    def rows(self, model: Model) -> list[Row] | None:
        graph = self.graph
        return None if graph is None else seat_rows(graph, model.status)

    def words(self, model: Model) -> Content:
        found = self.graph
        if found is None:
            return Content("" if self._netuid is None else f"asking for subnet {self._netuid} …")
        known = next((each for each in model.subnets or () if each.netuid == found.netuid), None)
        name = f" {cut(clean(known.name), 24)}" if known else ""
        others = len([each for each in model.subnets or () if each.netuid])
        hint = f" · {others} subnets, n shows the next" if others > 1 else ""
        seats = plural(len(found.neurons), "seat")
        return Content(f"subnet {found.netuid}{name} · {seats} · block {count(found.height)}{hint}")

    def detail(self, model: Model, key: str) -> Content:
        seat = self._seat(key)
        if seat is None:
            return say(("This seat has gone.", "dim"))
        mine = model.status is not None and model.status.hotkey == seat.hotkey
        hint = say(("enter opens its page: weights, pay, and why", "dim"))
        return rows([*seat_lines(seat, mine), say(""), hint])

    def _seat(self, key: str | None) -> Neuron | None:
        neurons = self.graph.neurons if self.graph else ()
        return next((each for each in neurons if (clean(each.hotkey) or str(each.uid)) == key), None)

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        """Open the page of the seat."""
        from tui.screens.uid import SeatScreen

        event.prevent_default()  # on this screen a narrow terminal goes to the page, too
        seat, graph = self._seat(event.key), self.graph
        if seat is None or graph is None:
            return
        if not self.app.is_screen_installed("seat"):
            self.app.install_screen(SeatScreen(), "seat")
        page = self.app.get_screen("seat")
        if isinstance(page, SeatScreen):
            page.open(graph.netuid, seat.uid)
            self.app.switch_screen("seat")

    def action_subnet(self, step: int) -> None:
        netuids = [each.netuid for each in self.model.subnets or () if each.netuid]
        if len(netuids) < _COMPARED:
            self.notify("This network has no other subnet.", timeout=3)
            return
        here = self._netuid if self._netuid is not None else self.model.netuid()
        at = netuids.index(here) if here in netuids else 0
        found = netuids[(at + step) % len(netuids)]
        self._netuid = None if found == self.model.netuid() else found
        self.query_one(LiveTable).unmark()
        self.paint_again()

    def action_compare(self) -> None:
        keys = self.query_one(LiveTable).marked
        seats = [seat for seat in map(self._seat, keys) if seat is not None]
        own = self.model.status.hotkey if self.model.status is not None else None
        if len(seats) == 1 and seats[0].hotkey != own and (mine := self._seat(own)) is not None:
            seats.insert(0, mine)  # one mark: against this node's own seat
        if len(seats) != _COMPARED:
            self.notify("Mark two seats with space, or one to compare it with this node's own.", timeout=4)
            return
        self.app.push_screen(CompareScreen(seats[0], seats[1]))


class CompareScreen(Dialog[None]):
    """Two seats beside each other."""

    HELP = "The last column is what the second seat has more or less than the first."
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,equals_sign", "dismiss", "Close")]

    def __init__(self, left: Neuron, right: Neuron) -> None:
        super().__init__()
        self._words = comparison(left, right)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content("Two seats")
            box.border_subtitle = Content("esc closes")
            yield Static(self._words, classes="words", markup=False)
