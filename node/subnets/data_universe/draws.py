"""Questions drawn from a seed: mostly samples of what miners have promised, sometimes a search as users send it. Pure.

What a sample is about is fixed by the number of each miner's newest index that the validator knows when it draws: an
index made after the seed is known cannot take its place.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from node.primitives.crypto import digest
from node.subnets.base import View
from node.subnets.data_universe.ledger import indexes_of, jobs_of
from node.subnets.data_universe.limits import CHALLENGE_ROWS_MAX, COMMITMENTS_MAX, SAMPLE_ROWS
from node.subnets.data_universe.messages import Commitment, DataTask, RowsAsk, SearchAsk

T = TypeVar("T")
SEARCH_EVERY: Final = 5  # one question in five is a search
_LIMITS: Final = (10, 20, 20, CHALLENGE_ROWS_MAX)


def draw_question(seed: bytes, view: View) -> DataTask | None:
    """The question of a round; None while nobody has promised anything."""
    indexed = [(neuron.hotkey, kept[-1]) for neuron in view.neurons if (kept := indexes_of(view.state, neuron.hotkey))]
    if not indexed:
        return None
    labels = sorted({(top.source, top.label) for _, kept in indexed for top in kept.note.top})
    if labels and _number(seed, 0) % SEARCH_EVERY == 0:
        wanted = [each for each in labels if each[1] in {job.label for job in jobs_of(view)}]
        return draw_search(seed, wanted or labels)
    committed = [Commitment(hotkey, kept.sequence) for hotkey, kept in indexed]
    return DataTask(rows=(RowsAsk(seed, SAMPLE_ROWS, tuple(committed[:COMMITMENTS_MAX])),))


def draw_search(seed: bytes, labels: Sequence[tuple[int, str]]) -> DataTask:
    """A search for the newest rows of some label."""
    source, label = _pick(seed, 1, labels)
    limit = _pick(seed, 2, _LIMITS)
    return DataTask(search=(SearchAsk(source, label, (), (), "", "any", 0, 0, limit),))


def _number(seed: bytes, at: int) -> int:
    return int.from_bytes(digest("du-draw", seed, at.to_bytes(8, "big"))[:8], "big")


def _pick(seed: bytes, at: int, options: Sequence[T]) -> T:
    return options[_number(seed, at) % len(options)]
