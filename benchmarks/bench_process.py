"""What a network process of its own would cost: a message of gossip handed over a local socket, and a verdict back.

The other process runs the same event loop and does nothing but read frames and answer each with a verdict of one byte,
as a network process would ask the chain for its judgement. Counted is the CPU of both processes: a message at a time,
and 64 under way at once.
"""

import os
import socket
import struct
import subprocess
import sys
from time import process_time
from typing import Final

import trio

from benchmarks.measure import ROOT, show, title

BYTES: Final = 1_024
ROUNDS: Final = 4_000
AT_ONCE: Final = 64
READ_BYTES: Final = 64 << 10
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


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["answer"]:
        trio.run(answer, int(sys.argv[2]))
        return
    title(f"A message of {BYTES} bytes to another process and a verdict back, CPU of both")
    for at_once in (1, AT_ONCE):
        show(f"{at_once} at once", f"{min(measure(at_once) for _ in range(3)):.3f} CPU-ms")


if __name__ == "__main__":
    main()
