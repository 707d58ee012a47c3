"""Noticing that this node was away for longer than its peers keep blocks, and saying or doing what helps.

A node that takes snapshots is told to begin again, but only once one is there that its authorities certified; a node
that must have every block can only say what is missing. Must never change anything itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import trio

from node.control.options import SyncChoice
from node.control.schema import KeepMode
from node.primitives.types import Height
from node.service.logbook import logger
from node.service.snapshot_sync import SnapshotSync
from node.service.syncer import Syncer

LOOK_S: Final = 5.0  # how often it looks; twice in a row the same block has to be missing
OFFERS_PAUSE_S: Final = 60.0  # between two looks for a snapshot: manifests and light steps are megabytes

Way = Literal["snapshot", "archive", "full"]
"""How a node gets past blocks that nobody has: by a snapshot, or not, as it keeps or executes every block."""
_FIX: Final[dict[Way, str]] = {
    "snapshot": "Connect to a node that makes snapshots: `neurond peers add MULTIADDR`, or an invite of one.",
    "archive": "Connect to an archive (`neurond peers add MULTIADDR`), put in a copy of one "
    "(`neurond db restore FILE`), or give up old blocks: `neurond up --keep full`.",
    "full": "Start without --sync full, and the node begins at a snapshot; or connect to an archive "
    "(`neurond peers add MULTIADDR`).",
}

log = logger("sync")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is missing, and what to do."""

    text: str
    fix: str


def way_of(choice: SyncChoice, mode: KeepMode) -> Way:
    """Return how a node that was told so gets past missing blocks."""
    if mode == "archive":
        return "archive"
    return "full" if choice == "full" else "snapshot"


class Stranded:
    """Watches the syncer of one node."""

    def __init__(
        self, syncer: Syncer, snapshots: Callable[[], SnapshotSync], way: Way, begin_again: Callable[[], None]
    ) -> None:
        """`snapshots` makes a new one for each look, which again asks peers that had nothing."""
        self._syncer = syncer
        self._snapshots = snapshots
        self._way: Way = way
        self._begin_again = begin_again
        self.trouble: Trouble | None = None

    async def run(self) -> None:
        """Watch until cancelled, or until the node is to begin again. Raises BrokenFinality, StorageError."""
        missing: Height | None = None
        while True:
            await trio.sleep(LOOK_S)
            missing, before = self._syncer.missing(), missing
            if missing is None:
                self.trouble = None
            if missing is None or missing != before:
                continue
            if self._way == "snapshot" and await self._snapshots().can_begin():
                log.warning("no peer has block %d any more; this node begins again at a snapshot", missing)
                self._begin_again()
                return
            self._tell(missing)
            if self._way == "snapshot":
                await trio.sleep(OFFERS_PAUSE_S)

    def _tell(self, missing: Height) -> None:
        lacking = {
            "snapshot": "and none offers a certified snapshot",
            "archive": "and an archive needs it",
            "full": "and this node was told to execute every block",
        }[self._way]
        trouble = Trouble(f"no connected peer has block {missing:,} any more, {lacking}", _FIX[self._way])
        if self.trouble != trouble:
            log.warning("%s. %s", trouble.text, trouble.fix)
        self.trouble = trouble
