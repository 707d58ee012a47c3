"""A node of ours in a process of its own, for benchmarks between two processes; prints its address, then serves.

python -m benchmarks.peer FOLDER
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import process_time
from typing import Final

import trio
from nacl.signing import SigningKey, VerifyKey

from benchmarks.measure import ROOT
from p2p import EndOfStream, HostConfig, Network, Stream, open_host

SIGNED: Final = "/bench/signed/1"
BULK: Final = "/bench/bulk/1"
CPU: Final = "/bench/cpu/1"
ASKER: Final = SigningKey(b"\x01" * 32)
ANSWERER: Final = SigningKey(b"\x02" * 32)
SIGNATURE_BYTES: Final = 64
FRAME_BYTES: Final = 1 << 20
_SIZE_BYTES: Final = 8


def signed(body: bytes, key: SigningKey) -> bytes:
    """A body behind its signature."""
    return bytes(key.sign(body).signature) + body


def checked(message: bytes, key: VerifyKey) -> bytes:
    """The body of a signed message. Raises nacl's BadSignatureError."""
    return bytes(key.verify(message[SIGNATURE_BYTES:], message[:SIGNATURE_BYTES]))


async def answer_signed(stream: Stream) -> None:
    """Check the asker's signature, send the body back under ours."""
    body = checked(await stream.receive(FRAME_BYTES), ASKER.verify_key)
    await stream.send(signed(body, ANSWERER))


async def answer_cpu(stream: Stream) -> None:
    """CPU seconds of this process so far."""
    await stream.receive(0)
    await stream.send(repr(process_time()).encode())


async def answer_bulk(stream: Stream) -> None:
    """Take frames until the other side ends and, meanwhile, send as many bytes as it asked for; then what was taken."""
    wanted = int.from_bytes(await stream.receive(_SIZE_BYTES), "big")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_bulk, stream, wanted)
        taken = await take_until_end(stream)
    await stream.send(taken.to_bytes(_SIZE_BYTES, "big"))


async def send_bulk(stream: Stream, size: int) -> None:
    """Send `size` bytes in large frames."""
    frame = os.urandom(FRAME_BYTES)
    for start in range(0, size, FRAME_BYTES):
        await stream.send(frame[: min(FRAME_BYTES, size - start)])


async def take_until_end(stream: Stream) -> int:
    """Bytes of all frames that come."""
    taken = 0
    try:
        while True:
            taken += len(await stream.receive(FRAME_BYTES))
    except EndOfStream:
        return taken


async def exchange_bulk(network: Network, peer_id: str, out: int, back: int, *, stuck_s: float = 30.0) -> None:
    """Move so many bytes each way at once.

    Raises TooSlowError when nothing has moved either way for `stuck_s`, RuntimeError when bytes are missing.
    """
    stream = await network.open(peer_id, BULK)
    await stream.send(back.to_bytes(_SIZE_BYTES, "big"))
    moved_s, is_over, told, came = trio.current_time(), False, 0, 0

    async def send() -> None:
        nonlocal moved_s
        for start in range(0, out, FRAME_BYTES):
            await stream.send(frame[: min(FRAME_BYTES, out - start)])
            moved_s = trio.current_time()
        await stream.close_write()

    async def watch(life: trio.CancelScope) -> None:
        while trio.current_time() - moved_s < stuck_s:
            await trio.sleep(1.0)
        life.cancel()

    frame = os.urandom(FRAME_BYTES)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, nursery.cancel_scope)
        async with trio.open_nursery() as moving:
            moving.start_soon(send)
            while came < back:
                came += len(await stream.receive(FRAME_BYTES))
                moved_s = trio.current_time()
            told = int.from_bytes(await stream.receive(_SIZE_BYTES), "big")
        is_over = True
        nursery.cancel_scope.cancel()
    if not is_over:
        raise trio.TooSlowError(f"nothing has moved for {stuck_s:g} s")
    if (told, came) != (out, back):
        raise RuntimeError(f"{told} of {out} bytes arrived there, {came} of {back} here")
    await stream.aclose()


async def cpu_of(network: Network, peer_id: str) -> float:
    """CPU seconds of the other process so far."""
    return float(await network.request(peer_id, CPU, b"", max_bytes=64))


@asynccontextmanager
async def other_process() -> AsyncIterator[tuple[Network, str]]:
    """A node of this process, connected to one in another process, and that one's peer id."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-m", "benchmarks.peer", folder]
        with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                address = await trio.to_thread.run_sync(process.stdout.readline) if process.stdout else ""
                config = HostConfig(identity_path=Path(folder) / "asker.key", agent="bench", target_peers=0)
                async with open_host(config) as network:
                    yield network, await network.dial(address.strip())
            finally:
                process.kill()


async def main(folder: Path) -> None:
    """Serve until killed."""
    async with open_host(HostConfig(identity_path=folder / "peer.key", agent="bench", target_peers=0)) as network:
        for protocol, handler in ((SIGNED, answer_signed), (CPU, answer_cpu), (BULK, answer_bulk)):
            network.serve(protocol, handler)
        print(network.addresses[0], flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
