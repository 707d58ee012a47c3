"""A client written from docs/protocol.md alone follows real nodes, over changes of the set and of who decides."""

import ast
import sys
from pathlib import Path

import trio

from docs.generate import ROOT
from node.consensus.events import BlockReceived
from node.ledger import network_queries, queries
from node.ledger.calls import Transfer, VoteAbortPos
from node.ledger.genesis import GenesisSpec, format_genesis
from node.ledger.pallets.turns import IDLE
from node.ledger.phases import PosPhase
from node.primitives.types import RAO_PER_TAO, Rao
from p2p import MemorySwarm, Verdict
from tests.reference.follower import gossip, sync
from tests.reference.follower.chain import Follower
from tests.reference.follower.chain import Network as Rules
from tests.reference.follower.genesis import found
from tests.reference.follower.light import LightClient
from tests.reference.follower.sets import AuthoritySet, check_proposal, check_quorum, check_vote, set_in
from tests.reference.follower.shapes import Authority, FinalityMessage, Header, Proposal, Vote, finality_message_in
from tests.reference.follower.trees import tree_root
from tests.reference.follower.wire import Fields, as_hash, row_path, signed, unpack
from tests.unit.docs.following import Asker
from tests.unit.docs.pages import defaults
from tests.unit.service.hostile import begun, forge, slot_led_by, transfer
from tests.unit.service.network import TestNode, coldkey, hotkey, running, spec_of
from tests.unit.service.test_handover import EPOCH_SLOTS, NODES, bond, phase_of, schedule, transfers, until
from tests.unit.service.test_snapshot_sync import put_on_shelf

STATE_BYTES = 65_536
FOLLOWER = ROOT / "tests" / "reference" / "follower"


def asker(swarm: MemorySwarm, node: TestNode) -> Asker:
    network = swarm.join(f"follower-{swarm.next_number()}")
    network.connect(swarm.find(node.network.addresses[0]))
    return Asker(network, node.network.peer_id)


async def start(asking: Asker, node: TestNode, spec: GenesisSpec) -> tuple[Follower, LightClient]:
    """Begin with the genesis file alone: its hash, and its first authorities, are worked out here."""
    block_0 = found(format_genesis(spec), defaults("parameters"), defaults("hyperparameters"))
    assert block_0.header.hash == node.chain.genesis_hash
    follower = await asking.begin(Rules(block_0.header.hash, spec.epoch_slots), list(spec.authorities))
    rules = follower.network
    return follower, LightClient.at_genesis(rules.genesis_hash, follower.final, follower.deciding)


async def check_turns(asking: Asker, follower: Follower, light: LightClient) -> None:
    """Who is off duty, as counted from headers and reports alone, is what the state says under a proof."""
    paths = {name: row_path("authority", name) for name in ("disabled", "idle", "missed", "current")}
    for _ in range(50):  # a node that goes on meanwhile leads past the block of its proof
        proofs = sync.proofs_in(await asking.ask(sync.get_proof(*paths.values())))
        if follower.final.height < proofs.header.height:
            await asking.follow(follower, proofs.header.height)
        if follower.final.height == proofs.header.height:
            break
    await asking.step(light, below=proofs.header.height)
    rows = light.rows(proofs, paths.values())
    assert follower.final.hash == proofs.header.hash
    turns, found = follower.base.turns, {name: rows[path] for name, path in paths.items()}
    convicted = Fields([unpack(found["disabled"] or b"\x90", STATE_BYTES)], 1).each(as_hash, 1000)
    assert set(convicted) == turns.convicted
    idle = Fields(unpack(found["idle"] or b"\x92\x90\x00", STATE_BYTES), 2)
    assert frozenset(idle.each(as_hash, 1000)) == turns.idle
    assert idle.number() == turns.idle_until
    missed = Fields(unpack(found["missed"] or b"\x92\x00\x90", STATE_BYTES), 2)
    assert missed.number() == turns.epoch
    assert missed.any() == [list(each) for each in turns.missed]
    assert set_in(found["current"] or b"") == follower.deciding


async def test_it_follows_authorities_over_the_joint_phase_to_stake(tmp_path: Path) -> None:
    spec, swarm = spec_of(3, slot_ms=250, epoch_slots=EPOCH_SLOTS), MemorySwarm()
    async with running(tmp_path, spec, NODES, swarm) as nodes, trio.open_nursery() as nursery:
        asking = asker(swarm, nodes[0])
        follower, light = await start(asking, nodes[0], spec)
        authorities = follower.deciding
        await bond(nodes, [200] * NODES)
        await asking.follow(follower)
        await schedule(nodes[1])
        nursery.start_soon(transfers, nodes[1], [])
        await until(lambda: all(phase_of(node) is PosPhase.STAKE for node in nodes))
        await nodes[0].finalised(nodes[0].chain.final.header.height + 8)
        await asking.follow(follower)
        assert nodes[0].chain.store.hash_at(follower.final.height) == follower.final.hash
        decided = [follower.sets[number] for number in sorted(follower.sets)]
        assert [authorities.has_stake, decided[1].is_joint, decided[-1].has_weight] == [False, True, False]
        proposers = {
            follower.headers[height].proposer for height in range(follower.final.height - 8, follower.final.height)
        }
        assert hotkey(3).public in proposers, "a validator that is no authority leads slots"
        await check_turns(asking, follower, light)
        assert await asking.step(light) >= 0
        assert light.members == follower.sets[light.members.set_id]
        put_on_shelf(nodes[0], tmp_path / "shelf")
        snapshot = await asking.snapshot(LightClient.at_genesis(light.genesis_hash, follower.headers[0], authorities))
        assert snapshot is not None
        root = tree_root(sorted(snapshot.rows.items()))
        assert root == snapshot.manifest.header.state_root
        nursery.cancel_scope.cancel()


async def test_it_follows_authorities_back_over_an_abort_block(tmp_path: Path) -> None:
    spec, swarm = spec_of(3, slot_ms=250, epoch_slots=EPOCH_SLOTS), MemorySwarm()
    async with running(tmp_path, spec, NODES, swarm) as nodes:
        asking = asker(swarm, nodes[0])
        follower, light = await start(asking, nodes[0], spec)
        await bond(nodes, [200, 200, 200, 600])
        await schedule(nodes[1])
        await until(lambda: queries.announced_height(nodes[0].chain.final_state.state.view) > 0)
        nodes[3].scope.cancel()  # stake falls silent before the joint set decides
        rest = nodes[:3]
        await until(lambda: network_queries.pos_phase(rest[0].chain.head.executed.state.view) is PosPhase.JOINT)
        for number in range(3):
            await rest[number].reader.submit(VoteAbortPos(), hotkey(number))
        await until(lambda: all(phase_of(node) is PosPhase.AUTHORITIES for node in rest))
        await rest[0].finalised(rest[0].chain.final.header.height + 4)
        await asking.follow(follower)
        await asking.step(light)
        await check_turns(asking, follower, light)
    assert [follower.sets[number].is_joint for number in range(3)] == [False, True, False]
    assert light.members == follower.deciding == follower.sets[2]


async def test_it_knows_by_itself_who_lost_its_turns_by_conviction_or_by_silence(tmp_path: Path) -> None:
    spec, swarm = spec_of(4, slot_ms=100, epoch_slots=40), MemorySwarm()
    async with running(tmp_path, spec, NODES, swarm) as nodes:
        asking = asker(swarm, nodes[0])
        follower, light = await start(asking, nodes[0], spec)
        await bond(nodes, [200] * NODES)
        chain, guilty = nodes[0].chain, hotkey(3)
        slot = slot_led_by(chain, guilty, chain.head.executed.state.slot + 2)
        await begun(chain, slot)
        parent = chain.head.executed
        for body in ((), (transfer(chain, coldkey(3), nonce=2),)):
            block = forge(parent, slot, guilty, chain.genesis_hash, body)
            await chain.apply(BlockReceived(block, "node-9"))
        convicted = (guilty.public,)
        await until(lambda: network_queries.disabled_authorities(chain.final_state.state.view) == convicted)
        await check_turns(asking, follower, light)
        assert follower.base.turns.convicted == {guilty.public}
        nodes[2].scope.cancel()
        await until(lambda: hotkey(2).public in IDLE.get(chain.final_state.state.view).accounts)
        await check_turns(asking, follower, light)
        assert hotkey(2).public in follower.base.turns.idle
        await nodes[0].finalised(chain.final.header.height + 6)
        await check_turns(asking, follower, light)


async def test_what_real_nodes_gossip_is_read_and_every_signature_of_it_holds(tmp_path: Path) -> None:
    spec, swarm = spec_of(3, slot_ms=200, epoch_slots=30), MemorySwarm()
    async with running(tmp_path, spec, 3, swarm) as nodes:
        network, genesis_hash = swarm.join("listener"), nodes[0].chain.genesis_hash
        topics = {name: gossip.topic(genesis_hash, name) for name in ("blocks", "finality", "transactions")}
        heard = {name: network.subscribe(topic, lambda _peer, _data: Verdict.ACCEPT) for name, topic in topics.items()}
        for node in nodes:
            await network.dial(node.network.addresses[0])
        members = AuthoritySet(0, tuple(Authority(account, 1, 0) for account in sorted(spec.authorities)))
        headers: dict[bytes, Header] = {}
        finality: list[FinalityMessage] = []
        call = Transfer(coldkey(3).public, Rao(RAO_PER_TAO))
        await nodes[0].reader.submit(call, coldkey(0))
        batch = gossip.batch_in((await heard["transactions"].receive()).data)
        assert (batch[0].sender, batch[0].tag) == (coldkey(0).public, 1)
        with trio.fail_after(20):
            while len(headers) < 4:
                news = gossip.news_in((await heard["blocks"].receive()).data)
                header = news if isinstance(news, Header) else news.header
                assert header.proposer == members.leader(header.slot, ())
                assert signed(header.proposer, header.seal_message(genesis_hash), header.signature)
                headers[header.hash] = header
            while len({type(message) for message in finality}) < 3:
                finality.append(finality_message_in((await heard["finality"].receive()).data))
        for message in finality:
            if isinstance(message, Vote):
                check_vote(message, members, genesis_hash)
            elif isinstance(message, Proposal):
                check_proposal(message, members, genesis_hash, ())
            else:
                check_quorum(message, members, genesis_hash, abort=False)


def test_it_knows_nothing_of_the_node() -> None:
    allowed = {*sys.stdlib_module_names, "base58", "nacl", "tests"}
    modules = sorted(FOLLOWER.glob("*.py"))
    assert len(modules) > 5
    for module in modules:
        for statement in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(statement, ast.Import):
                names = [alias.name for alias in statement.names]
            elif isinstance(statement, ast.ImportFrom):
                names = [statement.module or ""]
            else:
                continue
            for name in names:
                assert name.split(".")[0] in allowed, f"{module.name} imports {name}"
                assert not name.startswith("tests") or name.startswith("tests.reference.follower"), module.name
