"""How long a key keeps silent whose signing record may have forgotten signatures, or that somebody else signs with.

A record that was just made, or that is an accepted copy, does not know what its key signed elsewhere. The key says
nothing for two authority epochs: until then the original, if it still runs, has been seen, and everything that it could
have signed lies far behind. A block of this key that this home did not sign starts the silence anew.
"""

from collections.abc import Callable
from typing import Final

from node.consensus.events import Finalised
from node.ledger.header import Header
from node.ledger.transition import Executed
from node.primitives.types import AccountId, Slot
from node.service.logbook import logger
from storage.signing import SignGuard

SILENT_EPOCHS: Final = 2
_FIRST_SLOT: Final = Slot(0)
YOUNG_SLOTS_MIN: Final = 100  # while a network starts, its authorities come up one by one and have signed nothing yet

log = logger("signer")


class Silence:
    """Whether the key of one signing record may sign now. Called from the threads that sign."""

    def __init__(
        self, guard: SignGuard, epoch_slots: int, slot_now: Callable[[], Slot], reached: Slot = _FIRST_SLOT
    ) -> None:
        """`reached` is the slot of the last final block: a clock that lags behind it is wrong, and ends no silence."""
        self._guard = guard
        self._slots = SILENT_EPOCHS * epoch_slots
        self._slot_now = slot_now
        self._until = 0
        owed = guard.owed_silence()
        if owed is None:
            return
        now = max(slot_now(), reached)
        if owed.until is not None:
            self._until = owed.until
        elif owed.copied or now >= max(self._slots, YOUNG_SLOTS_MIN):
            self._keep_until(now + self._slots)
        else:
            guard.end_silence()
        if self._until > now:
            log.warning("the signing record is new or a copy: this key signs nothing before slot %d", self._until)

    @property
    def until(self) -> Slot | None:
        """The slot from which this key may sign again, None when it may."""
        return Slot(self._until) if self._until else None

    def holds(self) -> bool:
        """Tell whether nothing may be signed now."""
        if not self._until:
            return False
        if self._slot_now() < self._until:
            return True
        self._until = 0
        self._guard.end_silence()
        log.info("the silence of this key is over; it signs again")
        return False

    def saw_block(self, header: Header, signed_slot: int | None) -> None:
        """Take note of a final block of this key; `signed_slot` is the last slot that this home signed in."""
        if signed_slot is not None and header.slot <= signed_slot:
            return
        until = header.slot + self._slots
        if until > max(self._until, self._slot_now()):
            log.error(
                "somebody else signs with this key: block %d in slot %d is not of this home. It keeps silent until "
                "slot %d; stop the other node, or both are punished.", header.height, header.slot, until,
            )  # fmt: skip
            self._keep_until(until)

    def watcher(self, key: AccountId, sealed_slot: Callable[[], int | None]) -> Callable[[Finalised[Executed]], None]:
        """Return a listener for final blocks that looks for those of `key`; `sealed_slot`: the last one signed here."""

        def look(final: Finalised[Executed]) -> None:
            for block in final.blocks:
                if block.header.proposer == key:
                    self.saw_block(block.header, sealed_slot())

        return look

    def _keep_until(self, slot: int) -> None:
        self._guard.keep_silent(slot)
        self._until = max(self._until, slot)
