"""A validator's compact picture of what every miner holds: 12 bytes a bucket on disk, read in place. Blocking.

Each miner's newest index is one file of parallel arrays by hour and label; a look-up is a binary search in each. The
packed indexes lie beside them, because a challenge is checked against the one that was promised when it was drawn.
"""

import mmap
import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from node.market.errors import MalformedMessage
from node.primitives.types import AccountId
from node.subnets.data_universe.entities import SOURCE_WEIGHTS, Bucket, Source, bucket_key
from node.subnets.data_universe.index import BucketSize, unpack_index
from node.subnets.data_universe.limits import AGE_HOURS_MAX, FUTURE_HOURS_MAX, SNAPSHOTS_KEPT
from node.subnets.data_universe.messages import IndexNote
from node.subnets.data_universe.scoring import DEFAULT_SCALE, Job, bucket_scale, time_scalar

if TYPE_CHECKING:
    import numpy as np

_HEAD: Final = struct.Struct("=4sIII")  # magic, sequence, hours, buckets
_MAGIC: Final = b"DUF1"


class FlatIndex:
    """One miner's buckets, as `pack_flat` packs them: hours, where each begins, keys and sizes."""

    def __init__(self, packed: mmap.mmap | bytes) -> None:
        magic, self.sequence, hours, self.buckets = _HEAD.unpack_from(packed)
        view = memoryview(packed)
        at = _HEAD.size
        ends = [at := at + size for size in (8 * self.buckets, 4 * self.buckets, 4 * hours, 4 * (hours + 1))]
        if magic != _MAGIC or ends[-1] != len(view):
            raise MalformedMessage("An index in a file is damaged.")
        nothing = memoryview(b"\0" * 8).cast("Q")[:0]  # an empty view cannot be cast
        self._keys = view[_HEAD.size : ends[0]].cast("Q") if self.buckets else nothing
        self._sizes = view[ends[0] : ends[1]].cast("I") if self.buckets else nothing
        self._hours = view[ends[1] : ends[2]].cast("I") if hours else nothing
        self._starts = view[ends[2] : ends[3]].cast("I")

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map a file."""
        with path.open("rb") as file:
            return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def size_of(self, key: int, hour: int) -> int:
        """Bytes held of a label in an hour; 0 for none."""
        at = bisect_left(self._hours, hour)
        if at == len(self._hours) or self._hours[at] != hour:
            return 0
        start, end = self._starts[at], self._starts[at + 1]
        found = bisect_left(self._keys, key, start, end)
        return self._sizes[found] if found < end and self._keys[found] == key else 0

    def hours(self) -> Sequence[int]:
        """The hours there is something of, oldest first."""
        return self._hours

    def at_hour(self, hour: int) -> "tuple[np.ndarray, np.ndarray]":
        """Keys (uint64) and sizes (uint32) of one hour."""
        import numpy as np

        at = bisect_left(self._hours, hour)
        here = at < len(self._hours) and self._hours[at] == hour
        start, end = (self._starts[at], self._starts[at + 1]) if here else (0, 0)
        return np.asarray(self._keys[start:end]), np.asarray(self._sizes[start:end])


def pack_flat(sequence: int, buckets: Sequence[BucketSize]) -> bytes:
    """A miner's buckets as a `FlatIndex` reads them."""
    names: dict[tuple[int, str], int] = {}
    rows: list[tuple[int, int, int]] = []
    for (source, label, hour), size, _ in buckets:
        key = names.get((source, label))
        if key is None:
            key = names[source, label] = bucket_key(source, label)
        rows.append((hour, key, size))
    rows.sort()
    hours: list[int] = []
    starts: list[int] = []
    for number, (hour, _, _) in enumerate(rows):
        if not hours or hours[-1] != hour:
            hours.append(hour)
            starts.append(number)
    starts.append(len(rows))
    keys, sizes = array("Q", (row[1] for row in rows)), array("I", (row[2] for row in rows))
    columns = (keys, sizes, array("I", hours), array("I", starts))
    head = _HEAD.pack(_MAGIC, sequence & 0xFFFFFFFF, len(hours), len(rows))
    return b"".join((head, *(column.tobytes() for column in columns)))


class Holdings:
    """Every miner's index in a folder. Any thread may call any method; `put` and `forget` are for one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open: dict[AccountId, FlatIndex] = {}
        for path in folder.glob("*.flat"):
            try:
                self._open[AccountId(bytes.fromhex(path.stem))] = FlatIndex.open(path)
            except (ValueError, struct.error, MalformedMessage):
                path.unlink()  # cut by a crash of the machine: it is fetched again

    def has(self, miner: AccountId, sequence: int) -> bool:
        """Whether that index of a miner is here: packed, and in the table, which a crash may have left without it."""
        flat = self._open.get(miner)
        return flat is not None and flat.sequence >= sequence and self._packed(miner, sequence).exists()

    def put(self, miner: AccountId, sequence: int, note: IndexNote, packed: bytes) -> None:
        """Keep an index. Raises MalformedMessage when it is none, or another than the note says."""
        buckets = unpack_index(packed)
        told = (len(buckets), sum(each.size for each in buckets), sum(each.rows for each in buckets))
        if told != (note.buckets, note.total, note.rows):
            raise MalformedMessage("An index is not what its journal entry says.")
        _replace(self._packed(miner, sequence), packed)
        current = self._open.get(miner)
        if current is None or current.sequence < sequence:
            flat = self._folder / f"{miner.hex()}.flat"
            _replace(flat, pack_flat(sequence, buckets))
            self._open[miner] = FlatIndex.open(flat)
        for old in sorted(self._folder.glob(f"{miner.hex()}-*.idx"))[:-SNAPSHOTS_KEPT]:
            old.unlink()

    def forget(self, keep: Callable[[AccountId], bool]) -> None:
        """Drop the indexes of miners that are not to be kept."""
        for miner in [each for each in self._open if not keep(each)]:
            del self._open[miner]
            for path in self._folder.glob(f"{miner.hex()}*"):
                path.unlink()

    def buckets(self, miner: AccountId, sequence: int) -> list[BucketSize] | None:
        """A miner's index as it promised it; None when it is not here."""
        try:
            return unpack_index(self._packed(miner, sequence).read_bytes())
        except FileNotFoundError:
            return None

    def newest(self, miner: AccountId) -> list[BucketSize]:
        """A miner's newest index; empty when there is none."""
        flat = self._open.get(miner)
        return [] if flat is None else self.buckets(miner, flat.sequence) or []

    def miners(self) -> Iterator[AccountId]:
        """Whose index is here."""
        return iter(tuple(self._open))

    def sequences(self) -> tuple[tuple[AccountId, int], ...]:
        """Which promise of each miner is its newest here."""
        return tuple((miner, flat.sequence) for miner, flat in list(self._open.items()))

    def holders(self, bucket: Bucket) -> list[tuple[AccountId, int]]:
        """Who says to hold a bucket, and how many bytes of it."""
        key = bucket_key(bucket.source, bucket.label)
        sized = ((miner, flat.size_of(key, bucket.hour)) for miner, flat in list(self._open.items()))
        return [(miner, size) for miner, size in sized if size]

    def bytes_on_disk(self) -> int:
        """The size of all files."""
        return sum(path.stat().st_size for path in self._folder.iterdir())

    def values(self, now_hour: int, jobs: Sequence[Job]) -> Mapping[AccountId, float]:
        """The value of everybody's newest index, each bucket shared among its holders by `scoring.scorable_bytes`.

        One pass over all hours that count; memory is that of the largest hour.
        """
        open_now = list(self._open.items())
        hours = {hour for _, flat in open_now for hour in flat.hours()}
        worths = _worths([flat for _, flat in open_now], hours, now_hour, jobs)
        return dict(zip((miner for miner, _ in open_now), worths, strict=True))

    def value_of(self, miner: AccountId, sequence: int, now_hour: int, jobs: Sequence[Job]) -> float:
        """The value of one promise of a miner, which need not be its newest, beside the newest of all others."""
        own = FlatIndex(pack_flat(sequence, self.buckets(miner, sequence) or []))
        others = [flat for other, flat in list(self._open.items()) if other != miner]
        return _worths([own, *others], set(own.hours()), now_hour, jobs)[0]

    def _packed(self, miner: AccountId, sequence: int) -> Path:
        return self._folder / f"{miner.hex()}-{sequence:012}.idx"


def _replace(path: Path, content: bytes) -> None:
    """Write a file; a reader sees the old one or the new one."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def _worths(flats: Sequence[FlatIndex], hours: Iterable[int], now_hour: int, jobs: Sequence[Job]) -> list[float]:
    """What each index is worth in these hours beside the others."""
    import numpy as np

    worth = np.zeros(len(flats))
    wanted = _wanted(jobs)
    oldest, newest = now_hour - AGE_HOURS_MAX, now_hour + FUTURE_HOURS_MAX
    dated = {hour for job in jobs if job.start_hour is not None or job.end_hour is not None for hour in _range(job)}
    for hour in sorted(hour for hour in hours if oldest <= hour <= newest or hour in dated):
        parts = [flat.at_hour(hour) for flat in flats]
        owners = np.repeat(np.arange(len(parts)), [len(keys) for keys, _ in parts])
        keys = np.concatenate([keys for keys, _ in parts])
        sizes = np.concatenate([sizes for _, sizes in parts]).astype(np.uint64)
        different, place = np.unique(keys, return_inverse=True)
        totals = np.zeros(len(different), np.uint64)
        np.add.at(totals, place, sizes)
        scorable = (sizes * sizes // np.maximum(totals[place], 1)).astype(np.float64)
        scales = _scales(different, hour, now_hour, wanted)
        worth += np.bincount(owners, weights=scorable * scales[place], minlength=len(parts))
    return [float(value) for value in worth]


def _wanted(jobs: Sequence[Job]) -> dict[int, list[Job]]:
    by_key: dict[int, list[Job]] = {}
    for job in jobs:
        for source in Source:
            by_key.setdefault(bucket_key(source, job.label), []).append(job)
    return by_key


def _range(job: Job) -> range:
    """The hours of a dated job; an open side is bounded by the age that counts."""
    start = job.start_hour if job.start_hour is not None else (job.end_hour or 0) - AGE_HOURS_MAX
    end = job.end_hour if job.end_hour is not None else start + AGE_HOURS_MAX
    return range(start, min(end, start + 2 * AGE_HOURS_MAX) + 1)


def _scales(keys: "np.ndarray", hour: int, now_hour: int, wanted: Mapping[int, list[Job]]) -> "np.ndarray":
    """What a byte of each key counts in an hour, its source's weight included."""
    import numpy as np

    weights = np.zeros(256)
    for source, weight in SOURCE_WEIGHTS.items():
        weights[source] = weight
    of_source = weights[(keys & np.uint64(0xFF)).astype(np.intp)]
    scales = of_source * (DEFAULT_SCALE * time_scalar(now_hour - hour))
    for at in np.flatnonzero(np.isin(keys, np.fromiter(wanted, np.uint64, len(wanted)))):
        jobs = wanted[int(keys[at])]
        scales[at] = of_source[at] * bucket_scale(jobs[0].label, hour, now_hour, jobs)
    return scales
