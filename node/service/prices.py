"""Price history: every final block's prices become bars of a minute up to a day, which are kept for a day up to years.

The chain's task only puts what became final into a short queue; reading it, adding it up and writing it, one batch for
all that waits, happens in a worker thread. A block that was not seen here leaves no bar: the history says nothing that
this node did not follow itself.

Only charts depend on the file: whatever is wrong with it is kept, told and logged, and the node goes on.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from node.consensus.events import Finalised
from node.ledger import price_queries
from node.ledger.transition import Executed
from node.primitives.types import NetUid
from node.service.chain import Chain
from node.service.logbook import logger
from storage.errors import StorageError
from storage.prices import BarRow, PriceStore, SpanRow

KEPT_S: Final[dict[int, int]] = {
    60: 86_400,  # minutes of a day
    900: 14 * 86_400,
    3600: 60 * 86_400,
    14_400: 365 * 86_400,
    86_400: 5 * 365 * 86_400,
}
"""How long the bars of each length (seconds) are kept: at most about 7 400 a subnet, 40 MB for 128 subnets."""
QUEUE_MAX: Final = 64  # final blocks, or spans of them while syncing; beyond it the present prices are read anew
DAY_S: Final = 86_400
_DAY_STEP_S: Final = 900

log = logger("prices")


@dataclass(slots=True)
class Bar:
    """A period that is still open."""

    start_s: int
    open: int
    high: int
    low: int
    close: int
    volume: int

    def add(self, price: int, volume: int) -> None:
        """Take in one block's price."""
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume += volume


class PriceBook:
    """The history of one chain; `listen` and `run` belong to the event loop, the rest to any thread."""

    def __init__(self, chain: Chain, store: PriceStore | StorageError) -> None:
        """`store`: the file, or why it could not be opened. `trouble` is what is wrong with it now."""
        self.trouble = store if isinstance(store, StorageError) else None
        self._store = store
        self._chain = chain
        self._prices: dict[NetUid, int] = {}
        self._open: dict[tuple[int, NetUid], Bar] = {}
        self._height = -1
        self._missed = False
        self._is_told = False
        self._send, self._receive = trio.open_memory_channel[Finalised[Executed]](QUEUE_MAX)

    @property
    def store(self) -> PriceStore:
        """The file. Raises StorageError when it could not be opened."""
        if isinstance(self._store, StorageError):
            raise self._store
        return self._store

    def listen(self, final: Finalised[Executed]) -> None:
        """Queue what became final; never waits."""
        try:
            self._send.send_nowait(final)
        except trio.WouldBlock:
            self._missed = True  # prices not seen to change are read from the state, once there is time

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the history until cancelled; a store that cannot be read or written ends the history, not the node."""
        try:
            await trio.to_thread.run_sync(self._begin)
        except StorageError as error:
            self._fail(error)
            task_status.started()
            return
        self._chain.on_final(self.listen)
        task_status.started()
        while True:
            waiting = [await self._receive.receive()]
            while True:
                try:
                    waiting.append(self._receive.receive_nowait())
                except trio.WouldBlock:
                    break
            try:
                await trio.to_thread.run_sync(self.take, waiting)
                self.trouble, self._is_told = None, False
            except StorageError as error:
                self._fail(error)

    def day(self, netuids: tuple[NetUid, ...], now_s: int) -> dict[int, SpanRow]:
        """Each subnet's last 24 hours as one bar, where there are any and they can be read."""
        try:
            return {row.netuid: row for row in self.store.since(_DAY_STEP_S, now_s - DAY_S, netuids)}
        except StorageError as error:
            self._fail(error)
            return {}

    def take(self, finals: list[Finalised[Executed]]) -> None:
        """Add what became final and write it as one batch. Blocks that were counted before are left out."""
        changed: set[tuple[int, NetUid]] = set()
        gone: list[tuple[int, int, int]] = []
        closed: list[BarRow] = []
        if self._missed:
            self._missed = False
            self._read_prices()
        for final in finals:
            for block, executed in zip(final.blocks, final.states, strict=True):
                if block.header.height > self._height:
                    time_s = self._chain.clock.start_ms_of(block.header.slot) // 1000
                    self._add(executed, time_s, changed, closed, gone)
                    self._height = block.header.height
        rows = [_row(key, self._open[key]) for key in sorted(changed) if key in self._open]
        if rows or closed:
            self.store.put(self._height, [*closed, *rows], gone)

    def _fail(self, error: StorageError) -> None:
        """Keep what is wrong, and log it once."""
        if not self._is_told:
            log.warning("prices are not kept: %s", error)
        self.trouble, self._is_told = error, True

    def _begin(self) -> None:
        known = self.store.begin(bytes(self._chain.genesis_hash))
        self._height = -1 if known is None else known
        self._read_prices()
        for step_s in KEPT_S:
            for row in self.store.newest(step_s, self._prices):
                self._open[step_s, NetUid(row.netuid)] = Bar(
                    row.start_s, row.open, row.high, row.low, row.close, row.volume
                )

    def _read_prices(self) -> None:
        self._prices = price_queries.prices_of(self._chain.final_state.state.view)

    def _add(
        self,
        executed: Executed,
        time_s: int,
        changed: set[tuple[int, NetUid]],
        closed: list[BarRow],
        gone: list[tuple[int, int, int]],
    ) -> None:
        netuids = price_queries.changed_netuids(executed.changes)
        if netuids is not None:
            self._only(netuids)
        self._prices.update(price_queries.changed_prices(executed.changes, netuids or self._prices))
        volumes = price_queries.traded(executed.events)
        for netuid, price in self._prices.items():
            volume = volumes.get(netuid, 0)
            for step_s, kept_s in KEPT_S.items():
                key, start_s = (step_s, netuid), time_s - time_s % step_s
                bar = self._open.get(key)
                if bar is not None and start_s > bar.start_s:
                    if key in changed:
                        closed.append(_row(key, bar))
                    gone.append((step_s, netuid, start_s - kept_s))
                    bar = None
                if bar is None:
                    self._open[key] = Bar(start_s, price, price, price, price, volume)
                elif price == bar.close and not volume:
                    continue  # nothing that is not written already
                else:
                    bar.add(price, volume)
                changed.add(key)

    def _only(self, netuids: tuple[NetUid, ...]) -> None:
        """Forget the subnets that are no more."""
        lost = [netuid for netuid in self._prices if netuid not in netuids]
        for netuid in lost:
            del self._prices[netuid]
        self._open = {key: bar for key, bar in self._open.items() if key[1] not in lost}
        if lost:
            self.store.forget(lost)


async def keep_prices(stack: AsyncExitStack, nursery: trio.Nursery, chain: Chain, path: Path) -> PriceBook:
    """Open the history at `path` and begin to keep it; one that is of no use is told, and the node starts."""
    try:
        store: PriceStore | StorageError = stack.enter_context(PriceStore.open(path))
    except StorageError as error:
        store = error
    book = PriceBook(chain, store)
    await nursery.start(book.run)
    return book


def _row(key: tuple[int, NetUid], bar: Bar) -> BarRow:
    return BarRow(key[0], key[1], bar.start_s, bar.open, bar.high, bar.low, bar.close, bar.volume)
