"""The Triumvirate: three accounts that may propose. Genesis names the first; afterwards only proposals change them."""

from node.ledger import errors
from node.ledger.calls import AddMember, RemoveMember, ResetMembers, SwapMember
from node.ledger.context import Context
from node.ledger.events import MemberAdded, MemberRemoved, MembersReset, MembersSwapped
from node.ledger.pallets import council
from node.primitives.limits import TRIUMVIRATE_MAX
from node.primitives.types import AccountId


def add_member(context: Context, call: AddMember) -> None:
    """One more member."""
    context.origin.require_root()
    members = council.TRIUMVIRATE.get(context.state)
    _require_outside(members, call.member)
    if len(members) >= TRIUMVIRATE_MAX:
        raise errors.TooManyMembers
    _put(context, (*members, call.member))
    context.emit(MemberAdded(call.member))


def remove_member(context: Context, call: RemoveMember) -> None:
    """One member less, but never none."""
    context.origin.require_root()
    members = council.TRIUMVIRATE.get(context.state)
    _require_inside(members, call.member)
    if len(members) == 1:
        raise errors.LastMember
    _put(context, council.without(members, call.member))
    context.emit(MemberRemoved(call.member))


def swap_member(context: Context, call: SwapMember) -> None:
    """One member for another."""
    context.origin.require_root()
    members = council.TRIUMVIRATE.get(context.state)
    _require_inside(members, call.member)
    _require_outside(members, call.new_member)
    _put(context, (*council.without(members, call.member), call.new_member))
    context.emit(MembersSwapped(call.member, call.new_member))


def reset_members(context: Context, call: ResetMembers) -> None:
    """All members anew; the call's type bounds how many."""
    context.origin.require_root()
    if len(set(call.members)) != len(call.members):
        raise errors.AlreadyMember("An account is named twice.")
    _put(context, call.members)
    context.emit(MembersReset(council.TRIUMVIRATE.get(context.state)))


def _require_inside(members: tuple[AccountId, ...], member: AccountId) -> None:
    if member not in members:
        raise errors.NotMember


def _require_outside(members: tuple[AccountId, ...], member: AccountId) -> None:
    if member in members:
        raise errors.AlreadyMember


def _put(context: Context, members: tuple[AccountId, ...]) -> None:
    council.TRIUMVIRATE.put(context.state, tuple(sorted(members)))
