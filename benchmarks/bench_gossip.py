"""Gossip among four hosts: CPU a message costs each node, ours against stock py-libp2p with the same settings.

All hosts of a side share one process and are connected each to each over loopback TCP. A message is published when all
others have the one before, so nothing is dropped and no queue grows. Stock runs with its optional guesses (spam,
eclipse, adaptive degree) off: with that of spam on it does not deliver messages at this pace.
"""

import subprocess
from time import process_time

import trio

from benchmarks.measure import show, title
from benchmarks.net import hosts, stock
from p2p import Message, Network, Verdict

HOSTS = 4
BYTES = 1_024
MESSAGES = 50
TURNS = 4
TOPIC = "bench"
DEADLINE_S = 30.0


async def ours() -> list[float]:
    """CPU seconds of each turn."""
    spent: list[float] = []
    async with hosts(HOSTS) as nodes:
        inboxes = [node.subscribe(TOPIC, lambda _peer, _data: Verdict.ACCEPT) for node in nodes]
        with trio.fail_after(DEADLINE_S):
            await warm_up(nodes[0], inboxes[1:])
        for turn in range(TURNS):
            begin = process_time()
            for number in range(MESSAGES):
                data = (turn * MESSAGES + number).to_bytes(8, "big") + bytes(BYTES - 8)
                with trio.fail_after(DEADLINE_S):
                    await nodes[0].publish(TOPIC, data)
                    for inbox in inboxes[1:]:
                        while (await inbox.receive()).data != data:
                            pass
            spent.append(process_time() - begin)
    return spent


async def warm_up(publisher: Network, inboxes: list[trio.MemoryReceiveChannel[Message]]) -> None:
    """Publish until everybody hears: subscriptions take a moment to be known."""
    reached: set[int] = set()
    number = 0
    while len(reached) < len(inboxes):
        await publisher.publish(TOPIC, b"warm up %d" % number)
        number += 1
        await trio.sleep(0.1)
        for index, inbox in enumerate(inboxes):
            if inbox.statistics().current_buffer_used:
                inbox.receive_nowait()
                reached.add(index)


def main() -> None:
    """Measure and print."""
    title(f"Gossip: {HOSTS} hosts, messages of {BYTES} bytes, best of {TURNS} turns of {MESSAGES}")
    per_node = 1e3 / MESSAGES / HOSTS
    mine_ms = min(trio.run(ours)) * per_node
    try:
        theirs_ms = min(stock(["gossip", *map(str, (HOSTS, MESSAGES, BYTES, TURNS))])) * per_node
    except subprocess.SubprocessError as error:
        show("ours, a message and node", f"{mine_ms:.2f} CPU-ms", f"stock py-libp2p did not finish: {error}")
        return
    show("ours, a message and node", f"{mine_ms:.2f} CPU-ms", f"{theirs_ms / mine_ms:.1f} times cheaper than stock")
    show("stock py-libp2p 0.8.1, a message and node", f"{theirs_ms:.2f} CPU-ms")


if __name__ == "__main__":
    main()
