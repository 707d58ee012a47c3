"""Two worlds in which the same promises are tested: nodes over libp2p on loopback, and nodes of a memory swarm."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

import trio

from p2p import HostConfig, MemorySwarm, Network, Verdict, open_host
from p2p.memory import MemoryNetwork
from p2p.network import Libp2pNetwork


class World(Protocol):
    """Starts and stops nodes by name; a name always stands for the same peer."""

    async def start(self, name: str, *bootstrap: Network, max_peers: int = 64) -> Network: ...

    async def stop(self, name: str) -> None: ...


@dataclass
class MemoryWorld:
    nursery: trio.Nursery
    nodes: dict[str, MemoryNetwork] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.swarm = MemorySwarm(self.nursery)

    async def start(self, name: str, *bootstrap: Network, max_peers: int = 64) -> Network:
        addresses = tuple(node.addresses[0] for node in bootstrap)
        self.nodes[name] = self.swarm.join(name, bootstrap=addresses, max_peers=max_peers)
        return self.nodes[name]

    async def stop(self, name: str) -> None:
        self.swarm.leave(self.nodes.pop(name))


@dataclass
class _Running:
    network: Libp2pNetwork
    stop: trio.Event
    stopped: trio.Event


@dataclass
class Libp2pWorld:
    nursery: trio.Nursery
    folder: Path
    running: dict[str, _Running] = field(default_factory=dict)

    async def start(self, name: str, *bootstrap: Network, max_peers: int = 64) -> Network:
        return await self.open(name, bootstrap=tuple(node.addresses[0] for node in bootstrap), max_peers=max_peers)

    async def open(
        self,
        name: str,
        *,
        bootstrap: tuple[str, ...] = (),
        listen: tuple[str, ...] = ("/ip4/127.0.0.1/tcp/0",),
        peers_path: Path | None = None,
        max_peers: int = 64,
        target_peers: int = 12,
    ) -> Libp2pNetwork:
        config = HostConfig(
            identity_path=self.folder / name / "peer.key",
            listen=listen,
            bootstrap=bootstrap,
            peers_path=peers_path,
            agent=f"test/{name}",
            max_peers=max_peers,
            target_peers=target_peers,
        )
        self.running[name] = await self.nursery.start(self._run, config)
        return self.running[name].network

    async def _run(self, config: HostConfig, task_status: trio.TaskStatus[_Running]) -> None:
        async with open_host(config) as network:
            node = _Running(cast(Libp2pNetwork, network), trio.Event(), trio.Event())
            task_status.started(node)
            await node.stop.wait()
        node.stopped.set()

    async def stop(self, name: str) -> None:
        node = self.running.pop(name)
        node.stop.set()
        await node.stopped.wait()


async def stop_all(world: Libp2pWorld) -> None:
    """Stop every node at the same time."""
    async with trio.open_nursery() as nursery:
        for name in tuple(world.running):
            nursery.start_soon(world.stop, name)


async def until(condition: Callable[[], object], *, within_s: float = 5.0) -> None:
    """Wait for a condition that no event announces; fails with the condition's name when it does not come true."""
    with trio.move_on_after(within_s):
        while not condition():
            await trio.sleep(0.005)
        return
    raise AssertionError(f"not within {within_s} s: {getattr(condition, '__qualname__', condition)}")


async def connected(*nodes: Network) -> None:
    """Wait until every one of these nodes is connected to every other."""

    def all_know_all() -> bool:
        return all(
            {other.peer_id for other in nodes if other is not node} <= {peer.peer_id for peer in node.peers()}
            for node in nodes
        )

    await until(all_know_all, within_s=10.0)


def accept(_peer_id: str, _data: bytes) -> Verdict:
    """The check that lets everything through."""
    return Verdict.ACCEPT
