"""Positions that change hands as they are: to another coldkey of the same hotkey, or to another hotkey with all others.

Where the receiver holds nothing, shares keep their exact numbers; where it does, they move by what they are worth.
"""

from node.ledger.pallets.staking import (
    NOMINATORS,
    POOL,
    POSITIONS,
    SHARE,
    STAKED,
    HotkeyOnSubnet,
    Position,
    deposit,
    stake_behind,
    stake_of,
    withdraw,
)
from node.ledger.state import Overlay
from node.primitives.types import AccountId, NetUid


def give_position(overlay: Overlay, hotkey: AccountId, netuid: NetUid, old: AccountId, new: AccountId) -> None:
    """Make a coldkey's position behind a hotkey another coldkey's."""
    source: Position = (hotkey, netuid, old)
    if SHARE.find(overlay, (hotkey, netuid, new)) is None:
        _move_share(overlay, source, (hotkey, netuid, new))
        return
    amount = stake_of(overlay, hotkey, netuid, old)
    withdraw(overlay, hotkey, netuid, old, amount)
    deposit(overlay, hotkey, netuid, new, amount)
    _drop_share(overlay, source)


def give_pool(overlay: Overlay, netuid: NetUid, old: AccountId, new: AccountId, owner: AccountId) -> None:
    """Put all positions behind a hotkey behind another one; what rounding leaves of them is `owner`'s."""
    source, target = (old, netuid), (new, netuid)
    row = POOL.find(overlay, source)
    if row is None:
        return
    coldkeys = list(NOMINATORS.members(overlay, source))
    if POOL.find(overlay, target) is None:
        POOL.put(overlay, target, row)
        STAKED.add(overlay, netuid, new)
        for coldkey in coldkeys:
            _move_share(overlay, (old, netuid, coldkey), (new, netuid, coldkey))
    else:
        _merge(overlay, source, target, coldkeys, owner)
    POOL.delete(overlay, source)
    STAKED.remove(overlay, netuid, old)


def _merge(
    overlay: Overlay, source: HotkeyOnSubnet, target: HotkeyOnSubnet, coldkeys: list[AccountId], owner: AccountId
) -> None:
    (old, netuid), (new, _) = source, target
    for coldkey in coldkeys:
        amount = stake_of(overlay, old, netuid, coldkey)
        withdraw(overlay, old, netuid, coldkey, amount)
        deposit(overlay, new, netuid, coldkey, amount)
        _drop_share(overlay, (old, netuid, coldkey))
    deposit(overlay, new, netuid, owner, stake_behind(overlay, old, netuid))


def _move_share(overlay: Overlay, source: Position, target: Position) -> None:
    SHARE.put(overlay, target, SHARE.get(overlay, source))
    _list(overlay, target)
    _drop_share(overlay, source)


def _list(overlay: Overlay, position: Position) -> None:
    hotkey, netuid, coldkey = position
    POSITIONS.add(overlay, coldkey, (hotkey, netuid))
    NOMINATORS.add(overlay, (hotkey, netuid), coldkey)


def _drop_share(overlay: Overlay, position: Position) -> None:
    """The row goes; a share of an emptied pool, worth nothing, goes with it."""
    hotkey, netuid, coldkey = position
    SHARE.delete(overlay, position)
    POSITIONS.remove(overlay, coldkey, (hotkey, netuid))
    NOMINATORS.remove(overlay, (hotkey, netuid), coldkey)
