"""A victim with an honest and a hostile neighbour, all real hosts on loopback."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from p2p import Stream, StreamFailed
from p2p.hardened.streams import Libp2pStream
from p2p.network import Libp2pNetwork
from tests.unit.p2p.worlds import Libp2pWorld, accept, connected

TOPIC = "test/topic/1"
ECHO = "/test/echo/1"
GOSSIP = "/meshsub/1.1.0"


async def echo(stream: Stream) -> None:
    await stream.send(await stream.receive(1 << 20))


async def for_ever(action: Callable[[], Awaitable[object]]) -> None:
    """Repeat until it raises, or a stream ends, letting other tasks run in between."""
    while await action() != b"":
        await trio.lowlevel.checkpoint()
    raise StreamFailed("the stream ended")


@dataclass
class Scene:
    """A victim with an honest and a hostile neighbour."""

    world: Libp2pWorld
    victim: Libp2pNetwork
    honest: Libp2pNetwork
    hostile: Libp2pNetwork

    async def raw_stream(self, protocol: str) -> Libp2pStream:
        stream, _reader, _protocol = await self.hostile.host.open(self.victim.peer_id, (protocol,))
        return stream

    async def send_gossip(self, frame: bytes) -> Libp2pStream:
        stream = await self.raw_stream(GOSSIP)
        await stream.write(frame)
        return stream

    def count(self, name: str) -> int:
        return self.victim.counters().get(name, 0)

    def hostile_is_connected(self) -> bool:
        return self.hostile.peer_id in self.victim.connected

    async def honest_peer_is_served(self) -> None:
        """Over the connection it had before the attack, by stream and by gossip, both ways."""
        with trio.fail_after(5.0):
            assert await self.honest.request(self.victim.peer_id, ECHO, b"alive?", max_bytes=16) == b"alive?"
            await self.victim.publish(TOPIC, b"still here")
            while (await self.inbox.receive()).data != b"still here":
                pass
        assert self.honest.counters()["dials"] == 1

    def __post_init__(self) -> None:
        self.victim.serve(ECHO, echo, per_peer=100)
        self.victim.subscribe(TOPIC, accept)
        self.inbox = self.honest.subscribe(TOPIC, accept)


async def open_scene(libp2p_world: Libp2pWorld) -> Scene:
    victim = await libp2p_world.open("victim")
    honest = await libp2p_world.open("honest", bootstrap=victim.addresses, target_peers=1)
    hostile = await libp2p_world.open("hostile", target_peers=0)
    await hostile.dial(victim.addresses[0])
    await connected(victim, honest)
    return Scene(libp2p_world, victim, honest, hostile)
