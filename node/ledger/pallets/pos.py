"""The move to proof of stake: a date, what must hold by then, and the steps that lead there or back.

Three phases: authorities alone, authorities and stake jointly, stake alone. At the start of an authority epoch, while
no other set waits, this decides on the next set: the joint one once its time has come and the guards hold, then the one
of stake, then every change of the bonds. Before the joint phase validators prove that they are there by shadow votes.
The way back is open until a set of stake alone is in force, and only by decision, never by time. Source:
docs/protocol.md, "Proof of stake".
"""

from typing import Final

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
    earliest = _epoch_now(context) + context.parameters.pos_lead_epochs
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
    epoch = _epoch_now(context)
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
            if schedule.joint_epochs and _epoch_now(context) + _LEAD_EPOCHS >= schedule.activation_epoch:
                _enter_joint(context, schedule, current)
        case PosPhase.JOINT:
            _go_on_jointly(context, schedule, current)
        case PosPhase.STAKE:
            _follow_bonds(context, {}, stake_of(current))


def note_enacted(context: Context) -> None:
    """Remember when the joint phase began; call it when a set was enacted."""
    overlay = context.state
    schedule = SCHEDULE.get(overlay)
    joint = phase_of(authority.CURRENT.get(overlay).members) is PosPhase.JOINT
    if joint and not schedule.joint_epoch:
        SCHEDULE.put(overlay, _begun(schedule, _epoch_now(context)))


def _enter_joint(context: Context, schedule: PosSchedule, current: tuple[Authority, ...]) -> None:
    stakes = candidates(context)
    missing = unmet_guard(context, schedule, stakes, shadowed=True)
    if missing:
        context.emit(PosPostponed(missing.encode("ascii")))
        return
    authority.schedule(context, joined(authorities_of(current), stakes))


def _go_on_jointly(context: Context, schedule: PosSchedule, current: tuple[Authority, ...]) -> None:
    if _epoch_now(context) + _LEAD_EPOCHS < schedule.stake_epoch:
        _follow_bonds(context, authorities_of(current), stake_of(current))
        return
    missing = unmet_guard(context, schedule, stake_of(current), shadowed=False)
    if missing:
        context.emit(PosPostponed(missing.encode("ascii")))
        _follow_bonds(context, authorities_of(current), stake_of(current))
        return
    authority.schedule(context, joined({}, stake_of(current)))


def _follow_bonds(context: Context, weights: Stakes, before: Stakes) -> None:
    """Bring the stakes of the set up to the bonds, at most a third at a time where the network bounds it."""
    after = candidates(context)
    if context.parameters.authority_change_bounded:
        after = towards(before, after)
    if after and after != before:
        authority.schedule(context, joined(weights, after))


def candidates(context: Context) -> Stakes:
    """The bonds that may decide: the largest ones, of hotkeys that were not convicted of late."""
    overlay = context.state
    least_rao = context.parameters.validator_bond_min_rao
    since = context.height - context.parameters.evidence_age_blocks
    listed = [
        (-bonds.BOND.get(overlay, account).active_rao, account)
        for account in bonds.BONDED.members(overlay, bonds.EVERYBODY)
        if not slashing.is_convicted(overlay, account, since)
    ]
    return {account: -negative for negative, account in sorted(listed)[:STAKE_VALIDATORS_MAX] if -negative >= least_rao}


def unmet_guard(context: Context, schedule: PosSchedule, stakes: Stakes, *, shadowed: bool) -> str:
    """The first guard that does not hold for these stakes; "" when all do."""
    total = sum(stakes.values())
    if len(stakes) < max(1, schedule.validators_min):
        return "validators"
    if total * _PPM < accounts.ISSUANCE.get(context.state) * schedule.bonded_min_ppm:
        return "bonded"
    if max(stakes.values()) * _PPM > total * schedule.weight_max_ppm:
        return "weight"
    if shadowed:
        last = _epoch_now(context) - 1
        seen = sum(stake for account, stake in stakes.items() if SHADOWS.get(context.state, account) >= last)
        if seen * _PPM < total * schedule.participation_min_ppm:
            return "participation"
    return ""


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


def _begun(schedule: PosSchedule, epoch: int) -> PosSchedule:
    return PosSchedule(
        schedule.activation_epoch, schedule.joint_epochs, schedule.validators_min, schedule.bonded_min_ppm,
        schedule.weight_max_ppm, schedule.participation_min_ppm, epoch,
    )  # fmt: skip


def _epoch_now(context: Context) -> int:
    return authority.epoch_of(context.state, system.CLOCK.get(context.state).slot)
