"""The screens of an attached node: names, keys, titles, aliases, and where each is found.

A screen's module is loaded when the screen is first shown, so that the window opens at once. To add a screen, add one
line here: tabs, digits, palette and `:` line follow. An entry without its module is a defect, not a promise.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tui.screens.base import NodeScreen


@dataclass(frozen=True, slots=True)
class Place:
    """One screen. `key` opens it from everywhere, `path` is `module:Class`, `aliases` are for the `:` line."""

    name: str
    key: str
    title: str
    path: str
    aliases: tuple[str, ...] = ()

    def make(self) -> "NodeScreen":
        """Load the module and make the screen."""
        module, _, name = self.path.partition(":")
        screen: NodeScreen = getattr(import_module(module), name)()
        return screen


PLACES: Final = (
    Place("home", "1", "Home", "tui.screens.home:HomeScreen", ("h", "status")),
    Place("ask", "2", "Ask", "tui.screens.ask:AskScreen", ("chat",)),
    Place("tasks", "3", "Tasks", "tui.screens.tasks:TasksScreen", ("t", "work")),
    Place("metagraph", "4", "Metagraph", "tui.screens.metagraph:MetagraphScreen", ("mg", "seats", "neurons")),
    Place("trade", "5", "Stake", "tui.screens.trade:TradeScreen", ("swap", "positions")),
    Place("subnets", "6", "Subnets", "tui.screens.subnets:SubnetsScreen", ("sn", "market")),
    Place("wallet", "7", "Wallet", "tui.screens.wallet:WalletScreen", ("w", "accounts")),
    Place("governance", "8", "Governance", "tui.screens.governance:GovernanceScreen", ("gov", "proposals", "votes")),
    Place("logs", "9", "Logs", "tui.screens.logs:LogsScreen", ("l", "log")),
    Place("settings", "0", "Settings", "tui.screens.settings:SettingsScreen", ("doctor", "config", "set")),
    Place("peers", "P", "Peers", "tui.screens.peers:PeersScreen", ("p", "network")),
    Place("data", "D", "Data", "tui.screens.data:DataScreen", ("d", "shards", "storage")),
)
"""In the order of the tabs. The digits stay with their screens, whatever else comes: fingers remember them."""


def place(name: str) -> Place | None:
    """Return the screen of that name, None when there is none."""
    return next((each for each in PLACES if each.name == name), None)


def load_all() -> None:
    """Load the modules of all screens, so that all their keys are known."""
    for each in PLACES:
        import_module(each.path.partition(":")[0])
