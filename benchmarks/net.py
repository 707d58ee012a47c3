"""Some hosts of ours on loopback in one process, and a second process that does the same with stock py-libp2p.

Stock runs apart because importing our network layer changes constants of the library.
"""

import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import trio

from benchmarks.measure import ROOT
from p2p import HostConfig, Network, limits, open_host

READY_S: Final = 60.0
STOCK_S: Final = 600.0  # a busy machine needs minutes for what is ten seconds of CPU
PATIENCE_S: Final = 60.0  # many hosts in one process on a busy machine answer late; none of them is to be cut for it
_POLL_S: Final = 0.02


@asynccontextmanager
async def hosts(count: int, neighbours: int | None = None) -> AsyncIterator[list[Network]]:
    """`count` hosts, each connected to each, or to at least `neighbours` others where that is given."""
    limits.HEALTH_TIMEOUT_S = PATIENCE_S
    enough = count - 1 if neighbours is None else neighbours
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        opened: list[Network] = []
        for number in range(count):
            known = tuple(other.addresses[0] for other in opened[-enough:])
            config = HostConfig(identity_path=folder / f"{number}.key", bootstrap=known, agent="bench")
            opened.append(await stack.enter_async_context(open_host(config)))
        with trio.fail_after(READY_S):
            while any(len(host.peers()) < enough for host in opened):
                await trio.sleep(_POLL_S)
        yield opened


def stock(arguments: Sequence[str]) -> list[float]:
    """The figures that stock py-libp2p prints for the same work. Raises CalledProcessError."""
    program = [sys.executable, str(ROOT / "benchmarks" / "stock_libp2p.py"), *arguments]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True, timeout=STOCK_S)
    return [float(word) for word in done.stdout.split()]
