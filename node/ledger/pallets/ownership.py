"""What a subnet's owner may change, and when: not right before an epoch, and each thing only now and then.

An approved proposal may do what an owner may, at any time: it must not fail because somebody executed it too early.
"""

from typing import Final

from node.economics.clock import blocks_until_next_epoch
from node.ledger import errors
from node.ledger.context import Context
from node.ledger.origin import Origin
from node.ledger.pallets import subnets
from node.ledger.pallets.subnets import Subnet
from node.ledger.state import IndexedList, Map, Overlay
from node.primitives.types import AccountId, Height, NetUid

Action = tuple[NetUid, bytes]

CHANGED_AT: Final[Map[Action, Height]] = Map(
    "ownership", "changed_at", Action, Height, about="When a subnet's owner last changed something, by its name"
)
CHANGES: Final[IndexedList[NetUid, bytes]] = IndexedList(
    "ownership", "changes", NetUid, bytes, about="What a subnet's owner has changed"
)


def require_owner(context: Context, sender: AccountId, netuid: NetUid) -> Subnet:
    """The subnet, if the sender owns it or a proposal executes. Raises SubnetNotExists, NotSubnetOwner."""
    subnet = subnets.require(context.state, netuid)
    if context.origin is not Origin.ROOT and sender != subnet.owner_coldkey:
        raise errors.NotSubnetOwner
    return subnet


def begin_change(context: Context, sender: AccountId, netuid: NetUid, action: bytes, pause_blocks: int) -> Subnet:
    """`require_owner`, and for the owner the freeze window and the pause since the last change of that name.

    Notes the change; it is undone with the call if that fails later. Raises AdminActionProhibitedDuringWeightsWindow,
    TxRateLimitExceeded.
    """
    subnet = require_owner(context, sender, netuid)
    if context.origin is Origin.ROOT:
        return subnet
    overlay, key = context.state, (netuid, action)
    tempo_blocks = subnets.HYPERPARAMETERS.get(overlay, netuid).tempo_blocks
    if blocks_until_next_epoch(context.height, netuid, tempo_blocks) < context.parameters.admin_freeze_blocks:
        raise errors.AdminActionProhibitedDuringWeightsWindow
    last = CHANGED_AT.find(overlay, key)
    if last is not None and context.height < last + pause_blocks:
        raise errors.TxRateLimitExceeded(f"The next change is possible from block {last + pause_blocks}.")
    CHANGED_AT.put(overlay, key, context.height)
    CHANGES.add(overlay, netuid, action)
    return subnet


def owner_pause_blocks(context: Context, netuid: NetUid, tempos: int | None = None) -> int:
    """How long the owner waits between two changes; `tempos` replaces the chain's own number of tempos."""
    tempo_blocks = subnets.HYPERPARAMETERS.get(context.state, netuid).tempo_blocks
    return tempo_blocks * (context.parameters.owner_rate_limit_tempos if tempos is None else tempos)


def forget_subnet(overlay: Overlay, netuid: NetUid) -> None:
    """Remove every row of a dissolved subnet."""
    for action in CHANGES.members(overlay, netuid):
        CHANGED_AT.delete(overlay, (netuid, action))
    CHANGES.clear(overlay, netuid)
