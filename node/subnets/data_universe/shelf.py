"""A miner's own data: rows in the store, the last two snapshots of the index, and proofs out of them. Blocking.

Run it in a worker thread. It holds no rule of what data is worth.
"""

import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from node.market.errors import MalformedMessage, ServeFailed
from node.primitives.types import AccountId, Hash
from node.subnets.base import Code
from node.subnets.data_universe.entities import (
    Bucket,
    Entity,
    Source,
    size_of,
    text_hash,
    uri_hash,
)
from node.subnets.data_universe.index import (
    BucketSize,
    SealedBucket,
    bucket_leaf,
    leaf_of,
    pack_index,
    sample_offsets,
)
from node.subnets.data_universe.limits import (
    BUCKET_BYTES_MAX,
    BUCKET_ROWS_MAX,
    BUCKETS_MAX,
    LIMIT_MAX,
    SNAPSHOTS_KEPT,
    STORE_BYTES_DEFAULT,
    TOP_LABELS_MAX,
)
from node.subnets.data_universe.messages import ProvenRow, Row, SearchAsk, TopLabel
from node.subnets.data_universe.sumtree import SumTree
from storage.entities import EntityStore
from storage.entities_rows import BucketName, EntityQuery, EntityRow, Ingested
from storage.entities_search import make_searchable, search

DATABASE: Final = "entities.db"
_SNAPSHOTS: Final = "snapshots"


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """A bucket in a snapshot file of this node's own."""

    source: int
    label: str
    hour: int
    size: int
    rows: int
    root: bytes


class Snapshot:
    """What was promised once: sealed buckets in order and the tree over them."""

    def __init__(self, number: int, buckets: Sequence[SealedBucket]) -> None:
        self.number = number
        self.buckets = tuple(buckets)
        self.tree = SumTree([bucket_leaf(each) for each in self.buckets])
        self.sizes = [BucketSize(each.bucket, each.size, each.rows) for each in self.buckets]

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.buckets)

    def top(self) -> tuple[TopLabel, ...]:
        """The largest labels."""
        sums: dict[tuple[int, str], int] = {}
        for each in self.buckets:
            key = (each.bucket.source, each.bucket.label)
            sums[key] = sums.get(key, 0) + each.size
        largest = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:TOP_LABELS_MAX]
        return tuple(TopLabel(source, label, size) for (source, label), size in largest)


class Shelf:
    """The data of one miner in a folder. Any thread may call any method; sealing is for one at a time."""

    def __init__(self, folder: Path, *, bytes_max: int = STORE_BYTES_DEFAULT) -> None:
        self.folder = folder
        self.store = EntityStore.open(folder / DATABASE, bytes_max=bytes_max)
        self._snapshots: dict[int, Snapshot] = {}

    def close(self) -> None:
        """Close the files."""
        self.store.close()

    # --- rows -------------------------------------------------------------------------------------------------------

    def take_in(self, entities: Sequence[Entity]) -> Ingested:
        """Store rows that are not known yet. Raises storage.StorageError."""
        return self.store.ingest([stored(entity) for entity in entities])

    def find(self, ask: SearchAsk) -> list[Entity]:
        """The rows that a search wants, newest first."""
        while make_searchable(self.store):
            pass
        found = search(self.store, query_of(ask))
        return [entity_of(each.row) for each in found]

    def look_up(self, name: bytes) -> Entity | None:
        """What is held of a place."""
        found = search(self.store, EntityQuery(uri_hash=name, limit=1))
        return entity_of(found[0].row) if found else None

    # --- snapshots --------------------------------------------------------------------------------------------------

    def seal(self, holder: AccountId) -> Snapshot:
        """Promise what is there now; the promise before the last is forgotten."""
        number = self.store.seal(partial(bucket_root, holder), bytes(holder))
        buckets = [
            SealedBucket(Bucket(*each.name), each.size, each.rows, Hash(each.root))
            for each in self.store.sealed()
            if each.size <= BUCKET_BYTES_MAX and each.rows <= BUCKET_ROWS_MAX
        ]
        if len(buckets) > BUCKETS_MAX:  # the largest ones are promised, the others wait
            kept = sorted(buckets, key=lambda each: -each.size)[:BUCKETS_MAX]
            buckets = sorted(kept, key=lambda each: each.bucket)
        snapshot = Snapshot(number, buckets)
        self._keep(snapshot)
        return snapshot

    def snapshot(self, root: Hash) -> Snapshot | None:
        """The snapshot with that root, if it is one of the last."""
        for path in sorted((self.folder / _SNAPSHOTS).glob("*.bin"), reverse=True):
            number = int(path.stem)
            if number not in self._snapshots:
                self._snapshots[number] = _read(number, path)
            if self._snapshots[number].tree.root == root:
                return self._snapshots[number]
        return None

    def _keep(self, snapshot: Snapshot) -> None:
        folder = self.folder / _SNAPSHOTS
        folder.mkdir(mode=0o700, exist_ok=True)
        rows = [_Sealed(*each.bucket, each.size, each.rows, each.root) for each in snapshot.buckets]
        part = folder / f"{snapshot.number:09}.part"
        part.write_bytes(zlib.compress(msgspec.msgpack.encode(rows), 1))
        part.replace(part.with_suffix(".bin"))
        self._snapshots[snapshot.number] = snapshot
        for old in sorted(folder.glob("*.bin"))[:-SNAPSHOTS_KEPT]:
            old.unlink()
            self._snapshots.pop(int(old.stem), None)

    def packed(self, snapshot: Snapshot) -> bytes:
        """The index of a snapshot as it travels."""
        return pack_index(snapshot.sizes)

    # --- proofs -----------------------------------------------------------------------------------------------------

    def prove(self, snapshot: Snapshot, holder: AccountId, seed: bytes, count: int) -> list[ProvenRow]:
        """The rows that a seed picks from a snapshot, with their proofs."""
        offsets = sample_offsets(seed, holder, snapshot.tree.root, snapshot.sizes, count)
        return [self.prove_at(snapshot, holder, offset) for offset in offsets]

    def prove_at(self, snapshot: Snapshot, holder: AccountId, offset: int) -> ProvenRow:
        """The row that covers a byte of a snapshot, with its proofs. Raises ServeFailed when it is gone."""
        number, before = snapshot.tree.find(offset)
        sealed = snapshot.buckets[number]
        rows = self.store.bucket_rows(BucketName(*sealed.bucket), snapshot.number)
        tree = SumTree([_leaf(holder, row) for row in rows])
        if tree.root != sealed.root:
            raise ServeFailed("Rows that were promised are gone.", Code.NO_DATA)
        at, _ = tree.find(offset - before)
        row = rows[at]
        travels = Row(row.uri, row.source, row.label, row.minute, row.author, row.content)
        return ProvenRow(travels, tree.prove(at), sealed.size, sealed.rows, snapshot.tree.prove(number))

    def totals(self) -> tuple[int, int]:
        """Rows that are here and bytes on disk."""
        return self.store.count(), self.store.database.size_bytes()

    def bucket_of(self, bucket: Bucket) -> list[Entity]:
        """The rows of a bucket in the newest snapshot."""
        newest = max(self._snapshots, default=None)
        if newest is None:
            newest = max((int(path.stem) for path in (self.folder / _SNAPSHOTS).glob("*.bin")), default=0)
        return [entity_of(row) for row in self.store.bucket_rows(BucketName(*bucket), newest)]


def stored(entity: Entity) -> EntityRow:
    """An entity as the store keeps it."""
    return EntityRow(
        entity.uri, uri_hash(entity.uri), int(entity.source), entity.label, entity.minute // 60, entity.minute,
        entity.author, entity.content, text_hash(entity.content), size_of(entity.content),
    )  # fmt: skip


def entity_of(row: EntityRow) -> Entity:
    """A stored row as an entity."""
    return Entity(row.uri, Source(row.source), row.label, row.minute, row.author, row.content)


def query_of(ask: SearchAsk) -> EntityQuery:
    """A search as the store takes it."""
    return EntityQuery(
        source=ask.source or None,
        label=ask.label or None,
        words=ask.keywords,
        all_words=ask.mode == "all",
        authors=ask.usernames,
        uri_hash=uri_hash(ask.url) if ask.url else None,
        start=ask.start or None,
        end=ask.end or None,
        limit=min(ask.limit, LIMIT_MAX),
    )


def bucket_root(holder: AccountId, rows: Sequence[EntityRow]) -> bytes:
    """The root over a bucket's rows."""
    return SumTree([_leaf(holder, row) for row in rows]).root


def _leaf(holder: AccountId, row: EntityRow) -> tuple[Hash, int]:
    return leaf_of(holder, row.uri, row.text_hash, row.author, row.minute, row.size)


def _read(number: int, path: Path) -> Snapshot:
    try:
        rows = msgspec.msgpack.decode(zlib.decompress(path.read_bytes()), type=list[_Sealed])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, zlib.error) as error:
        raise MalformedMessage(f"The file {path.name} is damaged.") from error
    return Snapshot(
        number, [SealedBucket(Bucket(r.source, r.label, r.hour), r.size, r.rows, Hash(r.root)) for r in rows]
    )  # fmt: skip
