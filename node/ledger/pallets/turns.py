"""Who leads the slots, and who lost the turns of an authority epoch by missing those of the one before.

An authority that missed 8 of its slots in an epoch leads none in the next; it keeps its weight in quorums. A slot is
missed when the best chain has no block for it. The loss ends with the epoch whether blocks come or not: a chain whose
remaining leaders die must not wait for them. Source: docs/protocol.md, "Production".
"""

from typing import Final

from node.ledger.context import Context
from node.ledger.events import AuthoritiesIdle
from node.ledger.pallets import authority, system
from node.ledger.rota import rota
from node.ledger.state import StateView, Value
from node.primitives.codec import Wire
from node.primitives.limits import IDLE_MISSED_SLOTS
from node.primitives.types import AccountId, Slot


class Missed(Wire, frozen=True):
    """Slots missed so far in an authority epoch, by ascending account; counted up to the number that matters."""

    epoch: int = 0
    counts: tuple[tuple[AccountId, int], ...] = ()


class Idle(Wire, frozen=True):
    """Who leads no slot before `until`, ascending."""

    accounts: tuple[AccountId, ...] = ()
    until: Slot = Slot(0)


MISSED: Final[Value[Missed]] = Value(
    "authority", "missed", Missed, default=Missed(), about="Slots missed in the present authority epoch"
)
IDLE: Final[Value[Idle]] = Value(
    "authority", "idle", Idle, default=Idle(), about="Authorities that lost their turns, and up to which slot"
)


def leader(view: StateView, slot: Slot) -> AccountId:
    """Who leads a slot above the block of this state."""
    idle = IDLE.get(view)
    off = authority.DISABLED.get(view)
    if slot < idle.until:
        off = tuple(sorted({*off, *idle.accounts}))
    turns = rota(authority.CURRENT.get(view).members, off)
    return turns[slot % len(turns)]


def advance(context: Context, parent_slot: Slot) -> bool:
    """Count the slots missed since the parent's; tell whether this block is the first of its authority epoch.

    Call it before anything else of the block changes who leads.
    """
    overlay = context.state
    slot = system.CLOCK.get(overlay).slot
    if slot > parent_slot + 1:
        _count(context, Slot(parent_slot + 1), slot)
    epoch = authority.epoch_of(overlay, slot)
    missed = MISSED.get(overlay)
    if epoch == missed.epoch:
        return False
    MISSED.put(overlay, Missed(epoch))
    accounts = tuple(account for account, count in missed.counts if count >= IDLE_MISSED_SLOTS)
    until = Slot((epoch + 1) * system.NETWORK.get(overlay).epoch_slots) if accounts else Slot(0)
    IDLE.put(overlay, Idle(accounts, until))
    if accounts:
        context.emit(AuthoritiesIdle(accounts, until))
    return True


def _count(context: Context, first: Slot, end: Slot) -> None:
    """Add the slots from `first` to before `end`; in so long a gap that all have missed enough, it stops."""
    overlay = context.state
    missed, most = MISSED.get(overlay), len(authority.CURRENT.get(overlay).members) * IDLE_MISSED_SLOTS
    counts = dict(missed.counts)
    for slot in range(first, min(end, first + most)):
        account = leader(overlay, Slot(slot))
        counts[account] = min(counts.get(account, 0) + 1, IDLE_MISSED_SLOTS)
    MISSED.put(overlay, Missed(missed.epoch, tuple(sorted(counts.items()))))
