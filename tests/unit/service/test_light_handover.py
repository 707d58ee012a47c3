"""Whoever follows by light steps comes through every change of the deciding set: to stake, and back again."""

from pathlib import Path

import pytest
import trio

from node.ledger import queries
from node.ledger.calls import VoteAbortPos
from node.ledger.phases import PosPhase
from node.light.readings import BalanceOf
from node.service import full_nodes, snapshot_sync
from node.service.anchor import open_chain
from node.service.light_node import LightNode
from node.service.snapshot_sync import SnapshotSync
from p2p import MemorySwarm
from storage.chain import ChainStore
from tests.unit.service.network import TestNode, coldkey, hotkey, run_node, running, spec_of
from tests.unit.service.test_handover import (
    EPOCH_SLOTS,
    NODES,
    WITHIN_S,
    bond,
    phase_of,
    phase_of_head,
    schedule,
    until,
)
from tests.unit.service.test_snapshot_sync import put_on_shelf
from tests.unit.service.test_span_sync import whole_go

ALICE = coldkey(0).public


async def light_node(swarm: MemorySwarm, home: Path, node: TestNode) -> LightNode:
    """A light node that has followed from genesis."""
    home.mkdir()
    made = LightNode(
        swarm.join(home.name), home, addresses=node.network.addresses, genesis_hash=node.chain.genesis_hash
    )
    await made.start()
    return made


async def test_the_move_to_stake_is_followed_by_a_light_node_a_snapshot_and_spans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_sync, "BEHIND_BLOCKS_MIN", 4)
    monkeypatch.setattr(full_nodes, "STEPS_PER_REQUEST_MAX", 3)
    swarm, spec = MemorySwarm(), spec_of(3, slot_ms=250, epoch_slots=EPOCH_SLOTS)
    async with running(tmp_path, spec, NODES, swarm) as nodes, trio.open_nursery() as nursery:
        node = nodes[0]
        early = await light_node(swarm, tmp_path / "early", node)
        await bond(nodes, [200] * NODES)
        await schedule(nodes[1])
        await until(lambda: phase_of(node) is PosPhase.STAKE)
        await node.finalised(node.chain.final.header.height + 2 * EPOCH_SLOTS, within_s=WITHIN_S)
        late = await light_node(swarm, tmp_path / "late", node)
        for reader in (early, late):
            proven = await reader.read(BalanceOf(ALICE))
            assert queries.balance(proven.view, ALICE) == queries.balance(node.chain.final_state.state.view, ALICE)
            assert reader.chain.trusted.authorities.phase is PosPhase.STAKE
            assert reader.chain.trusted.authorities.set_id >= 2

        spans = await nursery.start(run_node, swarm, tmp_path, spec, NODES)
        spans.syncer._machine.is_held = True
        await spans.network.dial(node.network.addresses[0])
        assert await whole_go(spans)
        assert phase_of(spans) is PosPhase.STAKE

        height = put_on_shelf(node, tmp_path / "shelf")
        network = swarm.join("fresh")
        await network.dial(node.network.addresses[0])
        with ChainStore.open(tmp_path / "fresh.db") as store:
            assert await SnapshotSync(network, store, spec, lambda _: None).run("auto")
            assert open_chain(store, spec).anchor.header.height == height
        nursery.cancel_scope.cancel()


async def test_the_way_back_from_the_joint_phase_is_followed_too(tmp_path: Path) -> None:
    """The abort block is certified by authorities alone, which no other block of that set may be."""
    swarm, spec = MemorySwarm(), spec_of(3, slot_ms=250, epoch_slots=EPOCH_SLOTS)
    async with running(tmp_path, spec, NODES, swarm) as nodes:
        await bond(nodes, [200, 200, 200, 600])
        await schedule(nodes[1])
        await until(lambda: queries.announced_height(nodes[0].chain.final_state.state.view) > 0)
        nodes[3].scope.cancel()
        rest = nodes[:3]
        await until(lambda: all(phase_of_head(node) is PosPhase.JOINT for node in rest))
        for number in range(3):
            await rest[number].reader.submit(VoteAbortPos(), hotkey(number))
        await until(lambda: all(phase_of(node) is PosPhase.AUTHORITIES for node in rest))
        await rest[0].finalised(rest[0].chain.final.header.height + EPOCH_SLOTS, within_s=WITHIN_S)
        reader = await light_node(swarm, tmp_path / "light", rest[0])
        assert reader.chain.trusted.authorities.phase is PosPhase.AUTHORITIES
        assert reader.chain.trusted.authorities.set_id >= 2
        proven = await reader.read(BalanceOf(ALICE))
        assert proven.header.height > reader.chain.trusted.header.height - 1
