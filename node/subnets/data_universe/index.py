"""The index of what a miner holds: its buckets with their sizes and row counts, packed for the network. Pure.

Sorted by source and label; in each such group the hours are differences, sizes and counts variable-length numbers, and
the whole is deflated. The packed index names no rows: those are behind the root in the journal entry (`sumtree`).
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from node.market.errors import MalformedMessage
from node.primitives.crypto import digest
from node.primitives.types import AccountId, Hash
from node.subnets.data_universe.entities import Bucket, Entity, Source, label_of, size_of, text_hash
from node.subnets.data_universe.limits import (
    BUCKET_BYTES_MAX,
    BUCKET_ROWS_MAX,
    BUCKETS_MAX,
    INDEX_BYTES_MAX,
    LABEL_CHARS_MAX,
)

_MAGIC: Final = b"DUI1"
_HOURS_MAX: Final = 2**32 // 60
_SOURCES: Final = frozenset(int(source) for source in Source)


class BucketSize(NamedTuple):
    """A bucket with the bytes it counts for and the number of its rows."""

    bucket: Bucket
    size: int
    rows: int


def pack_index(buckets: Iterable[BucketSize]) -> bytes:
    """The packed form of buckets in their order."""
    out = bytearray(_MAGIC)
    for (source, label), group in groupby(buckets, key=lambda each: (each.bucket.source, each.bucket.label)):
        listed = list(group)
        name = label.encode()
        out.append(source)
        _put(out, len(name))
        out += name
        _put(out, len(listed))
        last = -1
        for each in listed:
            _put(out, each.bucket.hour - last)
            last = each.bucket.hour
        for each in listed:
            _put(out, each.size)
        for each in listed:
            _put(out, each.rows)
    return zlib.compress(bytes(out), 6)


def unpack_index(packed: bytes) -> list[BucketSize]:
    """The buckets, in their order. Raises MalformedMessage, whatever the bytes are."""
    data = _inflate(packed)
    if not data.startswith(_MAGIC):
        raise MalformedMessage("This is no index of buckets.")
    found: list[BucketSize] = []
    try:
        for source, label, hours, sizes, rows in _groups(data):
            found += [
                BucketSize(Bucket(source, label, hour), size, count)
                for hour, size, count in zip(hours, sizes, rows, strict=True)
            ]
            if len(found) > BUCKETS_MAX:
                raise MalformedMessage(f"An index has at most {BUCKETS_MAX} buckets.")
    except (IndexError, UnicodeDecodeError) as error:
        raise MalformedMessage("An index ends in the middle, or holds text that is none.") from error
    return found


def _inflate(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, INDEX_BYTES_MAX)
    except zlib.error as error:
        raise MalformedMessage("An index cannot be unpacked.") from error
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedMessage(f"An index is cut, has more after its end, or is larger than {INDEX_BYTES_MAX} bytes.")
    return data


def _groups(data: bytes) -> Iterator[tuple[int, str, list[int], list[int], list[int]]]:
    at, last = len(_MAGIC), (-1, "")
    while at < len(data):
        source = data[at]
        length, at = _take(data, at + 1)
        if length > 4 * LABEL_CHARS_MAX:
            raise MalformedMessage("A label of an index is too long.")
        label = data[at : at + length].decode()
        count, at = _take(data, at + length)
        if source not in _SOURCES or label_of(label) != label or (source, label) <= last or not count:
            raise MalformedMessage("An index names an unknown source or a label that is not in its normal form.")
        last = (source, label)
        if count > _HOURS_MAX or count > len(data) - at:
            raise MalformedMessage("An index announces more buckets than it holds.")
        steps, at = _take_many(data, at, count)
        sizes, at = _take_many(data, at, count)
        rows, at = _take_many(data, at, count)
        hours, hour = [], -1
        for step in steps:
            hour += step
            hours.append(hour)
        if min(steps) < 1 or hour > _HOURS_MAX or max(sizes) > BUCKET_BYTES_MAX:
            raise MalformedMessage("An hour or a size of an index is out of range.")
        if min(rows) < 1 or max(rows) > BUCKET_ROWS_MAX:
            raise MalformedMessage(f"A bucket has 1 to {BUCKET_ROWS_MAX} rows.")
        yield source, label, hours, sizes, rows


def _put(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _take(data: bytes, at: int) -> tuple[int, int]:
    number, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if shift and not byte:
                raise MalformedMessage("A number of an index is longer than it needs to be.")
            return number, at
        shift += 7
        if shift > 35:
            raise MalformedMessage("A number of an index is too large.")


def _take_many(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    numbers: list[int] = []
    for _ in range(count):
        byte = data[at]
        if byte < 0x80:
            at += 1
        else:
            byte, at = _take(data, at)
        numbers.append(byte)
    return numbers, at


# --- what the root commits to ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SealedBucket:
    """A bucket with the root of the tree over its rows."""

    bucket: Bucket
    size: int
    rows: int
    root: Hash


def row_leaf(holder: AccountId, entity: Entity) -> tuple[Hash, int]:
    """The leaf of a row in its bucket's tree. It names the holder: who copies a root without the rows has no proof."""
    return leaf_of(
        holder, entity.uri, text_hash(entity.content), entity.author, entity.minute, size_of(entity.content)
    )  # fmt: skip


def leaf_of(holder: AccountId, uri: str, content: bytes, author: str, minute: int, size: int) -> tuple[Hash, int]:
    """The same from the parts that a store keeps."""
    numbers = minute.to_bytes(8, "big") + size.to_bytes(8, "big")
    return digest("du-row", holder, uri.encode(), content, author.encode(), numbers), size


def bucket_leaf(sealed: SealedBucket) -> tuple[Hash, int]:
    """The leaf of a bucket in the tree over all of them."""
    source, label, hour = sealed.bucket
    numbers = b"".join(number.to_bytes(8, "big") for number in (source, hour, sealed.size, sealed.rows))
    return digest("du-bucket", label.encode(), numbers, sealed.root), sealed.size


def sample_offsets(seed: bytes, holder: AccountId, root: bytes, sizes: Sequence[BucketSize], budget: int) -> list[int]:
    """The bytes of a holder's index that a challenge asks about: most by bytes, some by buckets, some by suspicion.

    Follows from a seed that nobody knew when the root was published. Empty when the index counts for nothing.
    """
    from node.subnets.data_universe.scoring import sample_split  # rules; here only the choice

    total = sum(each.size for each in sizes)
    if not total:
        return []
    by_bytes, by_buckets, by_suspicion = sample_split(budget)
    draws = (int.from_bytes(digest("du-offset", seed, holder, root, n.to_bytes(8, "big"))) for n in range(2 * budget))
    offsets = [next(draws) % total for _ in range(by_bytes)]
    counting = [number for number, each in enumerate(sizes) if each.size]
    if by_buckets or by_suspicion:
        starts, before = [], 0
        for each in sizes:
            starts.append(before)
            before += each.size
        chosen = [counting[next(draws) % len(counting)] for _ in range(by_buckets)]
        chosen += _suspicious(sizes, counting, by_suspicion)
        offsets += [starts[number] + next(draws) % sizes[number].size for number in chosen]
    return offsets


def _suspicious(sizes: Sequence[BucketSize], counting: Sequence[int], count: int) -> list[int]:
    """The buckets that claim most bytes a row."""
    return sorted(counting, key=lambda number: (-(sizes[number].size // sizes[number].rows), number))[:count]
