"""Four authorities as daemons run them (chain, gossip, sync, duties, real SQLite files), on a swarm with slow links."""

import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from node.ledger import merkle
from node.ledger.genesis import GenesisSpec
from node.ledger.header import decode_header
from node.primitives.types import Hash, Height
from p2p import MemorySwarm
from tests.unit.service.network import TestNode, run_node

SLOT_MS = 2_000
DELAY_S_MEAN = 0.02


class SlowSwarm(MemorySwarm):
    """Each delivery takes its own while, so messages overtake each other."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(seed)

    def deliver_soon(self, delivery: Callable[[], None]) -> None:
        delay_s = self._chance.expovariate(1 / DELAY_S_MEAN)

        async def later() -> None:
            await trio.sleep(delay_s)
            delivery()

        self.spawn(later)


class Fleet:
    """Nodes by number; those that are down are missing."""

    def __init__(self, folder: Path, spec: GenesisSpec, seed: int, nursery: trio.Nursery) -> None:
        self.nodes: dict[int, TestNode] = {}
        self.finals: list[tuple[int, float, int, str]] = []
        self._swarm = SlowSwarm(seed)
        self._folder = folder
        self._spec = spec
        self._nursery = nursery

    async def start(self, number: int) -> TestNode:
        """Start a node on its home, and connect it to all that run."""
        node: TestNode = await self._nursery.start(run_node, self._swarm, self._folder, self._spec, number)
        self.nodes[number] = node
        node.chain.on_final(lambda final: self._note(number, final.blocks[-1].header.height, final.hashes[-1]))
        await self.heal()
        return node

    async def kill(self, number: int) -> None:
        """Stop a node in the middle of whatever it does."""
        node = self.nodes.pop(number)
        node.scope.cancel()
        self._swarm.leave(node.network)  # type: ignore[arg-type]
        await trio.sleep(0)

    async def split(self, group: Iterable[int]) -> None:
        """Cut all connections between `group` and the others."""
        inside = set(group)
        for number in inside & self.nodes.keys():
            for other in self.nodes.keys() - inside:
                await self.nodes[number].network.drop(self.nodes[other].network.peer_id)

    async def heal(self) -> None:
        """Connect everybody with everybody."""
        for node in self.nodes.values():
            for other in self.nodes.values():
                if other is not node:
                    await node.network.dial(other.network.addresses[0])

    async def pass_slots(self, slots: int) -> None:
        """Let time pass."""
        await trio.sleep(slots * SLOT_MS / 1000)

    def heights(self) -> list[int]:
        """Return the finalised height of each running node."""
        return [node.chain.final.header.height for node in self.nodes.values()]

    def lag_slots(self) -> int:
        """Return how many slots the oldest finalised block of a running node lies back."""
        first = next(iter(self.nodes.values())).chain
        slot = first.clock.slot_at(self._spec.start_ms + int(trio.current_time() * 1000))
        return slot - min(node.chain.final.header.slot for node in self.nodes.values())

    def agree(self) -> Hash:
        """Check that all have the same block at the height that all have finalised; return its hash."""
        height = Height(min(self.heights()))
        hashes = {node.chain.store.hash_at(height) for node in self.nodes.values()}
        assert len(hashes) == 1, f"different blocks at height {height}"
        for node in self.nodes.values():
            check_stored_root(node)
        return Hash(next(iter(hashes)) or b"")

    def _note(self, number: int, height: int, block_hash: Hash) -> None:
        self.finals.append((number, trio.current_time(), height, block_hash.hex()))


def check_stored_root(node: TestNode) -> None:
    """The rows in a store have the root that the last finalised header commits to."""
    tip = node.chain.store.tip()
    assert tip is not None
    row = node.chain.store.block(tip.hash)
    assert row is not None
    tree = merkle.build((Hash(path), value) for path, value in node.chain.store.state_rows())
    assert merkle.root_hash(tree) == decode_header(row.header).state_root


@asynccontextmanager
async def fleet(folder: Path, spec: GenesisSpec, seed: int, count: int) -> AsyncIterator[Fleet]:
    """Run `count` nodes."""
    folder.mkdir(parents=True, exist_ok=True)
    async with trio.open_nursery() as nursery:
        made = Fleet(folder, spec, seed, nursery)
        for number in range(count):
            await made.start(number)
        yield made
        for number in tuple(made.nodes):
            await made.kill(number)
        nursery.cancel_scope.cancel()
