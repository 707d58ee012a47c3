"""The private names that make trio repeatable are where they were, and they do what they are there for."""

import time

import trio
from trio._core import _run

from node.service.chain import now_ms
from tests.simulation.shell.clockwork import GENESIS_MS, play


def order_of_tasks(seed: int) -> list[int]:
    async def main() -> list[int]:
        order: list[int] = []

        async def task(number: int) -> None:
            for _ in range(5):
                await trio.lowlevel.checkpoint()
                order.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(task, number)
        return order

    return play(main, seed)


def test_trio_still_has_the_names_that_are_seeded() -> None:
    assert isinstance(_run._ALLOW_DETERMINISTIC_SCHEDULING, bool)
    assert hasattr(_run._r, "random")
    assert hasattr(_run._r, "shuffle")


def test_a_seed_decides_the_order_of_tasks() -> None:
    assert order_of_tasks(1) == order_of_tasks(1)
    assert len({tuple(order_of_tasks(seed)) for seed in range(10)}) > 1


def test_time_is_virtual_for_sleep_threads_and_the_wall_clock() -> None:
    async def main() -> tuple[int, int, int]:
        begun = now_ms()
        await trio.sleep(3600)
        return begun, now_ms(), await trio.to_thread.run_sync(lambda: 7)

    begun_s = time.monotonic()
    assert play(main, 1) == (GENESIS_MS, GENESIS_MS + 3_600_000, 7)
    assert time.monotonic() - begun_s < 10
    assert abs(now_ms() - time.time() * 1000) < 60_000
