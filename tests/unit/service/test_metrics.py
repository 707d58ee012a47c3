"""The metrics of a node: every documented name is there, nothing else is, and the numbers are the node's."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.control.schema import NodeStatus
from node.gateway.exposition import PREFIX
from node.gateway.traffic import Traffic
from node.service import metrics
from node.service.app import Node
from p2p import MemorySwarm
from tests.unit.control.fake import STATUS

DOCUMENTED = Path(__file__).parents[3] / "docs" / "operating.md"


@pytest.fixture
async def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    """As much of a running node as the metrics look at."""
    swarm = MemorySwarm()
    network, other = swarm.join("here"), swarm.join("there")
    await other.dial(network.addresses[0])
    await network.ban(swarm.join("enemy").peer_id, "test")
    transactions = SimpleNamespace(waiting=lambda: 4)
    services = SimpleNamespace(tasks=lambda: [(1, SimpleNamespace(state="done"))] * 3, counters=lambda: {"answered": 9})
    running = SimpleNamespace(
        network=network, services=services, chain=SimpleNamespace(transactions=transactions)
    )  # fmt: skip

    def status(_node: Any) -> NodeStatus:
        return STATUS

    monkeypatch.setattr(metrics, "status_of", status)
    return cast(Node, SimpleNamespace(running=running))


async def test_the_numbers_are_the_nodes(node: Node) -> None:
    found = {family.name: family.samples for family in metrics.families_of(node)}
    assert found["chain_height_blocks"] == {(): STATUS.height}
    assert found["mempool_transactions"] == {(): 4}
    assert found["p2p_peers"] == {(("direction", "in"),): 1, (("direction", "out"),): 0}
    assert found["p2p_bans"] == {(): 1}
    assert found["p2p_routes"] == {(("route", "direct"),): 1, (("route", "relayed"),): 0}
    assert found["p2p_scores"][(("band", "clean"),)] == 1
    assert found["p2p_dht_peers"] == {(): 1}
    assert found["p2p_reachability"][(("state", "direct"),)] == 1
    assert sum(found["role"].values()) == 1
    assert found["role_events_total"] == {(("event", "answered"),): 9}
    assert found["recent_tasks"][(("state", "done"),)] == 3
    assert found["resident_memory_bytes"][()] > 1_000_000


async def test_a_node_that_starts_has_no_numbers_yet() -> None:
    assert metrics.families_of(cast(Node, SimpleNamespace(running=None))) == ()


async def test_the_document_names_every_metric_and_no_other(node: Node) -> None:
    table = DOCUMENTED.read_text(encoding="utf-8").split("## Metrics")[1].split("\n## ")[0]
    documented = set(re.findall(rf"`({PREFIX}\w+)`", table))
    families = (*metrics.families_of(node), *Traffic(cast(Any, None)).families())
    assert documented == {PREFIX + family.name for family in families}
