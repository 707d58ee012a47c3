"""Votes and headers on four hosts while two neighbours flood them: how many arrive, how soon, how late the loop runs.

All hosts share one process, the flooders have their own. Wall clock: believe it on a quiet machine, the counts on any.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import process_time
from typing import Final

import trio

from benchmarks.measure import ROOT, show
from benchmarks.net import hosts
from p2p import Message, Network, Priority, Verdict

HOSTS: Final = 4
SECONDS: Final = 8.0
SETTLE_S: Final = 3.0
ARRIVE_S: Final = 5.0
VOTES, HEADERS, TRANSACTIONS, TASKS, FOREIGN = "votes", "headers", "transactions", "tasks", "foreign"
VOTE_EVERY_S: Final = 0.1
HEADER_EVERY_S: Final = 1.0
FLOODERS: Final = 2
FLOOD_PER_S: Final = 1_500  # of each flooder to each host: together ten times what a host judges of transactions
FLOOD_BYTES: Final = 1_024
_STAMP: Final = 20
_LAG_PROBE_S: Final = 0.01


@dataclass
class Heard:
    """What arrived, and how late."""

    sent: int = 0
    late_ms: list[float] = field(default_factory=list)

    def line(self) -> str:
        """Share, median, 99th and last of a hundred."""
        ordered = sorted(self.late_ms)
        if not ordered:
            return "nothing arrived"
        p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
        arrived = 100 * len(ordered) / (self.sent * (HOSTS - 1))
        return f"{arrived:.1f} %, p50 {p50:.0f}, p99 {p99:.0f} ms"


class Overload:
    """The hosts and what they say."""

    def __init__(self, nodes: list[Network]) -> None:
        self.nodes = nodes
        self.heard = {VOTES: Heard(), HEADERS: Heard()}
        self.lag_ms: list[float] = []

    async def listen(self, nursery: trio.Nursery) -> None:
        """Join the topics; transactions are taken and not passed on, as in a node."""
        for node in self.nodes:
            for topic in (VOTES, HEADERS):
                inbox = node.subscribe(topic, lambda *_: Verdict.ACCEPT, capacity=1024, priority=Priority.HIGH)
                nursery.start_soon(self._read, inbox, self.heard[topic])
            ignored = node.subscribe(TRANSACTIONS, lambda *_: Verdict.IGNORE, priority=Priority.NORMAL)
            tasks = node.subscribe(TASKS, lambda *_: Verdict.ACCEPT)
            for inbox in (ignored, tasks):
                nursery.start_soon(self._read, inbox, None)
        nursery.start_soon(self._measure_lag)

    async def talk(self, seconds: float) -> None:
        """Every host votes and sends headers; then wait for what is on its way."""
        for heard in self.heard.values():
            heard.sent = 0
            heard.late_ms.clear()
        self.lag_ms.clear()
        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                for node in self.nodes:
                    nursery.start_soon(self._say, node, VOTES, VOTE_EVERY_S, 200)
                    nursery.start_soon(self._say, node, HEADERS, HEADER_EVERY_S, 10_000)
        await trio.sleep(ARRIVE_S)

    async def _say(self, node: Network, topic: str, every_s: float, size: int) -> None:
        while True:
            stamp = b"%0*.6f" % (_STAMP, trio.current_time())
            self.heard[topic].sent += 1
            with trio.CancelScope(shield=True):
                await node.publish(topic, stamp + os.urandom(size))
            await trio.sleep(every_s)

    async def _read(self, inbox: trio.MemoryReceiveChannel[Message], heard: Heard | None) -> None:
        async for message in inbox:
            if heard is not None:
                heard.late_ms.append((trio.current_time() - float(message.data[:_STAMP])) * 1e3)

    async def _measure_lag(self) -> None:
        while True:
            due_s = trio.current_time() + _LAG_PROBE_S
            await trio.sleep_until(due_s)
            self.lag_ms.append((trio.current_time() - due_s) * 1e3)

    def lag_line(self) -> str:
        """How late the loop woke a task: the 99th of a hundred, and the worst."""
        ordered = sorted(self.lag_ms)
        return f"{ordered[int(len(ordered) * 0.99)]:.0f}; {ordered[-1]:.0f} ms"


@contextmanager
def flood(addresses: list[str]) -> Iterator[None]:
    """Two processes that write as fast as they are told, whatever the hosts read."""
    topics = ",".join((TRANSACTIONS, TASKS, FOREIGN))
    program = [sys.executable, "-m", "benchmarks.flood", str(FLOOD_PER_S), str(FLOOD_BYTES), topics, *addresses]
    started = [subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(FLOODERS)]
    try:
        for process in started:
            if process.stdout is not None:
                process.stdout.readline()
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


async def overload() -> None:
    """Measure calm and flooded, and print."""
    async with hosts(HOSTS) as nodes, trio.open_nursery() as nursery:
        scene = Overload(nodes)
        await scene.listen(nursery)
        await trio.sleep(SETTLE_S)
        await scene.talk(SECONDS / 2)
        for topic, heard in scene.heard.items():
            show(f"calm: {topic} delivered, late", heard.line())
        show("calm: loop lag p99; worst", scene.lag_line())
        before = nodes[0].counters()
        context = flood([node.addresses[0] for node in nodes])
        await trio.to_thread.run_sync(context.__enter__)
        try:
            begin = process_time()
            await scene.talk(SECONDS)
            share = (process_time() - begin) / (SECONDS + ARRIVE_S)
        finally:
            context.__exit__(None, None, None)
        for topic, heard in scene.heard.items():
            show(f"flooded: {topic} delivered, late", heard.line())
        show("flooded: loop lag p99; worst", scene.lag_line(), f"{100 * share:.0f} % of a core for {HOSTS} hosts")
        after = nodes[0].counters()
        for name in sorted(after):
            if name.startswith(("gossip.dropped", "gossip.slowed")) and after[name] > before.get(name, 0):
                show(f"flooded: one host's {name}", str(after[name] - before.get(name, 0)))
        nursery.cancel_scope.cancel()
