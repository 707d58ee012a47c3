"""A new coldkey in the place of an old one: announced by its hash, carried out days later, disputed in between.

Whoever steals a coldkey cannot be quick: the owner sees the announcement, and all other calls of the account are
refused meanwhile. A dispute freezes the account until the network decides. What moves is bounded per call; while a swap
is under way its rest waits for the next call.
"""

import hashlib
from typing import Final

from msgspec.structs import replace

from node.ledger import calls, errors, events
from node.ledger.context import Context
from node.ledger.pallets import accounts, destinations, hotkey_swaps, identities, positions, proxies, staking, subnets
from node.ledger.state import Map, Overlay, StateView
from node.primitives.codec import Wire
from node.primitives.limits import SWAP_MOVES_MAX
from node.primitives.types import HASH_BYTES, AccountId, Hash, Height


class Announcement(Wire, frozen=True):
    """The new coldkey's hash, when the swap is due, and whether it is disputed or has begun to move things."""

    new_coldkey_hash: Hash
    due: Height
    disputed: bool = False
    moving: bool = False


ANNOUNCED: Final[Map[AccountId, Announcement]] = Map(
    "coldkey_swaps", "announced", AccountId, Announcement, about="The announced swap of a coldkey"
)


def coldkey_hash(coldkey: AccountId) -> Hash:
    """The hash that announces a coldkey: plain blake2b-256."""
    return Hash(hashlib.blake2b(coldkey, digest_size=HASH_BYTES).digest())


def is_announced(view: StateView, account: AccountId) -> bool:
    """Whether the account's swap is announced: it is frozen, but for the steps of the swap."""
    return ANNOUNCED.find(view, account) is not None


def require_free(view: StateView, account: AccountId, call: calls.Call) -> None:
    """Raise ColdkeySwapAnnounced or ColdkeySwapDisputed if the account's swap stands in the way of the call."""
    announced = ANNOUNCED.find(view, account)
    if announced is None or isinstance(call, calls.DisputeColdkeySwap):
        return
    if announced.disputed:
        raise errors.ColdkeySwapDisputed
    if not isinstance(call, calls.ColdkeySwapCall):
        raise errors.ColdkeySwapAnnounced


def announce(context: Context, sender: AccountId, call: calls.AnnounceColdkeySwap) -> None:
    """Announce the new coldkey; only the first announcement costs something."""
    overlay, parameters = context.state, context.parameters
    old = ANNOUNCED.find(overlay, sender)
    if old is None:
        cost_rao = parameters.coldkey_swap_rao
        if accounts.free_balance(overlay, sender) < cost_rao:
            raise errors.NotEnoughBalanceToPaySwapColdKey(f"The announcement costs {cost_rao} rao.")
        accounts.debit(overlay, sender, cost_rao)
        accounts.recycle(overlay, cost_rao)
    elif old.moving or context.height < old.due + parameters.coldkey_swap_second_thoughts_blocks:
        raise errors.ColdkeySwapReannouncedTooEarly(_not_before(context, old))
    due = Height(context.height + parameters.coldkey_swap_delay_blocks)
    ANNOUNCED.put(overlay, sender, Announcement(call.new_coldkey_hash, due))
    context.emit(events.ColdkeySwapAnnounced(sender, call.new_coldkey_hash, due))


def swap_announced(context: Context, sender: AccountId, call: calls.SwapColdkeyAnnounced) -> None:
    """Hand everything to the announced coldkey, as much as fits; the next call goes on."""
    overlay, announced = context.state, _require_announced(context.state, sender)
    if coldkey_hash(call.new_coldkey) != announced.new_coldkey_hash:
        raise errors.AnnouncedColdkeyHashDoesNotMatch
    if context.height < announced.due:
        raise errors.ColdkeySwapTooEarly(f"The swap is due in block {announced.due}.")
    if not announced.moving:
        _require_fresh(overlay, call.new_coldkey)
    if _move(overlay, sender, call.new_coldkey):
        ANNOUNCED.delete(overlay, sender)
        context.emit(events.ColdkeySwapped(sender, call.new_coldkey))
    else:
        ANNOUNCED.put(overlay, sender, replace(announced, moving=True))
        context.emit(events.ColdkeySwapContinues(sender, call.new_coldkey))


def dispute(context: Context, sender: AccountId) -> None:
    """Freeze the sender's account."""
    announced = _require_announced(context.state, sender)
    if announced.disputed:
        raise errors.ColdkeySwapAlreadyDisputed
    ANNOUNCED.put(context.state, sender, replace(announced, disputed=True))
    context.emit(events.ColdkeySwapDisputed(sender))


def clear(context: Context, sender: AccountId) -> None:
    """Take the announcement back."""
    announced = _require_announced(context.state, sender)
    if announced.moving or context.height < announced.due + context.parameters.coldkey_swap_second_thoughts_blocks:
        raise errors.ColdkeySwapClearTooEarly(_not_before(context, announced))
    ANNOUNCED.delete(context.state, sender)
    context.emit(events.ColdkeySwapCleared(sender))


def reset(context: Context, call: calls.ResetColdkeySwap) -> None:
    """The network drops an announcement and its dispute."""
    context.origin.require_root()
    _require_announced(context.state, call.coldkey)
    ANNOUNCED.delete(context.state, call.coldkey)
    context.emit(events.ColdkeySwapReset(call.coldkey))


def swap_by_root(context: Context, call: calls.SwapColdkey) -> None:
    """The network hands everything of one coldkey to another; a rest that does not fit goes the announced way."""
    context.origin.require_root()
    overlay = context.state
    _require_fresh(overlay, call.new_coldkey)
    if _move(overlay, call.old_coldkey, call.new_coldkey):
        ANNOUNCED.delete(overlay, call.old_coldkey)
        context.emit(events.ColdkeySwapped(call.old_coldkey, call.new_coldkey))
    else:
        waiting = Announcement(coldkey_hash(call.new_coldkey), context.height, moving=True)
        ANNOUNCED.put(overlay, call.old_coldkey, waiting)
        context.emit(events.ColdkeySwapContinues(call.old_coldkey, call.new_coldkey))


def _require_announced(view: StateView, coldkey: AccountId) -> Announcement:
    announced = ANNOUNCED.find(view, coldkey)
    if announced is None:
        raise errors.ColdkeySwapAnnouncementNotFound
    return announced


def _require_fresh(view: StateView, coldkey: AccountId) -> None:
    """The new coldkey owns no stake and no hotkeys, and is none."""
    if staking.POSITIONS.count(view, coldkey) or staking.OWNED.count(view, coldkey):
        raise errors.ColdKeyAlreadyAssociated
    if staking.HOTKEY.find(view, coldkey) is not None:
        raise errors.NewColdKeyIsHotkey


def _not_before(context: Context, announced: Announcement) -> str:
    if announced.moving:
        return "The swap has begun; send it again until all has moved."
    due = announced.due + context.parameters.coldkey_swap_second_thoughts_blocks
    return f"The announcement stands until block {due}."


def _move(overlay: Overlay, old: AccountId, new: AccountId) -> bool:
    """Move positions, then hotkeys, at most SWAP_MOVES_MAX; then the rest. Whether all has moved."""
    left = SWAP_MOVES_MAX
    while left and (count := staking.POSITIONS.count(overlay, old)):
        hotkey, netuid = staking.POSITIONS.at(overlay, old, count - 1)
        positions.give_position(overlay, hotkey, netuid, old, new)
        left -= 1
    while left and (count := staking.OWNED.count(overlay, old)):
        staking.give_hotkey(overlay, staking.OWNED.at(overlay, old, count - 1), new)
        left -= 1
    if staking.POSITIONS.count(overlay, old) or staking.OWNED.count(overlay, old):
        return False
    for netuid in subnets.NETUIDS.get(overlay):
        subnet = subnets.require(overlay, netuid)
        if subnet.owner_coldkey == old:
            subnets.SUBNET.put(overlay, netuid, replace(subnet, owner_coldkey=new))
        destinations.rename_coldkey(overlay, netuid, old, new)
    identities.rename(overlay, old, new)
    hotkey_swaps.rename_coldkey(overlay, old, new)
    proxies.forget(overlay, old)
    free_rao = accounts.free_balance(overlay, old)
    accounts.debit(overlay, old, free_rao)
    accounts.credit(overlay, new, free_rao)
    accounts.name_heir(overlay, old, new)  # what channels hold for the old one comes later
    return True
