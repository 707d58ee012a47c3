"""Transactions of a hostile neighbour: none that is bad enters the pool, relays are not blamed, honest ones get in."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from node.consensus.events import BlockReceived
from node.ledger.calls import Transfer
from node.ledger.errors import InvalidTransactionInBlock, WrongStateRoot
from node.ledger.header import header_hash
from node.ledger.merkle import list_root
from node.ledger.transaction import decode_transaction, transaction_hash
from node.ledger.transition import execute_block
from node.primitives.codec import encode
from node.primitives.crypto import verify
from node.primitives.limits import MEMPOOL_NONCE_GAP_MAX, MEMPOOL_PER_SENDER_MAX, TRANSACTION_BYTES_MAX
from node.primitives.types import MAX_SUPPLY_RAO, Rao, Slot
from node.service.gossip import BATCH_TRANSACTIONS_MAX
from node.service.transactions import REFUSED_BLOCKS
from p2p import MemorySwarm, Verdict
from tests.unit.service.hostile import (
    STRANGER,
    Mallory,
    begun,
    forge,
    goes_on,
    leader_of,
    other_hash,
    slot_now,
    spoilt,
    transfer,
    trust,
    until,
)
from tests.unit.service.network import coldkey, running, spec_of

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")


async def test_every_kind_of_bad_batch_gets_its_verdict(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(1, 0), 1) as (node,):
        await node.finalised(1)
        good = transfer(node.chain, coldkey(0))
        transaction = decode_transaction(good)
        rejected = {
            "empty": b"",
            "a batch of none": encode(()),
            "garbage": b"\x91\xc4\x03abc",
            "no batch": encode(b"raw"),
            "truncated": encode((good,))[:-1],
            "trailing": encode((good,)) + b"\0",
            "too many": encode((good,) * (BATCH_TRANSACTIONS_MAX + 1)),
            "an oversized transaction": encode((b"\0" * (TRANSACTION_BYTES_MAX + 1),)),
            "oversized": b"\0" * (4 << 20),
            "not canonical": encode((b"\xdc\x00\x08" + good[1:],)),
            "one bad among good": encode((good, b"bad")),
            "unknown version": encode((encode(replace(transaction, version=9)),)),
            "unknown scheme": encode((encode(replace(transaction, scheme=1)),)),
            "immortal": encode((encode(replace(transaction, era=replace(transaction.era, period_blocks=1 << 40))),)),
        }
        found = {name: node.gossip.take_batch(node.chain, "peer", data) for name, data in rejected.items()}
        assert found == dict.fromkeys(rejected, Verdict.REJECT)
        await goes_on([node])
        assert node.chain.transactions.waiting() == 0


async def test_wrongly_signed_transactions_cost_their_sender_and_go_no_further(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2), 3, swarm) as nodes:
        await nodes[0].finalised(2)
        chain = nodes[0].chain
        mallory = await Mallory.join(swarm, "mallory", chain.genesis_hash, nodes[0])
        head = chain.head
        signed_for_us = [transfer(chain, coldkey(0), nonce) for nonce in range(BATCH_TRANSACTIONS_MAX)]
        await nodes[0].finalised(head.height)
        await mallory.network.publish(mallory.gossip.transactions_topic, encode(tuple(map(spoilt, signed_for_us))))
        await until(lambda: mallory.score_at(nodes[0]) < 0)
        await goes_on(nodes)
        assert mallory.score_at(nodes[0]) > -20, "once a batch, not once a transaction"
        assert all(trust(node, other) == 0 for node in nodes for other in nodes if node is not other)
        assert all(node.chain.transactions.waiting() == 0 for node in nodes)


async def test_a_foreign_replayed_or_unpayable_transaction_changes_nothing(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2), 2, swarm) as nodes:
        await nodes[0].finalised(1)
        chain = nodes[0].chain
        mallory = await Mallory.join(swarm, "mallory", chain.genesis_hash, *nodes)
        used = transfer(chain, coldkey(0))
        key = await chain.transactions.submit(used)
        await until(lambda: chain.transactions.status(key).state == "final")
        bad = {
            "replayed": used,
            "foreign": transfer(chain, coldkey(1), genesis_hash=other_hash(chain.genesis_hash)),
            "penniless": transfer(chain, STRANGER),
            "old nonce": transfer(chain, coldkey(0), nonce=0, amount=2),
            "far nonce": transfer(chain, coldkey(0), nonce=1 + 2 * MEMPOOL_NONCE_GAP_MAX),
        }
        for raw in bad.values():
            await mallory.network.publish(mallory.gossip.transactions_topic, encode((raw,)))
        await goes_on(nodes)
        assert all(node.chain.transactions.waiting() == 0 for node in nodes)
        assert trust(nodes[0], nodes[1]) == trust(nodes[1], nodes[0]) == 0


async def test_a_flood_of_one_account_stays_within_its_share_of_the_pool(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2, slot_ms=1000), 2, swarm) as nodes:
        await nodes[0].finalised(1)
        chain = nodes[0].chain
        mallory = await Mallory.join(swarm, "mallory", chain.genesis_hash, *nodes)
        flood = [transfer(chain, coldkey(0), nonce) for nonce in range(3 * MEMPOOL_PER_SENDER_MAX)]
        for first in range(0, len(flood), BATCH_TRANSACTIONS_MAX):
            batch = tuple(flood[first : first + BATCH_TRANSACTIONS_MAX])
            await mallory.network.publish(mallory.gossip.transactions_topic, encode(batch))
        most = 0
        honest = await nodes[1].reader.submit(Transfer(coldkey(9).public, Rao(10**9)), coldkey(1))
        while nodes[1].chain.transactions.status(honest).state in ("pending", "in_block"):
            most = max(most, chain.transactions.waiting())
            await goes_on(nodes, 1)
        assert nodes[1].chain.transactions.status(honest).state == "final"
        assert most <= MEMPOOL_PER_SENDER_MAX + 1


async def test_a_transaction_that_came_too_early_is_welcome_later(tmp_path: Path) -> None:
    """Who repeats somebody's transaction before its time cannot keep it out for good."""
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 0, slot_ms=100), 1, swarm) as (node,):
        await node.finalised(1)
        chain = node.chain
        mallory = await Mallory.join(swarm, "mallory", chain.genesis_hash, node)
        poor = transfer(chain, STRANGER)
        await mallory.network.publish(mallory.gossip.transactions_topic, encode((poor,)))
        await until(lambda: chain.transactions.knows(poor))
        height = chain.head.height
        await node.reader.submit(Transfer(STRANGER.public, Rao(10**12)), coldkey(0))
        await node.finalised(height + REFUSED_BLOCKS + 2)
        await mallory.network.publish(mallory.gossip.transactions_topic, encode((poor, transfer(chain, coldkey(0), 1))))
        await until(lambda: chain.transactions.status(transaction_hash(poor)).state == "final")


async def test_transactions_that_wait_for_their_predecessor_are_not_passed_on(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2), 2, swarm) as nodes:
        await nodes[0].finalised(1)
        chain = nodes[0].chain
        mallory = await Mallory.join(swarm, "mallory", chain.genesis_hash, nodes[0])
        second, first = transfer(chain, coldkey(0), 1), transfer(chain, coldkey(0), 0)
        await mallory.network.publish(mallory.gossip.transactions_topic, encode((second,)))
        await until(lambda: chain.transactions.waiting() == 1)
        await goes_on(nodes)
        assert nodes[1].chain.transactions.waiting() == 0
        await mallory.network.publish(mallory.gossip.transactions_topic, encode((first,)))
        await until(lambda: nodes[1].chain.transactions.status(transaction_hash(second)).state == "final")


async def test_a_block_whose_transactions_break_a_rule_is_refused_by_all(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1), 2, swarm) as nodes:
        await nodes[0].finalised(1)
        follower = nodes[1].chain
        once = transfer(follower, coldkey(0))
        halves = [transfer(follower, coldkey(0), nonce, amount=9 * 10**12) for nonce in (0, 1)]
        cases = {
            "the same twice": ((once, once), InvalidTransactionInBlock),
            "a wrong signature": ((spoilt(once),), InvalidTransactionInBlock),
            "no transaction": ((b"nothing",), InvalidTransactionInBlock),
            "a gap in the nonces": ((transfer(follower, coldkey(0), 1),), InvalidTransactionInBlock),
            "a fee beyond all money": ((transfer(follower, coldkey(0), tip=2**63 - 1),), InvalidTransactionInBlock),
            "the same money twice, as if both had worked": (tuple(halves), WrongStateRoot),
            "more than there is, as if it had worked": (
                (transfer(follower, coldkey(0), amount=MAX_SUPPLY_RAO),),
                WrongStateRoot,
            ),
        }
        parent, slot, genesis = follower.head.executed, slot_now(follower), follower.genesis_hash
        slot = Slot(max(slot, parent.state.slot + 1))
        await begun(follower, slot)
        for name, (body, reason) in cases.items():
            bad = forge(parent, slot, leader_of(follower, slot), genesis, body=body, transactions_root=list_root(body))
            with pytest.raises(reason):
                execute_block(parent.state, bad, genesis, verify=verify)
            await nodes[1].chain.apply(BlockReceived(bad, None))
            assert not follower.has(header_hash(bad.header)), name
        await goes_on(nodes)
