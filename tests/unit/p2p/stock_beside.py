"""The hardened host beside an unpatched libp2p host of the same release: the wire must stay libp2p's.

Run by test_interop in a process that has loaded libp2p whole; in others `p2p.lean` has left the stock host out.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio
from libp2p import generate_new_ed25519_identity, new_host
from libp2p.host.basic_host import BasicHost
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from p2p import HostConfig, Message, Stream, open_host
from tests.unit.p2p.worlds import accept, until

TOPIC = "test/topic/1"


@asynccontextmanager
async def stock_host() -> AsyncIterator[tuple[BasicHost, Pubsub]]:
    host = new_host(key_pair=generate_new_ed25519_identity())
    router = GossipSub(["/meshsub/1.2.0"], 6, 4, 12, heartbeat_interval=1)
    pubsub = Pubsub(host, router, strict_signing=True)
    async with (
        host.run(listen_addrs=[Multiaddr("/ip4/127.0.0.1/tcp/0")]),
        background_trio_service(pubsub),
        background_trio_service(router),
    ):
        await pubsub.wait_until_ready()
        yield host, pubsub


async def receive(channel: trio.MemoryReceiveChannel[Message]) -> bytes:
    with trio.fail_after(5.0):
        return (await channel.receive()).data


async def test_gossip_and_streams_flow_both_ways_with_a_stock_host(tmp_path: Path) -> None:
    async def echo(stream: Stream) -> None:
        await stream.send(await stream.receive(1000))

    async with stock_host() as (host, pubsub), open_host(HostConfig(tmp_path / "key", target_peers=0)) as network:
        inbox = network.subscribe(TOPIC, accept)
        network.serve("/test/echo/1", echo)
        subscription = await pubsub.subscribe(TOPIC)
        await host.connect(info_from_p2p_addr(Multiaddr(network.addresses[0])))
        await until(lambda: network.peers() and network.peers()[0].agent and network.peers()[0].latency_ms is not None)
        assert "libp2p" in network.peers()[0].agent

        await pubsub.publish(TOPIC, b"from stock")
        assert await receive(inbox) == b"from stock"
        await network.publish(TOPIC, b"from us")
        with trio.fail_after(5.0):
            while (await subscription.get()).data != b"from us":
                pass

        stream = await host.new_stream(info_from_p2p_addr(Multiaddr(network.addresses[0])).peer_id, ["/test/echo/1"])
        await stream.write(b"\0\0\0\x04ping")
        with trio.fail_after(5.0):
            assert await stream.read(8) == b"\0\0\0\x04ping"
        await stream.close()

        async def stock_handler(stock_stream: Stream) -> None:
            await stock_stream.write(await stock_stream.read(6))  # type: ignore[attr-defined]
            await stock_stream.close()  # type: ignore[attr-defined]

        host.set_stream_handler("/test/stock/1", stock_handler)
        assert await network.request(str(host.get_id()), "/test/stock/1", b"hi", max_bytes=2) == b"hi"


async def test_it_says_that_it_gossips_for_others_open_a_gossip_stream_only_then(tmp_path: Path) -> None:
    async with stock_host() as (host, _), open_host(HostConfig(tmp_path / "key", target_peers=0)) as network:
        peer = info_from_p2p_addr(Multiaddr(network.addresses[0]))
        await host.connect(peer)
        stream = await host.new_stream(peer.peer_id, ["/ipfs/id/1.0.0"])
        raw = b""
        with trio.fail_after(5.0), suppress(StreamEOF):
            while True:
                raw += await stream.read(4096)
    message = Identify()
    message.ParseFromString(raw[2:])  # the length of a description takes two bytes
    assert {"/meshsub/1.2.0", "/meshsub/1.1.0", "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0"} <= set(message.protocols)
