"""Stock py-libp2p at the work of the network benchmarks; started by them in a process of its own.

Must not import our network layer: that would change the library. Prints CPU seconds, one a turn; the last three talk to
a second process of this file, `serve`; for each turn they print clock seconds, CPU seconds here, CPU seconds there.

    stock_libp2p.py gossip HOSTS MESSAGES BYTES TURNS AT_ONCE
    stock_libp2p.py request COUNT BYTES TURNS
    stock_libp2p.py reuse COUNT BYTES TURNS
    stock_libp2p.py signed COUNT BYTES TURNS
    stock_libp2p.py bulk OUT_BYTES BACK_BYTES TURNS
    stock_libp2p.py cancelled COUNT BYTES TURNS    (prints how many of COUNT requests failed)
"""

import logging
import os
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from time import perf_counter, process_time

import trio
from libp2p import new_host
from libp2p.abc import IHost, ISubscriptionAPI
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.stream.net_stream import NetStream
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr
from nacl.signing import SigningKey

TOPIC = "bench"
ECHO = TProtocol("/bench/echo/1")
SIGNED = TProtocol("/bench/signed/1")
BULK = TProtocol("/bench/bulk/1")
CPU = TProtocol("/bench/cpu/1")
ASKER, ANSWERER = SigningKey(b"\x01" * 32), SigningKey(b"\x02" * 32)
SIGNATURE_BYTES = 64
PIECE_BYTES = 64 << 10
DEADLINE_S = 120.0
SETTLE_S = 2.0


async def start(stack: AsyncExitStack, others: list[IHost]) -> IHost:
    """A listening host, connected to all others."""
    host = new_host(key_pair=create_new_key_pair())
    await stack.enter_async_context(host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]))
    for other in others:
        await host.connect(info_from_p2p_addr(other.get_addrs()[0]))
    return host


async def gossip(count: int, messages: int, size: int, turns: int, at_once: int) -> None:
    """Publish some, wait until every other host has them, publish the next."""
    async with AsyncExitStack() as stack:
        subscriptions: list[ISubscriptionAPI] = []
        nodes: list[Pubsub] = []
        opened: list[IHost] = []
        for _ in range(count):
            host = new_host(key_pair=create_new_key_pair())
            router = GossipSub(
                [TProtocol("/meshsub/1.2.0")], 6, 4, 12, heartbeat_interval=1, adaptive_gossip_enabled=False,
                spam_protection_enabled=False, eclipse_protection_enabled=False,
            )  # fmt: skip
            pubsub = Pubsub(host, router)
            await stack.enter_async_context(host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]))
            await stack.enter_async_context(background_trio_service(router))
            await stack.enter_async_context(background_trio_service(pubsub))
            await pubsub.wait_until_ready()
            subscriptions.append(await pubsub.subscribe(TOPIC))
            for other in opened:
                await host.connect(info_from_p2p_addr(other.get_addrs()[0]))
            opened.append(host)
            nodes.append(pubsub)
        await trio.sleep(SETTLE_S)  # the mesh of the library announces nothing to wait for
        for turn in range(turns):
            begin = process_time()
            for first in range(turn * messages, (turn + 1) * messages, at_once):
                batch = {number.to_bytes(8, "big") + bytes(size - 8) for number in range(first, first + at_once)}
                with trio.fail_after(DEADLINE_S):
                    for data in sorted(batch):
                        await nodes[0].publish(TOPIC, data)
                    for subscription in subscriptions[1:]:
                        missing = set(batch)
                        while missing:
                            missing.discard((await subscription.get()).data)
            print(process_time() - begin, flush=True)


async def read_exactly(stream: NetStream, size: int) -> bytes:
    """The next `size` bytes."""
    data = b""
    while len(data) < size:
        piece = await stream.read(size - len(data))
        if not piece:
            raise EOFError("the stream ended")
        data += piece
    return data


async def request(count: int, size: int, turns: int, *, reuse: bool) -> None:
    """Ask and wait for the echo, on one stream or on a new one each time."""

    async def echo(stream: NetStream) -> None:
        rounds = count * turns if reuse else 1
        for _ in range(rounds):
            await stream.write(await read_exactly(stream, size))
        await stream.close()

    async with AsyncExitStack() as stack:
        server = await start(stack, [])
        server.set_stream_handler(ECHO, echo)
        client = await start(stack, [server])
        payload = bytes(size)
        kept = await client.new_stream(server.get_id(), [ECHO]) if reuse else None
        for _ in range(turns):
            begin = process_time()
            for _ in range(count):
                with trio.fail_after(DEADLINE_S):
                    stream = kept or await client.new_stream(server.get_id(), [ECHO])
                    await stream.write(payload)
                    await read_exactly(stream, size)
                    if kept is None:
                        await stream.close()
            print(process_time() - begin, flush=True)


async def serve(size: int) -> None:
    """Answer signed requests of `size` bytes, bulk and the question for CPU seconds, until killed."""

    async def answer_signed(stream: NetStream) -> None:
        message = await read_exactly(stream, SIGNATURE_BYTES + size)
        body = ASKER.verify_key.verify(message[SIGNATURE_BYTES:], message[:SIGNATURE_BYTES])
        await stream.write(ANSWERER.sign(body).signature + body)
        await stream.close()

    async def answer_cpu(stream: NetStream) -> None:
        await stream.write(struct.pack("!d", process_time()))
        await stream.close()

    async def answer_bulk(stream: NetStream) -> None:
        out, back = struct.unpack("!QQ", await read_exactly(stream, 16))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_bulk, stream, back)
            await take_bulk(stream, out)
        await stream.write(b"done")
        await stream.close()

    async with AsyncExitStack() as stack:
        host = await start(stack, [])
        for protocol, handler in ((SIGNED, answer_signed), (CPU, answer_cpu), (BULK, answer_bulk)):
            host.set_stream_handler(protocol, handler)
        print(host.get_addrs()[0], flush=True)
        await trio.sleep_forever()


async def send_bulk(stream: NetStream, size: int) -> None:
    """Write `size` bytes in the pieces that suit the library best."""
    piece = os.urandom(PIECE_BYTES)
    for begin in range(0, size, PIECE_BYTES):
        await stream.write(piece[: min(PIECE_BYTES, size - begin)])


async def take_bulk(stream: NetStream, size: int) -> None:
    """Read `size` bytes."""
    while size:
        piece = await stream.read(min(PIECE_BYTES, size))
        if not piece:
            raise EOFError("the stream ended")
        size -= len(piece)


async def between_processes(what: str, first: int, second: int, turns: int) -> None:
    """Talk to a second process."""
    program = [sys.executable, __file__, "serve", str(second)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = await trio.to_thread.run_sync(process.stdout.readline) if process.stdout else ""
            async with AsyncExitStack() as stack:
                client = await start(stack, [])
                info = info_from_p2p_addr(Multiaddr(line.strip()))
                await client.connect(info)

                async def cpu() -> float:
                    stream = await client.new_stream(info.peer_id, [CPU])
                    (seconds,) = struct.unpack("!d", await read_exactly(stream, 8))
                    await stream.close()
                    return float(seconds)

                async def ask(body: bytes) -> None:
                    stream = await client.new_stream(info.peer_id, [SIGNED])
                    await stream.write(ASKER.sign(body).signature + body)
                    answer = await read_exactly(stream, SIGNATURE_BYTES + len(body))
                    ANSWERER.verify_key.verify(answer[SIGNATURE_BYTES:], answer[:SIGNATURE_BYTES])
                    await stream.close()

                async def move() -> None:
                    stream = await client.new_stream(info.peer_id, [BULK])
                    await stream.write(struct.pack("!QQ", first, second))
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(send_bulk, stream, first)
                        await take_bulk(stream, second)
                    await read_exactly(stream, 4)
                    await stream.close()

                if what == "cancelled":
                    print(
                        await failures_after_cancelled_writes(client, info.peer_id, first, lambda: ask(bytes(second)))
                    )
                    return
                for _ in range(turns):
                    there, here, begin = await cpu(), process_time(), perf_counter()
                    with trio.fail_after(DEADLINE_S):
                        if what == "bulk":
                            await move()
                        else:
                            for _ in range(first):
                                await ask(os.urandom(second))
                    print(perf_counter() - begin, process_time() - here, await cpu() - there, flush=True)
        finally:
            process.kill()


async def failures_after_cancelled_writes(
    client: IHost, peer_id: ID, count: int, ask: Callable[[], Awaitable[None]]
) -> int:
    """How many of `count` requests fail, each made after a large write was cancelled somewhere in the middle."""
    failed = 0
    for number in range(count):
        try:
            stream = await client.new_stream(peer_id, [BULK])
            with trio.move_on_after(0.0005 * (number % 20)):
                await stream.write(struct.pack("!QQ", 1 << 30, 0))
                await send_bulk(stream, 1 << 30)
            await stream.reset()
            with trio.fail_after(5.0):
                await ask()
        except Exception:
            failed += 1
    return failed


def main() -> None:
    """Do what the arguments say."""
    logging.getLogger("libp2p").setLevel(logging.CRITICAL)
    what, *numbers = sys.argv[1:]
    if what == "gossip":
        count, messages, size, turns, at_once = map(int, numbers)
        trio.run(gossip, count, messages, size, turns, at_once)
    elif what == "serve":
        trio.run(serve, int(numbers[0]))
    elif what in ("signed", "bulk", "cancelled"):
        first, second, turns = map(int, numbers)
        trio.run(between_processes, what, first, second, turns)
    else:
        count, size, turns = map(int, numbers)
        trio.run(lambda: request(count, size, turns, reuse=what == "reuse"))


if __name__ == "__main__":
    main()
