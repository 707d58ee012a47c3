"""The numbers of a running node for Prometheus: chain, sync, peers, role, tasks, process. Reads, changes nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import psutil
import trio

from node.control.schema import ROLES, NodeStatus
from node.gateway.exposition import Family, by_label, gauge
from node.service.network_metrics import network_families
from node.service.status import status_of

if TYPE_CHECKING:
    from node.service.app import Node, Running

TASK_STATES: Final = ("waiting", "running", "judging", "done", "failed")


def families_of(node: Node) -> tuple[Family, ...]:
    """Return every metric of the node but the gateway's own; none while it starts."""
    running = node.running
    if running is None:
        return ()
    status = status_of(node)
    return (*_chain(status, running), *network_families(running.network), *_work(status, running), *_process(status))


def _chain(status: NodeStatus, running: Running) -> tuple[Family, ...]:
    info = (("version", status.version), ("network", status.network), ("genesis", status.genesis_hash[:16]))
    return (
        Family("info", "gauge", "Always 1; the labels say what runs.", {info: 1}),
        gauge("chain_height_blocks", "Height of the best block.", status.height),
        gauge("chain_finalized_height_blocks", "Height of the last finalised block.", status.finalized_height),
        gauge("chain_slot", "Slot of this moment.", status.slot),
        gauge("chain_authority", "1 when this node may produce blocks.", int(status.authority)),
        gauge("mempool_transactions", "Transactions waiting for a block.", running.chain.transactions.waiting()),
        gauge("sync_active", "1 while the node catches up.", int(status.sync.syncing)),
        gauge("sync_behind_blocks", "Blocks behind the peers.", status.sync.target_height - status.sync.height),
        gauge("sync_blocks_per_second", "Speed of catching up.", status.sync.blocks_per_s),
    )


def _work(status: NodeStatus, running: Running) -> tuple[Family, ...]:
    states = Counter(task.state for _, task in running.services.tasks())
    return (
        by_label("role", "gauge", "1 for the role of now.", "role", {r: int(r == status.role) for r in ROLES}),
        by_label(
            "role_events_total", "counter", "What the running role did and refused, by name; starts anew with a role.",
            "event", running.services.counters(),
        ),
        by_label(
            "recent_tasks", "gauge", "The latest tasks by state.", "state",
            {state: states[state] for state in TASK_STATES},
        ),
        gauge("balance_rao", "Free balance of the coldkey.", status.balance_rao),
        gauge("stake_rao", "Value of the coldkey's stake.", status.stake_rao),
    )  # fmt: skip


def _process(status: NodeStatus) -> tuple[Family, ...]:
    process = psutil.Process()
    cpu = process.cpu_times()
    return (
        gauge("loop_lag_seconds", "How late the event loop wakes tasks.", status.loop_lag_ms / 1000),
        gauge("loop_tasks", "Tasks of the event loop.", trio.lowlevel.current_statistics().tasks_living),
        gauge("uptime_seconds", "Time since the start.", status.uptime_s),
        gauge("resident_memory_bytes", "Memory of the process.", process.memory_info().rss),
        Family("cpu_seconds_total", "counter", "Processor time used.", {(): cpu.user + cpu.system}),
    )
