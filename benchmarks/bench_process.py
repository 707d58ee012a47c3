"""What a network process of its own would cost: a message of gossip handed over a local socket, and a verdict back.

The other process runs the same event loop and does nothing but read frames and answer each with a verdict of one byte,
as a network process would ask the chain for its judgement. Counted is the CPU of both processes: a message at a time,
and 64 under way at once. And what it would bring: how late votes between two hosts arrive, and the loop wakes, while
nothing else is done, while full blocks are imported in a thread of the process, and while they are in another process.
Latencies are wall clock; the three take turns, so their order can be believed on a busy machine too.
"""

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time
from typing import Final

import trio

from benchmarks.bench_block_import import Way, import_all, make_blocks
from benchmarks.chain import Start, Town
from benchmarks.measure import ROOT, show, title
from benchmarks.net import hosts
from node.service.verifier import RememberingVerifier
from p2p import Message, Priority, Verdict

BYTES: Final = 1_024
ROUNDS: Final = 4_000
AT_ONCE: Final = 64
READ_BYTES: Final = 64 << 10
PEOPLE: Final = 1_000
TURNS: Final = 2
TURN_S: Final = 4.0
VOTES_PER_S: Final = 50
TOPIC: Final = "votes"
QUIET, THREAD, PROCESS = "nothing else", "blocks imported in a thread", "blocks imported in another process"
_LENGTH: Final = struct.Struct(">I")


class Frames:
    """Frames of a socket: a 4-byte length, then that many bytes."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._ahead = bytearray()

    async def read(self) -> bytes | None:
        """The next frame; None at the end."""
        while len(self._ahead) < _LENGTH.size or len(self._ahead) < _LENGTH.size + self._size():
            chunk = await self._stream.receive_some(READ_BYTES)
            if not chunk:
                return None
            self._ahead += chunk
        end = _LENGTH.size + self._size()
        frame = bytes(self._ahead[_LENGTH.size : end])
        del self._ahead[:end]
        return frame

    def _size(self) -> int:
        return int(_LENGTH.unpack_from(self._ahead)[0])

    async def write(self, *frames: bytes) -> None:
        """Write frames with one call."""
        await self._stream.send_all(b"".join(_LENGTH.pack(len(frame)) + frame for frame in frames))


async def answer(descriptor: int) -> None:
    """Answer every frame with a verdict; at the end print the CPU seconds spent."""
    frames = Frames(trio.SocketStream(trio.socket.from_stdlib_socket(socket.socket(fileno=descriptor))))
    begin = process_time()
    while await frames.read() is not None:
        await frames.write(b"\1")
    print(process_time() - begin)


async def ask(mine: socket.socket, at_once: int) -> float:
    """CPU seconds of this side for all rounds."""
    frames = Frames(trio.SocketStream(trio.socket.from_stdlib_socket(mine)))
    message = os.urandom(BYTES)
    begin = process_time()
    for _ in range(ROUNDS // at_once):
        await frames.write(*[message] * at_once)
        for _ in range(at_once):
            await frames.read()
    return process_time() - begin


def measure(at_once: int) -> float:
    """CPU milliseconds of both processes a message."""
    mine, theirs = socket.socketpair()
    program = [sys.executable, "-m", "benchmarks.bench_process", "answer", str(theirs.fileno())]
    other = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True, pass_fds=[theirs.fileno()])
    theirs.close()
    with mine:
        spent = trio.run(ask, mine, at_once)
    out, _ = other.communicate(timeout=60)
    return (spent + float(out)) * 1e3 / (ROUNDS // at_once * at_once)


def import_blocks(stop: threading.Event, blocks: tuple[Start, list[bytes]]) -> None:
    """Import the same full blocks into new stores until told to stop."""
    start, raws = blocks
    while not stop.is_set():
        import_all(start, raws, Way(RememberingVerifier(), 1))


def some_blocks() -> tuple[Start, list[bytes]]:
    """Two blocks of a thousand transfers, and what they stand on."""
    town = Town(PEOPLE)
    start = town.start(0)
    return start, make_blocks(town, start)[:2]


@contextmanager
def importing(where: str, blocks: tuple[Start, list[bytes]]) -> Iterator[None]:
    """Keep importing blocks in a thread of this process, in another process, or nowhere."""
    if where == THREAD:
        stop = threading.Event()
        thread = threading.Thread(target=import_blocks, args=(stop, blocks))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
    elif where == PROCESS:
        program = [sys.executable, "-m", "benchmarks.bench_process", "import"]
        other = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE)
        try:
            if other.stdout is not None:
                other.stdout.readline()
            yield
        finally:
            other.kill()
            other.wait()
    else:
        yield


async def beside(blocks: tuple[Start, list[bytes]]) -> None:
    """Votes from one host to another, and the loop's lag, in all three situations; print."""
    late: dict[str, list[float]] = {QUIET: [], THREAD: [], PROCESS: []}
    lag: dict[str, list[float]] = {where: [] for where in late}
    now = QUIET

    async def read(inbox: trio.MemoryReceiveChannel[Message]) -> None:
        async for message in inbox:
            late[now].append((trio.current_time() - float(message.data)) * 1e3)

    async with hosts(2) as nodes, trio.open_nursery() as nursery:
        inboxes = [node.subscribe(TOPIC, lambda *_: Verdict.ACCEPT, priority=Priority.HIGH) for node in nodes]
        nursery.start_soon(read, inboxes[1])
        await trio.sleep(3)
        for _ in range(TURNS):
            for where in late:
                context = importing(where, blocks)
                await trio.to_thread.run_sync(context.__enter__)
                now = where
                with trio.move_on_after(TURN_S):
                    while True:
                        due_s = trio.current_time() + 1 / VOTES_PER_S
                        await nodes[0].publish(TOPIC, b"%.6f" % trio.current_time())
                        await trio.sleep_until(due_s)
                        lag[where].append((trio.current_time() - due_s) * 1e3)
                await trio.to_thread.run_sync(context.__exit__, None, None, None)
                await trio.sleep(1)
        nursery.cancel_scope.cancel()
    for where in late:
        show(f"{where}: votes late, p50; p99", parts_of(late[where]), f"loop lag p50; p99 {parts_of(lag[where])}")


def parts_of(values_ms: list[float]) -> str:
    """The median and the 99th of a hundred."""
    ordered = sorted(values_ms)
    return f"{ordered[len(ordered) // 2]:.0f}; {ordered[int(len(ordered) * 0.99)]:.0f} ms"


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["answer"]:
        trio.run(answer, int(sys.argv[2]))
        return
    blocks = some_blocks()
    if sys.argv[1:2] == ["import"]:
        print("ready", flush=True)
        import_blocks(threading.Event(), blocks)
        return
    title(f"A message of {BYTES} bytes to another process and a verdict back, CPU of both")
    for at_once in (1, AT_ONCE):
        show(f"{at_once} at once", f"{min(measure(at_once) for _ in range(3)):.3f} CPU-ms")
    title(f"{VOTES_PER_S} votes a second between two hosts of one process, while there is")
    trio.run(beside, blocks)


if __name__ == "__main__":
    main()
