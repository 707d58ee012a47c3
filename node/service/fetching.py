"""Fetching many parts from several full nodes at once: one worker a node, and nobody waits for the slowest.

Knows neither blocks nor snapshots: a `Work` says what is missing and keeps what comes. A node that fails rests a while,
one that fails again and again, or lied, is left; its part goes to another. A part that takes long is asked for twice.
"""

from collections.abc import Hashable
from typing import Final, Generic, Protocol, TypeVar

import trio

from node.service.errors import NoAnswer
from node.service.full_nodes import FullNodes
from node.service.logbook import logger
from node.service.supervise import only_error

WORKERS_MAX: Final = 6  # nodes asked at once; each has one answer of at most 4 MiB on its way
FAILURES_MAX: Final = 3  # of one node in a row, then it is left for this time
REST_S: Final = 1.0  # after a failure; as often again after the next
SLOW_S: Final = 5.0  # a part on its way longer than this is asked for elsewhere too, if there is nothing else to do
IDLE_S: Final = 0.1  # between two looks for something to do
PATIENCE_S: Final = 30.0  # without a part from anybody, once no node is left to ask

I = TypeVar("I", bound=Hashable)  # noqa: E741
log = logger("sync")


class Work(Protocol[I]):
    """What is to be fetched."""

    def wanted(self, busy: frozenset[I]) -> I | None:
        """Return a missing part that is not among `busy`, None when there is none to ask for at the moment."""
        ...

    def is_missing(self, part: I) -> bool:
        """Tell whether a part has not come yet."""
        ...

    def is_done(self) -> bool:
        """Tell whether nothing is missing any more."""
        ...

    async def fetch(self, peer: str, part: I) -> None:
        """Ask `peer` for a part, check it and keep it. Raises NoAnswer; blames the peer where it lied."""
        ...


class _Pool(Generic[I]):
    def __init__(self, nodes: FullNodes, work: Work[I]) -> None:
        self._nodes = nodes
        self._work: Work[I] = work
        self._busy: dict[I, float] = {}
        self._workers: set[str] = set()
        self._given_up: set[str] = set()
        self._came_s = trio.current_time()
        self.is_alone = False

    async def run(self) -> None:
        """Fetch until nothing is missing, or all nodes were left and none gave a part for PATIENCE_S (`is_alone`).

        A node that is asked again does not count as one that gives: all of them may lack what is missing, for ever.
        """
        async with trio.open_nursery() as nursery:
            while not self._work.is_done():
                for peer in self._nodes.names():
                    if len(self._workers) < WORKERS_MAX and peer not in self._workers | self._given_up:
                        self._workers.add(peer)
                        nursery.start_soon(self._worker, peer)
                if not self._workers:
                    if trio.current_time() - self._came_s > PATIENCE_S:
                        self.is_alone = True
                        break
                    self._given_up.clear()  # they may have it by now
                await trio.sleep(IDLE_S)
            nursery.cancel_scope.cancel()

    async def _worker(self, peer: str) -> None:
        failures = 0
        try:
            while not self._work.is_done() and peer in self._nodes.names():
                part = self._next()
                if part is None:
                    await trio.sleep(IDLE_S)
                    continue
                self._busy[part] = trio.current_time()
                try:
                    await self._work.fetch(peer, part)
                    failures, self._came_s = 0, trio.current_time()
                except NoAnswer as error:
                    log.debug("%s", error.message)
                    failures += 1
                finally:
                    self._busy.pop(part, None)
                if failures >= FAILURES_MAX:
                    self._given_up.add(peer)
                    return
                await trio.sleep(REST_S * failures)
        finally:
            self._workers.discard(peer)

    def _next(self) -> I | None:
        fresh = self._work.wanted(frozenset(self._busy))
        if fresh is not None:
            return fresh
        late = trio.current_time() - SLOW_S
        slow = [part for part, since in self._busy.items() if since < late and self._work.is_missing(part)]
        return min(slow, key=lambda part: self._busy[part], default=None)


async def fetch_all(nodes: FullNodes, work: Work[I]) -> None:
    """Fetch everything that `work` misses. Raises NoAnswer when nobody has given any of it for PATIENCE_S."""
    pool = _Pool(nodes, work)
    try:
        await pool.run()
    except ExceptionGroup as group:
        raise only_error(group) from None
    if pool.is_alone:
        raise NoAnswer("No full node gives what is missing.")
