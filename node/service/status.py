"""The status of a node in one struct: everything a status bar or `neurond status` shows."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from node.control.schema import EpochProgress, NodeStatus, SyncProgress
from node.ledger import queries
from node.ledger.queries import NeuronRow
from node.light.errors import BadCheckpoint
from node.primitives.address import to_ss58
from node.service.chain import authority_set_of, now_ms
from node.service.errors import NotReady
from node.service.neighbours import reachability_view
from node.service.stranded import Trouble
from node.service.views import epoch_view
from node.version import __version__

if TYPE_CHECKING:
    from node.service.app import Node, Running

_SYNC_SLACK_BLOCKS = 3  # a node this close to its peers' finalised height is level with them


def status_of(node: Node) -> NodeStatus:
    """Return the node's status now. Raises NotReady while it starts, unless it takes over a snapshot."""
    running = node.running
    if running is None and node.beginning is not None:
        return node.beginning.status(node)
    if running is None:
        raise NotReady(f"The node is {node.state}: {node.phase}.")
    chain, keys = running.chain, running.keys
    view = chain.head.executed.state.view
    seat, epoch = _seat_and_epoch(running)
    sync = sync_of(running)
    stakes = () if keys.coldkey is None else queries.stakes_of(view, keys.coldkey)
    hotkey = keys.hotkey_account
    trouble = trust_trouble(node, running)
    return NodeStatus(
        peer_id=running.network.peer_id,
        addresses=running.network.addresses,
        network=chain.spec.name,
        genesis_hash=chain.genesis_hash.hex(),
        role=running.services.role,
        authority=hotkey is not None and hotkey in authority_set_of(chain.head.executed),
        state="syncing" if node.state == "running" and sync.syncing else node.state,
        phase=node.phase or ("" if running.stranded.trouble is None else running.stranded.trouble.text),
        height=chain.head.height,
        head_hash=chain.head.hash.hex(),
        finalized_height=chain.final.header.height,
        finalized_hash=chain.final.hash.hex(),
        state_root=chain.final.header.state_root.hex(),
        slot=chain.clock.slot_at(now_ms()),
        slot_ms=chain.clock.slot_ms,
        peers=len(running.network.peers()),
        sync=sync,
        epoch=epoch,
        hotkey=None if hotkey is None else to_ss58(hotkey),
        coldkey=None if keys.coldkey is None else to_ss58(keys.coldkey),
        netuid=None if epoch is None else epoch.netuid,
        uid=None if seat is None else seat.uid,
        stake_rao=sum(each.value_rao for each in stakes),
        balance_rao=0 if keys.coldkey is None else queries.balance(view, keys.coldkey),
        gateway_url=running.gateway_url,
        version=__version__,
        home=str(node.home.path),
        pid=os.getpid(),
        uptime_s=time.monotonic() - node.started_s,
        loop_lag_ms=round(running.lag.lag_ms, 3),
        reachability=reachability_view(running),
        store=running.keeper.status,
        trust_warning="" if trouble is None else trouble.text,
        netuids=running.services.places(),
    )


def trust_trouble(node: Node, running: Running) -> Trouble | None:
    """Return what contradicts the checkpoint, or why this chain ought to be held to one; None when all is well."""
    chain = running.chain
    if chain.conflict is not None:
        return Trouble(chain.conflict, f"{BadCheckpoint.remedy} --checkpoint none forgets this one.")
    return None if node.trust is None else node.trust.trouble(authority_set_of(chain.final_state))


def sync_of(running: Running) -> SyncProgress:
    """Return how far the node lags behind its peers."""
    height = running.chain.final.header.height
    progress = running.syncer.progress()
    if progress is None or progress.target_height - height <= _SYNC_SLACK_BLOCKS:
        knows_nothing = height == 0 and running.syncer.is_waiting_for_news()
        return SyncProgress(knows_nothing, height, height)
    return SyncProgress(
        syncing=True,
        height=height,
        target_height=progress.target_height,
        blocks_per_s=progress.blocks_per_minute / 60,
        eta_s=None if progress.eta_ms is None else progress.eta_ms / 1000,
        source_peers=len(running.network.peers()),
    )


def _seat_and_epoch(running: Running) -> tuple[NeuronRow | None, EpochProgress | None]:
    netuid = running.netuid
    graph = None if netuid is None else running.reader.metagraph(netuid)
    if graph is None:
        return None, None
    hotkey = running.keys.hotkey_account
    seat = next((row for row in graph.rows if row.hotkey == hotkey), None)
    return seat, epoch_view(graph.subnet)
