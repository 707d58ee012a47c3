"""Stored and shared data as the control API shows it, and the jobs that a client may start on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from node.control.schema import Job
from node.control.views.data import DataBoard
from node.service.data_actions import Desk
from node.service.data_checks import CheckNotes
from node.service.data_view import data_board
from node.service.errors import NotReady
from node.service.jobs import Report

if TYPE_CHECKING:
    from node.service.app import Node, Running


class DataOfNode:
    """The data methods of `node.service.api.NodeApi`."""

    _node: Node
    _notes: CheckNotes | None = None

    def _running(self) -> Running:
        raise NotImplementedError

    @property
    def _model_store(self) -> Path:
        raise NotImplementedError

    async def data(self) -> DataBoard:
        """List what is stored. Raises NotReady when a folder cannot be read."""
        running, home = self._running(), self._node.home
        fetching = {
            **{name.hex(): at for name, at in running.services.fetching().items()},
            **running.model_peers.progress(),
        }
        try:
            return await trio.to_thread.run_sync(
                data_board, running, home, self._model_store, await self._checked(), fetching
            )
        except OSError as error:
            raise NotReady(f"The node's folder cannot be read: {error.strerror or error}.") from error

    async def data_verify(self, item: str) -> Job:
        """Start holding an item against its hashes."""
        return await self._start(f"verify {item}", lambda desk, report: desk.verify(item, report))

    async def data_repair(self, item: str) -> Job:
        """Start getting an item anew."""
        return await self._start(f"repair {item}", lambda desk, report: desk.repair(item, report))

    async def data_export(self, item: str, path: str) -> Job:
        """Start writing an item to a new file."""
        return await self._start(f"export {item}", lambda desk, report: desk.export(item, path, report))

    async def data_drop(self, item: str) -> Job:
        """Start deleting an item."""
        return await self._start(f"drop {item}", lambda desk, report: desk.drop(item, report))

    async def _start(self, title: str, work: Callable[[Desk, Report], Awaitable[str]]) -> Job:
        running = self._running()
        desk = Desk(running, self._node.home, self._model_store, await self._checked())
        return running.jobs.start("data", title, partial(work, desk))

    async def _checked(self) -> CheckNotes:
        if self._notes is None:
            self._notes = await trio.to_thread.run_sync(CheckNotes, self._node.home.checked)
        return self._notes
