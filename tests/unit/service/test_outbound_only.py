"""A node that listens nowhere takes part in everything, over the connections that it makes itself (real libp2p)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import cast

import trio

from node.market.call import open_call
from node.service.roles.miner import MinerRole
from node.service.roles.validator import ValidatorRole
from p2p import HostConfig, MemorySwarm, Network, open_host
from tests.unit.market.support import Doubling, NoModels, Number, World, ask_to_double
from tests.unit.p2p.worlds import connected
from tests.unit.service.network import run_node, spec_of

NOWHERE: tuple[str, ...] = ()
LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)


class Hosts:
    """libp2p hosts by name, handed out where a test world would join its memory swarm."""

    def __init__(self, **networks: Network) -> None:
        self._networks = networks

    def join(self, name: str, **_: object) -> Network:
        return self._networks[name.replace("-", "_")]

    def as_swarm(self) -> MemorySwarm:
        return cast(MemorySwarm, self)


@asynccontextmanager
async def hosts(folder: Path, **listen: tuple[str, ...]) -> AsyncIterator[Hosts]:
    """Hosts that listen as told; every later one dials the first."""
    async with AsyncExitStack() as stack:
        networks: dict[str, Network] = {}
        first: tuple[str, ...] = ()
        for name, addresses in listen.items():
            config = HostConfig(folder / f"{name}.key", listen=addresses, bootstrap=first)
            networks[name] = await stack.enter_async_context(open_host(config))
            first = first or networks[name].addresses
        await connected(*networks.values())
        yield Hosts(**networks)


async def test_an_authority_and_a_late_follower_that_listen_nowhere_make_and_follow_the_chain(tmp_path: Path) -> None:
    async with hosts(tmp_path, node_0=LOOPBACK, node_1=NOWHERE) as running:
        spec = spec_of(2)
        async with trio.open_nursery() as nursery:
            swarm = running.as_swarm()
            nodes = [await nursery.start(run_node, swarm, tmp_path, spec, number) for number in range(2)]
            await nodes[1].finalised(6)  # finality needs the votes of both, and every other slot is its own
            address = running.join("node-0").addresses
            late_config = HostConfig(tmp_path / "late.key", listen=NOWHERE, bootstrap=address)
            async with open_host(late_config) as network:
                late_swarm = Hosts(node_2=network).as_swarm()
                late = await nursery.start(run_node, late_swarm, tmp_path, spec, 2)
                await late.finalised(6)
                assert late.chain.store.hash_at(6) == nodes[0].chain.store.hash_at(6)
                late.scope.cancel()
            assert nodes[1].network.addresses == ()
            nursery.cancel_scope.cancel()


async def test_a_miner_that_listens_nowhere_is_scored_and_answers_users(tmp_path: Path) -> None:
    async with hosts(tmp_path, validator=LOOPBACK, miner=NOWHERE) as running:
        world = World()
        world.swarm = running.as_swarm()
        asker = world.join("validator", permit=True)
        validator = ValidatorRole(asker, Doubling(), NoModels(), now_ms=lambda: 1)
        context = world.join("miner")
        assert world.neuron(context).addresses == ()
        async with trio.open_nursery() as nursery:
            await nursery.start(MinerRole(context, Doubling(), NoModels(), now_ms=lambda: 1).run)
            await nursery.start(validator.run)
            with trio.fail_after(20):
                while not validator.book():
                    world.chain.advance()
                    await trio.sleep(0.05)
            async with aclosing(validator.door.ask(ask_to_double(21))) as answer:
                parts = [part async for part in answer]
            assert (parts[-1].miner, parts[-1].done) == (context.hotkey, True)
            call = await open_call(asker, Doubling(), world.neuron(context), Number(4))
            assert (await call.collect()).parts[-1].value == 8
            await call.aclose()
            nursery.cancel_scope.cancel()
