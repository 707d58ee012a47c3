"""Liars and leeches on the sync and genesis protocols: a late node still arrives, honest askers are still served."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import trio

from node.consensus.certificate import Certificate
from node.consensus.events import NeedBlocks
from node.ledger.genesis import format_genesis, genesis_state
from node.ledger.header import Block, decode_block, header_hash
from node.ledger.transition import execute_block
from node.light.readings import BalanceOf
from node.primitives.codec import encode
from node.primitives.crypto import verify
from node.primitives.types import AccountId, Hash, Height
from node.service import genesis_exchange, syncer
from node.service.errors import BadGenesis, NoGenesis
from node.service.genesis_exchange import fetch_genesis, serve_genesis
from node.service.store_readers import StoreReader
from node.sync import catchup
from node.sync.catchup import Ask, CatchUpMachine, Feed
from node.sync.limits import FED_STRETCHES_MAX
from node.sync.messages import (
    PROTOCOL,
    Answer,
    Blocks,
    GetBlocks,
    GetBranch,
    GetChunk,
    GetHeaders,
    GetProof,
    GetReading,
    GetStatus,
    GetSteps,
    Request,
    Status,
)
from node.sync.serve import answer_to
from p2p import MemorySwarm, P2PError
from tests.unit.consensus import test_engine as tree
from tests.unit.consensus.helpers import certificate as certificate_of
from tests.unit.service.hostile import (
    Mallory,
    begun,
    forge,
    news,
    slot_led_by,
    transfer,
    trust,
    until,
)
from tests.unit.service.network import TestNode, coldkey, hotkey, run_node, running, spec_of

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")
SYNC_BLOCKS = 12
Reply = Answer | bytes | None


def changed_body(raw: bytes, other: bytes) -> bytes:
    block = decode_block(raw)
    return encode(Block(block.header, (*block.transactions, other)))


def forged(certificate: Certificate) -> Certificate:
    return msgspec.structs.replace(certificate, signatures=(bytes(64),) * len(certificate.signatures))


def liars(honest: TestNode, told: set[str]) -> dict[str, Callable[[Request], Reply]]:
    """Peers that truly tell where the chain stands and lie about its blocks; those that did are in `told`."""
    chain, reader = honest.chain, StoreReader(honest.chain)
    junk = transfer(chain, coldkey(0))

    def about_blocks(name: str, lie: Callable[[Blocks], Reply]) -> Callable[[Request], Reply]:
        def reply(request: Request) -> Reply:
            truth = answer_to(request, reader)
            if isinstance(request, GetBlocks) and isinstance(truth, Blocks) and truth.blocks:
                told.add(name)
                return lie(truth)
            return truth

        return reply

    def endless() -> Callable[[Request], Reply]:
        """Blocks that link for ever and never reach a certificate."""
        last = chain.genesis_hash
        template = decode_block(first.blocks[0]).header

        def reply(request: Request) -> Reply:
            nonlocal last
            if not isinstance(request, GetBlocks):
                status = reader.status()
                return msgspec.structs.replace(status, head_height=Height(1 << 40))
            last = chain.genesis_hash if request.from_height == 1 else last
            made = []
            for height in range(request.from_height, request.from_height + 120):
                header = msgspec.structs.replace(template, parent=last, height=Height(height))
                last = header_hash(header)
                made.append(encode(Block(header, ())))
            return Blocks(tuple(made), ())

        return reply

    first = answer_to(GetBlocks(Height(1), 1), reader)
    assert isinstance(first, Blocks)
    status = reader.status
    lies: dict[str, Callable[[Blocks], Reply]] = {
        "unlinked": lambda truth: Blocks((truth.blocks[0],) * 2, truth.certificate),
        "wrong-body": lambda truth: Blocks((changed_body(truth.blocks[0], junk), *truth.blocks[1:]), truth.certificate),
        "wrong-certificate": lambda truth: Blocks(truth.blocks[:3], first.certificate),
        "forged-certificate": lambda truth: Blocks(truth.blocks, tuple(map(forged, truth.certificate))),
        "silent": lambda _: None,
        "another-question": lambda _: status(),
        "garbage": lambda _: b"\xc1" * 500,
        "oversized": lambda _: bytes(5 << 20),
        "empty": lambda _: Blocks((), ()),
    }
    return {"uncertified": endless(), **{name: about_blocks(name, lie) for name, lie in lies.items()}}


async def test_a_late_node_arrives_through_a_crowd_of_liars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catchup, "BLOCKS_TIMEOUT_MS", 500)
    monkeypatch.setattr(syncer, "POLL_S", 0.2)
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2, slot_ms=100), 2, swarm) as nodes, trio.open_nursery() as nursery:
        await nodes[0].finalised(SYNC_BLOCKS)
        late = await nursery.start(run_node, swarm, tmp_path, nodes[0].chain.spec, 2)
        crowd, told = {}, set[str]()
        for name, reply in liars(nodes[0], told).items():
            crowd[name] = await Mallory.join(swarm, name, nodes[0].chain.genesis_hash, late)
            crowd[name].answers(reply)
        innocent = {"silent", "empty", "oversized"}  # cannot be told from a bad line, or from a chain that was pruned
        await until(lambda: len(told - innocent) > 3)
        await late.network.dial(nodes[0].network.addresses[0])
        await late.finalised(SYNC_BLOCKS)
        assert late.chain.store.hash_at(SYNC_BLOCKS) == nodes[0].chain.store.hash_at(SYNC_BLOCKS)
        assert trust(late, nodes[0]) == 0
        await until(lambda: {name for name in told - innocent if crowd[name].score_at(late) >= 0} == set())
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("lie", ["unlinked", "wrong-body", "wrong-certificate", "forged-certificate", "uncertified"])
async def test_every_lie_about_blocks_is_found_and_charged(
    lie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncer, "POLL_S", 0.1)
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1, slot_ms=100), 1, swarm) as nodes, trio.open_nursery() as nursery:
        await nodes[0].finalised(5)
        late = await nursery.start(run_node, swarm, tmp_path, nodes[0].chain.spec, 1)
        liar = await Mallory.join(swarm, "liar", nodes[0].chain.genesis_hash, late)
        liar.answers(liars(nodes[0], set())[lie])
        await until(lambda: liar.score_at(late) < 0)
        await late.network.dial(nodes[0].network.addresses[0])
        await late.finalised(5)
        nursery.cancel_scope.cancel()


async def test_a_height_that_no_certificate_proves_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncer, "POLL_S", 0.1)
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2), 2, swarm) as nodes:
        await nodes[0].finalised(2)
        reader = StoreReader(nodes[0].chain)

        def boast(request: Request) -> Answer:
            truth = reader.status()
            high, block = Height(1 << 40), Hash(b"\7" * 32)
            forged = msgspec.structs.replace(truth.certificate[0], height=high, block_hash=block)
            return Status(truth.genesis_hash, high, block, high, block, (forged,))

        boaster = await Mallory.join(swarm, "boaster", nodes[0].chain.genesis_hash, *nodes)
        boaster.answers(boast)
        await until(lambda: boaster.score_at(nodes[0]) < 0)
        progress = nodes[0].syncer.progress()
        assert progress is None or progress.target_height < 1 << 30
        await nodes[0].finalised(nodes[0].chain.final.header.height + 3)
        assert nodes[0].syncer.height_of(boaster.network.peer_id) is None


async def test_a_branch_with_another_body_is_charged_and_does_not_keep_the_block_out(tmp_path: Path) -> None:
    """Were the wrong body kept until its parent comes, the right one would be taken for a repetition meanwhile."""
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2, 0), 1, swarm) as (node,):
        chain, genesis = node.chain, node.chain.genesis_hash
        mallory = await Mallory.join(swarm, "mallory", genesis, node)
        anchor = chain.engine.finalised.state
        first = slot_led_by(chain, hotkey(1), 2)
        second = slot_led_by(chain, hotkey(1), first + 1)
        await begun(chain, second)
        parent = forge(anchor, first, hotkey(1), genesis)
        block = forge(execute_block(anchor.state, parent, genesis, verify=verify), second, hotkey(1), genesis)
        child = forge(
            anchor, second, hotkey(1), genesis, parent=header_hash(block.header), height=Height(block.header.height + 1)
        )
        wrong = Block(block.header, (transfer(chain, coldkey(0)),))
        reader = StoreReader(chain)
        mallory.answers(
            lambda request: Blocks((encode(wrong),), ()) if isinstance(request, GetBranch) else reader.status()
        )
        await mallory.network.publish(mallory.gossip.blocks_topic, news(child))
        await until(lambda: mallory.score_at(node) < 0)
        await mallory.network.publish(mallory.gossip.blocks_topic, news(block))
        await mallory.network.publish(mallory.gossip.blocks_topic, news(parent))
        await until(lambda: chain.has(header_hash(block.header)))


BAD_REQUESTS = {
    "empty": b"",
    "garbage": b"\xff" * 60,
    "an answer": encode(Blocks((), ())),
    "none wanted": encode(GetBlocks(Height(1), 0)),
    "too many": encode(GetBlocks(Height(1), 10_000)),
    "height zero": encode(GetBlocks(Height(0), 1)),
    "beyond every height": encode(GetBlocks(Height(2**63), 1)),
    "a short hash": encode(GetBranch(Hash(b"abc"), 5)),
    "no paths": encode(GetProof(())),
    "too many paths": encode(GetProof((Hash(bytes(32)),) * 65)),
    "a reading of nobody": encode(GetReading(BalanceOf(AccountId(b"abc")))),
    "too many steps": encode(GetSteps(Height(0), 257)),
    "headers below genesis": encode(GetHeaders(Height(-1), 1)),
    "a chunk of everything": encode(GetChunk(Hash(bytes(32)), b"")),
    "trailing": encode(GetStatus()) + b"\0",
    "oversized": bytes(100_000),
}


async def test_bad_requests_are_refused_and_charged_and_the_rest_is_served(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1), 2, swarm) as nodes:
        await nodes[0].finalised(2)
        for name, request in BAD_REQUESTS.items():
            mallory = await Mallory.join(swarm, name.replace(" ", "-"), nodes[0].chain.genesis_hash, nodes[0])
            with pytest.raises(P2PError):
                await mallory.network.request(nodes[0].network.peer_id, PROTOCOL, request, max_bytes=1 << 20)
            assert name == "oversized" or mallory.score_at(nodes[0]) < 0, name
        mallory = await Mallory.join(swarm, "beyond", nodes[0].chain.genesis_hash, nodes[0])
        beyond = encode(GetBlocks(Height(1 << 40), 128))
        reply = await mallory.network.request(nodes[0].network.peer_id, PROTOCOL, beyond, max_bytes=1 << 20)
        assert reply == encode(Blocks((), ()))
        await nodes[1].finalised(nodes[0].chain.final.header.height + 2)


async def test_askers_who_say_nothing_do_not_take_the_places_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncer, "SERVE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(genesis_exchange, "TIMEOUT_S", 0.5)
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1), 2, swarm) as nodes:
        serve_genesis(nodes[0].network, b"genesis file")
        target = nodes[0].network.peer_id
        for protocol in (PROTOCOL, genesis_exchange.PROTOCOL):
            for number in range(8):
                name = f"leech-{protocol.split('/')[2]}-{number}"
                leech = await Mallory.join(swarm, name, nodes[0].chain.genesis_hash, nodes[0])
                for _ in range(8):
                    await leech.network.open(target, protocol)
        asker = await Mallory.join(swarm, "asker", nodes[0].chain.genesis_hash, nodes[0])
        for protocol, request in ((PROTOCOL, encode(GetStatus())), (genesis_exchange.PROTOCOL, b"genesis")):
            served = False
            with trio.fail_after(5):
                while not served:
                    try:
                        served = bool(await asker.network.request(target, protocol, request, max_bytes=1 << 20))
                    except P2PError:
                        await trio.sleep(0.05)
        await nodes[1].finalised(nodes[0].chain.final.header.height + 2)


async def test_one_liar_among_the_addresses_keeps_nobody_out(tmp_path: Path) -> None:
    spec = spec_of(1)
    data = format_genesis(spec)
    expected = genesis_state(spec)[1].hash
    swarm = MemorySwarm()
    joiner = swarm.join("joiner")
    liar, other, honest = swarm.join("liar"), swarm.join("other"), swarm.join("honest")
    serve_genesis(liar, b'{"name": "not a genesis"' * 1000)
    serve_genesis(other, format_genesis(dataclasses.replace(spec, name="another network")))
    serve_genesis(honest, data)
    addresses = [network.addresses[0] for network in (liar, other, honest)]
    assert await fetch_genesis(joiner, tuple(addresses), expected) == data
    with pytest.raises(BadGenesis, match=r"another network: genesis \w{16}…, not \w{16}…") as refused:
        await fetch_genesis(joiner, (*addresses[:2],), expected)
    assert "invite" in (refused.value.hint or "")
    with pytest.raises(NoGenesis):
        await fetch_genesis(joiner, (swarm.join("mute").addresses[0],), expected)


def test_no_more_is_fetched_than_is_executed() -> None:
    """A peer that sends faster than this node executes does not fill its memory."""
    blocks = tree.chain(20)
    best = tree.ref(blocks[-1])
    status = Status(tree.GENESIS_HASH, best.height, best.hash, best.height, best.hash, (certificate_of(best),))
    machine = CatchUpMachine(tree.GENESIS_HASH, Height(0), tree.GENESIS_HASH)
    effects = machine.on_connected("p", 0)
    fed = 0
    while asks := [effect for effect in effects if isinstance(effect, Ask)]:
        request = asks[-1].request
        reply: Answer = status
        if isinstance(request, GetBlocks):
            block = blocks[request.from_height - 1]
            reply = Blocks((encode(block),), (certificate_of(tree.ref(block)),))
        effects = machine.on_answer("p", asks[-1].request_id, reply, 1)
        fed += sum(isinstance(effect, Feed) for effect in effects)
    assert fed == FED_STRETCHES_MAX
    resumed = machine.on_finalised(Height(1), tree.ref(blocks[0]).hash, 2)
    assert [effect.request for effect in resumed if isinstance(effect, Ask)] == [GetBlocks(Height(3), 128)]


async def test_a_peer_that_keeps_a_block_back_is_not_the_only_one_asked_for_it(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 0), 1, swarm) as (node,):
        keepers = [await Mallory.join(swarm, name, node.chain.genesis_hash, node) for name in ("a", "b", "c")]
        for keeper in keepers:
            keeper.answers(lambda request: Blocks((), ()) if isinstance(request, GetBranch) else None)
        for number in range(6):
            node.chain.want(NeedBlocks(Hash(bytes([number]) * 32), None))
        await until(lambda: all(any(isinstance(each, GetBranch) for each in keeper.asked) for keeper in keepers))
