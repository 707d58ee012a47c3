"""A chain of real nodes, stores and signatures in one process: it grows, finalises, syncs and survives restarts."""

from pathlib import Path

import trio

from node.ledger import merkle, queries
from node.ledger.calls import Transfer
from node.ledger.header import decode_header
from node.primitives.limits import TRANSACTIONS_PER_BLOCK_MAX, UNFINALISED_BLOCKS_MAX
from node.primitives.types import Hash, Rao
from p2p import MemorySwarm
from storage.chain import ChainStore
from storage.limits import ROWS_PER_COMMIT_MAX
from tests.unit.service.network import coldkey, run_node, running, spec_of


async def test_two_authorities_and_a_follower_finalise_the_same_chain(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(2), 3) as nodes:
        for node in nodes:
            await node.finalised(5)
        hashes = {node.chain.store.hash_at(5) for node in nodes}
    assert len(hashes) == 1


async def test_a_transfer_reaches_every_node_and_is_final(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(2), 3) as nodes:
        await nodes[0].finalised(1)
        key = await nodes[2].reader.submit(Transfer(coldkey(0).public, Rao(7_000_000_000)), coldkey(2))
        with trio.fail_after(20):
            while not all(node.chain.transactions.status(key).state == "final" for node in nodes):
                await trio.sleep(0.05)
        balances = {queries.balance(node.chain.head.executed.state.view, coldkey(0).public) for node in nodes}
    assert balances == {10_007_000_000_000}


async def test_the_stored_state_has_the_root_of_the_finalised_header(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(1, 0), 1) as (node,):
        await node.finalised(12)
    with ChainStore.open(tmp_path / "node-0" / "chain.db") as store:
        tip = store.tip()
        assert tip is not None
        row = store.block(tip.hash)
        assert row is not None
        tree = merkle.build((Hash(path), value) for path, value in store.state_rows())
        assert merkle.root_hash(tree) == decode_header(row.header).state_root


async def test_a_late_node_catches_up_from_its_peers(tmp_path: Path) -> None:
    spec = spec_of(2, slot_ms=100)
    async with running(tmp_path, spec, 2) as nodes:
        await nodes[0].finalised(15)
        swarm = nodes[0].network._swarm  # type: ignore[attr-defined]
        async with trio.open_nursery() as nursery:
            late = await nursery.start(run_node, swarm, tmp_path, spec, 2)
            await late.network.dial(nodes[0].network.addresses[0])
            await late.finalised(15)
            assert late.chain.store.hash_at(15) == nodes[0].chain.store.hash_at(15)
            late.scope.cancel()


async def test_a_restart_goes_on_where_it_stopped_and_never_signs_twice(tmp_path: Path) -> None:
    spec = spec_of(1, 0)
    async with trio.open_nursery() as nursery:
        node = await nursery.start(run_node, MemorySwarm(), tmp_path, spec, 0)
        await node.finalised(4)
        first = node.chain.store.hash_at(4)
        node.scope.cancel()
    async with trio.open_nursery() as nursery:
        again = await nursery.start(run_node, MemorySwarm(), tmp_path, spec, 0)
        assert again.chain.final.header.height >= 4
        assert again.chain.store.hash_at(4) == first
        await again.finalised(again.chain.final.header.height + 3)
        again.scope.cancel()


async def test_one_of_two_authorities_alone_finalises_nothing_and_goes_on_when_the_other_returns(
    tmp_path: Path,
) -> None:
    spec = spec_of(2, 0)
    swarm = MemorySwarm()
    async with trio.open_nursery() as nursery:
        alone = await nursery.start(run_node, swarm, tmp_path, spec, 0)
        await trio.sleep(1.5)
        assert alone.chain.final.header.height == 0
        assert alone.chain.head.height > 0
        other = await nursery.start(run_node, swarm, tmp_path, spec, 1)
        await other.network.dial(alone.network.addresses[0])
        await alone.finalised(5)
        await other.finalised(5)
        nursery.cancel_scope.cancel()


def test_the_store_takes_all_that_one_certificate_may_finalise() -> None:
    """A commit that it refuses would end every node, and again at each start."""
    rows_of_a_transfer = 4  # its hash, its event, and the accounts of two who did nothing else meanwhile
    blocks = UNFINALISED_BLOCKS_MAX * (1 + TRANSACTIONS_PER_BLOCK_MAX * rows_of_a_transfer)
    assert 4 * blocks < ROWS_PER_COMMIT_MAX, "other calls change more rows than a transfer"
