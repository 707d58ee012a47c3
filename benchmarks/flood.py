"""A neighbour that floods gossip: started by the gossip benchmark in a process of its own, ended by its parent.

    flood.py RATE BYTES TOPIC[,TOPIC...] ADDRESS...

Connects to every address and writes RATE signed messages a second to each, the topics in turn, never pausing for what
the other side reads, as no node of ours does.
"""

import logging
import os
import sys
import tempfile
from pathlib import Path

import trio
from libp2p.crypto.ed25519 import KeyPair, create_new_key_pair
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils import encode_varint_prefixed

from p2p import HostConfig, P2PError, open_host
from p2p.network import Libp2pNetwork

PROTOCOL = "/meshsub/1.1.0"
PREPARED = 4_000
TICK_S = 0.05


def signed(key: KeyPair, topic: str, data: bytes, number: int) -> bytes:
    """One frame with one message as an honest author would sign it."""
    author = ID.from_pubkey(key.public_key).to_bytes()
    message = rpc_pb2.Message(data=data, topicIDs=[topic], from_id=author, seqno=number.to_bytes(8, "big"))
    message.signature = key.private_key.sign(b"libp2p-pubsub:" + message.SerializeToString())
    message.key = key.public_key.serialize()
    return bytes(encode_varint_prefixed(rpc_pb2.RPC(publish=[message]).SerializeToString()))


async def flood(network: Libp2pNetwork, peer_id: str, frames: list[bytes], rate: int) -> None:
    """Write the frames to one peer at `rate` a second, again and again; a stream that fails is opened anew."""
    at = 0
    while True:
        try:
            stream, _, _ = await network.host.open(peer_id, (PROTOCOL,))
            due_s = trio.current_time()
            while True:
                count = round(rate * TICK_S)
                await stream.write(b"".join(frames[(at + each) % len(frames)] for each in range(count)))
                at += count
                due_s += TICK_S
                await trio.sleep(max(0.0, due_s - trio.current_time()))
        except P2PError:
            await trio.sleep(TICK_S)


async def main(rate: int, size: int, topics: list[str], addresses: list[str]) -> None:
    """Prepare, connect, say so on the standard output, flood until killed."""
    key = create_new_key_pair()
    frames = [
        signed(key, topics[number % len(topics)], os.urandom(size), number) for number in range(PREPARED)
    ]  # repeats after that cost their reader less: they have been seen
    with tempfile.TemporaryDirectory() as folder:
        config = HostConfig(Path(folder) / "key", listen=(), agent="flood", target_peers=0)
        async with open_host(config) as network, trio.open_nursery() as nursery:
            if not isinstance(network, Libp2pNetwork):
                raise TypeError("the flood needs the libp2p host")
            peers = [await network.dial(address) for address in addresses]
            print("ready", flush=True)
            for peer_id in peers:
                nursery.start_soon(flood, network, peer_id, frames, rate)


if __name__ == "__main__":
    logging.getLogger("libp2p").setLevel(logging.CRITICAL)
    trio.run(main, int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4:])
