"""Views of an account's past: what final blocks have done to it."""

from typing import Literal

from node.control.views.base import View

Direction = Literal["in", "out", "self", "about"]
"""τ or α came, went, changed its form within the account, or the event only concerns it."""


class HistoryItem(View, frozen=True):
    """One event that names the account; `event` is the chain's name of it, `other` the account on the other side.

    `free_rao` is what it added to the account's free τ (negative: took; fees are not among the events), `tao_rao` and
    `alpha` are the amounts that the event names. `netuid` None: it has none; `origin_netuid` is where stake that moved
    came from.
    """

    height: int
    position: int
    time_ms: int
    event: str
    direction: Direction
    other: str
    netuid: int | None
    free_rao: int
    tao_rao: int
    alpha: int
    origin_netuid: int | None = None


class HistoryPage(View, frozen=True):
    """A page of an account's events, newest first; everything from `searched_from` up to where it began was looked at.

    `kept_from`: the oldest block whose events this node has; what lies before it, it cannot tell. `more`: ask again,
    before the place (`searched_from`, `searched_position`).
    """

    address: str
    items: tuple[HistoryItem, ...]
    searched_from: int
    searched_position: int
    kept_from: int
    more: bool
