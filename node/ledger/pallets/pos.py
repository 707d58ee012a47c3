"""The move to proof of stake: a date, what must hold by then, and the steps that lead there or back.

Three phases: authorities alone, authorities and stake jointly, stake alone. At the start of an authority epoch, while
no other set waits, this decides on the next set: the joint one once its time has come and the guards hold, then the one
of stake, then every change of the bonds. Before the joint phase validators prove that they are there by shadow votes.
The way back is open until a set of stake alone is in force, and only by decision, never by time. Source:
docs/protocol.md, "Proof of stake".
"""

from typing import Final, NamedTuple

from msgspec.structs import replace

from node.ledger import errors
from node.ledger.calls import AbortPos, SchedulePos, ShadowVote, VoteAbortPos
from node.ledger.context import Context
from node.ledger.events import PosAborted, PosAbortVoted, PosPostponed, PosScheduled
from node.ledger.header import Authority
from node.ledger.pallets import accounts, authority, bonds, slashing, system
from node.ledger.phases import PosPhase, authorities_of, joined, phase_of, stake_of
from node.ledger.state import Map, StateView, Value
from node.primitives.codec import Wire
from node.primitives.limits import STAKE_VALIDATORS_MAX
from node.primitives.types import AccountId

_PPM: Final = 1_000_000
_LEAD_EPOCHS: Final = 2  # from the decision on a set to its enactment

Stakes = dict[AccountId, int]


class PosSchedule(Wire, frozen=True):
    """When, and the guards; without joint epochs nothing is scheduled. `joint_epoch` is when the joint phase began."""

    activation_epoch: int = 0
    joint_epochs: int = 0
    validators_min: int = 0
    bonded_min_ppm: int = 0
    weight_max_ppm: int = 0
    participation_min_ppm: int = 0
    joint_epoch: int = 0

    @property
    def stake_epoch(self) -> int:
        """The first authority epoch that stake may decide alone."""
        return max(self.activation_epoch, self.joint_epoch) + self.joint_epochs


class Guard(NamedTuple):
    """One condition of a step: `present` is at least `needed`, or at most. Counts, or parts per million."""

    name: str
    needed: int
    present: int
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether it is met."""
        return self.present <= self.needed if self.at_most else self.present >= self.needed


SCHEDULE: Final[Value[PosSchedule]] = Value(
    "authority", "pos", PosSchedule, default=PosSchedule(), about="The scheduled move to proof of stake"
)
SHADOWS: Final[Map[AccountId, int]] = Map(
    "authority", "shadows", AccountId, int, default=-1, about="Authority epoch of a validator's last shadow vote"
)
ABORTING: Final[Value[tuple[AccountId, ...]]] = Value(
    "authority", "aborting", tuple[AccountId, ...], default=(), about="Authorities that voted to abort, ascending"
)


# --- calls ----------------------------------------------------------------------------------------------------------


def schedule_pos(context: Context, call: SchedulePos) -> None:
    """Fix the date and the guards."""
    context.origin.require_root()
    if SCHEDULE.get(context.state).joint_epochs:
        raise errors.PosAlreadyScheduled
    earliest = epoch_now(context.state) + context.parameters.pos_lead_epochs
    if call.activation_epoch < earliest:
        raise errors.PosScheduleTooEarly(f"Authority epoch {earliest} is the first possible one.")
    least = context.parameters.pos_joint_epochs_min
    if call.joint_epochs < least:
        raise errors.PosJointPhaseTooShort(f"The joint phase has at least {least} authority epochs.")
    SCHEDULE.put(
        context.state,
        PosSchedule(
            call.activation_epoch, call.joint_epochs, call.validators_min, call.bonded_min_ppm, call.weight_max_ppm,
            call.participation_min_ppm,
        ),
    )  # fmt: skip
    context.emit(PosScheduled(call.activation_epoch))


def abort_pos(context: Context, call: AbortPos) -> None:
    """Go on with authorities, by proposal."""
    context.origin.require_root()
    _require_abortable(context.state)
    _abort(context)


def vote_abort_pos(context: Context, sender: AccountId, call: VoteAbortPos) -> None:
    """One authority's voice for going on without stake; more than two thirds of their weight decide it."""
    overlay = context.state
    _require_abortable(overlay)
    weights = authorities_of(authority.CURRENT.get(overlay).members)
    if sender not in weights:
        raise errors.NotAuthority
    if sender in ABORTING.get(overlay):
        raise errors.DuplicateVote
    voters = tuple(sorted({*ABORTING.get(overlay), sender}))
    ABORTING.put(overlay, voters)
    context.emit(PosAbortVoted(sender))
    if 3 * sum(weights.get(voter, 0) for voter in voters) > 2 * sum(weights.values()):
        _abort(context)


def shadow_vote(context: Context, sender: AccountId, call: ShadowVote) -> None:
    """A validator names a recent block of this chain: it follows, and could have voted."""
    overlay = context.state
    if not SCHEDULE.get(overlay).joint_epochs or phase_of(authority.CURRENT.get(overlay).members) is PosPhase.STAKE:
        raise errors.PosNotScheduled
    if bonds.BOND.get(overlay, sender).active_rao < context.parameters.validator_bond_min_rao:
        raise errors.NotValidator
    if system.block_hash_at(overlay, call.height) != call.block_hash:
        raise errors.ShadowVoteElsewhere
    epoch = epoch_now(context.state)
    if SHADOWS.get(overlay, sender) == epoch:
        raise errors.DuplicateVote
    SHADOWS.put(overlay, sender, epoch)


# --- the step at the start of an authority epoch --------------------------------------------------------------------


def decide(context: Context) -> None:
    """Decide on the set that follows, if stake has a say in it and no other set waits."""
    overlay = context.state
    if authority.SCHEDULED.get(overlay).members:
        return
    schedule = SCHEDULE.get(overlay)
    current = authority.CURRENT.get(overlay).members
    match phase_of(current):
        case PosPhase.AUTHORITIES:
            if schedule.joint_epochs and epoch_now(context.state) + _LEAD_EPOCHS >= schedule.activation_epoch:
                _enter_joint(context, current)
        case PosPhase.JOINT:
            _go_on_jointly(context, schedule, current)
        case PosPhase.STAKE:
            _follow_bonds(context, {}, stake_of(current))


def note_enacted(context: Context) -> None:
    """Remember when the joint phase began; call it after every block that lists a set."""
    overlay = context.state
    schedule = SCHEDULE.get(overlay)
    joint = phase_of(authority.CURRENT.get(overlay).members) is PosPhase.JOINT
    if joint and not schedule.joint_epoch:
        SCHEDULE.put(overlay, replace(schedule, joint_epoch=epoch_now(overlay)))


def _enter_joint(context: Context, current: tuple[Authority, ...]) -> None:
    stakes = candidates(context.state)
    missing = _unmet(guards(context.state, stakes, shadowed=True))
    if missing:
        context.emit(PosPostponed(missing))
        return
    authority.schedule(context, joined(authorities_of(current), stakes))


def _go_on_jointly(context: Context, schedule: PosSchedule, current: tuple[Authority, ...]) -> None:
    if epoch_now(context.state) + _LEAD_EPOCHS < schedule.stake_epoch:
        _follow_bonds(context, authorities_of(current), stake_of(current))
        return
    missing = _unmet(guards(context.state, stake_of(current), shadowed=False))
    if missing:
        context.emit(PosPostponed(missing))
        _follow_bonds(context, authorities_of(current), stake_of(current))
        return
    authority.schedule(context, joined({}, stake_of(current)))


def _follow_bonds(context: Context, weights: Stakes, before: Stakes) -> None:
    """Bring the stakes of the set up to the bonds, at most a third at a time where the network bounds it."""
    after = candidates(context.state)
    if context.parameters.authority_change_bounded:
        after = towards(before, after)
    if after and after != before:
        authority.schedule(context, joined(weights, after))


def candidates(view: StateView) -> Stakes:
    """The bonds that may decide: the largest ones, of hotkeys that were not convicted of late."""
    parameters = system.PARAMETERS.get(view)
    least_rao = parameters.validator_bond_min_rao
    since = system.CLOCK.get(view).height - parameters.evidence_age_blocks
    listed = [
        (-bonds.BOND.get(view, account).active_rao, account)
        for account in bonds.BONDED.members(view, bonds.EVERYBODY)
        if not slashing.is_convicted(view, account, since)
    ]
    return {account: -negative for negative, account in sorted(listed)[:STAKE_VALIDATORS_MAX] if -negative >= least_rao}


def guards(view: StateView, stakes: Stakes, *, shadowed: bool) -> tuple[Guard, ...]:
    """What must hold of these stakes for the next step, and what is; participation only for the step that is
    `shadowed`."""
    schedule, total = SCHEDULE.get(view), sum(stakes.values())
    whole = max(1, total)
    largest_ppm = -(-max(stakes.values(), default=0) * _PPM // whole)
    asked = [
        Guard("validators", max(1, schedule.validators_min), len(stakes)),
        Guard("bonded", schedule.bonded_min_ppm, total * _PPM // max(1, accounts.ISSUANCE.get(view))),
        Guard("weight", schedule.weight_max_ppm, largest_ppm, at_most=True),
    ]
    if shadowed:
        last = epoch_now(view) - 1
        seen = sum(stake for account, stake in stakes.items() if SHADOWS.get(view, account) >= last)
        asked.append(Guard("participation", schedule.participation_min_ppm, seen * _PPM // whole))
    return tuple(asked)


def _unmet(guards: tuple[Guard, ...]) -> bytes:
    return next((guard.name.encode("ascii") for guard in guards if not guard.holds), b"")


def towards(before: Stakes, target: Stakes) -> Stakes:
    """The stakes nearest to `target` that leave and bring at most a third of what there is; rounded against change."""
    left, came = authority.difference(before, target)
    room = sum(before.values()) // 3
    if not before or (left <= room and came <= sum(target.values()) // 3):
        return target
    after: Stakes = {}
    for account in before.keys() | target.keys():
        old, new = before.get(account, 0), target.get(account, 0)
        step = new - old
        if step < 0 and left > room:
            step = -(-step * room // left)
        elif step > 0 and came > room:
            step = step * room // came
        if old + step:
            after[account] = old + step
    return after


# --- steps ----------------------------------------------------------------------------------------------------------


def _require_abortable(view: StateView) -> None:
    if phase_of(authority.CURRENT.get(view).members) is PosPhase.STAKE:
        raise errors.PosAbortTooLate
    if not SCHEDULE.get(view).joint_epochs:
        raise errors.PosNotScheduled


def _abort(context: Context) -> None:
    """Forget the date; a set that waits and knows stake goes, a joint one in force is followed by authorities alone."""
    overlay = context.state
    SCHEDULE.put(overlay, PosSchedule())
    ABORTING.put(overlay, ())
    current = authority.CURRENT.get(overlay).members
    if phase_of(current) is PosPhase.JOINT:
        authority.schedule(context, joined(authorities_of(current), {}), at_once=True)
    elif stake_of(authority.SCHEDULED.get(overlay).members):
        authority.SCHEDULED.put(overlay, authority.Scheduled())
    context.emit(PosAborted())


def epoch_now(view: StateView) -> int:
    """The authority epoch of the state's own block."""
    return authority.epoch_of(view, system.CLOCK.get(view).slot)
