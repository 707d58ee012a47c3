"""Requests over streams between two hosts: a new stream each time, and one stream kept.

Client and server share one process, so the CPU is that of both sides. Rivals: stock py-libp2p (in its own process)
and a bare trio TCP connection that carries the same frames without encryption.
"""

import subprocess
from collections.abc import Awaitable, Callable
from time import process_time

import trio

from benchmarks.measure import per_s, show, title
from benchmarks.net import hosts, stock
from p2p import EndOfStream, Stream

BYTES = 1_024
COUNT = 100
TURNS = 4
BULK_BYTES = 1 << 20
BULK_COUNT = 16
ECHO = "/bench/echo/1"


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


async def ours() -> tuple[float, float, float]:
    """CPU seconds of `COUNT` requests on new streams, of as many on one, and of the bulk."""
    payload, bulk = bytes(BYTES), bytes(BULK_BYTES)
    async with hosts(2) as (server, client):
        server.serve(ECHO, serve)

        async def anew() -> None:
            for _ in range(COUNT):
                await client.request(server.peer_id, ECHO, payload, max_bytes=BYTES)

        async def kept(stream: Stream, data: bytes, count: int) -> None:
            for _ in range(count):
                await stream.send(data)
                await stream.receive(BULK_BYTES)

        new_s = await best_of(anew)
        stream = await client.open(server.peer_id, ECHO)
        kept_s = await best_of(lambda: kept(stream, payload, COUNT))
        bulk_s = await best_of(lambda: kept(stream, bulk, BULK_COUNT))
        await stream.aclose()
    return new_s, kept_s, bulk_s


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
    title(f"Requests: {BYTES} bytes out and back, best of {TURNS} turns of {COUNT}; CPU of both sides")
    new_s, kept_s, bulk_s = trio.run(ours)
    line("a new stream each, per CPU-second", new_s, "stock py-libp2p", stock_cpu_s("request"))
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
