"""Authorities that lose their place: whatever is left of a home, nothing is signed twice and finality goes on."""

from pathlib import Path

import trio
from msgspec.structs import replace

from node.consensus.events import CertifiedBlocks, Signed
from p2p import MemorySwarm
from tests.unit.consensus import test_engine as tree
from tests.unit.consensus.helpers import certificate, lock_proof
from tests.unit.service.hostile import goes_on
from tests.unit.service.network import TestNode, run_node, spec_of


async def test_an_authority_whose_chain_was_lost_fetches_it_anew_and_votes_on(tmp_path: Path) -> None:
    """The signing record is ahead of the chain then; what it says must count once the chain has caught up."""
    spec, swarm = spec_of(2, 0), MemorySwarm()
    async with trio.open_nursery() as nursery:
        nodes: list[TestNode] = [await nursery.start(run_node, swarm, tmp_path, spec, number) for number in range(2)]
        await nodes[1].network.dial(nodes[0].network.addresses[0])
        await nodes[0].finalised(6)
        nodes[0].scope.cancel()
        await trio.sleep(0.3)
        swarm.leave(nodes[0].network)  # type: ignore[arg-type]
        for file in (tmp_path / "node-0").glob("chain.db*"):
            file.unlink()
        again = await nursery.start(run_node, swarm, tmp_path, spec, 0)
        await again.network.dial(nodes[1].network.addresses[0])
        await goes_on([again, nodes[1]])
        assert again.chain.store.hash_at(6) == nodes[1].chain.store.hash_at(6)
        nursery.cancel_scope.cancel()


def test_what_was_signed_counts_as_soon_as_the_chain_has_caught_up_with_it() -> None:
    """Without its lock the voter could contradict itself; in a round that it signed in already it would be mute."""
    blocks = tree.chain(3)
    locked = replace(lock_proof(tree.ref(blocks[2]), round_number=1), instance=2)
    made = tree.engine(0, signed=Signed(2, 3, locked))
    made.step(CertifiedBlocks((blocks[0],), certificate(tree.ref(blocks[0]), instance=1), "p"), 4 * tree.SLOT_MS)
    assert made.position == (2, 4)
    assert made._voting.machine.lock == locked
    made.step(CertifiedBlocks((blocks[1],), certificate(tree.ref(blocks[1]), instance=2), "p"), 4 * tree.SLOT_MS)
    assert made.position == (3, 0)
    assert made._voting.machine.lock is None
