"""What of the past this node keeps: prunes old blocks, makes snapshots for peers, and watches the room on the disk.

Works beside the chain, a bounded step at a time in a worker thread, so that a commit waits for one step at most. Must
never touch what is not final, the state, or the steps of light clients; what it forgets, other nodes still have.
"""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from node.consensus.events import Finalised
from node.control.options import DaemonConfig
from node.control.schema import KeepMode, StoreStatus
from node.ledger.transition import Executed
from node.primitives.errors import NodeError
from node.service.chain import Chain
from node.service.logbook import logger
from node.service.pruner import bounds_of, prune_step
from node.service.snapshots import Shelf
from storage.chain import PinnedTip
from storage.errors import StorageError
from storage.limits import WAL_BYTES_KEPT_MAX

PAUSE_S: Final = 0.05  # between two steps; commits come first
LOOK_S: Final = 10.0  # how often age and room are looked at
WARN_PERMILLE: Final = 800  # of the budget
SHED_PERMILLE: Final = 900  # beyond it the oldest blocks go before their time, then snapshots
FREE_BYTES_WARN: Final = 512 * 1024 * 1024  # left on the disk itself, with a budget or without

log = logger("keeper")


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is to be kept: the mode, a budget for database, log and snapshots together (None: none), and snapshots."""

    mode: KeepMode = "full"
    budget_bytes: int | None = None
    snapshots: bool = True

    @property
    def database_bytes_max(self) -> int | None:
        """What is left of the budget for the pages of the database, once its log has its share."""
        return None if self.budget_bytes is None else max(1, self.budget_bytes - WAL_BYTES_KEPT_MAX)


def keeping_of(config: DaemonConfig) -> Keeping:
    """Return what a node is told to keep; what nobody ever said is the default."""
    return Keeping(
        config.keep or "full",
        config.disk_mb << 20 if config.disk_mb else None,
        config.snapshots is not False,
    )


class Keeper:
    """Keeps one node's store in bounds; `run` it as long as the chain runs."""

    def __init__(self, chain: Chain, keeping: Keeping, folder: Path) -> None:
        self._chain = chain
        self._keeping = keeping
        self._folder = folder
        self._pinned: tuple[ExitStack, PinnedTip | None] | None = None
        self._wake = trio.Event()
        self._warned = ""
        self.shelf = Shelf(folder)
        self.status = StoreStatus(keeping.mode)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled. Raises StorageError when the store fails; a snapshot that fails is only told."""
        await trio.to_thread.run_sync(self.shelf.open, self._chain.genesis_hash)
        self._chain.on_final(self._final)
        self.status = await trio.to_thread.run_sync(self._measure)
        task_status.started()
        try:
            while True:
                with trio.move_on_after(LOOK_S):
                    await self._wake.wait()
                self._wake = trio.Event()
                await self._snapshot()
                await self._prune()
                await self._look()
        finally:
            if self._pinned is not None:
                self._pinned[0].close()
            self.shelf.close()

    # --- snapshots --------------------------------------------------------------------------------------------------

    def _final(self, final: Finalised[Executed]) -> None:
        """Hold the state still at the block of a light step: every node then offers the same snapshot."""
        step = self._chain.store.latest_step()
        if self._keeping.mode == "light" or not self._keeping.snapshots or self._pinned is not None:
            return
        if step is None or step.height != final.blocks[-1].header.height:
            return
        stack = ExitStack()
        self._pinned = (stack, stack.enter_context(self._chain.store.pinned()))
        self._wake.set()

    async def _snapshot(self) -> None:
        if self._pinned is None:
            return
        stack, tip = self._pinned
        try:
            made = await trio.to_thread.run_sync(self.shelf.make, tip, self._chain.genesis_hash, _stop_if_cancelled)
        except (StorageError, NodeError, OSError) as error:
            log.warning("no snapshot was made: %s", error)
        else:
            log.debug("a snapshot of block %d can be fetched from this node", made.header.height)
        finally:
            self._pinned = None
            stack.close()

    # --- pruning ----------------------------------------------------------------------------------------------------

    async def _prune(self) -> None:
        while await trio.to_thread.run_sync(self._prune_step):
            await trio.sleep(PAUSE_S)

    def _prune_step(self, *, at_once: bool = False) -> int:
        final = self._chain.final.header
        bounds = bounds_of(
            self._keeping.mode, self._chain.clock.slot_ms, final.slot, final.height, at_once=at_once
        )  # fmt: skip
        return 0 if bounds is None else prune_step(self._chain.store, bounds)

    # --- room -------------------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        self.status = await trio.to_thread.run_sync(self._measure)
        budget = self._keeping.budget_bytes
        while budget is not None and self.status.used_bytes * 1000 > budget * SHED_PERMILLE:
            if not await trio.to_thread.run_sync(self._shed):
                break
            self.status = await trio.to_thread.run_sync(self._measure)
            await trio.sleep(PAUSE_S)
        if self.status.warning != self._warned:
            self._warned = self.status.warning
            (log.warning if self._warned else log.info)("%s", self._warned or "there is room again")

    def _measure(self) -> StoreStatus:
        store, budget = self._chain.store, self._keeping.budget_bytes
        horizon, manifest = store.pruning.horizon(), self.shelf.manifest()
        used = store.used_bytes() + WAL_BYTES_KEPT_MAX * (budget is not None) + self.shelf.size_bytes()
        free = shutil.disk_usage(self._folder.parent).free
        warning = ""
        if budget is not None and used * 1000 > budget * WARN_PERMILLE:
            warning = f"{used >> 20:,} of {budget >> 20:,} MB are used; raise --disk-mb or choose another --keep"
        elif free < FREE_BYTES_WARN:
            warning = f"only {free >> 20:,} MB are free on the disk of {self._folder.parent}"
        return StoreStatus(
            self._keeping.mode, used, budget, horizon.headers_from, horizon.bodies_from,
            None if manifest is None else manifest.header.height, warning,
        )  # fmt: skip

    def _shed(self) -> bool:
        """Make room before the budget is used up; an archive gives up snapshots only. Tells whether anything went."""
        if self._prune_step(at_once=True):
            return True
        return self.shelf.drop_oldest()


def _stop_if_cancelled(done: int, total: int) -> None:
    """End a snapshot that is being written when the node stops: it can be made again."""
    trio.from_thread.check_cancelled()
