"""Requests: between two processes, both signed and checked, as the market does; and within one process, on a new stream
each time, on one stream kept, and on the stream that `Network.request` shares.

The CPU is always that of both sides. Rivals: stock py-libp2p (in processes of its own) and a bare trio TCP connection
that carries the same frames without encryption.
"""

import os
import subprocess
from collections.abc import Awaitable, Callable
from time import perf_counter, process_time

import trio

from benchmarks.measure import at_least, at_most, per_s, show, title
from benchmarks.net import hosts, stock
from benchmarks.peer import ANSWERER, ASKER, SIGNED, checked, cpu_of, other_process, signed
from p2p import EndOfStream, Stream

BYTES = 1_024
COUNT = 100
TURNS = 4
BULK_BYTES = 1 << 20
BULK_COUNT = 16
ECHO = "/bench/echo/1"
SIGNED_COUNT = 300
RATE_TARGET = 350
CPU_TARGET_MS = 2


async def serve(stream: Stream) -> None:
    """Echo until the other side has finished."""
    while True:
        try:
            frame = await stream.receive(BULK_BYTES)
        except EndOfStream:
            return
        await stream.send(frame)


async def best_of(work: Callable[[], Awaitable[None]]) -> float:
    """CPU seconds of the best turn."""
    spent = []
    for _ in range(TURNS):
        begin = process_time()
        await work()
        spent.append(process_time() - begin)
    return min(spent)


async def ours() -> tuple[float, float, float, float]:
    """CPU seconds of `COUNT` requests on new streams, of as many on one, as many on the shared one, and of the bulk."""
    payload, bulk = bytes(BYTES), bytes(BULK_BYTES)
    async with hosts(2) as (server, client):
        server.serve(ECHO, serve)

        async def anew() -> None:
            for _ in range(COUNT):
                stream = await client.open(server.peer_id, ECHO)
                await stream.send(payload)
                await stream.close_write()
                await stream.receive(BYTES)
                await stream.aclose()

        async def shared() -> None:
            for _ in range(COUNT):
                await client.request(server.peer_id, ECHO, payload, max_bytes=BYTES)

        async def kept(stream: Stream, data: bytes, count: int) -> None:
            for _ in range(count):
                await stream.send(data)
                await stream.receive(BULK_BYTES)

        new_s = await best_of(anew)
        shared_s = await best_of(shared)
        stream = await client.open(server.peer_id, ECHO)
        kept_s = await best_of(lambda: kept(stream, payload, COUNT))
        bulk_s = await best_of(lambda: kept(stream, bulk, BULK_COUNT))
        await stream.aclose()
    return new_s, kept_s, shared_s, bulk_s


async def signed_requests() -> tuple[float, float]:
    """Requests a second of the clock, and CPU milliseconds of both processes for one; the best turn of each."""
    rates, costs = [], []
    async with other_process() as (network, peer_id):
        for _ in range(TURNS):
            there, here, begin = await cpu_of(network, peer_id), process_time(), perf_counter()
            for _ in range(SIGNED_COUNT):
                body = os.urandom(BYTES)
                answer = await network.request(peer_id, SIGNED, signed(body, ASKER), max_bytes=2 * BYTES)
                if checked(answer, ANSWERER.verify_key) != body:
                    raise RuntimeError("another answer than asked for")
            rates.append(SIGNED_COUNT / (perf_counter() - begin))
            cpu_s = process_time() - here + await cpu_of(network, peer_id) - there
            costs.append(cpu_s / SIGNED_COUNT * 1e3)
    return max(rates), min(costs)


def stock_signed() -> tuple[float, float] | None:
    """The same of stock; None if it did not finish."""
    try:
        figures = stock(["signed", *map(str, (SIGNED_COUNT, BYTES, TURNS))])
    except subprocess.SubprocessError:
        return None
    turns = [figures[at : at + 3] for at in range(0, len(figures), 3)]
    return SIGNED_COUNT / min(turn[0] for turn in turns), min(turn[1] + turn[2] for turn in turns) / SIGNED_COUNT * 1e3


async def bare() -> float:
    """CPU seconds of `COUNT` echoes over plain TCP."""

    async def echo(stream: trio.SocketStream) -> None:
        async for data in stream:
            await stream.send_all(data)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, echo, 0)
        client = await trio.open_tcp_stream("127.0.0.1", listeners[0].socket.getsockname()[1])

        async def ask() -> None:
            for _ in range(COUNT):
                await client.send_all(bytes(BYTES))
                missing = BYTES
                while missing:
                    missing -= len(await client.receive_some(missing))

        spent_s = await best_of(ask)
        nursery.cancel_scope.cancel()
    return spent_s


def stock_cpu_s(what: str) -> float | None:
    """CPU seconds of stock's best turn, None if it did not finish."""
    try:
        return min(stock([what, *map(str, (COUNT, BYTES, TURNS))]))
    except subprocess.SubprocessError:
        return None


def line(what: str, cpu_s: float, rival: str, rival_cpu_s: float | None) -> None:
    """Print one figure with its rival."""
    against = (
        f"{rival} did not finish" if rival_cpu_s is None else f"{rival_cpu_s / cpu_s:.2f} times as many as {rival}"
    )
    show(what, per_s(COUNT, cpu_s), f"{cpu_s / COUNT * 1e3:.2f} CPU-ms each; {against}")


def main() -> None:
    """Measure and print."""
    title(f"Signed requests of {BYTES} bytes between two processes, one after another, best of {TURNS} turns")
    rate, cost_ms = trio.run(signed_requests)
    rival = stock_signed()
    against = "stock py-libp2p did not finish" if rival is None else f"stock {rival[0]:.0f}/s, {rival[1]:.2f} CPU-ms"
    show("by the clock", f"{rate:.0f} /s", f"{at_least(rate, RATE_TARGET, '/s')}; {against}")
    show("CPU of both processes", f"{cost_ms:.2f} ms each", at_most(cost_ms, CPU_TARGET_MS, " ms"))
    title(f"Requests: {BYTES} bytes out and back, best of {TURNS} turns of {COUNT}; CPU of both sides")
    new_s, kept_s, shared_s, bulk_s = trio.run(ours)
    line("a new stream each, per CPU-second", new_s, "stock py-libp2p", stock_cpu_s("request"))
    line("as Network.request does it, per CPU-second", shared_s, "stock py-libp2p", stock_cpu_s("request"))
    line("on one stream, per CPU-second", kept_s, "stock py-libp2p", stock_cpu_s("reuse"))
    line("on one stream, per CPU-second", kept_s, "bare TCP", trio.run(bare))
    megabytes = 2 * BULK_COUNT * BULK_BYTES / 1e6
    show(
        "frames of 1 MiB, there and back",
        f"{megabytes / bulk_s:.0f} MB/CPU-s",
        f"{bulk_s / megabytes * 1e3:.1f} CPU-ms a MB",
    )


if __name__ == "__main__":
    main()
