"""The light steps that this node can give to light clients: recorded as blocks become final, kept for ever.

A step that changes the set needs a proof under an old state root, which nobody can make later; so it is written in the
transaction that makes its block final. One step an authority epoch besides keeps the way short for whoever follows.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from node.consensus.events import Finalised
from node.ledger.pallets import authority
from node.ledger.transition import Executed
from node.light.limits import STEP_BYTES_MAX
from node.light.steps import LightStep, decode_step, encode_step, make_step
from storage.chain import ChainStore

_COUNT: Final = "light_steps"
_COUNT_BYTES: Final = 8


class LightBook:
    """The steps in the store, numbered from 0 by ascending height."""

    def __init__(self, store: ChainStore, epoch_slots: int) -> None:
        self._store = store
        self._epoch_slots = epoch_slots
        self._count = int.from_bytes(store.meta(_COUNT) or b"", "big")
        self._epoch = -1 if self._count == 0 else self._epoch_of(self._step(self._count - 1))

    def __len__(self) -> int:
        return self._count

    def rows_for(self, final: Finalised[Executed]) -> dict[str, bytes]:
        """Return what the commit of newly final blocks has to record besides; nothing as a rule."""
        header, state = final.blocks[-1].header, final.states[-1].state
        changes_set = authority.CURRENT.get(state.view).set_id != final.certificate.set_id
        if not changes_set and header.slot // self._epoch_slots <= self._epoch:
            return {}
        return self.rows_of((make_step(header, final.certificate, state.view, state.tree),))

    def rows_of(self, steps: Iterable[LightStep]) -> dict[str, bytes]:
        """Return what has to be committed to append `steps`, each above the one before; they count from now on."""
        rows: dict[str, bytes] = {}
        for step in steps:
            rows[_name(self._count)] = encode_step(step)
            self._count += 1
            self._epoch = self._epoch_of(step)
        rows[_COUNT] = self._count.to_bytes(_COUNT_BYTES, "big")
        return rows

    def steps_above(self, height: int, limit: int) -> list[LightStep]:
        """Return the steps above `height`, at most `limit`. Raises StorageError."""
        first = bisect_right(range(self._count), height, key=lambda number: self._step(number).header.height)
        return [self._step(number) for number in range(first, min(first + limit, self._count))]

    def _step(self, number: int) -> LightStep:
        return decode_step(self._store.meta(_name(number)) or b"", max_bytes=STEP_BYTES_MAX)

    def _epoch_of(self, step: LightStep) -> int:
        return step.header.slot // self._epoch_slots


def _name(number: int) -> str:
    return f"light_step_{number:012d}"
