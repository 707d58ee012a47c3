"""The light steps that this node can give to light clients: recorded as blocks become final, kept for ever.

A step that changes the set needs a proof under an old state root, which nobody can make later; so it is written in the
transaction that makes its block final. One step an authority epoch besides keeps the way short for whoever follows.
"""

from node.consensus.events import Finalised
from node.ledger.pallets import authority
from node.ledger.transition import Executed
from node.light.limits import STEP_BYTES_MAX
from node.light.steps import LightStep, decode_step, encode_step, make_step
from node.primitives.types import Slot
from storage.chain import ChainStore
from storage.rows import StepRow


class LightBook:
    """The steps in the store, by ascending height."""

    def __init__(self, store: ChainStore, epoch_slots: int) -> None:
        self._store = store
        self._epoch_slots = epoch_slots
        latest = store.latest_step()
        self._epoch = -1 if latest is None else self._epoch_of(_step(latest).header.slot)

    def steps_for(self, final: Finalised[Executed]) -> tuple[StepRow, ...]:
        """Return what the commit of newly final blocks has to record; once a block, as it counts from then on."""
        header, state = final.blocks[-1].header, final.states[-1].state
        epoch = self._epoch_of(header.slot)
        changes_set = authority.CURRENT.get(state.view).set_id != final.certificate.set_id
        if not changes_set and epoch <= self._epoch:
            return ()
        self._epoch = epoch
        return (step_row(make_step(header, final.certificate, state.view, state.tree)),)

    def steps_above(self, height: int, limit: int) -> list[LightStep]:
        """Return the steps above `height`, at most `limit`. Raises StorageError."""
        return [_step(row) for row in self._store.steps_above(height, limit)]

    def _epoch_of(self, slot: Slot) -> int:
        return slot // self._epoch_slots


def step_row(step: LightStep) -> StepRow:
    """Return the stored form of a step."""
    return StepRow(step.header.height, encode_step(step))


def _step(row: StepRow) -> LightStep:
    return decode_step(row.step, max_bytes=STEP_BYTES_MAX)
