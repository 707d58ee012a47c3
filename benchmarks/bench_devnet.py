"""Real daemons under load: how soon a transaction is final on four nodes, and how many a lone authority finalises.

    bench_devnet.py [--minutes M] [--rate R] [--authorities N] [--only latency|throughput]

Both parts found a devnet under a temporary folder, submit signed transfers over the control sockets and stop it again.
Latency: four authorities, slots of a second, a few transfers a second at random moments, each followed at the node that
took it until that node calls it final. Throughput: one authority or `N`, `R` transfers a second offered to the first
for `M` minutes; what counts is what its store holds in finalised blocks afterwards, by the blocks' slots. Wall-clock
figures: they depend on what else the machine does.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from benchmarks.devnet import Running, finalised_blocks, running
from benchmarks.measure import at_least, at_most, show, title
from node.control.client_async import AsyncClient
from node.control.errors import RemoteError
from node.service.anchor import read_block

SLOT_MS = 1000
NODES = 4
LATENCY_PEOPLE = 64
LATENCY_RATE = 3
LATENCY_SAMPLES = 120
LATENCY_MS_MAX = 1.5 * SLOT_MS + 150
POLL_S = 0.02
PEOPLE = 2_000
RATE = 650
MINUTES = 1.25
PER_S_MIN = 550
WINDOW_S = 60
CLIENTS = 4
AT_ONCE = 12  # calls under way of one client; the daemon allows 16
PAUSE_S = 0.05  # after a full pool


async def latencies(net: Running, samples: int) -> list[float]:
    """Milliseconds from the call to "final" at the same node, of `samples` transfers at random moments."""
    chance, spent = random.Random(1), list[float]()
    clients = [AsyncClient(home) for home in net.homes]
    raws = net.transfers(rounds=samples // len(net.people) + 1)

    async def one(client: AsyncClient, raw: bytes) -> None:
        begin = time.monotonic()
        key = (await client.tx_submit(raw)).transaction_hash
        while (status := await client.tx_status(key)).state != "final":
            if status.state == "failed":
                raise RuntimeError(f"a benchmark transaction failed: {status.error}")
            await asyncio.sleep(POLL_S)
        spent.append((time.monotonic() - begin) * 1000)

    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            await client.connect()
        for _ in range(samples):
            tasks.create_task(one(chance.choice(clients), next(raws)))
            await asyncio.sleep(chance.expovariate(LATENCY_RATE))
    for client in clients:
        await client.aclose()
    return sorted(spent)


@dataclass
class Load:
    """What the submitting clients saw."""

    taken: int = 0
    full: int = 0
    calls_ms: list[float] = field(default_factory=list)


async def offer(home: Path, raws: Iterator[bytes], rate: float, seconds: float) -> Load:
    """Offer transfers at `rate` a second; what a full pool refuses is offered again."""
    load, begin = Load(), time.monotonic()
    clients = [AsyncClient(home) for _ in range(CLIENTS)]
    count = 0

    async def worker(client: AsyncClient) -> None:
        nonlocal count
        while (passed := time.monotonic() - begin) < seconds:
            if count >= rate * passed:
                await asyncio.sleep(PAUSE_S)
                continue
            count += 1
            raw = next(raws)
            while not await _submitted(client, raw, load):
                await asyncio.sleep(PAUSE_S)

    for client in clients:
        await client.connect()
    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            for _ in range(AT_ONCE):
                tasks.create_task(worker(client))
    for client in clients:
        await client.aclose()
    return load


async def _submitted(client: AsyncClient, raw: bytes, load: Load) -> bool:
    begin = time.monotonic()
    try:
        await client.tx_submit(raw)
    except RemoteError as error:
        if error.code not in ("mempool_full", "mempool_nonce_gap", "mempool_sender_full"):
            raise
        load.full += 1
        return False
    load.taken += 1
    load.calls_ms.append((time.monotonic() - begin) * 1000)
    return True


def counted(home: Path) -> list[tuple[int, int]]:
    """(slot, transactions) of every finalised block but genesis."""
    return [(int(row.slot), len(read_block(row).transactions)) for row in finalised_blocks(home) if row.height > 0]


def best_window(blocks: Sequence[tuple[int, int]], seconds: int) -> float:
    """Transactions a second over the best stretch of `seconds` whole slots; empty slots count."""
    by_slot = dict(blocks)
    first, last = blocks[0][0], blocks[-1][0]
    return max(
        sum(by_slot.get(slot, 0) for slot in range(begin, begin + seconds)) / seconds * 1000 / SLOT_MS
        for begin in range(first, max(first, last - seconds) + 1)
    )


def measure_latency() -> None:
    """Four authorities, few transactions."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), authorities=NODES, slot_ms=SLOT_MS, people=LATENCY_PEOPLE) as net,
    ):
        before_s, begin = net.cpu_s(), time.monotonic()
        spent = asyncio.run(latencies(net, LATENCY_SAMPLES))
        passed_s, after_s = time.monotonic() - begin, net.cpu_s()
    p50, p95 = median(spent), quantiles(spent, n=20)[-1]
    show(f"submitted to final, {NODES} nodes, {len(spent)} transfers, p50", f"{p50:.0f} ms",
         at_most(p50, LATENCY_MS_MAX, " ms"))  # fmt: skip
    show("  p95; slowest", f"{p95:.0f}; {spent[-1]:.0f} ms")
    if before_s is not None and after_s is not None:
        show("  CPU of a node", f"{(after_s - before_s) / passed_s / NODES * 100:.0f} % of a core")


def measure_throughput(rate: float, minutes: float, authorities: int) -> None:
    """As much as is offered to the first of the authorities."""
    seconds = minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        with running(Path(folder), authorities=authorities, slot_ms=SLOT_MS, people=PEOPLE) as net:
            raws = iter(list(net.transfers(rounds=int(rate * seconds) // PEOPLE + 2)))
            before_s, begin = net.cpu_s(), time.monotonic()
            load = asyncio.run(offer(net.homes[0], raws, rate, seconds))
            passed_s, after_s = time.monotonic() - begin, net.cpu_s()
            time.sleep(3 * SLOT_MS / 1000)
            home = net.homes[0]
        blocks = counted(home)
    whole = best_window(blocks, WINDOW_S)
    show(
        f"final transfers a second, best {WINDOW_S} s, authorities: {authorities}",
        f"{whole:.0f} /s",
        at_least(whole, PER_S_MIN, " /s"),
    )
    show("  final in all; taken; refused as full", f"{sum(n for _, n in blocks)}; {load.taken}; {load.full}")
    show(
        "  largest block; empty slots", f"{max(n for _, n in blocks)}; {blocks[-1][0] - blocks[0][0] + 1 - len(blocks)}"
    )
    show("  a call, p50; p99", f"{median(load.calls_ms):.1f}; {quantiles(load.calls_ms, n=100)[-1]:.0f} ms")
    if before_s is not None and after_s is not None:
        share = (after_s - before_s) / passed_s
        show("  CPU of the daemons", f"{share * 100:.0f} % of a core", f"{share / whole * 1e6:.0f} µs a transfer")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Real daemons under load.")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long transfers are offered")
    parser.add_argument("--rate", type=float, default=RATE, help="how many are offered a second")
    parser.add_argument("--authorities", type=int, default=1, help="nodes of the throughput part")
    parser.add_argument("--only", choices=("latency", "throughput"))
    arguments = parser.parse_args()
    title(f"Devnet: real daemons on loopback, slots of {SLOT_MS} ms")
    if arguments.only != "throughput":
        measure_latency()
    if arguments.only != "latency":
        measure_throughput(arguments.rate, arguments.minutes, arguments.authorities)


if __name__ == "__main__":
    main()
