"""Where a coldkey's miners have their earnings staked, if not behind themselves; and hotkeys claimed without a seat."""

from typing import Final

from node.ledger import errors
from node.ledger.calls import SetColdkeyAutoStakeHotkey, TryAssociateHotkey
from node.ledger.context import Context
from node.ledger.events import AutoStakeDestinationSet
from node.ledger.pallets import staking, subnets
from node.ledger.pallets.neurons import require_uid
from node.ledger.state import IndexedList, Map, Overlay, StateView
from node.primitives.types import AccountId, NetUid

DESTINATION: Final[Map[tuple[AccountId, NetUid], AccountId]] = Map(
    "destinations", "destination", tuple[AccountId, NetUid], AccountId, about="Where a coldkey's earnings are staked"
)
BY_HOTKEY: Final[IndexedList[tuple[AccountId, NetUid], AccountId]] = IndexedList(
    "destinations", "by_hotkey", tuple[AccountId, NetUid], AccountId, about="Coldkeys whose destination a hotkey is"
)
BY_SUBNET: Final[IndexedList[NetUid, AccountId]] = IndexedList(
    "destinations", "by_subnet", NetUid, AccountId, about="Coldkeys with a destination on a subnet"
)


def destination_of(view: StateView, coldkey: AccountId, netuid: NetUid, hotkey: AccountId) -> AccountId:
    """Behind which hotkey the incentive that `hotkey` of `coldkey` earned is staked."""
    return DESTINATION.find(view, (coldkey, netuid)) or hotkey


def set_auto_stake(context: Context, sender: AccountId, call: SetColdkeyAutoStakeHotkey) -> None:
    """Choose the sender's destination on a subnet: any hotkey with a seat there."""
    overlay = context.state
    subnets.require(overlay, call.netuid)
    require_uid(overlay, call.netuid, call.hotkey)
    if DESTINATION.find(overlay, (sender, call.netuid)) == call.hotkey:
        raise errors.SameAutoStakeHotkeyAlreadySet
    _set(overlay, sender, call.netuid, call.hotkey)
    context.emit(AutoStakeDestinationSet(sender, call.netuid, call.hotkey))


def try_associate(context: Context, sender: AccountId, call: TryAssociateHotkey) -> None:
    """Make an unknown hotkey the sender's; claiming one's own again changes nothing."""
    hotkey = staking.HOTKEY.find(context.state, call.hotkey)
    if hotkey is None:
        staking.create_hotkey(context.state, call.hotkey, sender, context.parameters.take_default_u16)
    elif hotkey.owner != sender:
        raise errors.NonAssociatedColdKey


def rename_hotkey(overlay: Overlay, netuid: NetUid, old: AccountId, new: AccountId) -> None:
    """Whoever chose the old hotkey now has the new one."""
    for coldkey in list(BY_HOTKEY.members(overlay, (old, netuid))):
        _set(overlay, coldkey, netuid, new)


def rename_coldkey(overlay: Overlay, netuid: NetUid, old: AccountId, new: AccountId) -> None:
    """The new coldkey has the old one's destination."""
    hotkey = DESTINATION.find(overlay, (old, netuid))
    if hotkey is not None:
        _unset(overlay, old, netuid)
        _set(overlay, new, netuid, hotkey)


def forget_subnet(overlay: Overlay, netuid: NetUid) -> None:
    """Erase everything about a subnet that is dissolved."""
    for coldkey in list(BY_SUBNET.members(overlay, netuid)):
        _unset(overlay, coldkey, netuid)


def _set(overlay: Overlay, coldkey: AccountId, netuid: NetUid, hotkey: AccountId) -> None:
    _unset(overlay, coldkey, netuid)
    DESTINATION.put(overlay, (coldkey, netuid), hotkey)
    BY_HOTKEY.add(overlay, (hotkey, netuid), coldkey)
    BY_SUBNET.add(overlay, netuid, coldkey)


def _unset(overlay: Overlay, coldkey: AccountId, netuid: NetUid) -> None:
    hotkey = DESTINATION.find(overlay, (coldkey, netuid))
    if hotkey is not None:
        DESTINATION.delete(overlay, (coldkey, netuid))
        BY_HOTKEY.remove(overlay, (hotkey, netuid), coldkey)
        BY_SUBNET.remove(overlay, netuid, coldkey)
