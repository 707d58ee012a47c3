"""Whole nodes through transfers, a partition, a heal and a crash: one chain, one state, the same in every replay."""

from pathlib import Path

import trio

from node.ledger import queries
from node.ledger.calls import Transfer
from node.primitives.types import Rao
from tests.simulation.shell.clockwork import play
from tests.simulation.shell.fleet import SLOT_MS, Fleet, fleet
from tests.unit.service.network import coldkey, spec_of

COUNT = 4
RETURN_SLOTS = 20
SENT = Rao(5_000_000_000)

Finals = list[tuple[int, float, int, str]]


def story(folder: Path, seed: int) -> Finals:
    """Play the whole story; return who finalised what, and when."""

    async def main() -> Finals:
        spec = spec_of(COUNT, 1, slot_ms=SLOT_MS)
        async with fleet(folder, spec, seed, COUNT) as nodes:
            await nodes.pass_slots(5)
            assert nodes.lag_slots() <= 2
            await send(nodes, 0)
            await live_through_a_partition(nodes)
            await live_through_a_crash(nodes)
            nodes.agree()
            return nodes.finals

    return play(main, seed)


async def send(nodes: Fleet, number: int) -> None:
    """Send a transfer through one node; it becomes final, and is paid, on all."""
    node = nodes.nodes[number]
    receiver = coldkey(90 + number).public
    key = await node.reader.submit(Transfer(receiver, SENT), coldkey(number))
    with trio.fail_after(RETURN_SLOTS * SLOT_MS / 1000):
        while not all(each.chain.transactions.status(key).state == "final" for each in nodes.nodes.values()):
            await trio.sleep(SLOT_MS / 4000)
    for each in nodes.nodes.values():
        assert queries.balance(each.chain.head.executed.state.view, receiver) == SENT


async def live_through_a_partition(nodes: Fleet) -> None:
    """Two against two: the chain grows on both sides, nothing becomes final; then all of it does."""
    await nodes.split((0, 1))
    await nodes.pass_slots(1)
    before = nodes.heights()
    heads = [node.chain.head.height for node in nodes.nodes.values()]
    await nodes.pass_slots(12)
    assert nodes.heights() == before
    assert all(node.chain.head.height > head + 3 for node, head in zip(nodes.nodes.values(), heads, strict=True))
    await nodes.heal()
    await nodes.pass_slots(RETURN_SLOTS)
    assert nodes.lag_slots() <= 3
    assert min(nodes.heights()) > max(before)
    await send(nodes, 1)


async def live_through_a_crash(nodes: Fleet) -> None:
    """Three go on without the fourth, which comes back to where it was and catches up."""
    height = nodes.nodes[3].chain.final.header.height
    block_hash = nodes.nodes[3].chain.final.hash
    await nodes.kill(3)
    await nodes.pass_slots(8)
    assert min(nodes.heights()) > height
    again = await nodes.start(3)
    assert again.chain.final.header.height >= height
    assert again.chain.store.hash_at(height) == block_hash
    await nodes.pass_slots(RETURN_SLOTS)
    assert nodes.lag_slots() <= 3
    await send(nodes, 3)


def test_four_nodes_keep_one_chain_through_a_partition_and_a_crash(tmp_path: Path) -> None:
    finals = story(tmp_path / "one", 1)
    assert len({number for number, *_ in finals}) == COUNT
    by_height = {height: block_hash for _, _, height, block_hash in finals}
    assert all(by_height[height] == block_hash for _, _, height, block_hash in finals)


def test_a_seed_replays_to_the_same_blocks_at_the_same_times(tmp_path: Path) -> None:
    assert story(tmp_path / "one", 2) == story(tmp_path / "two", 2)
