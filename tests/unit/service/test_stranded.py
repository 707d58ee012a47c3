"""A node that was away for longer than its peers keep blocks: it catches up by a snapshot, or says what is missing."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from node.ledger.genesis import GenesisSpec
from node.ledger.transaction import transaction_hash
from node.service import fetching, full_nodes, snapshot_sync, stranded, syncer
from node.service.anchor import open_chain, read_block
from node.service.snapshot_sync import SnapshotSync
from node.service.store_check import check_store
from node.service.stranded import Stranded, Way
from node.sync.messages import Answer, Blocks, GetBlocks, GetSteps, Offer, Request
from p2p import MemorySwarm
from p2p.memory import MemoryNetwork
from storage.chain import ChainStore
from tests.unit.service.hostile import Mallory
from tests.unit.service.network import TestNode, run_node, running, spec_of
from tests.unit.service.test_snapshot_sync import another_certificate, newcomer, put_on_shelf, told

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")
AWAY_FROM = 4
HEIGHT = 16


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_sync, "BEHIND_BLOCKS_MIN", 2)
    monkeypatch.setattr(snapshot_sync, "PEERS_WAIT_S", 1.0)
    monkeypatch.setattr(fetching, "REST_S", 0.05)
    monkeypatch.setattr(fetching, "PATIENCE_S", 1.0)
    monkeypatch.setattr(full_nodes, "REQUEST_TIMEOUT_S", 1.0)
    monkeypatch.setattr(syncer, "POLL_S", 0.1)
    monkeypatch.setattr(stranded, "LOOK_S", 0.2)
    monkeypatch.setattr(stranded, "OFFERS_PAUSE_S", 0.2)


def short_epochs(authorities: int) -> GenesisSpec:
    return dataclasses.replace(spec_of(authorities, 2, slot_ms=80), epoch_slots=4)


def stop(swarm: MemorySwarm, node: TestNode) -> None:
    """End a node and take it out of the network; it may come back."""
    node.scope.cancel()
    assert isinstance(node.network, MemoryNetwork)
    swarm.leave(node.network)


def prune(store: ChainStore, below: int) -> None:
    """Forget every body below a height, as a node of mode full does after a week."""
    rows = store.blocks_from(1, below)
    hashes = [transaction_hash(raw) for row in rows if row.height < below for raw in read_block(row).transactions]
    store.pruning.prune_bodies(below, hashes)


@asynccontextmanager
async def left_behind(folder: Path, swarm: MemorySwarm) -> AsyncIterator[TestNode]:
    """An authority at HEIGHT whose early bodies are pruned; node 2, at home in `folder`, stopped at AWAY_FROM."""
    async with running(folder, short_epochs(1), 1, swarm) as (keeper,), trio.open_nursery() as nursery:
        away: TestNode = await nursery.start(run_node, swarm, folder, keeper.chain.spec, 2)
        await away.network.dial(keeper.network.addresses[0])
        await away.finalised(AWAY_FROM)
        stop(swarm, away)
        await keeper.finalised(HEIGHT)
        prune(keeper.chain.store, HEIGHT - 1)
        yield keeper
        nursery.cancel_scope.cancel()


async def test_what_no_peer_keeps_is_passed_by_a_snapshot_over_the_existing_store(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with left_behind(tmp_path, swarm) as keeper, trio.open_nursery() as nursery:
        height = put_on_shelf(keeper, tmp_path / "shelf")
        home = tmp_path / "node-2"
        with ChainStore.open(home / "chain.db") as store:
            tip, steps = store.tip(), store.steps_above(0, 99)
        assert tip is not None
        assert AWAY_FROM <= tip.height < HEIGHT - 2
        signing = (home / "signing.db").read_bytes()
        asked: list[Request] = []
        peer = await Mallory.join(swarm, "peer", keeper.chain.genesis_hash)
        peer.answers(told(keeper, asked, lambda request, truth: truth))
        async with newcomer(swarm, tmp_path, keeper.chain.spec, peer) as back:
            assert await back.begin()
            assert back.height == height
            assert back.store.hash_at(tip.height) == tip.hash, "what was final stays"
            assert back.store.steps_above(0, 99)[: len(steps)] == steps, "no light step is lost"
            heights = [step.height for step in back.store.steps_above(0, 99)]
            assert heights == [step.height for step in keeper.chain.store.steps_above(0, 99) if step.height <= height]
            assert open_chain(back.store, back.spec).anchor.header.height == height
            prune(back.store, tip.height)
            check_store(back.store, lambda *_: None)
        from_heights = [each.above_height for each in asked if isinstance(each, GetSteps)]
        assert from_heights[0] == tip.height, "the way begins at the last final block, not at genesis"
        assert (home / "signing.db").read_bytes() == signing
        late: TestNode = await nursery.start(run_node, swarm, tmp_path, keeper.chain.spec, 2)
        await late.network.dial(keeper.network.addresses[0])
        await late.finalised(height + 5)
        assert late.chain.store.hash_at(height + 5) == keeper.chain.store.hash_at(height + 5)
        nursery.cancel_scope.cancel()


async def test_a_node_whose_next_block_somebody_has_goes_on_by_blocks(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, short_epochs(1), 1, swarm) as (keeper,), trio.open_nursery() as nursery:
        away: TestNode = await nursery.start(run_node, swarm, tmp_path, keeper.chain.spec, 2)
        await away.network.dial(keeper.network.addresses[0])
        await away.finalised(AWAY_FROM)
        stop(swarm, away)
        await keeper.finalised(HEIGHT)
        put_on_shelf(keeper, tmp_path / "shelf")
        pruned = await Mallory.join(swarm, "a-pruned", keeper.chain.genesis_hash)
        pruned.answers(told(keeper, [], _without_blocks))
        async with newcomer(swarm, tmp_path, keeper.chain.spec, pruned, keeper) as back:
            before = back.height
            assert not await back.begin()
            assert back.height == before
        nursery.cancel_scope.cancel()


def _without_blocks(request: Request, truth: Answer) -> Answer:
    return Blocks((), ()) if isinstance(request, GetBlocks) else truth


async def test_a_snapshot_below_the_last_final_block_changes_nothing(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, short_epochs(1), 1, swarm) as (keeper,), trio.open_nursery() as nursery:
        await keeper.finalised(3)
        put_on_shelf(keeper, tmp_path / "shelf")
        away: TestNode = await nursery.start(run_node, swarm, tmp_path, keeper.chain.spec, 2)
        await away.network.dial(keeper.network.addresses[0])
        await away.finalised(8)
        stop(swarm, away)
        await keeper.finalised(14)
        prune(keeper.chain.store, 13)
        async with newcomer(swarm, tmp_path, keeper.chain.spec, keeper) as back:
            before = back.height
            assert not await back.begin()
            assert back.height == before
        nursery.cancel_scope.cancel()


def watch(node: TestNode, way: Way, again: trio.Event) -> Stranded:
    chain = node.chain
    look = partial(SnapshotSync, node.network, chain.store, chain.spec, lambda _: None)
    return Stranded(node.syncer, look, way, again.set)


async def test_a_running_node_begins_again_once_a_snapshot_is_offered_and_not_before(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with left_behind(tmp_path, swarm) as keeper, trio.open_nursery() as nursery:
        late: TestNode = await nursery.start(run_node, swarm, tmp_path, keeper.chain.spec, 2)
        again = trio.Event()
        watching = watch(late, "snapshot", again)
        nursery.start_soon(watching.run)
        await late.network.dial(keeper.network.addresses[0])
        with trio.fail_after(10):
            while watching.trouble is None:
                await trio.sleep(0.02)
        assert f"block {late.chain.final.header.height + 1} " in watching.trouble.text
        assert not again.is_set()
        put_on_shelf(keeper, tmp_path / "shelf")
        with trio.fail_after(10):
            await again.wait()
        nursery.cancel_scope.cancel()


async def test_an_offer_that_nobody_certified_does_not_make_a_node_begin_again(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with left_behind(tmp_path, swarm) as keeper, trio.open_nursery() as nursery:
        late: TestNode = await nursery.start(run_node, swarm, tmp_path, keeper.chain.spec, 2)
        put_on_shelf(keeper, tmp_path / "shelf")
        forger = await Mallory.join(swarm, "forger", keeper.chain.genesis_hash)
        forger.answers(told(keeper, [], _forged))
        await forger.network.dial(late.network.addresses[0])
        look = SnapshotSync(late.network, late.chain.store, late.chain.spec, lambda _: None)
        assert not await look.can_begin()
        assert forger.score_at(late) < 0
        nursery.cancel_scope.cancel()


def _forged(request: Request, truth: Answer) -> Answer:
    return Offer(tuple(map(another_certificate, truth.manifest))) if isinstance(truth, Offer) else truth


@pytest.mark.parametrize(("way", "word"), [("archive", "--keep full"), ("full", "--sync full")])
async def test_a_node_that_needs_every_block_says_what_is_missing_and_what_to_do(
    way: Way, word: str, tmp_path: Path
) -> None:
    swarm = MemorySwarm()
    async with left_behind(tmp_path, swarm) as keeper, trio.open_nursery() as nursery:
        put_on_shelf(keeper, tmp_path / "shelf")
        late: TestNode = await nursery.start(run_node, swarm, tmp_path, keeper.chain.spec, 2)
        again = trio.Event()
        watching = watch(late, way, again)
        nursery.start_soon(watching.run)
        await late.network.dial(keeper.network.addresses[0])
        with trio.fail_after(10):
            while watching.trouble is None:
                await trio.sleep(0.02)
        assert f"block {late.chain.final.header.height + 1} " in watching.trouble.text
        assert word in watching.trouble.fix
        await trio.sleep(0.6)
        assert not again.is_set()
        nursery.cancel_scope.cancel()
