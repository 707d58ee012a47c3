"""Floods: what a neighbour, or an authority gone bad, can make a node hold and do is bounded, and finality goes on."""

import dataclasses
from pathlib import Path

import pytest
import trio

from node.consensus import blocks as block_rules
from node.consensus.limits import HELD_BLOCKS_MAX, ORPHANS_MAX
from node.consensus.votes import BlockRef
from node.ledger.genesis import GenesisSpec
from node.primitives.codec import encode
from node.primitives.types import Hash, Height, SetId, Slot
from node.service import chain as service_chain
from p2p import MemorySwarm
from tests.unit.service.hostile import (
    STRANGER,
    Mallory,
    forge,
    goes_on,
    header_news,
    news,
    slot_led_by,
    slot_now,
    trust,
    until,
    vote,
)
from tests.unit.service.network import TestNode, hotkey, running, spec_of

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")


def old_spec(authorities: int, *, slot_ms: int = 200, slots: int = 4000) -> GenesisSpec:
    """A network whose genesis lies so many slots back: an authority has many old slots to forge blocks for."""
    spec = spec_of(authorities, slot_ms=slot_ms)
    return dataclasses.replace(spec, start_ms=spec.start_ms - slots * slot_ms)


async def settled(nodes: list[TestNode]) -> None:
    """Wait until what was published is worked off."""
    await until(lambda: all(node.chain.backlog() == 0 for node in nodes))
    assert all(trust(node, other) == 0 for node in nodes for other in nodes if node is not other)


async def test_orphans_of_a_bad_authority_are_bounded_and_finality_goes_on(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, old_spec(4), 3, swarm) as nodes:
        await nodes[0].finalised(1)
        chain = nodes[0].chain
        mallory = await Mallory.join(swarm, "mallory", chain.genesis_hash, nodes[0])
        slot, parent = Slot(1), chain.head.executed
        for number in range(ORPHANS_MAX + 100):
            slot = slot_led_by(chain, hotkey(3), slot + 1)
            unknown = Hash(number.to_bytes(32, "big"))
            height = Height(chain.head.height + 100 + number)
            orphan = forge(parent, slot, hotkey(3), chain.genesis_hash, parent=unknown, height=height)
            await mallory.network.publish(mallory.gossip.blocks_topic, news(orphan))
            if number % 10 == 0:
                await mallory.network.publish(mallory.gossip.blocks_topic, header_news(orphan))
        await goes_on(nodes)
        await settled(nodes)
        for node in nodes:
            assert ORPHANS_MAX // 2 < node.chain.engine.waiting_count <= ORPHANS_MAX + HELD_BLOCKS_MAX


async def test_forks_of_a_bad_authority_are_bounded_while_nothing_becomes_final(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_rules, "TREE_BLOCKS_MAX", 40)
    monkeypatch.setattr(service_chain, "EXECUTED_MAX", 60)
    swarm = MemorySwarm()
    async with running(tmp_path, old_spec(4), 1, swarm) as (node,):
        chain = node.chain
        mallory = await Mallory.join(swarm, "mallory", chain.genesis_hash, node)
        slot, anchor = Slot(1), chain.engine.finalised.state
        most = 0
        for _ in range(150):
            slot = slot_led_by(chain, hotkey(3), slot + 1)
            fork = forge(anchor, slot, hotkey(3), chain.genesis_hash)
            await mallory.network.publish(mallory.gossip.blocks_topic, news(fork))
            most = max(most, chain.states_held())
        await settled([node])
        assert chain.engine.unfinalised_count <= 40
        assert max(most, chain.states_held()) <= 60 + 1
        height = chain.head.height
        await until(lambda: chain.head.height > height)


async def test_votes_of_a_bad_authority_for_every_round_and_instance_change_nothing(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(4), 3, swarm) as nodes:
        await nodes[0].finalised(1)
        chain = nodes[0].chain
        mallory = await Mallory.join(swarm, "mallory", chain.genesis_hash, nodes[0])
        for number in range(1, 300):
            block = BlockRef(Hash(number.to_bytes(32, "big")), Height(number))
            instance = chain.engine.position[0]
            for message in (
                vote(chain, hotkey(3), block, round=number),
                vote(chain, hotkey(3), block, instance=instance + number),
                vote(chain, hotkey(3), block, instance=2**48 - number, round=2**32 - number),
            ):
                await mallory.network.publish(mallory.gossip.finality_topic, encode(message))
        await goes_on(nodes)
        await settled(nodes)


async def test_a_flood_that_is_merely_ignored_costs_nobody_anything(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2), 2, swarm) as nodes:
        await nodes[0].finalised(1)
        chain = nodes[0].chain
        mallory = await Mallory.join(swarm, "mallory", chain.genesis_hash, *nodes)
        block = BlockRef(chain.head.hash, chain.head.height)
        for number in range(1000):
            foreign = vote(chain, STRANGER, block, set_id=SetId(5), round=number)
            await mallory.network.publish(mallory.gossip.finality_topic, encode(foreign))
        slot = slot_now(chain) + 1000
        for number in range(200):
            early = forge(chain.head.executed, Slot(slot + number), STRANGER, chain.genesis_hash)
            await mallory.network.publish(mallory.gossip.blocks_topic, news(early))
        await goes_on(nodes)
        await settled(nodes)
        assert chain.engine.waiting_count == 0
        assert nodes[1].network.counters()["gossip.refused.ignored"] >= 1200


async def test_sixty_garbage_senders_are_banned_and_honest_peers_stay(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2), 2, swarm) as nodes:
        await nodes[0].finalised(1)
        for number in range(60):
            mallory = await Mallory.join(swarm, f"mallory-{number}", nodes[0].chain.genesis_hash, *nodes)
            for copy in range(12):
                await mallory.network.publish(mallory.gossip.finality_topic, bytes([0xC1, number, copy]))
            await trio.lowlevel.checkpoint()
        await until(lambda: all(node.network.counters()["bans"] == 60 for node in nodes))
        await goes_on(nodes)
        assert all(len(node.network.peers()) == 1 for node in nodes)
