"""Starting from a snapshot over the network: parts from several peers, liars left, a restart loses nothing."""

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from node.consensus.certificate import Certificate, check_certificate, decode_certificate
from node.control.options import SyncChoice
from node.ledger.genesis import GenesisSpec
from node.ledger.header import decode_header, header_hash
from node.primitives.crypto import verify
from node.primitives.types import Height
from node.service import fetching, full_nodes, snapshot_sync
from node.service.anchor import open_chain
from node.service.errors import NothingOffered
from node.service.snapshot_sync import SnapshotSync
from node.service.snapshots import Shelf
from node.service.store_readers import ProofStore, StoreReader
from node.sync.messages import Answer, GetChunk, Offer, Piece, Request, Steps
from node.sync.serve import answer_to
from node.sync.snapshot import Manifest
from p2p import MemorySwarm, Network
from storage.chain import ChainStore
from tests.unit.service.hostile import Mallory
from tests.unit.service.network import TestNode, run_node, running, spec_of

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")
HEIGHT = 6


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_sync, "BEHIND_BLOCKS_MIN", 2)
    monkeypatch.setattr(snapshot_sync, "PEERS_WAIT_S", 1.0)
    monkeypatch.setattr(fetching, "REST_S", 0.05)
    monkeypatch.setattr(fetching, "PATIENCE_S", 1.0)
    monkeypatch.setattr(full_nodes, "REQUEST_TIMEOUT_S", 1.0)


def put_on_shelf(node: TestNode, folder: Path) -> Height:
    """Make a snapshot that `node` serves; return its height."""
    shelf = Shelf(folder)
    folder.mkdir(exist_ok=True)
    with node.chain.store.pinned() as tip:
        manifest = shelf.make(tip, node.chain.genesis_hash)
    node.chain.shelf = shelf
    return manifest.header.height


async def snapshot_of_a_step(node: TestNode, folder: Path) -> Height:
    """Make a snapshot of a block that a light step was recorded of, as nodes do."""
    while True:
        height = put_on_shelf(node, folder)
        if height in (step.height for step in node.chain.store.steps_above(height - 1, 1)):
            return height
        await trio.sleep(0.01)


class Newcomer:
    """A store and a place in the network, before there is a chain."""

    def __init__(self, network: Network, store: ChainStore, spec: GenesisSpec) -> None:
        self.network, self.store, self.spec = network, store, spec
        self.said: list[str] = []

    async def begin(self, choice: SyncChoice = "auto") -> bool:
        return await SnapshotSync(self.network, self.store, self.spec, self.said.append).run(choice)

    @property
    def height(self) -> int:
        tip = self.store.tip()
        return -1 if tip is None else tip.height


@asynccontextmanager
async def newcomer(
    swarm: MemorySwarm, folder: Path, spec: GenesisSpec, *peers: TestNode | Mallory, name: str = "node-2"
) -> AsyncIterator[Newcomer]:
    home = folder / name
    home.mkdir(exist_ok=True)
    network = swarm.join(f"{name}-{swarm.next_number()}")
    for peer in peers:
        await network.dial(peer.network.addresses[0])
    with ChainStore.open(home / "chain.db") as store:
        yield Newcomer(network, store, spec)


def told(
    node: TestNode, asked: list[Request], lie: Callable[[Request, Answer], Answer | None]
) -> Callable[[Request], Answer | None]:
    blocks, proofs = StoreReader(node.chain), ProofStore(node.chain)

    def reply(request: Request) -> Answer | None:
        asked.append(request)
        return lie(request, answer_to(request, blocks, proofs))

    return reply


async def test_a_node_that_is_far_behind_begins_at_a_snapshot_and_goes_on_with_its_peers(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2, slot_ms=100), 2, swarm) as nodes, trio.open_nursery() as nursery:
        await nodes[0].finalised(HEIGHT)
        height = put_on_shelf(nodes[0], tmp_path / "shelf")
        async with newcomer(swarm, tmp_path, nodes[0].chain.spec, *nodes) as new:
            assert await new.begin()
            assert new.height == height
            steps = new.store.steps_above(0, 9)
            assert steps
            assert steps == nodes[0].chain.store.steps_above(0, 9)[: len(steps)]
            opened = open_chain(new.store, new.spec)
            assert opened.anchor.header.height == height
            assert any("%" in said for said in new.said)
        late = await nursery.start(run_node, swarm, tmp_path, nodes[0].chain.spec, 2)
        await late.network.dial(nodes[0].network.addresses[0])
        await late.finalised(height + 5)
        assert late.chain.store.hash_at(height + 5) == nodes[0].chain.store.hash_at(height + 5)
        assert late.chain.store.hash_at(1) is None
        nursery.cancel_scope.cancel()


async def test_a_node_that_is_near_or_has_a_chain_or_is_told_to_executes_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1), 1, swarm) as nodes:
        await nodes[0].finalised(HEIGHT)
        put_on_shelf(nodes[0], tmp_path / "shelf")
        async with newcomer(swarm, tmp_path, nodes[0].chain.spec, *nodes) as new:
            assert not await new.begin("full")
            monkeypatch.setattr(snapshot_sync, "BEHIND_BLOCKS_MIN", 10_000)
            assert not await new.begin()
            assert new.height <= 0
            assert await new.begin("snapshot")
            assert not await new.begin()


async def test_a_snapshot_that_nobody_offers_is_an_error_only_when_it_was_asked_for(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1), 1, swarm) as nodes:
        await nodes[0].finalised(HEIGHT)
        async with newcomer(swarm, tmp_path, nodes[0].chain.spec, *nodes) as new:
            assert not await new.begin()
            with pytest.raises(NothingOffered):
                await new.begin("snapshot")


async def test_parts_come_from_several_peers_and_a_liar_s_and_a_silent_one_s_from_others(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1), 1, swarm) as nodes:
        await nodes[0].finalised(HEIGHT)
        height = put_on_shelf(nodes[0], tmp_path / "shelf")
        genesis = nodes[0].chain.genesis_hash

        def wrong_rows(request: Request, truth: Answer) -> Answer:
            if not isinstance(truth, Piece) or not truth.chunk:
                return truth
            chunk = truth.chunk[0]
            return Piece(
                (msgspec.structs.replace(chunk, rows=tuple((path, value + b"!") for path, value in chunk.rows)),)
            )

        lies: dict[str, Callable[[Request, Answer], Answer | None]] = {
            "a-honest": lambda request, truth: truth,
            "b-liar": wrong_rows,
            "c-silent": lambda request, truth: None if isinstance(request, GetChunk) else truth,
            "d-other": lambda request, truth: Steps(()) if isinstance(request, GetChunk) else truth,
        }
        crowd, asked = {}, dict[str, list[Request]]()
        for name, lie in lies.items():
            crowd[name] = await Mallory.join(swarm, name, genesis)
            crowd[name].answers(told(nodes[0], asked.setdefault(name, []), lie))
        async with newcomer(swarm, tmp_path, nodes[0].chain.spec, *nodes, *crowd.values()) as new:
            assert await new.begin()
            assert new.height == height
            scores = {peer.peer_id: peer.score for peer in new.network.peers()}
            assert scores.get(crowd["b-liar"].network.peer_id, -1) < 0
            assert scores[crowd["a-honest"].network.peer_id] == 0
            assert scores[crowd["c-silent"].network.peer_id] == 0
        assert sum(isinstance(request, GetChunk) for request in asked["a-honest"]) > 10


async def test_what_has_come_is_not_fetched_again_after_a_restart(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1), 1, swarm) as nodes:
        await nodes[0].finalised(HEIGHT)
        put_on_shelf(nodes[0], tmp_path / "shelf")
        asked: list[Request] = []
        keeper = await Mallory.join(swarm, "keeper", nodes[0].chain.genesis_hash)
        keeper.answers(told(nodes[0], asked, lambda request, truth: truth))
        spec = nodes[0].chain.spec
        async with newcomer(swarm, tmp_path, spec, keeper, name="first") as new:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(new.begin)
                    while not new.store.staging.done():
                        await trio.sleep(0.001)
                    scope.cancel()
            assert new.height == 0
            done = new.store.staging.done()
        asked.clear()
        async with newcomer(swarm, tmp_path, spec, keeper, name="first") as new:
            assert await new.begin()
            again = {request.prefix for request in asked if isinstance(request, GetChunk)}
            assert done
            assert not again & done


def unsigned(certificate: Certificate) -> Certificate:
    return msgspec.structs.replace(certificate, signatures=(bytes(64),) * len(certificate.signatures))


def another_block(manifest: Manifest) -> Manifest:
    """A higher block with the same state and a certificate that nobody signed."""
    header = msgspec.structs.replace(manifest.header, height=Height(1000), slot=manifest.header.slot + 1000)
    proof = msgspec.structs.replace(
        unsigned(manifest.certificate), block_hash=header_hash(header), height=Height(1000), instance=1000
    )
    return msgspec.structs.replace(manifest, header=header, certificate=proof)


def another_certificate(manifest: Manifest) -> Manifest:
    """The right block, which the light steps prove, with a certificate that nobody signed."""
    return msgspec.structs.replace(manifest, certificate=unsigned(manifest.certificate))


@pytest.mark.parametrize("forge", [another_block, another_certificate])
async def test_a_snapshot_that_the_authorities_did_not_certify_is_never_adopted(
    forge: Callable[[Manifest], Manifest], tmp_path: Path
) -> None:
    swarm = MemorySwarm()
    spec = dataclasses.replace(spec_of(1, 1), epoch_slots=2)
    async with running(tmp_path, spec, 1, swarm) as nodes:
        await nodes[0].finalised(HEIGHT)
        height = await snapshot_of_a_step(nodes[0], tmp_path / "shelf")

        def forged(request: Request, truth: Answer) -> Answer:
            return Offer(tuple(map(forge, truth.manifest))) if isinstance(truth, Offer) else truth

        forger = await Mallory.join(swarm, "a-forger", nodes[0].chain.genesis_hash)
        forger.answers(told(nodes[0], [], forged))
        async with newcomer(swarm, tmp_path, nodes[0].chain.spec, forger) as new:
            with pytest.raises(NothingOffered):
                await new.begin("snapshot")
            scores = {peer.peer_id: peer.score for peer in new.network.peers()}
            assert scores.get(forger.network.peer_id, -1) < 0
            await new.network.dial(nodes[0].network.addresses[0])
            assert await new.begin()
            assert new.height == height
            row = new.store.header(new.store.hash_at(height) or b"")
            assert row is not None
            assert decode_header(row.header).height == height
            stored = new.store.certificate(height)
            assert stored is not None
            check_certificate(
                decode_certificate(stored.certificate), nodes[0].chain.engine.authorities,
                nodes[0].chain.genesis_hash, verify, header=None,
            )  # fmt: skip
