"""Slots: the only time of the chain. A slot is a window of `slot_ms` since genesis; a block's time is its slot.

Never reads a clock: callers pass `now_ms`, milliseconds since the Unix epoch. Source: docs/protocol.md, "Slots".
"""

from dataclasses import dataclass

from node.consensus.limits import (
    EARLY_SLOT_DIVISOR,
    PROPOSE_TIMEOUT_MS_MAX,
    PROPOSE_TIMEOUT_PERMILLE,
    RIPE_SLOT_DIVISOR,
    ROUND_DELTA_MS_MAX,
    ROUND_DELTA_PERMILLE,
    ROUND_TIMEOUT_GROWTH_MAX,
    VOTE_TIMEOUT_MS_MAX,
    VOTE_TIMEOUT_PERMILLE,
)
from node.primitives.errors import invariant
from node.primitives.types import Slot

_PERMILLE = 1000


@dataclass(frozen=True, slots=True)
class SlotClock:
    """The network's slots: slot 0 begins at `start_ms`."""

    start_ms: int
    slot_ms: int

    def __post_init__(self) -> None:
        invariant(self.slot_ms > 0, "a slot lasts at least 1 ms")

    def slot_at(self, now_ms: int) -> Slot:
        """Return the slot that `now_ms` lies in; negative before genesis."""
        return Slot((now_ms - self.start_ms) // self.slot_ms)

    def start_ms_of(self, slot: Slot) -> int:
        """Return the moment at which `slot` begins."""
        return self.start_ms + slot * self.slot_ms

    def ripe_ms_of(self, slot: Slot) -> int:
        """Return the moment from which a block of `slot` is proposed for finality."""
        return self.start_ms_of(slot) + self.slot_ms // RIPE_SLOT_DIVISOR

    @property
    def early_ms(self) -> int:
        """How long before its slot a block may arrive."""
        return self.slot_ms // EARLY_SLOT_DIVISOR


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each step of a finality round waits; later rounds wait `delta_ms` longer each."""

    propose_ms: int
    vote_ms: int
    delta_ms: int

    @classmethod
    def for_slot(cls, slot_ms: int) -> "Timeouts":
        """Return the usual timeouts: 300/150/50 ms with slots of 1 s, 3000/1000/500 ms with slots of 12 s."""
        return cls(
            propose_ms=max(1, min(PROPOSE_TIMEOUT_MS_MAX, slot_ms * PROPOSE_TIMEOUT_PERMILLE // _PERMILLE)),
            vote_ms=max(1, min(VOTE_TIMEOUT_MS_MAX, slot_ms * VOTE_TIMEOUT_PERMILLE // _PERMILLE)),
            delta_ms=max(1, min(ROUND_DELTA_MS_MAX, slot_ms * ROUND_DELTA_PERMILLE // _PERMILLE)),
        )

    def proposal_wait_ms(self, round_number: int) -> int:
        """Return how long round `round_number` waits for its proposal."""
        return self.propose_ms + self._growth_ms(round_number)

    def vote_wait_ms(self, round_number: int) -> int:
        """Return how long round `round_number` waits for the last votes of a step."""
        return self.vote_ms + self._growth_ms(round_number)

    def _growth_ms(self, round_number: int) -> int:
        return self.delta_ms * min(round_number, ROUND_TIMEOUT_GROWTH_MAX)
