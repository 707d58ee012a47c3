"""Follows the seats of the subnets this node works in, so that audits of past epochs check stakes and permits of then.

What this node did not follow it does not know, and audits say so: nobody else's word takes its place.
"""

import logging
from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import trio

from node.ledger.queries import Metagraph
from node.market.audit_facts import SeatThen
from node.market.chain import ChainReader
from node.primitives.types import AccountId, Height, NetUid, Uid
from storage import StorageError
from storage.seats import SeatNote, SeatStore

EPOCHS_KEPT: Final = 10  # of seats; records are given away for eight
NEAR_BLOCKS: Final = 3  # a head that was replaced may have shown a validator another block of about this height

_log = logging.getLogger(__name__)


class SeatBook:
    """`run` it beside the chain; `followed` tells the subnets to look at."""

    def __init__(self, chain: ChainReader, store: SeatStore, followed: Callable[[], Iterable[NetUid]]) -> None:
        self._chain = chain
        self._store = store
        self._followed = followed
        self._now: dict[NetUid, tuple[Height, dict[int, SeatThen]]] = {}  # of the last head that was written down

    async def run(self) -> None:
        """Write down what every new head changes, until cancelled."""
        with self._chain.heads() as heads:
            async for _ in heads:
                for netuid in tuple(self._followed()):
                    graph = self._chain.metagraph(netuid)
                    if graph is not None:
                        await self.look(graph)

    async def look(self, graph: Metagraph) -> None:
        """Write down the seats of a subnet as of its height; a failing disk is logged, and leaves a gap."""
        netuid, height = graph.netuid, graph.height
        before, known = self._now.get(netuid, (Height(-1), {}))
        seats: dict[int, SeatThen] = {
            row.uid: (row.hotkey, row.stake_weight_rao, row.validator_permit) for row in graph.rows
        }
        begins = before < 0 or height > before + 1
        whole = height != before + 1  # after a reorganisation, what was known is of another branch
        changes = [SeatNote(height, uid, *seat) for uid, seat in seats.items() if whole or known.get(uid) != seat]
        changes += [SeatNote(height, uid, b"", 0, False) for uid in known if uid not in seats]
        kept_from = max(0, height - EPOCHS_KEPT * (graph.subnet.tempo_blocks + 1))
        note = partial(self._store.note, netuid, height, changes, begins=begins, kept_from=kept_from)
        try:
            await trio.to_thread.run_sync(note)
        except StorageError as error:
            self._now.pop(netuid, None)
            _log.warning("the seats of subnet %d could not be written down: %s", netuid, error)
        else:
            self._now[netuid] = (height, seats)


class PastSeats:
    """What was seen of the seats of one subnet around an epoch; reads the store once: not for the event loop."""

    def __init__(self, store: SeatStore, netuid: NetUid, first: Height, last: Height) -> None:
        self._stretches, notes = store.between(netuid, max(0, first - NEAR_BLOCKS), last + NEAR_BLOCKS)
        self._heights: dict[int, list[int]] = {}
        self._seats: dict[int, list[SeatThen | None]] = {}
        for note in notes:
            self._heights.setdefault(note.uid, []).append(note.height)
            seat = (AccountId(note.hotkey), note.stake_rao, note.permit) if note.hotkey else None
            self._seats.setdefault(note.uid, []).append(seat)

    def __call__(self, uid: Uid, height: Height) -> frozenset[SeatThen] | None:
        """What the seat was at this height or near it; None where this node did not follow."""
        stretch = next((each for each in self._stretches if each[0] <= height <= each[1]), None)
        if stretch is None:
            return None
        first, last = max(stretch[0], height - NEAR_BLOCKS), min(stretch[1], height + NEAR_BLOCKS)
        heights, seats = self._heights.get(uid, []), self._seats.get(uid, [])
        begin = max(0, bisect_right(heights, first) - 1)
        held = zip(heights[begin:], seats[begin:], strict=True)
        return frozenset(seat for at, seat in held if seat is not None and stretch[0] <= at <= last)
