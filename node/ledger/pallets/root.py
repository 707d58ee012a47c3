"""Seats on root and in the Senate: both go by the τ staked on root behind a hotkey.

A full body replaces the member with the least root stake, and only by a hotkey with strictly more. Stake that falls
later removes nobody, and who loses the seat on root keeps the one in the Senate. Source:
docs/protocol.md, "Governance".
"""

from typing import Final

from node.ledger import errors
from node.ledger.calls import AdjustSenate, RootRegister
from node.ledger.context import Context
from node.ledger.events import DelegateAdded, NeuronRegistered, RootSeatLost, SenateAdjusted
from node.ledger.pallets import council, staking
from node.ledger.state import Overlay, StateView, Value
from node.primitives.codec import Wire
from node.primitives.limits import ROOT_SEATS_MAX, SENATE_MAX
from node.primitives.types import ROOT_NETUID, AccountId, Alpha, Height, Rao, Uid

INTERVAL_BLOCKS: Final = 100
REGISTRATIONS_PER_INTERVAL_MAX: Final = 6  # three times the field's target of two


class RootSeat(Wire, frozen=True):
    """One seat on root; its number is its place in the list."""

    hotkey: AccountId
    registered_at: Height


class Registrations(Wire, frozen=True):
    """When a seat was last taken, and how many were in that interval of 100 blocks."""

    last_height: Height = Height(0)
    in_interval: int = 0


SEATS: Final[Value[tuple[RootSeat, ...]]] = Value(
    "root", "seats", tuple[RootSeat, ...], default=(), about="Seats on root by uid"
)
REGISTRATIONS: Final[Value[Registrations]] = Value(
    "root", "registrations", Registrations, default=Registrations(), about="How many seats were taken lately"
)


def root_stake(view: StateView, hotkey: AccountId) -> Alpha:
    """τ staked on root behind a hotkey, in rao."""
    return staking.stake_behind(view, hotkey, ROOT_NETUID)


def seat_of(view: StateView, hotkey: AccountId) -> Uid | None:
    """A hotkey's seat on root, or None."""
    found = (uid for uid, seat in enumerate(SEATS.get(view)) if seat.hotkey == hotkey)
    return next((Uid(uid) for uid in found), None)


def root_register(context: Context, sender: AccountId, call: RootRegister) -> None:
    """Take a seat on root, become a delegate, and join the Senate if the stake suffices for that too."""
    overlay = context.state
    taken = _require_room_in_time(context)
    if seat_of(overlay, call.hotkey) is not None:
        raise errors.HotKeyAlreadyRegisteredInSubNet
    hotkey = staking.HOTKEY.find(overlay, call.hotkey)
    if hotkey is None:
        staking.create_hotkey(overlay, call.hotkey, sender, context.parameters.take_default_u16)
    elif hotkey.owner != sender:
        raise errors.NonAssociatedColdKey
    uid = _take_seat(context, call.hotkey)
    _make_delegate(context, call.hotkey)
    _join_senate(context, call.hotkey)
    REGISTRATIONS.put(overlay, Registrations(context.height, taken + 1))
    context.emit(NeuronRegistered(ROOT_NETUID, uid, call.hotkey, Rao(0)))


def adjust_senate(context: Context, sender: AccountId, call: AdjustSenate) -> None:
    """Take a seat in the Senate for a hotkey with a seat on root."""
    overlay = context.state
    staking.require_owned(overlay, call.hotkey, sender)
    if seat_of(overlay, call.hotkey) is None:
        raise errors.HotKeyNotRegisteredInSubNet("The hotkey has no seat on root.")
    if not _join_senate(context, call.hotkey):
        raise errors.StakeTooLowForRoot


def append_seat(overlay: Overlay, hotkey: AccountId, height: Height) -> Uid:
    """Give a hotkey the next free seat on root; the caller has checked that there is one."""
    seats = SEATS.get(overlay)
    SEATS.put(overlay, (*seats, RootSeat(hotkey, height)))
    return Uid(len(seats))


def swap_hotkey(overlay: Overlay, old: AccountId, new: AccountId) -> None:
    """Carry seats over to a hotkey's successor; what the old one has voted is erased."""
    seats = SEATS.get(overlay)
    if any(seat.hotkey == old for seat in seats):
        moved = tuple(RootSeat(new, seat.registered_at) if seat.hotkey == old else seat for seat in seats)
        SEATS.put(overlay, moved)
    if council.is_senator(overlay, old):
        council.replace_senator(overlay, old, new)


def _require_room_in_time(context: Context) -> int:
    """How many seats were taken in this interval; raises if there may be none more now."""
    last = REGISTRATIONS.get(context.state)
    if last.last_height == context.height:
        raise errors.TooManyRegistrationsThisBlock
    taken = last.in_interval if last.last_height // INTERVAL_BLOCKS == context.height // INTERVAL_BLOCKS else 0
    if taken >= REGISTRATIONS_PER_INTERVAL_MAX:
        due = (context.height // INTERVAL_BLOCKS + 1) * INTERVAL_BLOCKS
        raise errors.TooManyRegistrationsThisInterval(f"The next seat can be taken from block {due}.")
    return taken


def _take_seat(context: Context, hotkey: AccountId) -> Uid:
    overlay = context.state
    seats = SEATS.get(overlay)
    if len(seats) < ROOT_SEATS_MAX:
        return append_seat(overlay, hotkey, context.height)
    stakes = [root_stake(overlay, seat.hotkey) for seat in seats]
    uid = stakes.index(min(stakes))
    if not stakes[uid] < root_stake(overlay, hotkey):
        raise errors.StakeTooLowForRoot(f"The least member of root has {stakes[uid]} rao behind it.")
    context.emit(RootSeatLost(seats[uid].hotkey))
    SEATS.put(overlay, (*seats[:uid], RootSeat(hotkey, context.height), *seats[uid + 1 :]))
    return Uid(uid)


def _make_delegate(context: Context, account: AccountId) -> None:
    hotkey = staking.HOTKEY.get(context.state, account)
    if not hotkey.delegate:
        staking.HOTKEY.put(
            context.state, account, staking.Hotkey(hotkey.owner, hotkey.take_u16, hotkey.take_changed_at, True)
        )
        context.emit(DelegateAdded(hotkey.owner, account, hotkey.take_u16))


def _join_senate(context: Context, hotkey: AccountId) -> bool:
    """Give a hotkey a seat in the Senate if it may have one; whether it got one."""
    overlay = context.state
    senate = council.SENATE.get(overlay)
    if hotkey in senate:
        return False
    weakest: AccountId | None = None
    if len(senate) >= SENATE_MAX:
        weakest = sorted(senate, key=lambda member: -root_stake(overlay, member))[-1]
        if not root_stake(overlay, weakest) < root_stake(overlay, hotkey):
            return False
    council.replace_senator(overlay, weakest, hotkey)
    context.emit(SenateAdjusted(() if weakest is None else (weakest,), hotkey))
    return True
