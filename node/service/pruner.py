"""Which old blocks go, for a running node's keeper and for the command that prunes a stopped one.

The age of a block is counted in slots. The newest blocks stay whatever their age; what is above the finalised block is
never looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from node.control.schema import KeepMode
from node.ledger.transaction import transaction_hash
from node.service.anchor import read_block
from storage.chain import ChainStore
from storage.rows import BlockRow

_DAY_MS: Final = 24 * 60 * 60 * 1000
KEPT_MS: Final[dict[KeepMode, int | None]] = {"archive": None, "full": 7 * _DAY_MS, "light": _DAY_MS // 24}
"""How long bodies, events, transactions and certificates are kept; headers as long in mode light, else for ever."""
KEPT_BLOCKS_MIN: Final = 512  # whatever their age: peers that were away for a moment ask for them
STEP_BLOCKS_MAX: Final = 64  # blocks that one step of pruning forgets
STEP_BYTES_MAX: Final = 8 * 1024 * 1024  # and what they may weigh: some 20 ms of the writer


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is too old: bodies of blocks before slot `oldest_slot` and below height `below`; headers too or not."""

    oldest_slot: int
    below: int
    headers: bool


def bounds_of(
    mode: KeepMode, slot_ms: int, final_slot: int, final_height: int, *, at_once: bool = False
) -> Bounds | None:
    """Return what goes in a mode, counted from the finalised block; None: nothing. `at_once`: whatever its age."""
    kept_ms = KEPT_MS[mode]
    if kept_ms is None:
        return None
    kept_slots = 0 if at_once else kept_ms // slot_ms
    return Bounds(final_slot - kept_slots, final_height - KEPT_BLOCKS_MIN, mode == "light")


def prune_step(store: ChainStore, bounds: Bounds) -> int:
    """Forget a few of the oldest blocks within `bounds`; return how many bodies and headers went, 0 when all are gone.

    Raises StorageError.
    """
    rows = store.blocks_from(store.pruning.swept_bodies(), STEP_BLOCKS_MAX, bytes_max=STEP_BYTES_MAX)
    old = tuple(takewhile(lambda row: row.slot < bounds.oldest_slot and row.height < bounds.below, rows))
    if old:
        store.pruning.prune_bodies(old[-1].height + 1, _transactions(old))
    if not bounds.headers:
        return len(old)
    return len(old) + store.pruning.prune_headers(store.pruning.horizon().bodies_from)


def _transactions(rows: Sequence[BlockRow]) -> list[bytes]:
    return [transaction_hash(raw) for row in rows for raw in read_block(row).transactions]
