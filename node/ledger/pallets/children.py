"""Lent stake: hotkeys that let others use parts of their stake on a subnet, and share the dividends that it earns.

Once a subnet has started, a new list waits for a cooldown and then for the subnet's next epoch, where its rules are
checked again. A child's list of parents is bounded: when it is full, the parent that lends least makes room.
"""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from node.economics.children import inherited_stake, total_stake_weight
from node.ledger import errors
from node.ledger.calls import Child, SetAutoParentDelegation, SetChildkeyTake, SetChildren
from node.ledger.context import Context
from node.ledger.events import AutoParentDelegationSet, ChildKeyTakeSet, ChildrenSet, SetChildrenScheduled
from node.ledger.pallets import staking, subnets
from node.ledger.pallets.staking import HotkeyOnSubnet
from node.ledger.state import IndexedList, Map, Overlay, StateView
from node.primitives.codec import Wire
from node.primitives.fixed import U64_MAX
from node.primitives.limits import CHILDREN_MAX, CHILDREN_PER_EPOCH_MAX, PARENTS_MAX
from node.primitives.types import ROOT_NETUID, AccountId, Height, NetUid

Links = tuple[Child, ...]
"""(proportion of 2^64 - 1, hotkey) each."""


class Lending(Wire, frozen=True):
    """To whom a hotkey lends on a subnet, and who lends to it."""

    children: Links = ()
    parents: Links = ()


class ChildKey(Wire, frozen=True):
    """A hotkey's take as a child, and when it and its children changed; 0 for never."""

    take_u16: int = 0
    take_changed_at: Height = Height(0)
    children_changed_at: Height = Height(0)


class Request(Wire, frozen=True):
    """Children that wait for the first epoch after a block; `number` is its place in the subnet's queue."""

    children: Links
    after: Height
    number: int


class Queue(Wire, frozen=True):
    """Numbers of a subnet's first waiting request and of the next one."""

    first: int = 0
    next: int = 0


LENDING: Final[Map[HotkeyOnSubnet, Lending]] = Map(
    "children", "lending", HotkeyOnSubnet, Lending, default=Lending(), about="Children and parents of a hotkey"
)
CHILD_KEY: Final[Map[HotkeyOnSubnet, ChildKey]] = Map(
    "children", "child_key", HotkeyOnSubnet, ChildKey, default=ChildKey(), about="A hotkey's take as a child"
)
LISTED: Final[IndexedList[NetUid, AccountId]] = IndexedList(
    "children", "listed", NetUid, AccountId, about="Hotkeys with children, parents or a child's take on a subnet"
)
REQUEST: Final[Map[HotkeyOnSubnet, Request]] = Map(
    "children", "request", HotkeyOnSubnet, Request, about="Children that wait for an epoch"
)
QUEUE: Final[Map[NetUid, Queue]] = Map(
    "children", "queue", NetUid, Queue, default=Queue(), about="Bounds of the waiting requests' numbers"
)
QUEUED: Final[Map[tuple[NetUid, int], AccountId]] = Map(
    "children", "queued", tuple[NetUid, int], AccountId, about="The hotkey of a waiting request"
)
NO_AUTO_PARENT: Final[Map[AccountId, bool]] = Map(
    "children", "no_auto_parent", AccountId, bool, default=False, about="Whether a root validator skips new subnets"
)


# --- what others read -------------------------------------------------------------------------------------------------


def stake_weight_q64(view: StateView, netuid: NetUid, hotkey: AccountId, tao_weight_u64: int) -> int:
    """The stake an epoch sees behind a hotkey: inherited α plus weighted inherited root τ, as I64F64."""
    lending = LENDING.get(view, (hotkey, netuid))
    alpha = _inherited(view, hotkey, lending, netuid)
    return total_stake_weight(alpha, _inherited(view, hotkey, lending, ROOT_NETUID), tao_weight_u64)


def _inherited(view: StateView, hotkey: AccountId, lending: Lending, netuid: NetUid) -> int:
    """Own stake of one kind, less what is lent to children, plus what parents lend."""
    own = staking.stake_behind(view, hotkey, netuid)
    if lending == Lending():
        return own
    parts = [part for part, _ in lending.children]
    parents = [(part, staking.stake_behind(view, parent, netuid)) for part, parent in lending.parents]
    return inherited_stake(own, parts, parents)


# --- calls ------------------------------------------------------------------------------------------------------------


def set_children(context: Context, sender: AccountId, call: SetChildren) -> None:
    """Replace a hotkey's children on a subnet: at once before the subnet starts, else after cooldown and epoch."""
    overlay, netuid, key = context.state, call.netuid, (call.hotkey, call.netuid)
    child_key = CHILD_KEY.get(overlay, key)
    due = child_key.children_changed_at + context.parameters.children_rate_limit_blocks
    if child_key.children_changed_at and context.height < due:
        raise errors.TxRateLimitExceeded(f"The children may be changed again from block {due}.")
    if netuid == ROOT_NETUID:
        raise errors.RegistrationNotPermittedOnRootSubnet
    subnet = subnets.require(overlay, netuid)
    staking.require_owned(overlay, call.hotkey, sender)
    _check_list(call.hotkey, call.children)
    _check_standing(context, call.hotkey, netuid, call.children)
    _put_child_key(overlay, key, replace(child_key, children_changed_at=context.height))
    if subnet.first_emission_block == 0:
        _link(overlay, call.hotkey, netuid, call.children)
        context.emit(ChildrenSet(call.hotkey, netuid, call.children))
        return
    after = Height(context.height + context.parameters.children_cooldown_blocks)
    _enqueue(overlay, call.hotkey, netuid, call.children, after)
    context.emit(SetChildrenScheduled(call.hotkey, netuid, after, call.children))


def set_childkey_take(context: Context, sender: AccountId, call: SetChildkeyTake) -> None:
    """Set a child's take; raising it is rate limited."""
    overlay, key = context.state, (call.hotkey, call.netuid)
    subnets.require(overlay, call.netuid)
    staking.require_owned(overlay, call.hotkey, sender)
    least = max(
        context.parameters.childkey_take_min_u16,
        subnets.HYPERPARAMETERS.get(overlay, call.netuid).childkey_take_min_u16,
    )
    if not least <= call.take_u16 <= context.parameters.childkey_take_max_u16:
        most = context.parameters.childkey_take_max_u16
        raise errors.InvalidChildkeyTake(f"A child's take is {least} to {most} of 65535 here.")
    old = CHILD_KEY.get(overlay, key)
    due = old.take_changed_at + context.parameters.childkey_take_rate_limit_blocks
    if call.take_u16 > old.take_u16 and old.take_changed_at and context.height < due:
        raise errors.TxChildkeyTakeRateLimitExceeded(f"The take may rise again from block {due}.")
    _put_child_key(overlay, key, replace(old, take_u16=call.take_u16, take_changed_at=context.height))
    context.emit(ChildKeyTakeSet(call.hotkey, call.netuid, call.take_u16))


def set_auto_parent_delegation(context: Context, sender: AccountId, call: SetAutoParentDelegation) -> None:
    """Say whether a root validator lends its stake on new subnets to their owners."""
    staking.require_owned(context.state, call.hotkey, sender)
    NO_AUTO_PARENT.put(context.state, call.hotkey, not call.enabled)
    context.emit(AutoParentDelegationSet(call.hotkey, call.enabled))


# --- block step and subnets' life -------------------------------------------------------------------------------------


def apply_waiting(context: Context, netuid: NetUid) -> None:
    """After an epoch: carry out the requests whose cooldown is over, oldest first; one that breaks a rule now goes."""
    overlay = context.state
    queue = QUEUE.get(overlay, netuid)
    first = queue.first
    for number in range(queue.first, min(queue.next, queue.first + CHILDREN_PER_EPOCH_MAX)):
        hotkey = QUEUED.get(overlay, (netuid, number))
        request = REQUEST.find(overlay, (hotkey, netuid))
        if request is not None and request.number == number:
            if context.height <= request.after:
                break
            REQUEST.delete(overlay, (hotkey, netuid))
            _apply(context, hotkey, netuid, request.children)
        QUEUED.delete(overlay, (netuid, number))
        first = number + 1
    if first != queue.first:
        QUEUE.put(overlay, netuid, Queue(first, queue.next))


def lend_to_owner(context: Context, netuid: NetUid, root_hotkeys: Iterable[AccountId]) -> None:
    """On a new subnet every root validator that has not declined lends all its stake to the owner's hotkey."""
    owner_hotkey = subnets.require(context.state, netuid).owner_hotkey
    for hotkey in root_hotkeys:
        if hotkey != owner_hotkey and not NO_AUTO_PARENT.get(context.state, hotkey):
            children = ((U64_MAX, owner_hotkey),)
            _link(context.state, hotkey, netuid, children)
            context.emit(ChildrenSet(hotkey, netuid, children))


def link_count(view: StateView, hotkey: AccountId, netuid: NetUid) -> int:
    """How many children and parents a hotkey has."""
    lending = LENDING.get(view, (hotkey, netuid))
    return len(lending.children) + len(lending.parents)


def require_unmixed(view: StateView, netuid: NetUid, old: AccountId, new: AccountId) -> None:
    """Raise ChildParentInconsistency if two hotkeys both have children or parents: `rename` cannot join them."""
    if Lending() not in (LENDING.get(view, (old, netuid)), LENDING.get(view, (new, netuid))):
        raise errors.ChildParentInconsistency("The new hotkey has children or parents of its own.")


def rename(overlay: Overlay, netuid: NetUid, old: AccountId, new: AccountId) -> None:
    """Put a new hotkey in an old one's place; the caller has checked that their links do not mix."""
    lending = LENDING.get(overlay, (old, netuid))
    if lending != Lending():
        for _, child in lending.children:
            parents = LENDING.get(overlay, (child, netuid)).parents
            _put_parents(overlay, child, netuid, _renamed(parents, old, new))
        for _, parent in lending.parents:
            children = LENDING.get(overlay, (parent, netuid)).children
            _put_children(overlay, parent, netuid, _renamed(children, old, new))
        _put_lending(overlay, new, netuid, lending)
    request = REQUEST.find(overlay, (old, netuid))
    if request is not None:
        REQUEST.put(overlay, (new, netuid), request)
        QUEUED.put(overlay, (netuid, request.number), new)
    child_key = _lower(CHILD_KEY.get(overlay, (old, netuid)), CHILD_KEY.get(overlay, (new, netuid)))
    _put_child_key(overlay, (new, netuid), child_key)
    _forget(overlay, netuid, old)


def rename_flag(overlay: Overlay, old: AccountId, new: AccountId) -> None:
    """The new hotkey lends on new subnets, or does not, as the old one did."""
    NO_AUTO_PARENT.put(overlay, new, NO_AUTO_PARENT.get(overlay, old))
    NO_AUTO_PARENT.delete(overlay, old)


def forget_subnet(overlay: Overlay, netuid: NetUid) -> None:
    """Erase everything about a subnet that is dissolved."""
    for hotkey in list(LISTED.members(overlay, netuid)):
        _forget(overlay, netuid, hotkey)
    queue = QUEUE.get(overlay, netuid)
    for number in range(queue.first, queue.next):
        REQUEST.delete(overlay, (QUEUED.get(overlay, (netuid, number)), netuid))
        QUEUED.delete(overlay, (netuid, number))
    QUEUE.put(overlay, netuid, Queue())


def _forget(overlay: Overlay, netuid: NetUid, hotkey: AccountId) -> None:
    """Erase a hotkey's own rows on a subnet; its place in the queue stays, void."""
    LENDING.delete(overlay, (hotkey, netuid))
    CHILD_KEY.delete(overlay, (hotkey, netuid))
    REQUEST.delete(overlay, (hotkey, netuid))
    LISTED.remove(overlay, netuid, hotkey)


# --- rules ------------------------------------------------------------------------------------------------------------


def _check_list(hotkey: AccountId, children: Links) -> None:
    """What a list must be by itself."""
    accounts = [account for _, account in children]
    if len(set(accounts)) != len(accounts):
        raise errors.DuplicateChild
    if hotkey in accounts:
        raise errors.InvalidChild
    if len(children) > CHILDREN_MAX:
        raise errors.TooManyChildren
    if sum(part for part, _ in children) > U64_MAX:
        raise errors.ProportionOverflow


def _check_standing(context: Context, hotkey: AccountId, netuid: NetUid, children: Links) -> None:
    """What a list needs of the state; true when it is asked for and again when it comes into force."""
    overlay = context.state
    parents = {parent for _, parent in LENDING.get(overlay, (hotkey, netuid)).parents}
    if any(child in parents for _, child in children):
        raise errors.ChildParentInconsistency
    threshold_rao = context.parameters.stake_threshold_rao
    exempt = not children or hotkey == subnets.require(overlay, netuid).owner_hotkey
    if not exempt and staking.total_stake_rao(overlay, hotkey) < threshold_rao:
        raise errors.NotEnoughStakeToSetChildkeys(f"Lending needs {threshold_rao} rao of stake behind the hotkey.")
    for part, child in children:
        _least_parent(overlay, hotkey, part, child, netuid)


def _apply(context: Context, hotkey: AccountId, netuid: NetUid, children: Links) -> None:
    try:
        _check_standing(context, hotkey, netuid, children)
    except errors.CallError:
        return
    _link(context.state, hotkey, netuid, children)
    context.emit(ChildrenSet(hotkey, netuid, children))


# --- links ------------------------------------------------------------------------------------------------------------


def _link(overlay: Overlay, hotkey: AccountId, netuid: NetUid, children: Links) -> None:
    """Replace a hotkey's children; both ends of every link change together."""
    old = LENDING.get(overlay, (hotkey, netuid))
    for _, child in old.children:
        _put_parents(overlay, child, netuid, _without(LENDING.get(overlay, (child, netuid)).parents, hotkey))
    for part, child in children:
        least = _least_parent(overlay, hotkey, part, child, netuid)
        parents = LENDING.get(overlay, (child, netuid)).parents
        if least is not None:
            _put_children(overlay, least, netuid, _without(LENDING.get(overlay, (least, netuid)).children, child))
            parents = _without(parents, least)
        _put_parents(overlay, child, netuid, (*parents, (part, hotkey)))
    _put_children(overlay, hotkey, netuid, children)


def _least_parent(overlay: Overlay, hotkey: AccountId, part: int, child: AccountId, netuid: NetUid) -> AccountId | None:
    """The parent that must make room for `hotkey`, None while there is room. Raises TooManyParents."""
    parents = LENDING.get(overlay, (child, netuid)).parents
    if len(parents) < PARENTS_MAX or any(parent == hotkey for _, parent in parents):
        return None
    lent, least = min((_lent(overlay, parent, given, netuid), parent) for given, parent in parents)
    if lent >= _lent(overlay, hotkey, part, netuid):
        raise errors.TooManyParents
    return least


def _lent(view: StateView, hotkey: AccountId, part: int, netuid: NetUid) -> int:
    """What a parent lends, in rao * 2^64: its part of α and of root τ."""
    return part * (staking.stake_behind(view, hotkey, netuid) + staking.stake_behind(view, hotkey, ROOT_NETUID))


def _enqueue(overlay: Overlay, hotkey: AccountId, netuid: NetUid, children: Links, after: Height) -> None:
    """Put a request at the end of the subnet's queue; an older one of the same hotkey is void."""
    queue = QUEUE.get(overlay, netuid)
    REQUEST.put(overlay, (hotkey, netuid), Request(children, after, queue.next))
    QUEUED.put(overlay, (netuid, queue.next), hotkey)
    QUEUE.put(overlay, netuid, Queue(queue.first, queue.next + 1))


def _put_children(overlay: Overlay, hotkey: AccountId, netuid: NetUid, children: Links) -> None:
    _put_lending(overlay, hotkey, netuid, Lending(children, LENDING.get(overlay, (hotkey, netuid)).parents))


def _put_parents(overlay: Overlay, hotkey: AccountId, netuid: NetUid, parents: Links) -> None:
    _put_lending(overlay, hotkey, netuid, Lending(LENDING.get(overlay, (hotkey, netuid)).children, parents))


def _put_lending(overlay: Overlay, hotkey: AccountId, netuid: NetUid, lending: Lending) -> None:
    LENDING.put(overlay, (hotkey, netuid), lending)
    LISTED.add(overlay, netuid, hotkey)


def _put_child_key(overlay: Overlay, key: HotkeyOnSubnet, child_key: ChildKey) -> None:
    CHILD_KEY.put(overlay, key, child_key)
    LISTED.add(overlay, key[1], key[0])


def _lower(old: ChildKey, new: ChildKey) -> ChildKey:
    """The swapped key takes no more than either did before: nobody's parents pay for a swap."""
    take_u16 = min(old.take_u16, new.take_u16) if new.take_changed_at else old.take_u16
    return ChildKey(
        take_u16,
        max(old.take_changed_at, new.take_changed_at),
        max(old.children_changed_at, new.children_changed_at),
    )


def _without(links: Links, hotkey: AccountId) -> Links:
    return tuple(link for link in links if link[1] != hotkey)


def _renamed(links: Links, old: AccountId, new: AccountId) -> Links:
    return tuple((part, new if hotkey == old else hotkey) for part, hotkey in links)
