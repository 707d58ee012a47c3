"""The authority set: who produces and finalises, and how one set follows another.

A set decided in authority epoch e is announced in full by the header of the first block of a later epoch. From the
epoch after that one on a block may enact it, by listing it once more: the children of that block belong to the new set,
the block itself still to the old one. A producer lists it, and others take its block, only when they know the
announcing block to be final; that is consensus's part, the rest follows from the state after a block and its child's
header, so replays agree. A set that goes back from stake to authorities is enacted by the very next block. Source:
docs/protocol.md, "Authorities".
"""

from typing import Final

from node.ledger import errors
from node.ledger.calls import RemoveAuthority, SetAuthorities
from node.ledger.context import Context
from node.ledger.events import AuthoritiesAnnounced, AuthoritiesEnacted, AuthoritiesScheduled
from node.ledger.header import set_hash
from node.ledger.pallets import system
from node.ledger.phases import Members, PosPhase, authorities_of, joined, phase_of, stake_of
from node.ledger.state import Map, Overlay, StateView, Value
from node.primitives.codec import Wire
from node.primitives.types import AccountId, Hash, Height, SetId, Slot

_CHANGE_PARTS: Final = 3  # at most one part in three of the weight leaves, and at most one in three is new


class AuthoritySet(Wire, frozen=True):
    """A numbered set, members in ascending order of their keys."""

    set_id: SetId
    members: Members


class Scheduled(Wire, frozen=True):
    """The set that follows; without members there is none.

    `announced_height` is 0 until a header has listed it. One that is `at_once` is listed and enacted by the next block.
    """

    members: Members = ()
    decided_epoch: int = 0
    announced_epoch: int = 0
    announced_height: Height = Height(0)
    at_once: bool = False


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


def announced(view: StateView, slot: Slot, *, enact: bool) -> tuple[SetId, Hash, Members]:
    """What the header of `slot` must say on the state `view` of its parent: set id, hash of the set that follows (of
    the present one while none is announced), and that set itself if this is the block that announces or enacts it.

    Where the block may but need not enact the set, `enact` tells what it does; elsewhere it changes nothing.
    """
    current, scheduled = CURRENT.get(view), SCHEDULED.get(view)
    if not scheduled.members:
        return current.set_id, set_hash(current.members), ()
    epoch = epoch_of(view, slot)
    if scheduled.announced_height:
        lists = enact and epoch > scheduled.announced_epoch
    elif scheduled.at_once or epoch > scheduled.decided_epoch:
        lists = True
    else:
        return current.set_id, set_hash(current.members), ()
    return current.set_id, set_hash(scheduled.members), scheduled.members if lists else ()


def advance(context: Context, listed: Members) -> None:
    """Announce or enact the set that follows, as the header `listed` it; a step of every block."""
    if not listed:
        return
    overlay = context.state
    scheduled, next_id = SCHEDULED.get(overlay), SetId(CURRENT.get(overlay).set_id + 1)
    if scheduled.announced_height or scheduled.at_once:
        _enact(context, AuthoritySet(next_id, listed))
        return
    epoch = epoch_of(overlay, system.CLOCK.get(overlay).slot)
    SCHEDULED.put(overlay, Scheduled(listed, scheduled.decided_epoch, epoch, context.height))
    context.emit(AuthoritiesAnnounced(next_id, set_hash(listed)))


def found(overlay: Overlay, members: Members) -> None:
    """Write the first set."""
    first = AuthoritySet(SetId(0), members)
    CURRENT.put(overlay, first)
    SETS.put(overlay, first.set_id, first)


def set_authorities(context: Context, call: SetAuthorities) -> None:
    """Decide on the authorities that follow; validators keep their part of the set."""
    context.origin.require_root()
    _require_settled(context.state)
    _require_authorities(context.state)
    accounts = [account for account, _ in call.members]
    if accounts != sorted(set(accounts)):
        raise errors.AuthoritiesNotSorted
    _decide(context, dict(call.members))


def remove_authority(context: Context, call: RemoveAuthority) -> None:
    """Decide that the set goes on without one authority."""
    context.origin.require_root()
    weights = authorities_of(CURRENT.get(context.state).members)
    if call.authority not in weights:
        raise errors.NotAuthority
    _require_settled(context.state)
    _require_authorities(context.state)
    _decide(context, {account: weight for account, weight in weights.items() if account != call.authority})


def schedule(context: Context, members: Members, *, at_once: bool = False) -> None:
    """Make `members` the set that follows; whoever decided it has checked that it may."""
    overlay = context.state
    epoch = epoch_of(overlay, system.CLOCK.get(overlay).slot)
    SCHEDULED.put(overlay, Scheduled(members, epoch, at_once=at_once))
    context.emit(AuthoritiesScheduled(SetId(CURRENT.get(overlay).set_id + 1), set_hash(members)))


def is_small_change(before: dict[AccountId, int], after: dict[AccountId, int]) -> bool:
    """Whether at most a third of the old weights leaves and at most a third of the new ones is new."""
    left, came = difference(before, after)
    return _CHANGE_PARTS * left <= sum(before.values()) and _CHANGE_PARTS * came <= sum(after.values())


def difference(before: dict[AccountId, int], after: dict[AccountId, int]) -> tuple[int, int]:
    """The weight that leaves, and the weight that is new."""
    left = sum(max(0, weight - after.get(account, 0)) for account, weight in before.items())
    came = sum(max(0, weight - before.get(account, 0)) for account, weight in after.items())
    return left, came


def is_involved(view: StateView, account: AccountId) -> bool:
    """Whether an account is in the present set or in the one that follows."""
    members = (*CURRENT.get(view).members, *SCHEDULED.get(view).members)
    return any(member.account == account for member in members)


def disable(overlay: Overlay, account: AccountId) -> None:
    """Take a member of the present set out of its schedule; it keeps its weight in quorums until it is removed."""
    if any(member.account == account for member in CURRENT.get(overlay).members):
        DISABLED.put(overlay, tuple(sorted({*DISABLED.get(overlay), account})))


def _require_settled(view: StateView) -> None:
    if SCHEDULED.get(view).members:
        raise errors.AuthorityChangePending


def _require_authorities(view: StateView) -> None:
    if phase_of(CURRENT.get(view).members) is PosPhase.STAKE:
        raise errors.StakeDecides


def _decide(context: Context, weights: dict[AccountId, int]) -> None:
    parameters, current = context.parameters, CURRENT.get(context.state).members
    before = authorities_of(current)
    if len(weights) < parameters.authorities_min:
        raise errors.TooFewAuthorities(f"This network has at least {parameters.authorities_min} authorities.")
    if weights == before:
        raise errors.AuthoritiesUnchanged
    if parameters.authority_change_bounded and not is_small_change(before, weights):
        raise errors.AuthorityChangeTooLarge
    schedule(context, joined(weights, stake_of(current)))


def _enact(context: Context, after: AuthoritySet) -> None:
    overlay = context.state
    CURRENT.put(overlay, after)
    SETS.put(overlay, after.set_id, after)
    SCHEDULED.put(overlay, Scheduled())
    kept = {member.account for member in after.members}
    DISABLED.put(overlay, tuple(account for account in DISABLED.get(overlay) if account in kept))
    context.emit(AuthoritiesEnacted(after.set_id, set_hash(after.members)))
