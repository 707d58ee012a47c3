"""The rows of Stake & swap: one's positions, then the other subnets; what each is worth and how its day went."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.control.schema import Market, MarketBoard, Stake
from tui.model import Model
from tui.text import alpha, clean, float_of, tau
from tui.themes import Tone
from tui.widgets.live_table import Cell, Column, Row

COLUMNS: Final = (
    Column("net", 3, right=True),
    Column("name", 6, grow=True, rank=2),
    Column("role", 9, rank=3),
    Column("stake", 12, right=True),
    Column("value", 10, right=True, rank=1),
    Column("24 h", 8, right=True),
)
_ROLES: Final[Mapping[str, tuple[str, Tone]]] = {
    "miner": ("⛏ miner", "good"), "validator": ("✓ valid.", "good"), "staker": ("· staker", "dim")
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What a row stands for: a subnet, and the position there if there is one."""

    netuid: int
    stake: Stake | None

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return f"{self.netuid}:{'' if self.stake is None else clean(self.stake.hotkey)}"


def places(model: Model) -> list[Place]:
    """Return one's positions, the most valuable first, then root and the subnets in which one has none."""
    account = model.account
    held = sorted(account.stakes, key=lambda each: -each.value_rao) if account else []
    there = {each.netuid for each in held}
    others = [0, *(each.netuid for each in model.subnets or ())]
    return [Place(each.netuid, each) for each in held] + [Place(each, None) for each in others if each not in there]


def place_rows(model: Model, board: MarketBoard | None) -> list[Row]:
    """Return one row a place, in the columns of COLUMNS."""
    markets = {each.netuid: each for each in board.markets} if board else {}
    names = {each.netuid: each.name for each in model.subnets or ()} | {0: "root"}
    return [
        _row(model, each, names.get(each.netuid, ""), markets.get(each.netuid), order)
        for order, each in enumerate(places(model))
    ]


def day_change(market: Market | None) -> float | None:
    """By what part the price has gone since the day's beginning; None where that is not known."""
    if market is None or market.since_ms is None or market.before_rao <= 0:
        return None
    return float_of(float_of(market.price_rao) / float_of(market.before_rao) - 1)


def change_cell(market: Market | None) -> Cell:
    """A cell with the change of a day, signed in words as well as in colour."""
    moved = day_change(market)
    if moved is None:
        return Cell("–", "dim", -1e9)
    shown = f"{100 * min(moved, 99.99):+.2f} %"
    return Cell(shown, "dim" if not moved else "good" if moved > 0 else "bad", moved)


def _row(model: Model, place: Place, name: str, market: Market | None, order: int) -> Row:
    stake, status = place.stake, model.status
    role: tuple[str, Tone] = ("–", "dim")
    if stake is not None:
        own = status is not None and stake.hotkey == status.hotkey and place.netuid in status.netuids
        role = _ROLES.get(status.role if own and status else "", ("· staker", "dim"))
    amount = "–" if stake is None else tau(stake.stake_alpha) if place.netuid == 0 else alpha(stake.stake_alpha)
    return Row(
        place.key,
        (
            Cell(str(place.netuid), "dim", place.netuid),
            Cell(clean(name, 80), "strong" if stake else "dim"),
            Cell(*role),
            Cell(amount, "plain" if stake else "dim", -order),
            Cell("–" if stake is None else tau(stake.value_rao), "accent", 0 if stake is None else stake.value_rao),
            change_cell(market),
        ),
    )
