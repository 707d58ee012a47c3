"""The miner's side: rows with proofs, look-ups, whole buckets as blobs, searches. Rows go into parts by size."""

import zlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Final

import msgspec

from node.market.errors import MalformedMessage, ServeFailed
from node.primitives.codec import encode
from node.primitives.errors import MarketError
from node.subnets.base import Code, Host, Usage
from node.subnets.data_universe.entities import Bucket, Entity, Source
from node.subnets.data_universe.ledger import NOTE_BYTES_MAX
from node.subnets.data_universe.limits import BUCKET_BYTES_MAX, BUCKET_ROWS_MAX, PART_ROWS_BYTES, SEARCH_BYTES_MAX
from node.subnets.data_universe.messages import (
    BUCKET_MEDIA,
    INDEX_KIND,
    BucketAsk,
    DataPart,
    DataTask,
    IndexNote,
    LookupAsk,
    Row,
    RowsAsk,
    SearchAsk,
    row_of,
)
from node.subnets.data_universe.room import Room, in_thread
from node.subnets.data_universe.shelf import Snapshot
from node.subnets.wire import decode_message

_PACKED_MAX: Final = 2 * BUCKET_BYTES_MAX  # names and times beside the texts


async def answer(task: DataTask, host: Host, room: Room) -> AsyncGenerator[DataPart, None]:
    """The parts of an honest answer. Raises ServeFailed."""
    match task.ask:
        case RowsAsk() as ask:
            snapshot = await promised(ask, host, room)
            shelf = await room.shelf()
            proven = await in_thread(shelf.prove, snapshot, host.hotkey, ask.seed, ask.count)
            for index, each in enumerate(proven):
                is_last = index == len(proven) - 1
                yield DataPart(index, is_last, _units(len(proven)) if is_last else Usage(), proven=(each,))
            if not proven:
                yield DataPart(0, True, Usage())
        case LookupAsk() as ask:
            shelf = await room.shelf()
            held = [await in_thread(shelf.look_up, name) for name in ask.uris]
            for part in parts_of([row_of(entity) for entity in held if entity is not None]):
                yield part
        case BucketAsk() as ask:
            shelf = await room.shelf()
            rows = await in_thread(shelf.bucket_of, Bucket(ask.source, ask.label, ask.hour))
            if not rows:
                raise ServeFailed("This miner holds nothing of that bucket.", Code.NO_DATA)
            try:
                ref = await host.blobs.put(await in_thread(pack_rows, rows), BUCKET_MEDIA)
            except MarketError as error:
                raise ServeFailed(error.message, Code.MINER_FAULT) from error
            yield DataPart(0, True, _units(len(rows)), blob=(ref,))
        case SearchAsk() as ask:
            shelf = await room.shelf()
            for part in parts_of(fitting([row_of(entity) for entity in await in_thread(shelf.find, ask)])):
                yield part


async def promised(ask: RowsAsk, host: Host, room: Room) -> Snapshot:
    """The snapshot that a question is about. Raises ServeFailed."""
    sequence = next((each.sequence for each in ask.committed if each.miner == host.hotkey), None)
    entries = host.journal.entries(host.hotkey, kind=INDEX_KIND) if sequence is not None else ()
    entry = next((entry for entry in entries if entry.sequence == sequence), None)
    if entry is None:
        raise ServeFailed("The question names no index of this miner.", Code.NO_DATA)
    note = decode_message(IndexNote, entry.body, max_bytes=NOTE_BYTES_MAX)
    snapshot = await in_thread((await room.shelf()).snapshot, note.root)
    if snapshot is None:
        raise ServeFailed("That index is not kept any more.", Code.NO_DATA)
    return snapshot


def fitting(rows: Sequence[Row]) -> list[Row]:
    """As many of the rows, from the first, as one answer may hold."""
    kept: list[Row] = []
    size = 0
    for row in rows:
        size += len(encode(row))
        if size > SEARCH_BYTES_MAX:
            break
        kept.append(row)
    return kept


def parts_of(rows: Sequence[Row]) -> Iterable[DataPart]:
    """Rows in as few parts as the bound on a part allows; one without rows when there are none."""
    packs: list[list[Row]] = [[]]
    size = 0
    for row in rows:
        length = len(encode(row))
        if packs[-1] and size + length > PART_ROWS_BYTES:
            packs.append([])
            size = 0
        packs[-1].append(row)
        size += length
    for index, pack in enumerate(packs):
        is_last = index == len(packs) - 1
        yield DataPart(index, is_last, _units(len(rows)) if is_last else Usage(), rows=tuple(pack))


def pack_rows(entities: Sequence[Entity]) -> bytes:
    """A bucket's rows as a blob."""
    return zlib.compress(msgspec.msgpack.encode([row_of(entity) for entity in entities]), 6)


def unpack_rows(packed: bytes) -> list[Entity]:
    """The rows in a bucket's blob. Raises MalformedMessage, whatever the bytes are."""
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, _PACKED_MAX)
        if not unpacker.eof:
            raise MalformedMessage("A bucket is cut or too large.")
        rows = msgspec.msgpack.decode(data, type=list[Row])
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessage("A bucket cannot be unpacked.") from error
    if len(rows) > BUCKET_ROWS_MAX:
        raise MalformedMessage(f"A bucket has at most {BUCKET_ROWS_MAX} rows.")
    return [row.entity() for row in rows]


def _units(rows: int) -> Usage:
    return Usage(units=rows)


def sources_named() -> dict[str, Source]:
    """The sources by the names that people write."""
    return {source.name.lower(): source for source in Source}
