"""Screen 7: the coldkey's money: what is free, what is staked where, and sending, staking and unstaking it."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from node.control.schema import Stake
from tui.model import Model
from tui.screens.tabled import TableScreen
from tui.tables import POSITION_COLUMNS, position_key, position_rows
from tui.text import alpha, clean, count, per_cent, plural, price, tau
from tui.widgets.draw import field, rows, say
from tui.widgets.live_table import LiveTable, Row


class WalletScreen(TableScreen):
    """Positions by value; the details begin with the free balance."""

    NAME = "wallet"
    COMMAND = "wallet balance"
    HEADING = "Positions"
    HELP = "What the coldkey of this node holds. Keys are opened in this window only, never in the node."
    PARTS = ("account", "status", "subnets")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "send", "Send", tooltip="Send τ to an address"),
        Binding("plus", "add", "Stake more", key_display="+", tooltip="Stake more with the chosen validator"),
        Binding("minus", "unstake", "Unstake", key_display="-", tooltip="Take back from the chosen position"),
        Binding("A", "copy_address", "Copy address", tooltip="Copy the coldkey's address"),
    ]

    def table(self) -> LiveTable:
        return LiveTable(
            POSITION_COLUMNS, "Nothing is staked. On the screen Subnets, + stakes.", sort=4, descending=True
        )

    def rows(self, model: Model) -> list[Row] | None:
        return None if model.account is None else position_rows(model)

    def words(self, model: Model) -> Content:
        account = model.account
        if account is None:
            return Content("")
        total = tau(account.balance_rao + account.stakes_value_rao)
        return Content(f"{plural(len(account.stakes), 'position')} · free {tau(account.balance_rao)} · all {total}")

    def detail(self, model: Model, key: str) -> Content:
        return rows([*_purse(model), say(""), *_position(model, self._stake(key))])

    def _paint_detail(self) -> None:
        row = self.query_one(LiveTable).chosen
        self.show_detail(self.detail(self.model, row.key if row is not None else ""))

    def _stake(self, key: str) -> Stake | None:
        stakes = self.model.account.stakes if self.model.account else ()
        return next((each for each in stakes if position_key(each) == key), None)

    # --- actions ----------------------------------------------------------------------------------------------------

    def _chosen(self) -> Stake | None:
        row = self.query_one(LiveTable).chosen
        found = None if row is None else self._stake(row.key)
        if found is None:
            self.notify("No position is chosen.", severity="warning")
        return found

    def action_send(self) -> None:
        self.node_app.send()

    def action_add(self) -> None:
        stake = self._chosen()
        if stake is not None:
            self.node_app.stake(stake.netuid, stake.hotkey)

    def action_unstake(self) -> None:
        stake = self._chosen()
        if stake is not None:
            self.node_app.unstake(stake)

    def action_copy_address(self) -> None:
        status = self.model.status
        if status is not None and status.coldkey is not None:
            self.app.copy_to_clipboard(status.coldkey)
            self.notify(status.coldkey, title="Copied", markup=False)


def _purse(model: Model) -> list[Content]:
    account, status = model.account, model.status
    if status is not None and status.coldkey is None:
        return [say(("This node knows no coldkey.", "warn")), say(("Make one: neurond wallet create", "dim"))]
    if account is None:
        return [say(("The balance is being read.", "dim"))]
    return [
        field("free", say((tau(account.balance_rao), "accent"))),
        field("staked", say(tau(account.stakes_value_rao))),
        field("all", say((tau(account.balance_rao + account.stakes_value_rao), "strong"))),
        field("sent", say(f"{count(account.nonce)} transactions")),
        say(("coldkey", "dim")),
        say(clean(account.address, 80)),
    ]


def _position(model: Model, stake: Stake | None) -> list[Content]:
    if stake is None:
        return [say(("No position is chosen.", "dim"))]
    found = next((each for each in model.subnets or () if each.netuid == stake.netuid), None)
    whole = model.account.stakes_value_rao if model.account else 0
    return [
        say((f"subnet {stake.netuid} ", "strong"), clean(found.name, 40) if found else ""),
        field("stake", say(tau(stake.stake_alpha) if stake.netuid == 0 else alpha(stake.stake_alpha))),
        field("value", say(tau(stake.value_rao))),
        field("price", say(f"{price(stake.price_rao)} τ")),
        field("share", say(f"{per_cent(stake.value_rao / whole if whole else 0.0)} of your stake")),
        say(("validator", "dim")),
        say(clean(stake.hotkey, 80)),
    ]
