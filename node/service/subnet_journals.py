"""The journals of every subnet that this node knows, whatever its role: one `Journals` each, started once it is known.

A service that fails is logged and stays down; the node and the other subnets go on.
"""

from collections.abc import Callable, Iterable
from typing import Final

import trio

from node.market.chain import ChainReader
from node.market.switchboard import Switchboard
from node.primitives.types import NetUid
from node.service.logbook import logger
from node.service.roles.journal_door import SigningRecord
from node.service.roles.journals import Journals
from node.service.supervise import only_error
from node.subnets.base import AnySubnet
from p2p import Network
from storage import JournalStore

SUBNETS_MAX: Final = 32  # each takes a gossip topic of the 64 that a node may join, beside the chain's and challenges

log = logger("journals")


class SubnetJournals:
    """Run `run` in the node's nursery; `of` gives the journals of one subnet at any time."""

    def __init__(
        self,
        *,
        network: Network,
        doors: Switchboard,
        chain: ChainReader,
        store: JournalStore,
        record: SigningRecord | None,
        known: Callable[[], Iterable[NetUid]],
        rules: Callable[[NetUid], AnySubnet],
    ) -> None:
        """`known` lists the subnets that have rules here, `rules` gives those of one."""
        self._network = network
        self._doors = doors
        self._chain = chain
        self._store = store
        self._record = record
        self._known = known
        self._rules = rules
        self._journals: dict[NetUid, Journals] = {}
        self._started: set[NetUid] = set()

    def of(self, netuid: NetUid) -> Journals:
        """The journals of one subnet; empty until they are loaded."""
        if netuid not in self._journals:
            self._journals[netuid] = Journals(
                self._network, self._doors, self._chain, netuid, self._store,
                apply=self._rules(netuid).apply, record=self._record,
            )  # fmt: skip
        return self._journals[netuid]

    def counters(self) -> dict[str, int]:
        """Totals over all subnets since the start, by name."""
        total: dict[str, int] = {}
        for journals in self._journals.values():
            for name, count in journals.counters().items():
                total[name] = total.get(name, 0) + count
        return total

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start what is known, and what becomes known with a new head, until cancelled."""
        async with trio.open_nursery() as nursery:
            with self._chain.heads() as heads:
                await self._start(nursery)
                task_status.started()
                async for _ in heads:
                    await self._start(nursery)

    async def _start(self, nursery: trio.Nursery) -> None:
        for netuid in self._known():
            if netuid not in self._started and len(self._started) < SUBNETS_MAX:
                self._started.add(netuid)
                nursery.start_soon(self._keep, netuid)

    async def _keep(self, netuid: NetUid) -> None:
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.of(netuid).run)
        except BaseExceptionGroup as group:
            error = only_error(group)
            if not isinstance(error, Exception):
                raise error from None
            log.error("the journals of subnet %d failed and are not kept up: %r", netuid, error, exc_info=error)
