"""What the subnet's journals say: indexes, wishes and data sets by author, and which of it counts. Pure.

`reduce` fills the rows of an author, the other functions read them. Rows are canonical bytes under the author's key and
one letter.
"""

from collections.abc import Mapping
from typing import Final

from node.market.errors import MalformedMessage
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.errors import DecodeError
from node.primitives.types import AccountId, Hash
from node.subnets.base import Code, Entry, Neuron, Refusal, State, View, decode_message
from node.subnets.data_universe.limits import JOBS_MAX, SNAPSHOTS_KEPT
from node.subnets.data_universe.messages import (
    DATASET_KIND,
    INDEX_KIND,
    JOBS_KIND,
    MICRO,
    DatasetNote,
    IndexNote,
    JobsNote,
)
from node.subnets.data_universe.scoring import Job, job_weights

NOTE_BYTES_MAX: Final = 16 * 1024  # of a journal entry's body
DATASETS_KEPT: Final = 16  # of one author
_ROW_BYTES_MAX: Final = 512 * 1024
_INDEX, _JOBS, _DATASETS = b"i", b"j", b"d"


class Kept(Wire, frozen=True):
    """An index that an author has promised, with the number and the height of its entry."""

    sequence: int
    height: int
    note: IndexNote


class KeptIndexes(Wire, frozen=True):
    """The last promises of an author, oldest first."""

    kept: tuple[Kept, ...]


class KeptDatasets(Wire, frozen=True):
    """The last data sets of an author, oldest first."""

    kept: tuple[DatasetNote, ...]


def reduce(entry: Entry, state: State) -> Refusal | None:
    """Take an entry into its author's rows."""
    try:
        if entry.kind == INDEX_KIND:
            note = decode_message(IndexNote, entry.body, max_bytes=NOTE_BYTES_MAX)
            before = indexes_of(state, entry.author)
            kept = (*before, Kept(entry.sequence, entry.height, note))[-SNAPSHOTS_KEPT:]
            state[entry.author + _INDEX] = encode(KeptIndexes(kept))
        elif entry.kind == JOBS_KIND:
            decode_message(JobsNote, entry.body, max_bytes=NOTE_BYTES_MAX)
            state[entry.author + _JOBS] = entry.body
        elif entry.kind == DATASET_KIND:
            told = decode_message(DatasetNote, entry.body, max_bytes=NOTE_BYTES_MAX)
            others = tuple(each for each in datasets_of(state, entry.author) if each.name != told.name)
            state[entry.author + _DATASETS] = encode(KeptDatasets((*others, told)[-DATASETS_KEPT:]))
        else:
            return Refusal(Code.REFUSED, f"There are no entries of the kind {entry.kind[:20]!r}.")
    except MalformedMessage as error:
        return Refusal(Code.MALFORMED, error.message)
    return None


def indexes_of(state: Mapping[bytes, bytes], author: AccountId) -> tuple[Kept, ...]:
    """The last promises of an author, oldest first."""
    row = state.get(author + _INDEX)
    try:
        return () if row is None else decode_canonical(KeptIndexes, row, max_bytes=_ROW_BYTES_MAX).kept
    except DecodeError:
        return ()


def index_at(state: Mapping[bytes, bytes], author: AccountId, sequence: int) -> Kept | None:
    """The promise with that number, if it is one of the last."""
    return next((kept for kept in indexes_of(state, author) if kept.sequence == sequence), None)


def datasets_of(state: Mapping[bytes, bytes], author: AccountId) -> tuple[DatasetNote, ...]:
    """The last data sets of an author."""
    row = state.get(author + _DATASETS)
    try:
        return () if row is None else decode_canonical(KeptDatasets, row, max_bytes=_ROW_BYTES_MAX).kept
    except DecodeError:
        return ()


def others_with_root(view: View, root: Hash, holder: AccountId) -> bool:
    """Whether somebody else promised this root too: by honest work no two holders come to the same one."""
    return any(
        kept.note.root == root
        for neuron in view.neurons
        if neuron.hotkey != holder
        for kept in indexes_of(view.state, neuron.hotkey)
    )


def wishes_of(view: View) -> list[tuple[Neuron, JobsNote]]:
    """The wishes of everybody who may validate."""
    notes = ((neuron, _note_of(view, neuron.hotkey)) for neuron in view.neurons if neuron.validator_permit)
    return [(neuron, note) for neuron, note in notes if note is not None]


def jobs_of(view: View) -> list[Job]:
    """The jobs that count now, with what each counts; the heaviest when there are too many."""
    names: dict[str, tuple[str, int, int]] = {}
    wishes = [(float(neuron.stake_rao), _weights(note, names)) for neuron, note in wishes_of(view)]
    owners = None if view.owner is None else _note_of(view, view.owner)
    weights = job_weights(wishes, None if owners is None else _weights(owners, names))
    weighed = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:JOBS_MAX]
    return [
        Job(names[name][0], weight, names[name][1] or None, names[name][2] or None) for name, weight in weighed
    ]  # fmt: skip


def _note_of(view: View, author: AccountId) -> JobsNote | None:
    row = view.state.get(author + _JOBS)
    if row is None:
        return None
    try:
        return decode_message(JobsNote, row, max_bytes=NOTE_BYTES_MAX)
    except MalformedMessage:
        return None  # cannot be: it was checked when it was taken in


def _weights(note: JobsNote, names: dict[str, tuple[str, int, int]]) -> dict[str, float]:
    """What one author gives each job; `names` learns what the jobs are."""
    weights: dict[str, float] = {}
    for wish in note.wishes:
        name = f"{wish.start_hour} {wish.end_hour} {wish.label}"
        names[name] = (wish.label, wish.start_hour, wish.end_hour)
        weights[name] = weights.get(name, 0.0) + wish.micro / MICRO
    return weights
