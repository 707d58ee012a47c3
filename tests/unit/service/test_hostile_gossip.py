"""Gossip of a hostile neighbour against a living chain: the right verdict, honest peers unharmed, finality goes on."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from node.consensus.votes import BlockRef
from node.ledger.header import Block
from node.primitives.codec import encode
from node.primitives.types import ZERO_HASH, Hash, Height, SetId, Slot
from node.service.chain import Chain
from node.service.gossip import check_finality, check_news
from p2p import MemorySwarm, Verdict
from tests.unit.service.hostile import (
    STRANGER,
    Mallory,
    begun,
    certificate,
    forge,
    goes_on,
    header_news,
    leader_of,
    news,
    other_hash,
    proposal,
    slot_led_by,
    slot_now,
    transfer,
    trust,
    until,
    vote,
)
from tests.unit.service.network import coldkey, hotkey, running, spec_of

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")
ACCEPT, IGNORE, REJECT = Verdict.ACCEPT, Verdict.IGNORE, Verdict.REJECT


def next_block(
    chain: Chain, *, body: tuple[bytes, ...] | None = None, slot: int | None = None, **changes: object
) -> Block:
    """A block on the head, sealed by the leader of its slot; only what `changes` names is wrong with it."""
    slot_ = slot_now(chain) if slot is None else Slot(slot)
    return forge(chain.head.executed, slot_, leader_of(chain, slot_), chain.genesis_hash, body=body, **changes)


async def test_every_kind_of_bad_block_news_gets_its_verdict(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(2, slot_ms=600), 2) as nodes:
        await nodes[0].finalised(2)
        chain = nodes[0].chain
        await begun(chain, Slot(slot_now(chain) + 1))  # so that the next slot is nearly a whole one away
        good = news(next_block(chain))
        raw = transfer(chain, coldkey(0))
        slot = slot_now(chain)
        wrong_leader = next(hotkey(n) for n in range(2) if hotkey(n).public != leader_of(chain, slot).public)
        cases = {
            "sound": (good, ACCEPT),
            "empty": (b"", REJECT),
            "garbage": (b"\xff" * 200, REJECT),
            "truncated": (good[:-1], REJECT),
            "trailing": (good + b"\0", REJECT),
            "oversized": (b"\0" * (1 << 20), REJECT),
            "not canonical": (b"\xdc\x00\x02" + good[1:], REJECT),
            "unknown version": (news(next_block(chain, version=2)), REJECT),
            "short hash": (news(next_block(chain, parent=Hash(b"short"))), REJECT),
            "not the leader": (news(forge(chain.head.executed, slot, wrong_leader, chain.genesis_hash)), REJECT),
            "a stranger's seal": (news(forge(chain.head.executed, slot, STRANGER, chain.genesis_hash)), REJECT),
            "foreign genesis": (
                news(forge(chain.head.executed, slot, leader_of(chain, slot), other_hash(chain.genesis_hash))),
                REJECT,
            ),
            "another body than the header's": (news(next_block(chain, body=(raw,))), REJECT),
            "too many transactions": (news(next_block(chain, body=(b"",) * 6000)), REJECT),
            "wrong set": (news(next_block(chain, set_id=SetId(7))), IGNORE),
            "far future": (news(next_block(chain, slot=slot + 500)), IGNORE),
            "further ahead than clocks may differ": (news(next_block(chain, slot=slot + 1)), IGNORE),
            "a slot beyond 64 bits of time": (news(next_block(chain, slot=2**63)), IGNORE),
            "old height": (news(next_block(chain, height=Height(1))), IGNORE),
            "its header alone": (header_news(next_block(chain)), ACCEPT),
            "a forged header alone": (
                header_news(forge(chain.head.executed, slot, STRANGER, chain.genesis_hash)),
                REJECT,
            ),
        }
        found = {name: check_news(chain, "peer", data) for name, (data, _) in cases.items()}
        assert found == {name: expected for name, (_, expected) in cases.items()}


async def test_every_kind_of_bad_finality_message_gets_its_verdict(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(2), 2) as nodes:
        await nodes[0].finalised(2)
        chain = nodes[0].chain
        instance = chain.engine.position[0] + 50  # of no instance that this test may run into
        block = BlockRef(chain.head.hash, chain.head.height)
        good = vote(chain, hotkey(0), block, instance=instance)
        proposer = next(n for n in range(2) if chain.engine.authorities.proposer(instance, 0) == hotkey(n).public)
        offered = proposal(chain, hotkey(proposer), block, instance=instance)
        full = certificate(chain, [hotkey(0), hotkey(1)], block, instance)
        cases = {
            "a vote": (encode(good), ACCEPT),
            "a proposal": (encode(offered), ACCEPT),
            "a certificate": (encode(full), ACCEPT),
            "empty": (b"", REJECT),
            "garbage": (b"\x98" + b"\0" * 8, REJECT),
            "truncated": (encode(good)[:-3], REJECT),
            "oversized": (b"\0" * (1 << 20), REJECT),
            "wrong signature": (encode(replace(good, signature=bytes(64))), REJECT),
            "a stranger's vote": (encode(vote(chain, STRANGER, block, instance=instance)), REJECT),
            "foreign genesis": (
                encode(vote(chain, hotkey(0), block, instance=instance, genesis_hash=other_hash(chain.genesis_hash))),
                REJECT,
            ),
            "wrong set": (encode(vote(chain, hotkey(0), block, instance=instance, set_id=SetId(9))), IGNORE),
            "past instance": (encode(vote(chain, hotkey(0), block, instance=1)), IGNORE),
            "instance out of range": (encode(vote(chain, hotkey(0), block, instance=2**50)), REJECT),
            "round out of range": (encode(vote(chain, hotkey(0), block, instance=instance, round=2**40)), REJECT),
            "a vote for nothing at a height": (
                encode(vote(chain, hotkey(0), BlockRef(ZERO_HASH, Height(5)), instance=instance)),
                REJECT,
            ),
            "the wrong proposer": (encode(proposal(chain, hotkey(1 - proposer), block, instance=instance)), REJECT),
            "no quorum": (encode(certificate(chain, [hotkey(0)], block, instance)), REJECT),
            "a certificate of wrong signatures": (encode(replace(full, signatures=(bytes(64), bytes(64)))), REJECT),
            "a certificate for a seat that does not exist": (encode(replace(full, bitmap=b"\x06")), REJECT),
            "an endless bitmap": (encode(replace(full, bitmap=bytes(70_000), signatures=(), set_id=SetId(9))), REJECT),
        }
        found = {name: check_finality(chain, "peer", data) for name, (data, _) in cases.items()}
        assert found == {name: expected for name, (_, expected) in cases.items()}


async def test_garbage_on_every_topic_bans_its_sender_and_nobody_else(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2), 3, swarm) as nodes:
        await nodes[0].finalised(1)
        for name in ("blocks_topic", "finality_topic", "transactions_topic"):
            mallory = await Mallory.join(swarm, name, nodes[0].chain.genesis_hash, *nodes)
            for number in range(12):
                await mallory.network.publish(getattr(mallory.gossip, name), bytes([0xC1, number]) * 40)
            await until(lambda mallory=mallory: all(mallory.score_at(node) == float("-inf") for node in nodes))
        await goes_on(nodes)
        assert all(node.network.counters()["bans"] == 3 for node in nodes)
        assert all(trust(node, other) == 0 for node in nodes for other in nodes if node is not other)


async def test_a_leaders_invalid_blocks_never_turn_honest_nodes_against_each_other(tmp_path: Path) -> None:
    """Relays pass a sealed block on before anybody can have executed it: only its producer is to blame."""
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(4), 3, swarm) as nodes:
        await nodes[0].finalised(1)
        chain = nodes[0].chain
        mallory = await Mallory.join(swarm, "mallory", chain.genesis_hash, nodes[0])
        for _ in range(5):  # one block a slot: two would be evidence, and cost the leader its turns
            slot = slot_led_by(chain, hotkey(3), slot_now(chain) + 1)
            await begun(chain, slot)
            root = other_hash(chain.head.executed.state.state_root)
            bad = forge(chain.head.executed, slot, hotkey(3), chain.genesis_hash, state_root=root)
            await mallory.network.publish(mallory.gossip.blocks_topic, news(bad))
        await goes_on(nodes)
        assert all(trust(node, other) == 0 for node in nodes for other in nodes if node is not other)
