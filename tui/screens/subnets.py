"""Screen 6: all subnets as a market, and one page a subnet: price, numbers, application; buying and selling.

What an application is about is asked of the node when its page is open, never before.
"""

from collections.abc import Iterable
from pathlib import PurePath
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from node.control.schema import Market, MarketBoard, SubnetInfo
from tui import application
from tui.limits import CHAIN_INTERVAL_S, LOOK_AGE_S
from tui.model import Model
from tui.positions import change_cell
from tui.screens.base import NodeScreen
from tui.screens.tabled import TableScreen
from tui.tables import SUBNET_COLUMNS, market_cap, subnet_rows
from tui.text import alpha, clean, count, per_cent, plural, price, tau
from tui.widgets.draw import field, rows, say
from tui.widgets.live_table import LiveTable, Row
from tui.widgets.price_chart import PriceChart

_CHANGE_CELL = 4  # of SUBNET_COLUMNS


class SubnetsScreen(TableScreen):
    """Subnets by market cap; `enter` opens the page of the chosen one, `esc` leaves it."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["tabled.tcss", "subnets.tcss"]  # type: ignore[assignment]  # as Screen
    CHANGES = frozenset({"stake", "unstake", "register"})
    NAME = "subnets"
    COMMAND = "subnets list"
    HEADING = "Subnets"
    HELP = (
        "All subnets, by market cap. Enter opens the page of one, with what it is for. Staking buys a subnet's α from "
        "its pool, unstaking sells it: both show the price first."
    )
    PARTS = ("subnets", "account", "status")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "stake", "Stake", key_display="+", tooltip="Buy this subnet's α: shows price and fee first"),
        Binding("minus", "unstake", "Unstake", key_display="-", tooltip="Sell α that is staked here"),
        Binding("b", "register", "Buy a seat", tooltip="Buy a seat for this node's hotkey"),
        Binding("x", "trade", "Trade", tooltip="Stake & swap with this subnet chosen"),
        Binding("i", "interval(1)", "Interval", show=False, tooltip="Longer candles"),
        Binding("I", "interval(-1)", "Shorter candles", show=False),
        Binding("a", "application", "Use it", show=False, tooltip="Go where this subnet's application is used"),
    ]

    def side(self) -> Iterable[Widget]:
        yield PriceChart(interval="1h", id="chart")
        pane = VerticalScroll(Static("", id="application-words", markup=False), id="application", can_focus=False)
        pane.add_class("pane")
        yield pane

    def table(self) -> LiveTable:
        return LiveTable(SUBNET_COLUMNS, "This network has no subnets yet.", sort=3, descending=True)

    def rows(self, model: Model) -> list[Row] | None:
        if model.subnets is None:
            return None
        found = []
        for row in subnet_rows(model):
            market = self._market(row.key)
            cells = row.cells
            if market is not None and market.since_ms is not None:
                cells = (*cells[:_CHANGE_CELL], change_cell(market), *cells[_CHANGE_CELL + 1 :])
            found.append(Row(row.key, cells, row.mine))
        return found

    def words(self, model: Model) -> Content:
        return Content(plural(len(model.subnets or ()), "subnet"))

    def paint_body(self, model: Model) -> None:
        self._board()  # asks again when it is old
        super().paint_body(model)
        found = self._subnet(self.chosen_key)
        name = "" if found is None else clean(f"{found.netuid} {found.name}", 40)
        self.query_one(PriceChart).paint(self.looks, None if found is None else found.netuid, name)
        if found is not None and self.has_class("-detail"):
            self._paint_application(found)

    def _board(self) -> MarketBoard | None:
        return self.looks.of("markets", lambda: self.node_app.api.markets(), CHAIN_INTERVAL_S).value

    def _market(self, key: str) -> Market | None:
        board = self._board()
        return next((each for each in board.markets if str(each.netuid) == key), None) if board else None

    def _subnet(self, key: str | None) -> SubnetInfo | None:
        return next((each for each in self.model.subnets or () if str(each.netuid) == key), None)

    def detail(self, model: Model, key: str) -> Content:
        found = self._subnet(key)
        if found is None:
            return say(("This subnet has gone.", "dim"))
        return rows([*_facts(found), *_day(self._market(key)), say(""), *_own(model, found.netuid)])

    def _paint_application(self, found: SubnetInfo) -> None:
        """Ask the subnet's door what its page shows; why there is nothing is told in its place."""
        app = application.app_of(found.netuid, found.name)
        pane, lines = self.query_one("#application"), self.query_one("#application-words", Static)
        pane.border_title = Content("Application" if app is None else application.TITLES[app])
        shown: list[Content] = []
        if app is not None and application.PATHS[app]:
            shown += self._door_words(found.netuid, app)
        if app == "nineteen":
            shown.append(say(("a", "accent"), " asks on screen 2: chat with any text model, streamed and verified."))
        offers = self.looks.of(f"offers {found.netuid}", lambda: self.node_app.api.offers(found.netuid), LOOK_AGE_S)
        if offers.value is not None:
            shown += [say(""), *application.offer_words(offers.value)]
        elif offers.trouble:
            shown += [say(""), say((offers.trouble, "dim"))]
        lines.update(rows(shown or [say(("This program knows no application of that subnet.", "dim"))]))

    def _door_words(self, netuid: int, app: application.App) -> list[Content]:
        bodies = []
        for path in application.PATHS[app]:

            async def read(path: str = path) -> str:
                return (await self.node_app.api.route("GET", path)).body

            look = self.looks.of(f"door {netuid} {path}", read, LOOK_AGE_S)
            if look.value is None:
                return [say((look.trouble or "…", "dim"))]
            bodies.append(look.value)
        return application.words(app, bodies)

    def _show_pane(self, *, second: bool) -> None:
        super()._show_pane(second=second)
        self.paint(self.model)
        if not second:
            self.call_after_refresh(self.query_one(LiveTable).focus)

    # --- actions ----------------------------------------------------------------------------------------------------

    def _chosen(self) -> int | None:
        row = self.query_one(LiveTable).chosen
        return None if row is None or not row.key.isdigit() else int(row.key)

    def action_interval(self, step: int) -> None:
        self.query_one(PriceChart).action_interval(step)
        self.paint(self.model)

    def action_trade(self) -> None:
        netuid = self._chosen()
        self.node_app.action_show("trade")
        trade = self.app.screen
        if netuid is not None and isinstance(trade, NodeScreen) and trade.NAME == "trade":
            trade.open_with(str(netuid))

    def action_application(self) -> None:
        found = self._subnet(self.chosen_key)
        app = None if found is None else application.app_of(found.netuid, found.name)
        if app == "nineteen":
            self.node_app.action_show("ask")
        elif app == "chutes":
            self._open_chutes()
        elif app == "data_universe":
            self.notify("neurond data query searches what is held; screen Data shows this node's part.", timeout=6)
        else:
            self.notify("This program knows no application of that subnet.", severity="warning")

    def _open_chutes(self) -> None:
        from tui.screens.chutes import ChutesScreen

        if not self.app.is_screen_installed("chutes"):
            self.app.install_screen(ChutesScreen(), "chutes")
        self.app.switch_screen("chutes")

    def action_stake(self) -> None:
        netuid = self._chosen()
        if netuid is not None:
            self.node_app.stake(netuid)

    def action_unstake(self) -> None:
        netuid, account = self._chosen(), self.model.account
        mine = [each for each in account.stakes if each.netuid == netuid] if account else []
        if not mine:
            self.notify("Nothing of yours is staked there.", severity="warning")
            return
        self.node_app.unstake(max(mine, key=lambda each: each.value_rao))

    def action_register(self) -> None:
        netuid = self._chosen()
        if netuid is not None:
            self.node_app.register(netuid)


def _facts(found: SubnetInfo) -> list[Content]:
    return [
        say((f"subnet {found.netuid} ", "strong"), clean(found.name, 40)),
        say(""),
        field("price", say((f"{price(found.price_rao)} τ", "accent"))),
        field("market cap", say(tau(market_cap(found)))),
        field("pool", say(tau(found.pool_rao), (f"  {alpha(found.pool_alpha)}", "dim"))),
        field("outside", say(alpha(found.outstanding_alpha))),
        field("emission", say(f"{tau(found.emission_rao_per_block)} a block")),
        field("epoch", say(f"{count(found.tempo_blocks)} blocks, next in {count(found.blocks_to_epoch)}")),
        field("seats", say(f"{count(found.neurons)} of {count(found.neurons_max)}")),
        field("a seat", say(f"{tau(found.burn_rao)}, burnt")),
        field("runs", say(("yes", "good") if found.started else ("not yet", "warn"))),
        field("owner", say((clean(found.owner, 60), "dim"))),
    ]


def _day(market: Market | None) -> list[Content]:
    """The last day, as far as this node followed it."""
    if market is None or market.since_ms is None:
        return [field("24 h", say(("this node has no prices of a day yet", "dim")))]
    cell = change_cell(market)
    return [
        field("24 h", say((cell.text, cell.tone))),
        field("high, low", say(f"{price(market.high_rao)}  {price(market.low_rao)} τ")),
        field("traded", say(tau(market.volume_rao))),
    ]


def _own(model: Model, netuid: int) -> list[Content]:
    account = model.account
    mine = [each for each in account.stakes if each.netuid == netuid] if account else []
    if not mine:
        return [say(("You have no stake here. + stakes.", "dim"))]
    lines = [say(("your stake", "dim"))]
    lines += [
        say(f"  {alpha(each.stake_alpha)}", (f"  {tau(each.value_rao)}  with {clean(each.hotkey, 12)}…", "dim"))
        for each in mine[:6]
    ]
    whole = account.stakes_value_rao if account else 0
    here = sum(each.value_rao for each in mine)
    return [*lines, say((f"  {per_cent(here / whole if whole else 0.0)} of all you have staked", "dim"))]
