"""An honest neighbour in a process of its own: asks the victim five times a second and writes down how long it took.

Of ours it is a real host, fetches blocks and follows their gossip; of stock it asks for echoes over one connection that
it makes again when it is lost. Arguments: "ours" or "stock", the victim's address, the topic, the folder for its key.
"""

import json
import sys
import time
from contextlib import suppress
from pathlib import Path

import trio

PAUSE_S = 0.2
PATIENCE_S = 5.0


def note(kind: str, began_s: float, problem: str = "") -> None:
    ms = (time.monotonic() - began_s) * 1000
    print(json.dumps({"kind": kind, "at_s": began_s, "ms": ms, "problem": problem}), flush=True)


async def ours(address: str, topic: str, folder: Path) -> None:
    from node.primitives.types import Height
    from node.sync.messages import PROTOCOL, GetBlocks, decode_answer, encode_request
    from p2p import HostConfig, Message, P2PError, Verdict, open_host

    question = encode_request(GetBlocks(Height(1), 8))
    config = HostConfig(folder / "peer.key", bootstrap=(address,), agent="honest")
    async with open_host(config) as network, trio.open_nursery() as nursery:
        inbox = network.subscribe(topic, lambda _peer, _data: Verdict.ACCEPT)

        async def hear() -> None:
            message: Message
            async for message in inbox:
                note("gossip", time.monotonic(), "" if message.data else "empty")

        nursery.start_soon(hear)
        peer_id = address.rsplit("/", 1)[1]
        await network.dial(address)
        while True:
            began_s = time.monotonic()
            try:
                answer = await network.request(peer_id, PROTOCOL, question, max_bytes=1 << 20, timeout_s=PATIENCE_S)
                decode_answer(answer)
            except P2PError as error:
                note("request", began_s, f"{type(error).__name__}: {error}")
            else:
                note("request", began_s)
            await trio.sleep(PAUSE_S)


async def stock(address: str, topic: str) -> None:
    from tests.attacks.wire import Cut, Target, connected, framed

    parts = address.split("/")
    target = Target(parts[2], int(parts[4]), parts[6], "/attacks/echo/1", topic)
    while True:
        problem = "the connection was lost"
        with suppress(Exception):
            async with connected(target, source="127.0.0.1") as line:
                while True:
                    began_s = time.monotonic()
                    with trio.move_on_after(PATIENCE_S) as late:
                        channel = await line.open("/attacks/echo/1")
                        await channel.write(framed(bytes(1000)))
                        await channel.answer()
                        await channel.finish()
                    if late.cancelled_caught:
                        note("request", began_s, "no answer")
                        raise Cut("deaf")
                    note("request", began_s)
                    await trio.sleep(PAUSE_S)
        note("request", time.monotonic(), problem)
        await trio.sleep(PAUSE_S)


if __name__ == "__main__":
    side, address, topic, folder = sys.argv[1:]
    if side == "ours":
        trio.run(ours, address, topic, Path(folder))
    else:
        trio.run(stock, address, topic)
