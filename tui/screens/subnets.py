"""Screen 6: all subnets as a market: prices, pools, what is paid, and one's own stake; buying and selling from here."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from node.control.schema import SubnetInfo
from tui.model import Model
from tui.screens.tabled import TableScreen
from tui.tables import SUBNET_COLUMNS, market_cap, subnet_rows
from tui.text import alpha, clean, count, per_cent, plural, price, tau
from tui.widgets.braille import BrailleLine
from tui.widgets.draw import field, rows, say
from tui.widgets.live_table import LiveTable, Row


class SubnetsScreen(TableScreen):
    """Subnets by market cap; the chart is of prices seen since the window was opened."""

    NAME = "subnets"
    COMMAND = "subnets list"
    HEADING = "Subnets"
    HELP = "All subnets. Staking buys a subnet's α from its pool, unstaking sells it: both show the price first."
    PARTS = ("subnets", "account", "status")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "stake", "Stake", key_display="+", tooltip="Buy this subnet's α: shows price and fee first"),
        Binding("minus", "unstake", "Unstake", key_display="-", tooltip="Sell α that is staked here"),
        Binding("b", "register", "Buy a seat", tooltip="Buy a seat for this node's hotkey"),
    ]

    def side(self) -> Iterable[Widget]:
        chart = Vertical(BrailleLine("The price appears after two readings.", id="price"), id="chart", classes="pane")
        chart.border_title = Content("Price")
        yield chart

    def table(self) -> LiveTable:
        return LiveTable(SUBNET_COLUMNS, "This network has no subnets yet.", sort=3, descending=True)

    def rows(self, model: Model) -> list[Row] | None:
        return None if model.subnets is None else subnet_rows(model)

    def words(self, model: Model) -> Content:
        return Content(plural(len(model.subnets or ()), "subnet"))

    def detail(self, model: Model, key: str) -> Content:
        found = next((each for each in model.subnets or () if str(each.netuid) == key), None)
        chart = self.query_one(BrailleLine)
        if found is None:
            chart.show(())
            return say(("This subnet has gone.", "dim"))
        chart.show(list(model.chart(found.netuid)))
        self.query_one("#chart").border_subtitle = Content(f"{price(found.price_rao)} τ")
        return rows([*_facts(found), say(""), *_own(model, found.netuid)])

    # --- actions ----------------------------------------------------------------------------------------------------

    def _chosen(self) -> int | None:
        row = self.query_one(LiveTable).chosen
        return None if row is None or not row.key.isdigit() else int(row.key)

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
