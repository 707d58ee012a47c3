"""When this node produces a block: once in each slot it leads, more rarely while finality lags far behind.

Source: docs/protocol.md, "Production".
"""

from node.consensus.events import Effect, ProduceBlock, S
from node.consensus.limits import BACK_OFF_DOUBLINGS_MAX, BACK_OFF_STEP_BLOCKS
from node.consensus.slots import SlotClock
from node.consensus.tree import Entry
from node.primitives.limits import UNFINALISED_BLOCKS_MAX
from node.primitives.types import AccountId, Slot


def gap_slots(backlog: int) -> int:
    """Return how many slots lie between blocks with `backlog` unfinalised ones: 1, beyond the cap ever more."""
    beyond = backlog - UNFINALISED_BLOCKS_MAX
    return 1 if beyond < 0 else 2 << min(beyond // BACK_OFF_STEP_BLOCKS, BACK_OFF_DOUBLINGS_MAX)


class Producer:
    """The slots of `me`, each tried once."""

    def __init__(self, me: AccountId | None, clock: SlotClock) -> None:
        self.me = me
        self._clock = clock
        self._tried = Slot(-1)

    def produce(self, head: Entry[S], root: Entry[S], now_ms: int, out: list[Effect[S]]) -> None:
        """Ask for a block on `head` if the current slot is this node's and none was asked for."""
        slot = self._clock.slot_at(now_ms)
        backlog = head.height - root.height
        first = max(self._tried + 1, head.slot + gap_slots(backlog))
        if self.me is None or slot < first or head.authorities.slot_leader(slot) != self.me:
            return
        self._tried = slot
        empty = backlog >= UNFINALISED_BLOCKS_MAX
        out.append(ProduceBlock(slot, head.hash, empty=empty, enact=head.announced <= root.height))

    def next_deadline_ms(self, head: Entry[S], root: Entry[S], now_ms: int) -> int | None:
        """Return when the next slot of this node begins; None without a key or seat."""
        if self.me is None:
            return None
        slot = max(self._clock.slot_at(now_ms) + 1, self._tried + 1, head.slot + gap_slots(head.height - root.height))
        own = head.authorities.next_led_by(self.me, Slot(slot))
        return None if own is None else self._clock.start_ms_of(own)
