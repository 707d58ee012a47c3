"""What one node keeps for the subnet in its folder: a miner's shelf, a validator's holdings, witnesses, values.

One room a folder and process. Blocking work goes to worker threads; what is asked twice at once is done once.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from node.market.errors import MalformedMessage
from node.primitives.errors import MarketError
from node.primitives.types import AccountId
from node.subnets.base import Host, View
from node.subnets.data_universe.adapters.base import Adapter
from node.subnets.data_universe.entities import Source
from node.subnets.data_universe.holdings import Holdings
from node.subnets.data_universe.ledger import Kept, indexes_of, jobs_of
from node.subnets.data_universe.limits import INDEX_FETCHES_PER_TICK, INDEX_PACKED_BYTES_MAX
from node.subnets.data_universe.shelf import Shelf
from node.subnets.data_universe.witnesses import Witnesses

T = TypeVar("T")
_MS_PER_HOUR = 3_600_000


class Room:
    """The subnet's things of one host."""

    def __init__(self, folder: Path, adapters: Mapping[Source, Adapter], now_ms: Callable[[], int]) -> None:
        self.folder = folder
        self.adapters = adapters
        self.witnesses = Witnesses()
        self._now_ms = now_ms
        self._shelf: Shelf | None = None
        self._holdings: Holdings | None = None
        self._values: Mapping[AccountId, float] = {}
        self._valued: tuple[object, ...] = ()
        self._lock = trio.Lock()
        self._writing = trio.Lock()

    @property
    def now_hour(self) -> int:
        return self._now_ms() // _MS_PER_HOUR

    @property
    def now_minute(self) -> int:
        return self._now_ms() // 60_000

    @property
    def now_ms(self) -> Callable[[], int]:
        return self._now_ms

    async def shelf(self) -> Shelf:
        """The miner's data, opened on first use. Raises storage.StorageError."""
        async with self._lock:
            if self._shelf is None:
                self._shelf = await in_thread(Shelf, self.folder)
            return self._shelf

    async def holdings(self) -> Holdings:
        """The validator's picture of everybody, opened on first use."""
        async with self._lock:
            if self._holdings is None:
                self._holdings = await in_thread(Holdings, self.folder / "holdings")
            return self._holdings

    def close(self) -> None:
        """Close the files."""
        if self._shelf is not None:
            self._shelf.close()

    # --- everybody's indexes ----------------------------------------------------------------------------------------

    async def fetch_indexes(self, host: Host, view: View) -> int:
        """Get the newest indexes that are not here yet, a few at a time; return how many came."""
        holdings = await self.holdings()
        seats = {neuron.hotkey for neuron in view.neurons}
        async with self._writing:
            await in_thread(holdings.forget, seats.__contains__)
        count = 0
        for neuron in view.neurons:
            kept = indexes_of(view.state, neuron.hotkey)
            if neuron.hotkey == host.hotkey or not kept or holdings.has(neuron.hotkey, kept[-1].sequence):
                continue
            if count == INDEX_FETCHES_PER_TICK:
                break
            count += await self.fetch(host, neuron.hotkey, kept[-1]) == ""
        return count

    async def fetch(self, host: Host, miner: AccountId, kept: Kept) -> str:
        """Get one index of a miner; return "" or why it cannot be had."""
        holdings = await self.holdings()
        if holdings.has(miner, kept.sequence):
            return ""
        try:
            packed = await host.blobs.get(kept.note.blob, max_bytes=INDEX_PACKED_BYTES_MAX, holders=(miner,))
        except MarketError as error:
            return f"unreachable: {error.message}"
        try:
            async with self._writing:  # the judge and the tick may have fetched the same one
                if not holdings.has(miner, kept.sequence):
                    await in_thread(holdings.put, miner, kept.sequence, kept.note, packed)
        except MalformedMessage as error:
            return f"malformed: {error.message}"
        return ""

    async def values(self, view: View) -> Mapping[AccountId, float]:
        """What everybody's index is worth now; computed anew when an index, a wish or the hour changed."""
        holdings = await self.holdings()
        jobs = jobs_of(view)
        state: tuple[object, ...] = (self.now_hour, holdings.sequences(), *jobs)
        if state != self._valued:
            self._values = await in_thread(holdings.values, self.now_hour, jobs)
            self._valued = state
        return self._values

    async def value_of(self, miner: AccountId, sequence: int, view: View) -> float:
        """What one promise of a miner is worth now. Not its newest: it may have promised more since it was asked."""
        holdings = await self.holdings()
        if (miner, sequence) in holdings.sequences():
            return (await self.values(view)).get(miner, 0.0)
        return await in_thread(holdings.value_of, miner, sequence, self.now_hour, jobs_of(view))


async def in_thread(function: Callable[..., T], *args: object) -> T:
    """Run something that blocks in a worker thread."""
    return await trio.to_thread.run_sync(partial(function, *args))


def largest(values: Sequence[tuple[AccountId, int]]) -> list[AccountId]:
    """Holders by how much they hold, most first."""
    return [holder for holder, _ in sorted(values, key=lambda each: (-each[1], each[0]))]
