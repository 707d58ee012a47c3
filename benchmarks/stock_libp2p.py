"""Stock py-libp2p at the work of the network benchmarks; started by them in a process of its own.

Must not import our network layer: that would change the library. Prints CPU seconds, one a turn.

    stock_libp2p.py gossip HOSTS MESSAGES BYTES TURNS
    stock_libp2p.py request COUNT BYTES TURNS
    stock_libp2p.py reuse COUNT BYTES TURNS
"""

import logging
import sys
from contextlib import AsyncExitStack
from time import process_time

import trio
from libp2p import new_host
from libp2p.abc import IHost, ISubscriptionAPI
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.stream.net_stream import NetStream
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

TOPIC = "bench"
ECHO = TProtocol("/bench/echo/1")
DEADLINE_S = 30.0
SETTLE_S = 2.0


async def start(stack: AsyncExitStack, others: list[IHost]) -> IHost:
    """A listening host, connected to all others."""
    host = new_host(key_pair=create_new_key_pair())
    await stack.enter_async_context(host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]))
    for other in others:
        await host.connect(info_from_p2p_addr(other.get_addrs()[0]))
    return host


async def gossip(count: int, messages: int, size: int, turns: int) -> None:
    """Publish, wait until every other host has it, publish the next."""
    async with AsyncExitStack() as stack:
        subscriptions: list[ISubscriptionAPI] = []
        nodes: list[Pubsub] = []
        opened: list[IHost] = []
        for _ in range(count):
            host = new_host(key_pair=create_new_key_pair())
            router = GossipSub(
                [TProtocol("/meshsub/1.2.0")], 6, 4, 12, heartbeat_interval=1, adaptive_gossip_enabled=False,
                spam_protection_enabled=False, eclipse_protection_enabled=False,
            )  # fmt: skip
            pubsub = Pubsub(host, router)
            await stack.enter_async_context(host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]))
            await stack.enter_async_context(background_trio_service(router))
            await stack.enter_async_context(background_trio_service(pubsub))
            await pubsub.wait_until_ready()
            subscriptions.append(await pubsub.subscribe(TOPIC))
            for other in opened:
                await host.connect(info_from_p2p_addr(other.get_addrs()[0]))
            opened.append(host)
            nodes.append(pubsub)
        await trio.sleep(SETTLE_S)  # the mesh of the library announces nothing to wait for
        for turn in range(turns):
            begin = process_time()
            for number in range(messages):
                data = (turn * messages + number).to_bytes(8, "big") + bytes(size - 8)
                with trio.fail_after(DEADLINE_S):
                    await nodes[0].publish(TOPIC, data)
                    for subscription in subscriptions[1:]:
                        while (await subscription.get()).data != data:
                            pass
            print(process_time() - begin, flush=True)


async def read_exactly(stream: NetStream, size: int) -> bytes:
    """The next `size` bytes."""
    data = b""
    while len(data) < size:
        piece = await stream.read(size - len(data))
        if not piece:
            raise EOFError("the stream ended")
        data += piece
    return data


async def request(count: int, size: int, turns: int, *, reuse: bool) -> None:
    """Ask and wait for the echo, on one stream or on a new one each time."""

    async def echo(stream: NetStream) -> None:
        rounds = count * turns if reuse else 1
        for _ in range(rounds):
            await stream.write(await read_exactly(stream, size))
        await stream.close()

    async with AsyncExitStack() as stack:
        server = await start(stack, [])
        server.set_stream_handler(ECHO, echo)
        client = await start(stack, [server])
        payload = bytes(size)
        kept = await client.new_stream(server.get_id(), [ECHO]) if reuse else None
        for _ in range(turns):
            begin = process_time()
            for _ in range(count):
                with trio.fail_after(DEADLINE_S):
                    stream = kept or await client.new_stream(server.get_id(), [ECHO])
                    await stream.write(payload)
                    await read_exactly(stream, size)
                    if kept is None:
                        await stream.close()
            print(process_time() - begin, flush=True)


def main() -> None:
    """Do what the arguments say."""
    logging.getLogger("libp2p").setLevel(logging.CRITICAL)
    what, *numbers = sys.argv[1:]
    if what == "gossip":
        count, messages, size, turns = map(int, numbers)
        trio.run(gossip, count, messages, size, turns)
    else:
        count, size, turns = map(int, numbers)
        trio.run(lambda: request(count, size, turns, reuse=what == "reuse"))


if __name__ == "__main__":
    main()
