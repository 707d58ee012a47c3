"""Weak subjectivity: how old the trusted block is, and when that is too old to start from.

Whoever held keys of an old set may have withdrawn his bond and can sign another history at no cost. Within the weak
subjectivity period he still answers for it. The time comes in as a parameter.
"""

from node.consensus.slots import SlotClock
from node.ledger.header import Header
from node.light.limits import WEAK_SUBJECTIVITY_MS


def age_ms(header: Header, clock: SlotClock, now_ms: int) -> int:
    """Return how long ago the slot of `header` began, in milliseconds; never negative."""
    return max(0, now_ms - clock.start_ms_of(header.slot))


def is_too_old(header: Header, clock: SlotClock, now_ms: int) -> bool:
    """Tell whether a start at `header` asks for a checkpoint from somebody one trusts."""
    return age_ms(header, clock, now_ms) > WEAK_SUBJECTIVITY_MS
