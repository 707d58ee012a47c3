"""Who is a miner and who may validate, read from a subnet's seats. One rule for everybody who asks."""

from typing import Final

from node.primitives.types import AccountId, Height, Uid
from node.subnets.base import Neuron, View


def may_validate(neuron: Neuron, view: View) -> bool:
    """Whether a seat's challenges count: it holds a permit or, before the first epoch gave any, it has stake."""
    if any(other.validator_permit for other in view.neurons):
        return neuron.validator_permit
    return neuron.stake_rao > 0


def miners(view: View, *, without: AccountId | None = None) -> list[Neuron]:
    """The seats that can be asked for work, by uid: they published a peer id and do not validate."""
    return [n for n in view.neurons if n.peer_id and n.hotkey != without and not may_validate(n, view)]


NO_SEAT: Final = Uid(-1)
"""The number in place of a seat's where there is none; it is never sent."""


def stranger(account: AccountId) -> Neuron:
    """A caller without a seat, as one that has nothing."""
    return Neuron(NO_SEAT, account, account, "", (), 0, False, Height(0))
