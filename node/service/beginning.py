"""The status of a node that takes over a snapshot and has no running chain yet: how far that is, in the usual shape.

Must never open or read anything that the snapshot changes: what it shows of the chain is where this node stood before.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from node.consensus.slots import SlotClock
from node.control.schema import NodeStatus, StoreStatus, SyncProgress
from node.ledger.genesis import GenesisSpec
from node.light.chain import Trusted
from node.primitives.address import to_ss58
from node.primitives.types import Hash
from node.service.anchor import trusted_tip
from node.service.chain import now_ms
from node.service.keys import Keys
from node.service.snapshot_sync import SnapshotSync
from node.service.telling import STATUS_S
from node.version import __version__
from p2p import Network
from storage.chain import ChainStore

if TYPE_CHECKING:
    from node.service.app import Node


@dataclass(frozen=True, slots=True)
class Beginning:
    """A node on its way to a snapshot; `start` is its last final block up to now."""

    network: Network
    spec: GenesisSpec
    genesis_hash: Hash
    start: Trusted
    keys: Keys
    snapshots: SnapshotSync

    def progress(self) -> SyncProgress:
        """Return how much of the snapshot is there; that nothing is known while none is being fetched."""
        height, found = self.start.header.height, self.snapshots.fetching
        if found is None:
            return SyncProgress(True, height, height)
        return SyncProgress(
            syncing=True,
            height=height,
            target_height=found.height,
            eta_s=found.eta_s,
            source_peers=len(self.network.peers()),
            rows=found.rows,
            rows_total=found.rows_total,
            rows_per_s=found.rows_per_s,
        )

    def status(self, node: Node) -> NodeStatus:
        """Return the status of `node`."""
        header, clock = self.start.header, SlotClock(self.spec.start_ms, self.spec.slot_ms)
        hotkey, coldkey = self.keys.hotkey_account, self.keys.coldkey
        return NodeStatus(
            peer_id=self.network.peer_id,
            addresses=self.network.addresses,
            network=self.spec.name,
            genesis_hash=self.genesis_hash.hex(),
            role=node.config.role or node.home.settings_of_last_start().role,
            authority=False,
            state="syncing" if self.snapshots.fetching is not None else node.state,
            phase=node.phase,
            height=header.height,
            head_hash=self.start.hash.hex(),
            finalized_height=header.height,
            finalized_hash=self.start.hash.hex(),
            state_root=header.state_root.hex(),
            slot=clock.slot_at(now_ms()),
            slot_ms=clock.slot_ms,
            peers=len(self.network.peers()),
            sync=self.progress(),
            epoch=None,
            hotkey=None if hotkey is None else to_ss58(hotkey),
            coldkey=None if coldkey is None else to_ss58(coldkey),
            netuid=None,
            uid=None,
            stake_rao=0,
            balance_rao=0,
            gateway_url=None,
            version=__version__,
            home=str(node.home.path),
            pid=os.getpid(),
            uptime_s=time.monotonic() - node.started_s,
            loop_lag_ms=0.0,
            store=StoreStatus(node.keeping.mode),
        )

    async def tell(self, node: Node) -> None:
        """Put the status into the hub, until cancelled."""
        while True:
            node.hub.put_status(self.status(node))
            await trio.sleep(STATUS_S)


async def begin_with_snapshot(node: Node, network: Network, store: ChainStore, spec: GenesisSpec, keys: Keys) -> None:
    """Take over a certified snapshot where that is wanted; a node that is told to stop meanwhile goes on later.

    Raises as `SnapshotSync.run`.
    """

    def report(phase: str) -> None:
        node.phase = phase

    async def until_stopped() -> None:
        await node.stop.wait()
        nursery.cancel_scope.cancel()

    choice, is_stranded = node.config.sync, node.begin_again.is_set()
    node.begin_again = trio.Event()
    if choice == "auto" and node.keeping.mode == "archive":
        choice = "full"  # an archive has every block
    confirm = (lambda _: None) if node.trust is None else node.trust.confirm
    sync = SnapshotSync(network, store, spec, report, node.checkpoint, confirm)
    start = await trio.to_thread.run_sync(trusted_tip, store)
    node.beginning = Beginning(network, spec, Hash(store.hash_at(0) or b""), start, keys, sync)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(until_stopped)
        nursery.start_soon(node.beginning.tell, node)
        await sync.run(choice, is_stranded=is_stranded)
        nursery.cancel_scope.cancel()
    node.beginning = None
