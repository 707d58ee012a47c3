"""A miner's own time: drop what is too old or too much, promise what is there. Collecting is `collecting`'s.

A promise is sealed in the store, packed, put where peers fetch it, and written to the journal; a crash in between costs
one number. With too little room on the disk it takes in nothing more and says so.
"""

import logging
import shutil
from collections.abc import Awaitable, Callable
from typing import Final

from node.primitives.codec import encode
from node.primitives.errors import MarketError
from node.primitives.types import Height
from node.subnets.base import Host, View
from node.subnets.data_universe.entities import SOURCE_WEIGHTS, Source
from node.subnets.data_universe.ledger import jobs_of
from node.subnets.data_universe.limits import (
    AGE_HOURS_MAX,
    DISK_FREE_BYTES_MIN,
    PUBLISH_BLOCKS,
    STORE_BYTES_DEFAULT,
)
from node.subnets.data_universe.messages import INDEX_KIND, INDEX_MEDIA, IndexNote
from node.subnets.data_universe.room import Room, in_thread
from node.subnets.data_universe.scoring import Job, bucket_scale
from node.subnets.data_universe.shelf import DATABASE, Shelf
from storage.entities_rows import BucketName

_log = logging.getLogger(__name__)
EVICT_TO: Final = 0.9  # of the cap: so that not every step evicts
Collect = Callable[[Host, Room], Awaitable[None]]


class Miner:
    """Collects and promises; `step` at every head."""

    def __init__(
        self, room: Room, *, collect: Collect | None = None, publish_blocks: int = PUBLISH_BLOCKS,
        bytes_max: int = STORE_BYTES_DEFAULT,
    ) -> None:  # fmt: skip
        self._room = room
        self._collect = collect
        self._publish_blocks = publish_blocks
        self._bytes_max = bytes_max
        self._published_at: Height | None = None
        self._published_rows = -1
        self.is_paused = False

    async def step(self, host: Host, view: View) -> None:
        """What is due at this head. Raises storage.StorageError."""
        self._look_at_disk()
        if self._collect is not None and not self.is_paused:
            await self._collect(host, self._room)
        if not (self._room.folder / DATABASE).exists():
            return  # nothing was ever collected here: no store is made for it
        if self._published_at is not None and view.height - self._published_at < self._publish_blocks:
            return
        await self.publish(host, view)

    async def publish(self, host: Host, view: View) -> IndexNote | None:
        """Tidy up and promise what is there; None when it could not be told."""
        shelf = await self._room.shelf()
        await in_thread(tidy, shelf, self._room.now_hour, jobs_of(view), self._bytes_max)
        snapshot = await in_thread(shelf.seal, host.hotkey)
        if not snapshot.buckets and self._published_rows <= 0:
            return None
        try:
            blob = await host.blobs.put(await in_thread(shelf.packed, snapshot), INDEX_MEDIA)
            note = IndexNote(
                snapshot.tree.root, snapshot.tree.total, snapshot.rows, len(snapshot.buckets), blob, snapshot.top()
            )
            await host.journal.append(INDEX_KIND, encode(note))
        except MarketError as error:
            _log.warning("the index could not be published: %s", error)
            return None
        self._published_at, self._published_rows = view.height, snapshot.rows
        return note

    def _look_at_disk(self) -> None:
        free = shutil.disk_usage(self._room.folder).free
        paused = free < DISK_FREE_BYTES_MIN
        if paused != self.is_paused:
            _log.warning(
                "collecting %s: %d MB free on the disk", "pauses" if paused else "goes on", free // 2**20
            )  # fmt: skip
        self.is_paused = paused


def tidy(shelf: Shelf, now_hour: int, jobs: list[Job], bytes_max: int) -> int:
    """Drop rows that are too old, then, above the cap, those worth least a byte; return how many rows."""
    gone = shelf.store.expire(now_hour - AGE_HOURS_MAX)
    used = shelf.store.database.used_bytes()
    if used <= bytes_max:
        return gone
    by_worth = sorted((worth(each.name, now_hour, jobs), each.name, each.size) for each in shelf.store.sealed())
    total = sum(size for _, _, size in by_worth)
    surplus = total - int(total * EVICT_TO * bytes_max / used)
    dropped: list[BucketName] = []
    for _, name, size in by_worth:
        if surplus <= 0:
            break
        dropped.append(name)
        surplus -= size
    return gone + shelf.store.drop(dropped)


def worth(name: BucketName, now_hour: int, jobs: list[Job]) -> float:
    """What a byte of a bucket is worth now, before it is shared with others."""
    return SOURCE_WEIGHTS[Source(name.source)] * bucket_scale(name.label, name.hour, now_hour, jobs)
