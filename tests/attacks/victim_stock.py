"""Stock libp2p 0.8.1 as a victim: gossip, an echo, a reader, a deaf handler and two handlers with bugs.

Must not import `p2p`, which changes the library. Prints its address as one line of JSON and serves until it is killed.
"""

import json
import logging

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.stream.net_stream import NetStream
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

TOPIC, RAISES = "attacks/topic/1", "attacks/raises/1"
FRAME_MAX_BYTES = 1 << 20


async def echo(stream: NetStream) -> None:
    """One frame there, the same frame back; lets what the stream raises out, as the library's examples do."""
    size = int.from_bytes(await exactly(stream, 4), "big")
    if size <= FRAME_MAX_BYTES:
        data = await exactly(stream, size)
        await stream.write(size.to_bytes(4, "big") + data)
    await stream.close()


async def exactly(stream: NetStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await stream.read(size - len(data))
        if not piece:
            raise EOFError("the stream ended")
        data += piece
    return data


async def deaf(_stream: NetStream) -> None:
    await trio.sleep_forever()


async def raises(_stream: NetStream) -> None:
    raise ValueError("a bug")


def check(_peer: ID, message: rpc_pb2.Message) -> bool:
    if message.data.startswith(b"raise"):
        raise ValueError("a bug")
    return True


async def main() -> None:
    host = new_host(key_pair=create_new_key_pair())
    router = GossipSub(
        [TProtocol("/meshsub/1.2.0"), TProtocol("/meshsub/1.1.0")], 6, 4, 12, heartbeat_interval=1,
    )  # fmt: skip
    pubsub = Pubsub(host, router, strict_signing=True)
    async with (
        host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]),
        background_trio_service(router),
        background_trio_service(pubsub),
    ):
        await pubsub.wait_until_ready()
        for name, handler in (("echo", echo), ("deaf", deaf), ("raises", raises)):
            host.set_stream_handler(TProtocol(f"/attacks/{name}/1"), handler)
        subscriptions = [await pubsub.subscribe(topic) for topic in (TOPIC, RAISES)]
        for topic in (TOPIC, RAISES):
            pubsub.set_topic_validator(topic, check, is_async_validator=False)
        address = str(host.get_addrs()[0])
        print(json.dumps({"port": int(address.split("/")[4]), "peer_id": str(host.get_id())}), flush=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk, pubsub)
            for subscription in subscriptions:
                nursery.start_soon(drain, subscription)


async def talk(pubsub: Pubsub) -> None:
    number = 0
    while True:
        await trio.sleep(0.5)
        number += 1
        await pubsub.publish(TOPIC, number.to_bytes(8, "big") + bytes(500))


async def drain(subscription: object) -> None:
    while True:
        await subscription.get()  # type: ignore[attr-defined]


if __name__ == "__main__":
    logging.getLogger("libp2p").setLevel(logging.CRITICAL)
    trio.run(main)
