"""Whole chains in one process: several nodes' chain, gossip and sync over an in-memory network and real stores."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from node.ledger.genesis import GenesisSpec
from node.primitives.crypto import Ed25519Signer
from node.service.anchor import open_chain
from node.service.chain import Chain, now_ms
from node.service.duties import Duties
from node.service.founding import Founder, devnet_genesis
from node.service.gossip import Gossip
from node.service.reader import Reader
from node.service.signer import GuardedSigner
from node.service.syncer import Syncer
from p2p import MemorySwarm, Network
from storage.chain import ChainStore
from storage.signing import SignGuard


def coldkey(number: int) -> Ed25519Signer:
    return Ed25519Signer(bytes([100 + number]) * 32)


def hotkey(number: int) -> Ed25519Signer:
    return Ed25519Signer(bytes([1 + number]) * 32)


def founder(number: int) -> Founder:
    return Founder(coldkey(number).public, hotkey(number).public)


def spec_of(
    authorities: int, others: int = 1, *, slot_ms: int = 200, tempo: int = 10, epoch_slots: int = 30
) -> GenesisSpec:
    """A devnet whose slot 0 begins now."""
    first = [founder(number) for number in range(authorities)]
    rest = [founder(number) for number in range(authorities, authorities + others)]
    return devnet_genesis("test", first, rest, start_ms=now_ms(), slot_ms=slot_ms, tempo=tempo, epoch_slots=epoch_slots)


@dataclass
class TestNode:
    """One node's chain and what it hangs on."""

    __test__ = False
    chain: Chain
    reader: Reader
    network: Network
    gossip: Gossip
    syncer: Syncer
    scope: trio.CancelScope

    async def finalised(self, height: int, *, within_s: float = 20) -> None:
        """Wait until the node has finalised `height`; give up once nothing became final for `within_s`.

        A whole network in one process is as slow as the machine is busy; that is no failure as long as it gets on.
        """
        while (now := self.chain.final.header.height) < height:
            with trio.fail_after(within_s):
                while self.chain.final.header.height == now:
                    await trio.sleep(0.02)


async def run_node(
    swarm: MemorySwarm,
    folder: Path,
    spec: GenesisSpec,
    number: int,
    *,
    task_status: trio.TaskStatus[TestNode],
) -> None:
    """Run node `number` with its home in `folder` until its scope is cancelled."""
    home = folder / f"node-{number}"
    home.mkdir(exist_ok=True)
    network = swarm.join(f"node-{number}")
    store = ChainStore.open(home / "chain.db")
    guard = SignGuard.open(home / "signing.db")
    try:
        opened = open_chain(store, spec)
        pen = GuardedSigner(hotkey(number), guard, opened.genesis_hash)
        gossip = Gossip(network, opened.genesis_hash)
        chain = Chain(
            store=store,
            opened=opened,
            spec=spec,
            pen=pen,
            publish=gossip.publish,
            penalise=network.report,
        )
        chain.transactions.publish = gossip.publish_transaction
        syncer = Syncer(chain, network)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(gossip.run, chain)
                await nursery.start(syncer.run)
                await nursery.start(chain.run)
                reader = Reader(chain)
                nursery.start_soon(Duties(chain, reader, hotkey(number)).run)
                task_status.started(TestNode(chain, reader, network, gossip, syncer, scope))
    finally:
        store.close()
        guard.close()


@asynccontextmanager
async def running(
    folder: Path, spec: GenesisSpec, count: int, swarm: MemorySwarm | None = None
) -> AsyncIterator[list[TestNode]]:
    """Run `count` nodes on one swarm, all connected."""
    swarm = swarm or MemorySwarm()
    async with trio.open_nursery() as nursery:
        nodes = [await nursery.start(run_node, swarm, folder, spec, number) for number in range(count)]
        for node in nodes:
            for other in nodes:
                if other is not node:
                    await node.network.dial(other.network.addresses[0])
        yield nodes
        nursery.cancel_scope.cancel()
