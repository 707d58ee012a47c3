"""A light node over a running chain: it reads what is proven, leaves liars, and goes on where it stopped."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from node.consensus.certificate import Certificate
from node.ledger import queries
from node.ledger.header import Block, header_hash
from node.light import age
from node.light.chain import Checkpoint
from node.light.errors import BadCheckpoint, BadLightState, BrokenFinality
from node.light.readings import BalanceOf, MetagraphOf, StakesOf
from node.primitives.types import Hash, Height, NetUid
from node.service import light_node
from node.service.errors import NoFullNode
from node.service.light_node import STATE_FILE, LightNode
from node.service.store_readers import ProofStore, StoreReader
from node.sync.messages import Answer, Headers, Proofs, Request, Steps
from node.sync.serve import answer_to
from p2p import MemorySwarm
from tests.unit.service.hostile import Mallory, certificate, ref_of
from tests.unit.service.network import TestNode, coldkey, hotkey, running, spec_of

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")
ALICE = coldkey(0).public
FINAL = 4


def light(
    swarm: MemorySwarm,
    home: Path,
    nodes: Sequence[TestNode | Mallory],
    *,
    genesis_hash: Hash | None = None,
    checkpoint: Checkpoint | None = None,
) -> LightNode:
    """A light node with its own name on the swarm each time."""
    home.mkdir(exist_ok=True)
    network = swarm.join(f"light-{swarm.next_number()}")
    addresses = tuple(node.network.addresses[0] for node in nodes)
    return LightNode(network, home, addresses=addresses, genesis_hash=genesis_hash, checkpoint=checkpoint)


def score(reader: LightNode, peer: Mallory) -> float:
    seen = {each.peer_id: each.score for each in reader._network.peers()}
    return seen.get(peer.network.peer_id, float("-inf"))


async def test_what_a_light_node_reads_is_what_the_full_node_knows(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2), 2, swarm) as nodes:
        await nodes[0].finalised(FINAL)
        reader = light(swarm, tmp_path, nodes, genesis_hash=nodes[0].chain.genesis_hash)
        await reader.start()
        assert reader.chain.tip.header.height >= FINAL
        known = nodes[0].chain.head.executed.state.view
        balance, stakes = await reader.read(BalanceOf(ALICE)), await reader.read(StakesOf(ALICE))
        assert queries.balance(balance.view, ALICE) == queries.balance(known, ALICE) > 0
        assert [each.hotkey for each in queries.stakes_of(stakes.view, ALICE)] == [hotkey(0).public]
        graph = queries.metagraph((await reader.read(MetagraphOf(NetUid(1)))).view, NetUid(1))
        assert [row.hotkey for row in graph.rows] == [row.hotkey for row in queries.metagraph(known, NetUid(1)).rows]
        assert balance.age_ms < 10_000
        assert reader.warnings == []
        assert (tmp_path / STATE_FILE).stat().st_size < 4096


async def test_without_a_genesis_hash_the_first_node_is_believed_and_that_is_told(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1), 1, swarm) as nodes:
        await nodes[0].finalised(1)
        reader = light(swarm, tmp_path, nodes)
        await reader.start()
        assert reader.chain.genesis_hash == nodes[0].chain.genesis_hash
        assert nodes[0].chain.genesis_hash.hex() in reader.warnings[0]


async def test_it_goes_on_where_it_stopped_and_refuses_another_network_or_a_damaged_file(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1), 1, swarm) as nodes:
        await nodes[0].finalised(FINAL)
        genesis = nodes[0].chain.genesis_hash
        first = light(swarm, tmp_path, nodes, genesis_hash=genesis)
        await first.start()
        saved = (tmp_path / STATE_FILE).read_bytes()
        again = light(swarm, tmp_path, nodes)
        await again.start()
        assert again.chain.trusted.header.height >= first.chain.trusted.header.height > 0
        assert again.warnings == []
        for broken, expected in ((saved[:-1], genesis), (saved, Hash(b"x" * 32)), (b"", None)):
            (tmp_path / STATE_FILE).write_bytes(broken)
            with pytest.raises(BadLightState):
                await light(swarm, tmp_path, nodes, genesis_hash=expected).start()


async def test_nobody_there_is_told(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    mute = await Mallory.join(swarm, "mute", Hash(b"g" * 32))
    with pytest.raises(NoFullNode):
        await light(swarm, tmp_path, [mute]).start()
    with pytest.raises(NoFullNode):
        await light(swarm, tmp_path, []).start()


async def test_a_checkpoint_is_where_it_begins_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2), 2, swarm) as nodes:
        await nodes[0].finalised(FINAL + 2)
        chain = nodes[0].chain
        (row,) = chain.store.headers_from(FINAL, 1)
        good = Checkpoint(Height(FINAL), Hash(row.hash), chain.engine.authorities.hash)
        genesis = chain.genesis_hash
        reader = light(swarm, tmp_path / "good", nodes, genesis_hash=genesis, checkpoint=good)
        await reader.start()
        assert reader.chain.tip.header.height > FINAL
        for number, wrong in enumerate(
            (
                Checkpoint(good.height, Hash(b"x" * 32), good.set_hash),
                Checkpoint(good.height, good.block_hash, Hash(b"x" * 32)),
                Checkpoint(Height(1 << 30), good.block_hash, good.set_hash),
            )
        ):
            with pytest.raises(NoFullNode):
                await light(swarm, tmp_path / f"{number}", nodes, genesis_hash=genesis, checkpoint=wrong).start()


async def test_a_checkpoint_above_an_old_state_puts_that_state_aside(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(2), 2, swarm) as nodes:
        await nodes[0].finalised(FINAL)
        reader = light(swarm, tmp_path, nodes, genesis_hash=nodes[0].chain.genesis_hash)
        await reader.start()
        trusted = reader.chain.trusted
        same = Checkpoint(trusted.header.height, trusted.hash, trusted.authorities.hash)
        await light(swarm, tmp_path, nodes, checkpoint=same).start()
        other = Checkpoint(trusted.header.height, Hash(b"x" * 32), same.set_hash)
        with pytest.raises(BadCheckpoint):
            await light(swarm, tmp_path, nodes, checkpoint=other).start()
        assert (tmp_path / STATE_FILE).exists()
        with pytest.raises(BadCheckpoint):
            await light(
                swarm, tmp_path, nodes, checkpoint=Checkpoint(Height(9999), same.block_hash, same.set_hash)
            ).start()
        assert not (tmp_path / STATE_FILE).exists()


async def test_an_old_beginning_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age, "WEAK_SUBJECTIVITY_MS", -1)
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1), 1, swarm) as nodes:
        await nodes[0].finalised(1)
        reader = light(swarm, tmp_path, nodes, genesis_hash=nodes[0].chain.genesis_hash)
        await reader.start()
        assert "checkpoint" in reader.warnings[0]


async def test_a_chain_that_stands_still_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(light_node, "STALE_MS", -1)
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1), 1, swarm) as nodes:
        await nodes[0].finalised(1)
        reader = light(swarm, tmp_path, nodes, genesis_hash=nodes[0].chain.genesis_hash)
        await reader.start()
        assert "holds back" in reader.warnings[0]


# --- liars ------------------------------------------------------------------------------------------------------------


def told(honest: TestNode, lie: Callable[[Answer], Answer]) -> Callable[[Request], Answer]:
    """What a full node says that changes its answers before it sends them."""
    blocks, proofs = StoreReader(honest.chain), ProofStore(honest.chain)
    return lambda request: lie(answer_to(request, blocks, proofs))


def unsigned(certificate_: Certificate, **changes: object) -> Certificate:
    nobody = (bytes(64),) * len(certificate_.signatures)
    return msgspec.structs.replace(certificate_, signatures=nobody, **changes)


def richer(truth: Answer) -> Answer:
    """The right header, other rows."""
    if not isinstance(truth, Proofs):
        return truth
    rows = tuple(msgspec.structs.replace(row, value=(b"\x92\x00\x05",)) if row.value else row for row in truth.rows)
    return msgspec.structs.replace(truth, rows=rows)


def shorter(truth: Answer) -> Answer:
    """A row is left out: a careless client would take it for an absent one."""
    return msgspec.structs.replace(truth, rows=truth.rows[:-1]) if isinstance(truth, Proofs) else truth


def forged(truth: Answer) -> Answer:
    """A state of its own under a header of its own, with a certificate that nobody signed."""
    if not isinstance(truth, Proofs):
        return truth
    header = msgspec.structs.replace(
        truth.header, state_root=Hash(b"\x07" * 32), height=Height(truth.header.height + 9)
    )
    fake = tuple(
        unsigned(each, height=header.height, block_hash=header_hash(header), instance=each.instance + 9)
        for each in truth.certificate
    )
    return msgspec.structs.replace(truth, header=header, certificate=fake)


def forged_steps(truth: Answer) -> Answer:
    """Steps with certificates that nobody signed."""
    if not isinstance(truth, Steps):
        return truth
    return Steps(tuple(msgspec.structs.replace(step, certificate=unsigned(step.certificate)) for step in truth.steps))


def no_header(truth: Answer) -> Answer:
    """Malformed bytes where a header should be."""
    return Headers((b"\x93",)) if isinstance(truth, Headers) else truth


LIES = (richer, shorter, forged, forged_steps, no_header)


@pytest.mark.parametrize("lie", LIES, ids=[lie.__name__ for lie in LIES])
async def test_a_lying_full_node_is_caught_loses_points_and_is_left(
    lie: Callable[[Answer], Answer], tmp_path: Path
) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1), 2, swarm) as nodes:
        await nodes[0].finalised(FINAL)
        genesis = nodes[0].chain.genesis_hash
        liar = await Mallory.join(swarm, "a-liar", genesis, nodes[0])
        liar.answers(told(nodes[0], lie))
        alone = light(swarm, tmp_path / "alone", [liar], genesis_hash=genesis)
        with pytest.raises(NoFullNode):
            await alone.start()
        assert score(alone, liar) < 0
        reader = light(swarm, tmp_path / "both", [liar, *nodes], genesis_hash=genesis)
        await reader.start()
        proven = await reader.read(BalanceOf(ALICE))
        assert queries.balance(proven.view, ALICE) == queries.balance(nodes[0].chain.head.executed.state.view, ALICE)
        assert proven.peer != liar.network.peer_id


async def test_a_full_node_that_holds_back_is_not_believed_to_be_up_to_date(tmp_path: Path) -> None:
    """Everything it says is proven, and old."""
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1), 2, swarm) as nodes:
        await nodes[0].finalised(1)
        genesis, frozen = nodes[0].chain.genesis_hash, dict[Request, Answer]()
        keeper = await Mallory.join(swarm, "a-keeper", genesis, nodes[0])
        answers = told(nodes[0], lambda truth: truth)
        keeper.answers(lambda request: frozen.setdefault(request, answers(request)))
        early = light(swarm, tmp_path / "early", [keeper], genesis_hash=genesis)
        await early.start()
        old = await early.read(BalanceOf(ALICE))
        await nodes[0].finalised(old.header.height + 10)
        reader = light(swarm, tmp_path / "late", [keeper, *nodes], genesis_hash=genesis)
        await reader.start()
        assert (await reader.read(BalanceOf(ALICE))).header.height > old.header.height + 4


async def test_authorities_that_sign_two_chains_stop_a_light_node(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, 1), 2, swarm) as nodes:
        await nodes[0].finalised(FINAL)
        chain = nodes[0].chain

        def second_chain(truth: Answer) -> Answer:
            if not isinstance(truth, Proofs):
                return truth
            header = msgspec.structs.replace(truth.header, state_root=Hash(b"\x07" * 32))
            proof = certificate(chain, [hotkey(0)], ref_of(Block(header, ())), truth.certificate[0].instance)
            return Proofs(header, (proof,), truth.rows)

        two_faced = await Mallory.join(swarm, "a-face", chain.genesis_hash, nodes[0])
        reader = light(swarm, tmp_path / "light", [two_faced, *nodes], genesis_hash=chain.genesis_hash)
        honest, lying, lies = told(nodes[0], lambda truth: truth), told(nodes[0], second_chain), False
        two_faced.answers(lambda request: lying(request) if lies else honest(request))
        await reader.start()
        lies = True
        with pytest.raises(BrokenFinality):
            await reads_from_everybody(reader, 20)


async def reads_from_everybody(reader: LightNode, times: int) -> None:
    for _ in range(times):
        await reader.read_clock()
