"""Whole nodes in virtual time: trio's mock clock, a seeded scheduler, threads run in place, a wall clock to match.

trio shuffles its tasks by a private source of chance; its own Hypothesis plug-in seeds that through two private names.
They are used here and nowhere else, and `test_clockwork` notices when they move.
"""

import random
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, Final, TypeVar
from unittest import mock

import trio
import trio.testing
from trio._core import _run as scheduler

import node.service.chain

T = TypeVar("T")

GENESIS_MS: Final = 1_800_000_000_000  # the wall clock when virtual time begins
_NS_PER_S: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000


async def run_in_place(work: Callable[..., T], *args: Any, **_: object) -> T:
    """Do what a worker thread would do, at once: the mock clock would not wait for a thread."""
    await trio.lowlevel.checkpoint()
    return work(*args)


def wall_clock_ns() -> int:
    """Return the wall clock of virtual time."""
    return GENESIS_MS * _NS_PER_MS + int(trio.current_time() * _NS_PER_S)


def play(main: Callable[[], Awaitable[T]], seed: int) -> T:
    """Run `main` in virtual time; the same seed schedules the same tasks in the same order."""
    with (
        mock.patch.object(scheduler, "_ALLOW_DETERMINISTIC_SCHEDULING", True),
        mock.patch.object(scheduler, "_r", random.Random(seed)),
        mock.patch.object(trio.to_thread, "run_sync", run_in_place),
        mock.patch.object(node.service.chain, "time", SimpleNamespace(time_ns=wall_clock_ns)),
    ):
        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
