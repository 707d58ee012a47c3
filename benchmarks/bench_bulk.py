"""Bulk between two processes: speed one way, both ways at once without a deadlock, and writes cancelled half-way.

    bench_bulk.py            speed, 3 two-way runs, 60 cancelled writes; and stock py-libp2p at the same
    bench_bulk.py 30         so many two-way runs of 30 to 160 MB each way; without the rival

Fails when nothing moves for 30 s, or when a request after a cancelled write is not answered.
"""

import random
import subprocess
import sys
from time import perf_counter, process_time
from typing import Final

import trio

from benchmarks.measure import at_least, show, title
from benchmarks.net import stock
from benchmarks.peer import (
    ANSWERER,
    ASKER,
    BULK,
    SIGNED,
    checked,
    cpu_of,
    exchange_bulk,
    other_process,
    send_bulk,
    signed,
)
from p2p import Network

ONE_WAY_BYTES: Final = 100_000_000
TURNS: Final = 5
RATE_TARGET: Final = 80
TWO_WAY_MB: Final = (30, 160)
TWO_WAY_RUNS: Final = 3
STOCK_RUNS: Final = 4
CANCELLED: Final = 60
_SEED: Final = 5


async def one_way(network: Network, peer_id: str) -> tuple[float, float, float]:
    """MB/s, and CPU milliseconds a MB of the sender and of the receiver; of the fastest turn."""
    turns = []
    for _ in range(TURNS):
        there, here, begin = await cpu_of(network, peer_id), process_time(), perf_counter()
        await exchange_bulk(network, peer_id, ONE_WAY_BYTES, 0)
        spent_s, sender_s = perf_counter() - begin, process_time() - here
        receiver_s = await cpu_of(network, peer_id) - there
        megabytes = ONE_WAY_BYTES / 1e6
        turns.append((megabytes / spent_s, sender_s / megabytes * 1e3, receiver_s / megabytes * 1e3))
    return max(turns)


async def two_way(network: Network, peer_id: str, runs: int) -> float:
    """Move 30 to 160 MB each way at once, `runs` times; MB/s of both. Raises TooSlowError when one is stuck."""
    rng = random.Random(_SEED)
    moved, begin = 0, perf_counter()
    for run in range(runs):
        out, back = (rng.randint(*TWO_WAY_MB) * 1_000_000 for _ in range(2))
        await exchange_bulk(network, peer_id, out, back)
        moved += out + back
        if runs > TWO_WAY_RUNS:
            print(f"    run {run + 1}: {out / 1e6:.0f} MB out, {back / 1e6:.0f} MB back", flush=True)
    return moved / 1e6 / (perf_counter() - begin)


async def cancelled_writes(network: Network, peer_id: str, count: int) -> int:
    """How many of `count` requests fail, each made after a large write was cancelled somewhere in the middle."""
    failed = 0
    for number in range(count):
        stream = await network.open(peer_id, BULK)
        with trio.move_on_after(0.0005 * (number % 20)):
            await stream.send(bytes(8))
            await send_bulk(stream, 1 << 30)
        await stream.reset()
        answer = await network.request(peer_id, SIGNED, signed(b"still there?", ASKER), max_bytes=100, timeout_s=5.0)
        failed += checked(answer, ANSWERER.verify_key) != b"still there?"
    return failed


async def ours(runs: int) -> tuple[tuple[float, float, float], float, int]:
    """All three, over one connection that must live through all of it."""
    async with other_process() as (network, peer_id):
        speed = await one_way(network, peer_id)
        both = await two_way(network, peer_id, runs)
        failed = await cancelled_writes(network, peer_id, CANCELLED)
        if network.counters()["dials"] != 1:
            raise RuntimeError("the connection was lost on the way")
    return speed, both, failed


def stock_speed() -> str:
    """Stock at the one-way bulk, in words."""
    try:
        figures = stock(["bulk", str(ONE_WAY_BYTES), "0", "3"])
    except subprocess.SubprocessError:
        return "stock py-libp2p did not finish"
    return f"stock py-libp2p {ONE_WAY_BYTES / 1e6 / min(figures[::3]):.0f} MB/s"


def stock_two_way() -> str:
    """How many of a few two-way runs of stock end, each with processes of its own."""
    ended = 0
    for _ in range(STOCK_RUNS):
        try:
            ended += len(stock(["bulk", "60000000", "60000000", "1"])) == 3
        except subprocess.SubprocessError:
            continue
    return f"stock py-libp2p: {ended} of {STOCK_RUNS} runs of 60 MB each way ended within 30 s"


def stock_cancelled() -> str:
    """Stock after cancelled writes, in words."""
    try:
        return f"stock py-libp2p: {stock(['cancelled', str(CANCELLED), '1024', '1'])[0]:.0f} of {CANCELLED} failed"
    except subprocess.SubprocessError:
        return "stock py-libp2p did not finish"


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else TWO_WAY_RUNS
    with_stock = runs == TWO_WAY_RUNS
    title(f"Bulk between two processes on loopback, best of {TURNS} turns of {ONE_WAY_BYTES / 1e6:.0f} MB")
    (rate, sender_ms, receiver_ms), both, failed = trio.run(ours, runs)
    show(
        "one way",
        f"{rate:.0f} MB/s",
        at_least(rate, RATE_TARGET, " MB/s") + (f"; {stock_speed()}" if with_stock else ""),
    )
    show("CPU a MB: sender; receiver", f"{sender_ms:.1f}; {receiver_ms:.1f} ms")
    low, high = TWO_WAY_MB
    what = f"{runs} runs of {low} to {high} MB each way at once, all ended"
    show(what, f"{both:.0f} MB/s", stock_two_way() if with_stock else "")
    harmless = f"{CANCELLED - failed} of {CANCELLED}"
    show("requests answered after a cancelled write", harmless, stock_cancelled() if with_stock else "")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
