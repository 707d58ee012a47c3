"""A new hotkey in the place of an old one, everywhere or on one subnet: seat, records, links, and the stake behind it.

What may have to move is unbounded, so a swap that would move more than SWAP_MOVES_MAX rows is refused; keeping the
stake behind the old hotkey always fits for a hotkey without that many destinations and links.
"""

from typing import Final

from msgspec.structs import replace

from node.ledger import errors
from node.ledger.calls import SwapHotkey, SwapHotkeyOnSubnet
from node.ledger.context import Context
from node.ledger.events import HotkeySwapped, HotkeySwappedOnSubnet
from node.ledger.pallets import (
    accounts,
    bonds,
    children,
    council,
    destinations,
    exits,
    neurons,
    positions,
    root,
    roots,
    secret_weights,
    staking,
    subnets,
)
from node.ledger.pallets.staking import Hotkey
from node.ledger.state import Map, Overlay, StateView
from node.primitives.codec import Wire
from node.primitives.limits import SWAP_MOVES_MAX
from node.primitives.types import ROOT_NETUID, AccountId, Height, NetUid


class Swaps(Wire, frozen=True):
    """When a coldkey last swapped a hotkey, everywhere and by subnet (recent ones only); 0 for never."""

    everywhere: Height = Height(0)
    by_subnet: tuple[tuple[NetUid, Height], ...] = ()


SWAPS: Final[Map[AccountId, Swaps]] = Map(
    "hotkey_swaps", "swaps", AccountId, Swaps, default=Swaps(), about="Last hotkey swaps of a coldkey"
)


def swap_hotkey(context: Context, sender: AccountId, call: SwapHotkey) -> None:
    """Put a new hotkey in the place of an old one everywhere."""
    overlay, old, new = context.state, call.hotkey, call.new_hotkey
    record = _check_keys(overlay, sender, old, new)
    bonds.require_free(overlay, old)
    netuids = (ROOT_NETUID, *subnets.NETUIDS.get(overlay))
    seated = any(neurons.uid_of(overlay, netuid, new) is not None for netuid in netuids)
    if seated or root.seat_of(overlay, new) is not None or council.is_senator(overlay, new):
        raise errors.HotKeyAlreadyRegisteredInSubNet
    swaps = SWAPS.get(overlay, sender)
    due = swaps.everywhere + context.parameters.hotkey_swap_rate_limit_blocks
    if swaps.everywhere and context.height < due:
        raise errors.HotKeySetTxRateLimitExceeded(f"The coldkey may swap a hotkey again from block {due}.")
    _pay(context, sender, context.parameters.hotkey_swap_rao)
    if staking.stake_behind(overlay, new, ROOT_NETUID):
        raise errors.NewHotKeyNotCleanForRootSwap
    _check_moves(overlay, netuids, old, new, keep_stake=call.keep_stake)
    _put_record(overlay, new, record)
    for netuid in netuids:
        _swap_on(overlay, netuid, old, new, keep_stake=call.keep_stake)
    root.swap_hotkey(overlay, old, new)
    children.rename_flag(overlay, old, new)
    if not call.keep_stake:
        staking.delete_hotkey(overlay, old)
    SWAPS.put(overlay, sender, replace(swaps, everywhere=context.height))
    context.emit(HotkeySwapped(sender, old, new))


def swap_hotkey_on_subnet(context: Context, sender: AccountId, call: SwapHotkeyOnSubnet) -> None:
    """Put a new hotkey in the place of an old one on one subnet."""
    overlay, old, new, netuid = context.state, call.hotkey, call.new_hotkey, call.netuid
    subnets.require(overlay, netuid)
    record = _check_keys(overlay, sender, old, new)
    if neurons.uid_of(overlay, netuid, new) is not None:
        raise errors.HotKeyAlreadyRegisteredInSubNet
    swaps, parameters = SWAPS.get(overlay, sender), context.parameters
    pause_blocks = parameters.hotkey_swap_on_subnet_rate_limit_blocks
    recent = {key: height for key, height in swaps.by_subnet if context.height < height + pause_blocks}
    due = swaps.everywhere + parameters.hotkey_swap_rate_limit_blocks
    if swaps.everywhere and context.height < due:
        raise errors.HotKeySetTxRateLimitExceeded(f"The coldkey may swap a hotkey again from block {due}.")
    if netuid in recent:
        due = recent[netuid] + pause_blocks
        raise errors.HotKeySwapOnSubnetIntervalNotPassed(f"The coldkey may swap here again from block {due}.")
    _pay(context, sender, parameters.hotkey_swap_on_subnet_rao)
    _check_moves(overlay, (netuid,), old, new, keep_stake=call.keep_stake)
    _put_record(overlay, new, record)
    _swap_on(overlay, netuid, old, new, keep_stake=call.keep_stake)
    SWAPS.put(overlay, sender, Swaps(context.height, tuple(sorted({**recent, netuid: context.height}.items()))))
    context.emit(HotkeySwappedOnSubnet(sender, old, new, netuid))


def rename_coldkey(overlay: Overlay, old: AccountId, new: AccountId) -> None:
    """The new coldkey waits as long as the old one would."""
    SWAPS.put(overlay, new, SWAPS.get(overlay, old))
    SWAPS.delete(overlay, old)


def _check_keys(view: StateView, sender: AccountId, old: AccountId, new: AccountId) -> Hotkey:
    """The old hotkey's record, if the sender owns it and the new one is its own or nobody's."""
    record = staking.require_owned(view, old, sender)
    other = staking.HOTKEY.find(view, new)
    if other is not None and other.owner != sender:
        raise errors.NonAssociatedColdKey
    if old == new:
        raise errors.NewHotKeyIsSameWithOld
    return record


def _pay(context: Context, payer: AccountId, cost_rao: int) -> None:
    """Recycle the cost of a swap."""
    if accounts.free_balance(context.state, payer) < cost_rao:
        raise errors.NotEnoughBalanceToPaySwapHotKey(f"A swap costs {cost_rao} rao.")
    accounts.debit(context.state, payer, cost_rao)
    accounts.recycle(context.state, cost_rao)


def _check_moves(
    view: StateView, netuids: tuple[NetUid, ...], old: AccountId, new: AccountId, *, keep_stake: bool
) -> None:
    """Raise SwapTooLarge or ChildParentInconsistency unless what moves is bounded and can move everywhere.

    Nothing has moved yet: work that is undone again would cost no more than a base fee, as often as somebody likes.
    """
    moves = sum(
        children.link_count(view, old, netuid)
        + destinations.BY_HOTKEY.count(view, (old, netuid))
        + (0 if keep_stake else staking.NOMINATORS.count(view, (old, netuid)))
        for netuid in netuids
    )
    if moves > SWAP_MOVES_MAX:
        raise errors.SwapTooLarge
    for netuid in netuids:
        children.require_unmixed(view, netuid, old, new)


def _put_record(overlay: Overlay, new: AccountId, old: Hotkey) -> None:
    """The new hotkey takes no more than either did before: nobody's nominators pay for a swap."""
    known = staking.HOTKEY.find(overlay, new)
    if known is None:
        staking.create_hotkey(overlay, new, old.owner, old.take_u16)
        known = old
    take_u16 = min(old.take_u16, known.take_u16)
    changed_at = max(old.take_changed_at, known.take_changed_at)
    staking.HOTKEY.put(overlay, new, Hotkey(old.owner, take_u16, changed_at, old.delegate or known.delegate))


def _swap_on(overlay: Overlay, netuid: NetUid, old: AccountId, new: AccountId, *, keep_stake: bool) -> None:
    """One subnet's part, or root's: its seat, its owner, links, destinations and stake."""
    subnet = subnets.SUBNET.find(overlay, netuid)
    if subnet is not None:
        if neurons.uid_of(overlay, netuid, old) is not None:
            neurons.rename(overlay, netuid, old, new)
            secret_weights.rename(overlay, netuid, old, new)
            roots.swap_hotkey(overlay, netuid, old, new)
        if subnet.owner_hotkey == old:
            subnets.SUBNET.put(overlay, netuid, replace(subnet, owner_hotkey=new))
        children.rename(overlay, netuid, old, new)
        destinations.rename_hotkey(overlay, netuid, old, new)
    if not keep_stake:
        positions.give_pool(overlay, netuid, old, new, staking.HOTKEY.get(overlay, new).owner)
        exits.rename_hotkey(overlay, netuid, old, new)
