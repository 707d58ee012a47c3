"""Gossip: CPU a message costs each of eight nodes, ours against stock; sixteen at a steady pace; ten times overload.

    bench_gossip.py [cost] [pace] [overload]

All hosts of a side share one process and talk over loopback TCP, each with each among eight. For the cost five messages
are published when all others have the five before, so nothing is dropped and no queue grows. Stock runs with its
optional guesses (spam, eclipse, adaptive degree) off: with that of spam on it does not deliver messages at this pace.
Latencies are wall clock.
"""

import logging
import subprocess
import sys
from statistics import median
from time import process_time
from typing import Final

import trio

from benchmarks.measure import at_most, show, title
from benchmarks.net import hosts, stock
from benchmarks.overload import overload
from p2p import Message, Network, Verdict

HOSTS = 8
BYTES = 1_024
MESSAGES = 25
AT_ONCE: Final = 5
TURNS = 3
COST_MS_MAX: Final = 4.0
PACE_HOSTS: Final = 16
PACE_NEIGHBOURS: Final = 6
PACE_PER_S: Final = 10
PACE_MESSAGES: Final = 100
PACE_P50_MS_MAX: Final = 150.0
ARRIVE_S: Final = 10.0
TOPIC = "bench"
DEADLINE_S = 60.0


async def ours() -> list[float]:
    """CPU seconds of each turn."""
    spent: list[float] = []
    async with hosts(HOSTS) as nodes:
        inboxes = [node.subscribe(TOPIC, lambda _peer, _data: Verdict.ACCEPT) for node in nodes]
        with trio.fail_after(DEADLINE_S):
            await warm_up(nodes[0], inboxes[1:])
        for turn in range(TURNS):
            begin = process_time()
            for first in range(turn * MESSAGES, (turn + 1) * MESSAGES, AT_ONCE):
                batch = {number.to_bytes(8, "big") + bytes(BYTES - 8) for number in range(first, first + AT_ONCE)}
                with trio.fail_after(DEADLINE_S):
                    for data in sorted(batch):
                        await nodes[0].publish(TOPIC, data)
                    for inbox in inboxes[1:]:
                        missing = set(batch)
                        while missing:
                            missing.discard((await inbox.receive()).data)
            spent.append(process_time() - begin)
    return spent


async def warm_up(publisher: Network, inboxes: list[trio.MemoryReceiveChannel[Message]]) -> None:
    """Publish until everybody hears: subscriptions take a moment to be known."""
    reached: set[int] = set()
    number = 0
    while len(reached) < len(inboxes):
        await publisher.publish(TOPIC, b"warm up %d" % number)
        number += 1
        await trio.sleep(0.5)
        for index, inbox in enumerate(inboxes):
            if inbox.statistics().current_buffer_used:
                inbox.receive_nowait()
                reached.add(index)


async def pace() -> tuple[float, list[float], float]:
    """Share delivered, the sorted latencies in ms, and CPU seconds; one host after the other publishes."""
    late_ms: list[float] = []

    async def read(inbox: trio.MemoryReceiveChannel[Message]) -> None:
        async for message in inbox:
            if message.data[:1] == b"t":
                late_ms.append((trio.current_time() - float(message.data[1:21])) * 1e3)

    async with hosts(PACE_HOSTS, PACE_NEIGHBOURS) as nodes, trio.open_nursery() as nursery:
        inboxes = [node.subscribe(TOPIC, lambda _peer, _data: Verdict.ACCEPT) for node in nodes]
        with trio.fail_after(DEADLINE_S):
            await warm_up(nodes[0], inboxes[1:])
        for inbox in inboxes:
            nursery.start_soon(read, inbox)
        begin = process_time()
        for number in range(PACE_MESSAGES):
            stamp = b"t%020.6f" % trio.current_time()
            await nodes[number % PACE_HOSTS].publish(TOPIC, stamp + bytes(BYTES - len(stamp)))
            await trio.sleep(1 / PACE_PER_S)
        wanted = PACE_MESSAGES * (PACE_HOSTS - 1)
        spent = process_time() - begin
        with trio.move_on_after(ARRIVE_S):
            while len(late_ms) < wanted:
                await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    return len(late_ms) / wanted, sorted(late_ms), spent


def show_cost() -> None:
    """What a message costs, ours and stock."""
    title(f"Gossip: {HOSTS} hosts, messages of {BYTES} bytes, best of {TURNS} turns of {MESSAGES}")
    per_node = 1e3 / MESSAGES / HOSTS
    mine_ms = min(trio.run(ours)) * per_node
    target = at_most(mine_ms, COST_MS_MAX, " ms")
    show("ours, a message and node", f"{mine_ms:.2f} CPU-ms", target)
    try:
        theirs_ms = min(stock(["gossip", *map(str, (HOSTS, MESSAGES, BYTES, TURNS, AT_ONCE))])) * per_node
    except subprocess.SubprocessError as error:
        show("stock py-libp2p 0.8.1, a message and node", "did not finish", str(error))
        return
    show(
        "stock py-libp2p 0.8.1, a message and node", f"{theirs_ms:.2f} CPU-ms", f"{theirs_ms / mine_ms:.1f} times ours"
    )


def show_pace() -> None:
    """What arrives, and how soon."""
    title(f"Gossip: {PACE_HOSTS} hosts in one process, {PACE_PER_S} messages of {BYTES} bytes a second")
    delivered, late_ms, spent = trio.run(pace)
    show("delivered", f"{100 * delivered:.1f} %")
    p50 = median(late_ms)
    show("latency, p50", f"{p50:.0f} ms", at_most(p50, PACE_P50_MS_MAX, " ms"))
    show("latency, p99", f"{late_ms[int(len(late_ms) * 0.99)]:.0f} ms")
    show("CPU, a message and node, upkeep included", f"{1e3 * spent / PACE_MESSAGES / PACE_HOSTS:.2f} CPU-ms")


def show_overload() -> None:
    """Votes and headers under a flood."""
    title("Gossip: four hosts in one process, two neighbours flood each with 1 500 messages of 1 KB a second")
    trio.run(overload)


def main() -> None:
    """Measure and print what the arguments name, or all."""
    logging.disable(logging.CRITICAL)  # on a busy machine requests of peers time out; that is no result
    parts = {"cost": show_cost, "pace": show_pace, "overload": show_overload}
    for name in sys.argv[1:] or parts:
        parts[name]()


if __name__ == "__main__":
    main()
