"""A running network goes from authorities over the joint phase to stake, and back, while transfers continue; and what
one authority signs twice is reported by the others.

Nodes 0 to 2 are authorities; node 3 has a key and a bond, and decides nothing until stake does.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import trio

from node.consensus.events import BlockReceived
from node.ledger import network_queries, queries
from node.ledger.calls import (
    BondAuthority,
    Call,
    CloseProposal,
    Propose,
    SchedulePos,
    Transfer,
    TryAssociateHotkey,
    Vote,
    VoteAbortPos,
)
from node.ledger.header import decode_header
from node.ledger.pallets.proposals import proposal_hash
from node.ledger.phases import PosPhase
from node.primitives.codec import encode
from node.primitives.crypto import Signer
from node.primitives.types import RAO_PER_TAO, Rao, Slot
from node.service.chain import authority_set_of
from tests.unit.service.hostile import begun, forge, slot_led_by, transfer
from tests.unit.service.network import TestNode, coldkey, hotkey, running, spec_of

EPOCH_SLOTS = 6
NODES = 4
WITHIN_S = 120.0


def phase_of(node: TestNode) -> PosPhase:
    """Who decides above the node's last final block."""
    return network_queries.pos_phase(node.chain.final_state.state.view)


def phase_of_head(node: TestNode) -> PosPhase:
    """Who decides above the node's best block."""
    return network_queries.pos_phase(node.chain.head.executed.state.view)


async def until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(WITHIN_S):
        while not holds():
            await trio.sleep(0.05)


async def send(node: TestNode, signer: Signer, *calls: Call) -> None:
    """Send calls of one key and wait until its nonce has passed them on the head."""
    view = node.chain.head.executed.state.view
    target = queries.nonce(view, signer.public) + len(calls)
    for call in calls:
        await node.reader.submit(call, signer)
    await until(lambda: queries.nonce(node.chain.head.executed.state.view, signer.public) >= target)


async def decide(node: TestNode, call: Call) -> None:
    """Carry a proposal through: two of three senators are enough."""
    identity = proposal_hash(encode(call))
    await send(node, coldkey(0), Propose(encode(call), 60), Vote(hotkey(0).public, identity, 0, True))
    await send(node, coldkey(1), Vote(hotkey(1).public, identity, 0, True), CloseProposal(identity, 0))


async def bond(nodes: Sequence[TestNode], amounts: Sequence[int]) -> None:
    await send(nodes[0], coldkey(3), TryAssociateHotkey(hotkey(3).public))
    for number, amount in enumerate(amounts):
        await send(nodes[0], coldkey(number), BondAuthority(hotkey(number).public, Rao(amount * RAO_PER_TAO)))


async def schedule(node: TestNode) -> None:
    epoch = network_queries.authority_epoch(node.chain.head.executed.state.view)
    await decide(node, SchedulePos(epoch + 4, 2, NODES, 0, 600_000, 800_000))


async def transfers(node: TestNode, sent: list[int]) -> None:
    """A payment a block, for ever."""
    while True:
        await send(node, coldkey(2), Transfer(coldkey(3).public, Rao(RAO_PER_TAO)))
        sent.append(node.chain.head.height)


async def test_a_network_moves_to_stake_while_transfers_continue(tmp_path: Path) -> None:
    spec = spec_of(3, slot_ms=250, epoch_slots=EPOCH_SLOTS)
    async with running(tmp_path, spec, NODES) as nodes, trio.open_nursery() as nursery:
        await bond(nodes, [200] * NODES)
        await schedule(nodes[1])
        sent: list[int] = []
        nursery.start_soon(transfers, nodes[1], sent)
        await until(lambda: all(phase_of(node) is PosPhase.JOINT for node in nodes))
        jointly = len(sent)
        await until(lambda: all(phase_of(node) is PosPhase.STAKE for node in nodes))
        by_stake = len(sent)
        height = nodes[0].chain.final.header.height
        for node in nodes:
            await node.finalised(height + 8, within_s=WITHIN_S)
        nursery.cancel_scope.cancel()
        assert 0 < jointly < by_stake < len(sent)
        stored = nodes[0].chain.store.blocks_from(height + 1, 8)
        proposers = {decode_header(row.header).proposer for row in stored}
        assert hotkey(3).public in proposers
        for node in nodes[1:]:
            assert node.chain.store.hash_at(height + 8) == nodes[0].chain.store.hash_at(height + 8)
        for row in stored:
            authorities = network_queries.authority_set_of(
                nodes[0].chain.final_state.state.view, decode_header(row.header).set_id
            )
            assert all(member.weight == 0 for member in authorities)


async def test_authorities_go_back_when_stake_falls_silent_in_the_joint_phase(tmp_path: Path) -> None:
    spec = spec_of(3, slot_ms=250, epoch_slots=EPOCH_SLOTS)
    async with running(tmp_path, spec, NODES) as nodes:
        await bond(nodes, [200, 200, 200, 600])
        await schedule(nodes[1])
        await until(lambda: queries.announced_height(nodes[0].chain.final_state.state.view) > 0)
        nodes[3].scope.cancel()  # before the joint set decides: what stake has prevoted, only stake can finish
        rest = nodes[:3]
        await until(lambda: all(phase_of_head(node) is PosPhase.JOINT for node in rest))
        stuck = rest[0].chain.final.header.height
        await until(lambda: rest[0].chain.head.height >= stuck + 6)
        assert rest[0].chain.final.header.height <= stuck + 3
        for number in range(3):
            await rest[number].reader.submit(VoteAbortPos(), hotkey(number))
        await until(lambda: all(phase_of(node) is PosPhase.AUTHORITIES for node in rest))
        height = rest[0].chain.final.header.height
        for node in rest:
            await node.finalised(height + 4, within_s=WITHIN_S)
            assert node.chain.store.hash_at(height + 4) == rest[0].chain.store.hash_at(height + 4)
        certificate = rest[0].chain.final.certificate
        assert certificate is not None
        assert len(certificate.signatures) == 3


async def test_an_authority_that_seals_two_blocks_for_a_slot_is_reported_slashed_and_leads_no_more(
    tmp_path: Path,
) -> None:
    spec = spec_of(4, slot_ms=250, epoch_slots=EPOCH_SLOTS)
    async with running(tmp_path, spec, NODES) as nodes:
        await bond(nodes, [200] * NODES)
        chain, guilty = nodes[0].chain, hotkey(3)
        slot = slot_led_by(chain, guilty, chain.head.executed.state.slot + 2)
        await begun(chain, slot)
        parent = chain.head.executed
        for transactions in ((), (transfer(chain, coldkey(3), nonce=2),)):
            block = forge(parent, slot, guilty, chain.genesis_hash, transactions)
            await chain.apply(BlockReceived(block, "node-9"))

        def convicted(node: TestNode) -> bool:
            view = node.chain.final_state.state.view
            return network_queries.disabled_authorities(view) == (guilty.public,)

        await until(lambda: all(convicted(node) for node in nodes))
        view = chain.final_state.state.view
        assert network_queries.bond(view, guilty.public).active_rao == 50 * RAO_PER_TAO  # a quarter convicted costs 3/4
        for number in range(3):
            assert network_queries.bond(view, hotkey(number).public).active_rao == 200 * RAO_PER_TAO
        authorities = authority_set_of(chain.final_state)
        assert guilty.public not in {authorities.slot_leader(Slot(slot + later)) for later in range(40)}
        await nodes[1].finalised(chain.final.header.height + 4)
