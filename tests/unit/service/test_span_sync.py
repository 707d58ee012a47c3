"""Catching up from several peers at once with real chains: shared work, liars left, nothing final fetched again."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import trio

from node.consensus.certificate import decode_certificate
from node.ledger.genesis import GenesisSpec
from node.ledger.header import decode_block, decode_header
from node.light.steps import LightStep
from node.primitives.codec import encode
from node.service import fetching, span_sync, syncer
from node.service.errors import NoAnswer
from node.service.full_nodes import FullNodes
from node.service.span_sync import SpanSync
from node.service.store_readers import ProofStore, StoreReader
from node.sync import spans
from node.sync.messages import Answer, Blocks, GetBlocks, GetHeaders, GetSteps, Headers, Request, Steps
from node.sync.serve import answer_to
from p2p import MemorySwarm
from tests.unit.service.hostile import Mallory
from tests.unit.service.network import TestNode, run_node, running, spec_of

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")
FINAL = 40
Lie = Callable[[Request, Answer], Answer | None]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncer, "SPANS_BEHIND_BLOCKS_MIN", 8)
    monkeypatch.setattr(syncer, "POLL_S", 0.1)
    monkeypatch.setattr(syncer, "SPANS_PAUSE_S", 0.5)
    monkeypatch.setattr(spans, "SPAN_PART_BLOCKS", 2)
    monkeypatch.setattr(fetching, "REST_S", 0.02)
    monkeypatch.setattr(fetching, "IDLE_S", 0.01)
    monkeypatch.setattr(fetching, "SLOW_S", 0.5)


def short_epochs(authorities: int) -> GenesisSpec:
    """Authority epochs of five slots, so that there are many light steps."""
    return dataclasses.replace(spec_of(authorities, 2, slot_ms=60), epoch_slots=5)


def told(node: TestNode, asked: list[Request], lie: Lie) -> Callable[[Request], Answer | None]:
    blocks, proofs = StoreReader(node.chain), ProofStore(node.chain)

    def reply(request: Request) -> Answer | None:
        asked.append(request)
        return lie(request, answer_to(request, blocks, proofs))

    return reply


def honest(request: Request, truth: Answer) -> Answer:
    return truth


def other_body(request: Request, truth: Answer) -> Answer:
    if not isinstance(truth, Blocks) or not truth.blocks:
        return truth
    block = decode_block(truth.blocks[0])
    return Blocks((encode(msgspec.structs.replace(block, transactions=(b"x",))), *truth.blocks[1:]), truth.certificate)


def other_blocks(request: Request, truth: Answer) -> Answer:
    return (
        Blocks(truth.blocks[::-1], truth.certificate) if isinstance(truth, Blocks) and len(truth.blocks) > 1 else truth
    )


def other_headers(request: Request, truth: Answer) -> Answer:
    return Headers(truth.headers[::-1]) if isinstance(truth, Headers) and len(truth.headers) > 1 else truth


def other_certificate(request: Request, truth: Answer) -> Answer:
    """The right blocks with a certificate that nobody signed."""
    if not isinstance(truth, Blocks) or not truth.certificate:
        return truth
    known = truth.certificate[0]
    return Blocks(truth.blocks, (msgspec.structs.replace(known, signatures=(bytes(64),) * len(known.signatures)),))


def silent(request: Request, truth: Answer) -> Answer | None:
    return None if isinstance(request, GetBlocks) else truth


def pruned(request: Request, truth: Answer) -> Answer:
    return Blocks((), ()) if isinstance(request, GetBlocks) else truth


async def whole_go(node: TestNode) -> bool:
    """One go from several peers, from finding the way to the last block."""
    sync = SpanSync(node.chain, node.network)
    return await sync.prepare() and await sync.run()


async def late_node(
    nursery: trio.Nursery, swarm: MemorySwarm, folder: Path, spec: GenesisSpec, number: int
) -> TestNode:
    made: TestNode = await nursery.start(run_node, swarm, folder, spec, number)
    return made


async def test_blocks_come_from_several_peers_and_the_chain_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SLOW_S", 60.0)
    swarm = MemorySwarm()
    async with running(tmp_path, short_epochs(1), 1, swarm) as nodes, trio.open_nursery() as nursery:
        await nodes[0].finalised(FINAL, within_s=60)
        asked: dict[str, list[Request]] = {}
        late = await late_node(nursery, swarm, tmp_path, nodes[0].chain.spec, 1)
        late.syncer._machine.is_held = True
        for name in "abc":
            peer = await Mallory.join(swarm, name, nodes[0].chain.genesis_hash)
            peer.answers(told(nodes[0], asked.setdefault(name, []), honest))
            await peer.network.dial(late.network.addresses[0])
        assert await whole_go(late)
        height = late.chain.final.header.height
        assert height >= FINAL - 10
        assert late.chain.store.hash_at(height) == nodes[0].chain.store.hash_at(height)
        parts = {name: [each for each in asked[name] if isinstance(each, GetBlocks)] for name in asked}
        assert all(parts.values()), "every peer did a part of the work"
        fetched = [each.from_height for requests in parts.values() for each in requests]
        assert len(fetched) == len(set(fetched)), "no two peers were asked for one block"
        nursery.cancel_scope.cancel()


async def test_a_node_far_behind_fetches_from_several_peers_by_itself(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, short_epochs(1), 1, swarm) as nodes, trio.open_nursery() as nursery:
        await nodes[0].finalised(FINAL, within_s=60)
        asked: list[Request] = []

        def headers_first(request: Request, truth: Answer) -> Answer:
            """Nothing for whoever wants blocks without having asked for their headers."""
            known = any(isinstance(each, GetHeaders) for each in asked)
            return truth if known or not isinstance(truth, Blocks) else Blocks((), ())

        peer = await Mallory.join(swarm, "peer", nodes[0].chain.genesis_hash)
        peer.answers(told(nodes[0], asked, headers_first))
        late = await late_node(nursery, swarm, tmp_path, nodes[0].chain.spec, 1)
        await peer.network.dial(late.network.addresses[0])
        await late.finalised(FINAL, within_s=30)
        await nodes[0].finalised(FINAL + 10)
        await late.finalised(FINAL + 8)  # near the end the stretches of one peer go on
        nursery.cancel_scope.cancel()


LIES: list[Lie] = [other_body, other_blocks, other_headers, other_certificate]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
async def test_a_liar_loses_points_and_its_part_comes_from_another(lie: Lie, tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, short_epochs(1), 1, swarm) as nodes, trio.open_nursery() as nursery:
        await nodes[0].finalised(FINAL, within_s=60)
        late = await late_node(nursery, swarm, tmp_path, nodes[0].chain.spec, 1)
        crowd = {}
        for name, says in (("a-liar", lie), ("b-silent", silent), ("c-pruned", pruned), ("d-honest", honest)):
            crowd[name] = await Mallory.join(swarm, name, nodes[0].chain.genesis_hash)
            crowd[name].answers(told(nodes[0], [], says))
            await crowd[name].network.dial(late.network.addresses[0])
        late.syncer._machine.is_held = True
        with trio.fail_after(30):
            await whole_go(late)
        assert late.chain.final.header.height >= FINAL - 10
        assert crowd["a-liar"].score_at(late) < 0
        for name in ("b-silent", "c-pruned", "d-honest"):
            assert crowd[name].score_at(late) == 0, name
        nursery.cancel_scope.cancel()


async def test_blocks_are_executed_before_the_span_that_they_are_of_is_whole(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    spec = dataclasses.replace(short_epochs(1), epoch_slots=1000)  # no step after the first one for long
    async with running(tmp_path, spec, 1, swarm) as nodes, trio.open_nursery() as nursery:
        await nodes[0].finalised(FINAL, within_s=60)
        chain = nodes[0].chain
        first = chain.light_steps.steps_above(0, 1)
        row = chain.store.headers_from(FINAL, 1)[0]
        stored = chain.store.certificate(FINAL)
        assert stored is not None
        end = LightStep(decode_header(row.header), decode_certificate(stored.certificate), ())

        def until_the_middle(request: Request, truth: Answer) -> Answer:
            if isinstance(request, GetSteps):
                return Steps(tuple(step for step in (*first, end) if step.header.height > request.above_height))
            return Blocks((), ()) if isinstance(request, GetBlocks) and request.from_height > FINAL // 2 else truth

        peer = await Mallory.join(swarm, "peer", chain.genesis_hash)
        peer.answers(told(nodes[0], [], until_the_middle))
        late = await late_node(nursery, swarm, tmp_path, spec, 1)
        late.syncer._machine.is_held = True
        await late.network.dial(peer.network.addresses[0])
        nursery.start_soon(whole_go, late)
        await late.finalised(FINAL // 2, within_s=30)
        assert late.chain.final.header.height < FINAL
        nursery.cancel_scope.cancel()


async def test_a_go_ends_where_the_light_steps_end_and_nothing_final_is_asked_for_again(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, short_epochs(1), 1, swarm) as nodes, trio.open_nursery() as nursery:
        await nodes[0].finalised(FINAL, within_s=60)
        asked: list[Request] = []
        known = nodes[0].chain.light_steps.steps_above(0, 3)

        def behind(request: Request, truth: Answer) -> Answer:
            """What a peer says that knows the first steps only, as long as `known` holds them."""
            if known and isinstance(request, GetSteps):
                return Steps(tuple(step for step in known if step.header.height > request.above_height))
            return truth

        peer = await Mallory.join(swarm, "peer", nodes[0].chain.genesis_hash)
        peer.answers(told(nodes[0], asked, behind))
        late = await late_node(nursery, swarm, tmp_path, nodes[0].chain.spec, 1)
        late.syncer._machine.is_held = True
        await late.network.dial(peer.network.addresses[0])
        assert await whole_go(late)
        reached = late.chain.final.header.height
        assert 5 <= reached < FINAL
        asked.clear()
        known.clear()
        assert await whole_go(late)
        assert late.chain.final.header.height > reached
        assert min(each.from_height for each in asked if isinstance(each, GetBlocks | GetHeaders)) == reached + 1
        nursery.cancel_scope.cancel()


async def test_peers_without_light_steps_leave_it_to_the_stretches_of_one_peer(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, short_epochs(1), 1, swarm) as nodes, trio.open_nursery() as nursery:
        await nodes[0].finalised(FINAL, within_s=60)
        old = await Mallory.join(swarm, "old", nodes[0].chain.genesis_hash)
        blocks = StoreReader(nodes[0].chain)
        old.answers(lambda request: answer_to(request, blocks))
        late = await late_node(nursery, swarm, tmp_path, nodes[0].chain.spec, 1)
        await late.network.dial(old.network.addresses[0])
        assert not await whole_go(late)
        await late.finalised(FINAL, within_s=30)
        nursery.cancel_scope.cancel()


async def test_a_block_that_the_engine_refuses_ends_the_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, short_epochs(1), 1, swarm) as nodes, trio.open_nursery() as nursery:
        await nodes[0].finalised(FINAL, within_s=60)
        late = await late_node(nursery, swarm, tmp_path, nodes[0].chain.spec, 1)
        late.syncer._machine.is_held = True
        await late.network.dial(nodes[0].network.addresses[0])

        async def swallow(event: object) -> None:
            return None

        monkeypatch.setattr(late.chain, "apply", swallow)
        monkeypatch.setattr(span_sync.log, "error", lambda *_: None)
        with trio.fail_after(20):
            assert not await whole_go(late)
        nursery.cancel_scope.cancel()


class Never:
    """Work that nobody can do."""

    def wanted(self, busy: frozenset[int]) -> int | None:
        return None if 1 in busy else 1

    def is_missing(self, part: int) -> bool:
        return True

    def is_done(self) -> bool:
        return False

    async def fetch(self, peer: str, part: int) -> None:
        raise NoAnswer("no")


async def test_work_that_nobody_does_is_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PATIENCE_S", 0.3)
    swarm = MemorySwarm()
    alone = swarm.join("alone")
    with trio.fail_after(10), pytest.raises(NoAnswer):
        await fetching.fetch_all(FullNodes(alone), Never())


async def test_what_every_connected_node_lacks_is_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PATIENCE_S", 0.3)
    monkeypatch.setattr(fetching, "REST_S", 0.01)
    swarm = MemorySwarm()
    asker, lacking = swarm.join("asker"), swarm.join("lacking")
    await asker.dial(lacking.addresses[0])
    with trio.fail_after(10), pytest.raises(NoAnswer):
        await fetching.fetch_all(FullNodes(asker), Never())
