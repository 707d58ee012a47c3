"""Keeps the model fed: subscriptions for what changes by itself, slow polls for the rest.

It runs as long as the window is attached to one node. A part that cannot be read says why in the model and is tried
again with growing pauses; nothing here draws.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from node.control.api import Api
from node.control.schema import LogLevel, Topic
from tui.limits import CHAIN_INTERVAL_S, FOLLOW_PAUSE_S, PEERS_INTERVAL_S, POLL_PAUSE_MAX_S
from tui.model import Model, Part
from tui.port import API_ERRORS

_STATE_TOPICS: Final[tuple[Topic, ...]] = ("status", "tasks", "job")


class Feed:
    """The traffic between one `Api` and one `Model`."""

    def __init__(self, api: Api, model: Model) -> None:
        self._api = api
        self._model = model
        self._level: LogLevel = "info"
        self._level_changed = asyncio.Event()

    @property
    def level(self) -> LogLevel:
        return self._level

    def set_level(self, level: LogLevel) -> None:
        """Follow the log from `level` up; lines already shown are asked for again."""
        self._level = level
        self._level_changed.set()

    async def run(self) -> None:
        """Feed until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow("status", _STATE_TOPICS))
            group.create_task(self._follow_log())
            group.create_task(self._poll("peers", PEERS_INTERVAL_S, self._read_peers))
            group.create_task(self._poll("subnets", CHAIN_INTERVAL_S, self._read_chain))
            group.create_task(self._poll("earnings", CHAIN_INTERVAL_S, self._read_earnings))
            group.create_task(self._poll("models", CHAIN_INTERVAL_S, self._read_models))
            group.create_task(self._poll("account", CHAIN_INTERVAL_S, self._read_account))
            group.create_task(self._poll("proposals", CHAIN_INTERVAL_S, self._read_proposals))

    async def _follow(self, part: Part, topics: tuple[Topic, ...]) -> None:
        pause_s = FOLLOW_PAUSE_S
        while True:
            try:
                async for event in self._api.subscribe(topics, self._level):
                    self._model.apply(event)
                    self._model.fail(part, None)
                    pause_s = FOLLOW_PAUSE_S
            except API_ERRORS as error:
                self._model.fail(part, str(error))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, POLL_PAUSE_MAX_S)

    async def _follow_log(self) -> None:
        while True:
            self._level_changed.clear()
            following = asyncio.create_task(self._follow("log", ("log",)))
            try:
                await self._level_changed.wait()
            finally:
                following.cancel()
                await asyncio.wait([following])

    async def _poll(self, part: Part, interval_s: float, read: Callable[[], Awaitable[None]]) -> None:
        pause_s = interval_s
        while True:
            try:
                await read()
                self._model.fail(part, None)
                pause_s = interval_s
            except API_ERRORS as error:
                self._model.fail(part, str(error))
                pause_s = min(2 * pause_s, POLL_PAUSE_MAX_S) if self._model.link == "live" else interval_s
            await asyncio.sleep(pause_s)

    async def _read_peers(self) -> None:
        self._model.set_peers(await self._api.peers())

    async def _read_earnings(self) -> None:
        self._model.set_earnings(await self._api.earnings())

    async def _read_models(self) -> None:
        self._model.set_models(await self._api.models())

    async def _read_account(self) -> None:
        status = self._model.status or await self._api.status()
        self._model.set_account(None if status.coldkey is None else await self._api.account(status.coldkey))

    async def _read_proposals(self) -> None:
        self._model.set_proposals(await self._api.proposals())

    async def _read_chain(self) -> None:
        self._model.set_subnets(await self._api.subnets())
        netuid = self._model.netuid()
        if netuid is not None:
            self._model.set_metagraph(await self._api.metagraph(netuid))
