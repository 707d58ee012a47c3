"""The move to proof of stake: a date and what must hold by then. State only; consensus reads it and checks the guards.

Phases by authority epoch: authorities alone before `activation_epoch`, authorities and stake jointly for `joint_epochs`
from then on, stake alone afterwards. The last step cannot be taken back. Source: docs/protocol.md, "Proof of stake".
"""

from typing import Final

from node.ledger import errors
from node.ledger.calls import AbortPos, SchedulePos
from node.ledger.context import Context
from node.ledger.events import PosAborted, PosScheduled
from node.ledger.pallets import authority, system
from node.ledger.state import Value
from node.primitives.codec import Wire
from node.primitives.limits import POS_JOINT_EPOCHS_MIN


class PosSchedule(Wire, frozen=True):
    """When, and the guards; without joint epochs nothing is scheduled."""

    activation_epoch: int = 0
    joint_epochs: int = 0
    validators_min: int = 0
    bonded_min_ppm: int = 0
    weight_max_ppm: int = 0
    participation_min_ppm: int = 0

    @property
    def stake_epoch(self) -> int:
        """The first authority epoch that stake decides alone."""
        return self.activation_epoch + self.joint_epochs


SCHEDULE: Final[Value[PosSchedule]] = Value(
    "authority", "pos", PosSchedule, default=PosSchedule(), about="The scheduled move to proof of stake"
)


def schedule_pos(context: Context, call: SchedulePos) -> None:
    """Fix the date and the guards."""
    context.origin.require_root()
    if SCHEDULE.get(context.state).joint_epochs:
        raise errors.PosAlreadyScheduled
    earliest = _epoch_now(context) + context.parameters.pos_lead_epochs
    if call.activation_epoch < earliest:
        raise errors.PosScheduleTooEarly(f"Authority epoch {earliest} is the first possible one.")
    if call.joint_epochs < POS_JOINT_EPOCHS_MIN:
        raise errors.PosJointPhaseTooShort(f"The joint phase has at least {POS_JOINT_EPOCHS_MIN} authority epochs.")
    SCHEDULE.put(
        context.state,
        PosSchedule(
            call.activation_epoch, call.joint_epochs, call.validators_min, call.bonded_min_ppm, call.weight_max_ppm,
            call.participation_min_ppm,
        ),
    )  # fmt: skip
    context.emit(PosScheduled(call.activation_epoch))


def abort_pos(context: Context, call: AbortPos) -> None:
    """Go on with authorities, as long as they have a say."""
    context.origin.require_root()
    schedule = SCHEDULE.get(context.state)
    if not schedule.joint_epochs:
        raise errors.PosNotScheduled
    if _epoch_now(context) >= schedule.stake_epoch:
        raise errors.PosAbortTooLate
    SCHEDULE.put(context.state, PosSchedule())
    context.emit(PosAborted())


def _epoch_now(context: Context) -> int:
    return authority.epoch_of(context.state, system.CLOCK.get(context.state).slot)
