"""One role in one subnet, from its start in the node's nursery to its end.

A failure before it is started belongs to the starter. A later one ends this post, is logged and told, and no more: the
node and its other posts go on.
"""

from collections.abc import Callable
from typing import Final, Self

import trio

from node.primitives.types import NetUid
from node.service.logbook import logger
from node.service.roles.miner import MinerRole
from node.service.roles.validator import ValidatorRole
from node.service.supervise import only_error

DRAIN_S: Final = 10.0

log = logger("roles")

RoleService = MinerRole | ValidatorRole


class Post:
    """A running service; `start` makes one, `stop` drains and ends it."""

    def __init__(self, netuid: NetUid, service: RoleService, lost: Callable[["Post"], None]) -> None:
        """`lost` is called when the service fails after its start."""
        self.netuid = netuid
        self.service = service
        self._lost = lost
        self._scope = trio.CancelScope()
        self._ended = trio.Event()

    @classmethod
    async def start(
        cls, netuid: NetUid, service: RoleService, nursery: trio.Nursery, lost: Callable[["Post"], None]
    ) -> Self:
        """Run a service in the nursery; returns when it works. Raises what kept it from starting."""
        post = cls(netuid, service, lost)
        await nursery.start(post._run)
        return post

    async def stop(self) -> None:
        """Drain, at most DRAIN_S, and end."""
        with trio.move_on_after(DRAIN_S):
            await self.service.drain(DRAIN_S)
        self._scope.cancel()
        await self._ended.wait()

    async def _run(self, *, task_status: trio.TaskStatus[None]) -> None:
        started = False
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    await nursery.start(self.service.run)
                    started = True
                    task_status.started()
        except BaseExceptionGroup as group:
            error = only_error(group)
            if not started or not isinstance(error, Exception):
                raise error from None
            log.error("the role in subnet %d failed and was stopped: %r", self.netuid, error, exc_info=error)
            self._lost(self)
        finally:
            self._ended.set()
