"""What staking has brought an account: what it put in, took out, and what is left, subnet by subnet. Pure.

Cash flows, not lots: gain = worth now + taken out - put in, the pools' fees inside. What was never paid for with τ
(rewards, stake of the genesis) counts as gained. Only events that a node still has can be counted; it says since when.
"""

from collections import Counter
from collections.abc import Iterable

from node.control.schema import Account
from node.control.views.base import View
from node.control.views.history import HistoryItem


class Gain(View, frozen=True):
    """One subnet, in rao of τ. `worth_rao` is what the positions there would be at the price of now."""

    netuid: int
    put_rao: int
    taken_rao: int
    worth_rao: int
    gain_rao: int


class Gains(View, frozen=True):
    """All subnets that were ever staked on, the largest flow first. `since_height`: older events are not known."""

    address: str
    height: int
    since_height: int
    subnets: tuple[Gain, ...]
    put_rao: int
    taken_rao: int
    worth_rao: int
    gain_rao: int


def gains_of(account: Account, past: Iterable[HistoryItem], since_height: int) -> Gains:
    """Return what the account's positions have brought, from its past in any order."""
    put: Counter[int] = Counter()
    taken: Counter[int] = Counter()
    worth: Counter[int] = Counter()
    for each in past:
        amount_rao = _flow(each)
        if each.netuid is not None and amount_rao:
            (put if amount_rao > 0 else taken)[each.netuid] += abs(amount_rao)
    for stake in account.stakes:
        worth[stake.netuid] += stake.value_rao
    rows = [
        Gain(netuid, put[netuid], taken[netuid], worth[netuid], worth[netuid] + taken[netuid] - put[netuid])
        for netuid in {*put, *taken, *worth}
    ]
    rows.sort(key=lambda each: (-(each.put_rao + each.taken_rao + each.worth_rao), each.netuid))
    return Gains(
        account.address, account.height, since_height, tuple(rows), put.total(), taken.total(), worth.total(),
        sum(each.gain_rao for each in rows),
    )  # fmt: skip


def _flow(item: HistoryItem) -> int:
    """What an event put into a subnet's stake, negative: took out of it, in rao; 0 for all others."""
    match item.event, item.direction:
        case (("StakeAdded" | "StakeRemoved"), "self"):
            return -item.free_rao
        case "StakeTransferred", ("in" | "out") if item.netuid == item.origin_netuid:
            return item.tao_rao if item.direction == "in" else -item.tao_rao
        case _:  # from subnet to subnet a sale and a purchase are events of their own
            return 0
