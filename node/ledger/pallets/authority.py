"""The authority set: who produces and finalises, and how one set follows another.

A set decided in authority epoch e is announced in full by the header of the first block of a later epoch, and enacted
by the first block of an epoch after that one: the children of that block belong to the new set, the block itself still
to the old one. Everything follows from the state after a block and its child's slot, so replays agree. Consensus has to
see to it that the announcing block (`SCHEDULED.announced_height`) is final before it follows the new set. Source:
docs/protocol.md, "Authorities".
"""

from typing import Final

from node.ledger import errors
from node.ledger.calls import RemoveAuthority, SetAuthorities
from node.ledger.context import Context
from node.ledger.events import AuthoritiesAnnounced, AuthoritiesEnacted, AuthoritiesScheduled
from node.ledger.header import Authority, set_hash
from node.ledger.pallets import system
from node.ledger.state import Map, Overlay, StateView, Value
from node.primitives.codec import Wire
from node.primitives.types import AccountId, Hash, Height, SetId, Slot

_CHANGE_PARTS: Final = 3  # at most one part in three of the weight leaves, and at most one in three is new

Members = tuple[Authority, ...]


class AuthoritySet(Wire, frozen=True):
    """A numbered set, members in ascending order of their keys."""

    set_id: SetId
    members: Members


class Scheduled(Wire, frozen=True):
    """The set that follows; without members there is none. `announced_height` is 0 until a header has listed it."""

    members: Members = ()
    decided_epoch: int = 0
    announced_epoch: int = 0
    announced_height: Height = Height(0)


CURRENT: Final[Value[AuthoritySet]] = Value(
    "authority", "current", AuthoritySet, about="The authority set of the next block"
)
SETS: Final[Map[SetId, AuthoritySet]] = Map(
    "authority", "sets", SetId, AuthoritySet, about="Every authority set there was; what old signatures are held to"
)
SCHEDULED: Final[Value[Scheduled]] = Value(
    "authority", "scheduled", Scheduled, default=Scheduled(), about="The authority set that follows the present one"
)
DISABLED: Final[Value[tuple[AccountId, ...]]] = Value(
    "authority", "disabled", tuple[AccountId, ...], default=(), about="Convicted authorities of the set, ascending"
)


def epoch_of(view: StateView, slot: Slot) -> int:
    """The authority epoch a slot belongs to."""
    return slot // system.NETWORK.get(view).epoch_slots


def announced(view: StateView, slot: Slot) -> tuple[SetId, Hash, Members]:
    """What the header of `slot` must say on the state `view` of its parent: set id, hash of the set that follows (of
    the present one while none is announced), and the announced set itself if this is the block that announces it."""
    current, scheduled = CURRENT.get(view), SCHEDULED.get(view)
    if scheduled.announced_height:
        return current.set_id, set_hash(scheduled.members), ()
    if _announces(view, scheduled, slot):
        return current.set_id, set_hash(scheduled.members), scheduled.members
    return current.set_id, set_hash(current.members), ()


def advance(context: Context) -> None:
    """Announce or enact the set that follows if this block begins the right epoch; a step of every block."""
    overlay = context.state
    scheduled = SCHEDULED.get(overlay)
    if not scheduled.members:
        return
    slot = system.CLOCK.get(overlay).slot
    epoch, next_id = epoch_of(overlay, slot), SetId(CURRENT.get(overlay).set_id + 1)
    if _announces(overlay, scheduled, slot):
        SCHEDULED.put(overlay, Scheduled(scheduled.members, scheduled.decided_epoch, epoch, context.height))
        context.emit(AuthoritiesAnnounced(next_id, set_hash(scheduled.members)))
    elif scheduled.announced_height and epoch > scheduled.announced_epoch:
        _enact(context, AuthoritySet(next_id, scheduled.members))


def found(overlay: Overlay, members: Members) -> None:
    """Write the first set."""
    first = AuthoritySet(SetId(0), members)
    CURRENT.put(overlay, first)
    SETS.put(overlay, first.set_id, first)


def set_authorities(context: Context, call: SetAuthorities) -> None:
    """Decide on the set that follows."""
    context.origin.require_root()
    _require_settled(context.state)
    accounts = [account for account, _ in call.members]
    if accounts != sorted(set(accounts)):
        raise errors.AuthoritiesNotSorted
    _schedule(context, tuple(Authority(account, weight) for account, weight in call.members))


def remove_authority(context: Context, call: RemoveAuthority) -> None:
    """Decide that the set goes on without one member."""
    context.origin.require_root()
    members = CURRENT.get(context.state).members
    rest = tuple(member for member in members if member.account != call.authority)
    if rest == members:
        raise errors.NotAuthority
    _require_settled(context.state)
    _schedule(context, rest)


def is_involved(view: StateView, account: AccountId) -> bool:
    """Whether an account is in the present set or in the one that follows."""
    members = (*CURRENT.get(view).members, *SCHEDULED.get(view).members)
    return any(member.account == account for member in members)


def disable(overlay: Overlay, account: AccountId) -> None:
    """Take a member of the present set out of its schedule; it keeps its weight in quorums until it is removed."""
    if any(member.account == account for member in CURRENT.get(overlay).members):
        DISABLED.put(overlay, tuple(sorted({*DISABLED.get(overlay), account})))


def _announces(view: StateView, scheduled: Scheduled, slot: Slot) -> bool:
    waiting = bool(scheduled.members) and not scheduled.announced_height
    return waiting and epoch_of(view, slot) > scheduled.decided_epoch


def _require_settled(view: StateView) -> None:
    if SCHEDULED.get(view).members:
        raise errors.AuthorityChangePending


def _schedule(context: Context, members: Members) -> None:
    overlay, parameters, current = context.state, context.parameters, CURRENT.get(context.state)
    if len(members) < parameters.authorities_min:
        raise errors.TooFewAuthorities(f"This network has at least {parameters.authorities_min} authorities.")
    if members == current.members:
        raise errors.AuthoritiesUnchanged
    if parameters.authority_change_bounded and not _is_small_change(current.members, members):
        raise errors.AuthorityChangeTooLarge
    epoch = epoch_of(overlay, system.CLOCK.get(overlay).slot)
    SCHEDULED.put(overlay, Scheduled(members, epoch))
    context.emit(AuthoritiesScheduled(SetId(current.set_id + 1), set_hash(members)))


def _is_small_change(old: Members, new: Members) -> bool:
    before, after = dict_of(old), dict_of(new)
    left = sum(max(0, weight - after.get(account, 0)) for account, weight in before.items())
    came = sum(max(0, weight - before.get(account, 0)) for account, weight in after.items())
    return _CHANGE_PARTS * left <= sum(before.values()) and _CHANGE_PARTS * came <= sum(after.values())


def dict_of(members: Members) -> dict[AccountId, int]:
    """Weights by account."""
    return {member.account: member.weight for member in members}


def _enact(context: Context, after: AuthoritySet) -> None:
    overlay = context.state
    CURRENT.put(overlay, after)
    SETS.put(overlay, after.set_id, after)
    SCHEDULED.put(overlay, Scheduled())
    kept = dict_of(after.members)
    DISABLED.put(overlay, tuple(account for account in DISABLED.get(overlay) if account in kept))
    context.emit(AuthoritiesEnacted(after.set_id, set_hash(after.members)))
