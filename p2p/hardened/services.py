"""Runs a library service so that only its own main task can end it.

Stock turns an error of any task, started for any peer, into the end of the whole service and so of the host.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
from libp2p.tools.anyio_service import Service
from libp2p.tools.anyio_service.trio_manager import TrioManager

_log = logging.getLogger(__name__)

AsyncFunction = Callable[..., Awaitable[None]]


class ContainedManager(TrioManager):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """A manager whose peer-driven tasks fail alone."""

    def run_task(
        self,
        async_fn: AsyncFunction,
        *args: object,
        daemon: bool = False,
        name: str | None = None,
        _internal: bool = False,
    ) -> None:
        task = async_fn if daemon or _internal else _contained(async_fn)
        super().run_task(task, *args, daemon=daemon, name=name, _internal=_internal)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """Run `service` for the length of the block. Its failure surfaces as an exception group from the block."""
    async with trio.open_nursery() as nursery:
        manager = ContainedManager(service)
        service._manager = manager
        nursery.start_soon(manager.run)
        await manager.wait_started()
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                await manager.stop()


def _contained(async_fn: AsyncFunction) -> AsyncFunction:
    async def run(*args: object) -> None:
        try:
            await async_fn(*args)
        except Exception as error:
            _log.warning(
                "a task of the network host failed: %s: %r", getattr(async_fn, "__qualname__", async_fn), error
            )

    return run
