"""The role a node plays now: exactly one miner or validator service runs, or none for a staker.

Switching drains the old service before the new one starts; when the new one cannot start, the old one returns. The
front door for users' questions follows the role: a validator's routes by its own scores, others' by chance.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import trio

from node.control.schema import Role
from node.ledger import queries
from node.market.chat import ChatPart, ChatRequest, ModelInfo
from node.market.context import MarketContext
from node.market.errors import NoMiner, UnknownSubnet
from node.market.frontdoor import FrontDoor, MarketDoor
from node.market.reasons import WhyAnswer
from node.market.switchboard import Switchboard
from node.market.tasks import TaskLog, TaskView
from node.primitives.types import AccountId, NetUid
from node.service.chain import Chain, now_ms
from node.service.errors import NoKey, Unknown
from node.service.keys import Keys
from node.service.logbook import logger
from node.service.reader import Reader
from node.service.roles.host import ModelHost
from node.service.roles.miner import MinerRole
from node.service.roles.validator import ValidatorRole
from node.service.supervise import only_error
from node.subnets.base import AnySubnet
from node.subnets.registry import name_of, open_subnet
from p2p import Network
from storage import MarketStore

DRAIN_S: Final = 10.0
CHALLENGE_BLOCKS_MIN: Final = 3
CHALLENGE_BLOCKS_MAX: Final = 25  # the interval of a public network; short tempos need several rounds each

log = logger("roles")


@dataclass(slots=True)
class _Running:
    role: Role
    service: MinerRole | ValidatorRole
    scope: trio.CancelScope
    ended: trio.Event


class Services:
    """Starts and stops roles in the node's nursery."""

    def __init__(
        self,
        *,
        chain: Chain,
        network: Network,
        reader: Reader,
        keys: Keys,
        models: ModelHost,
        store: MarketStore,
        nursery: trio.Nursery,
        model: str,
        cheat: str | None,
    ) -> None:
        self._chain = chain
        self._network = network
        self._reader = reader
        self._keys = keys
        self._models = models
        self._store = store
        self._nursery = nursery
        self._model = model
        self._cheat = cheat
        self._doors = Switchboard(network)
        self._running: _Running | None = None
        self._switching = trio.Lock()
        self._asked = TaskLog()  # questions asked through this node while it runs no role of its own
        self.role: Role = "staker"
        self.door: FrontDoor = ClosedDoor("This node is still starting.")

    # --- what there is ----------------------------------------------------------------------------------------------

    def netuid(self) -> NetUid:
        """Return the first subnet this build has rules for. Raises Unknown."""
        for info in queries.subnets(self._chain.head.executed.state.view):
            try:
                name_of(info.netuid, info.name)
            except UnknownSubnet:
                continue
            return info.netuid
        raise Unknown("This network has no subnet that this version of neurond knows.")

    def tasks(self) -> tuple[TaskView, ...]:
        """Return the latest tasks of the running service, newest first."""
        own = () if self._running is None else self._running.service.tasks()
        return own + self._asked.recent()

    def why(self, miner: AccountId) -> WhyAnswer | None:
        """Return what this node's own validator makes of a miner; None while it does not validate."""
        service = None if self._running is None else self._running.service
        return service.why(miner) if isinstance(service, ValidatorRole) else None

    def counters(self) -> Mapping[str, int]:
        """Return what the running service did and refused; nothing for a staker."""
        return {} if self._running is None else self._running.service.counters()

    def context(self) -> MarketContext:
        """Return this node's place in its subnet. Raises NoKey or Unknown."""
        if self._keys.hotkey is None:
            raise NoKey("This node has no hotkey.")
        return MarketContext(self._network, self._doors, self._reader, self.netuid(), self._keys.hotkey)

    # --- switching --------------------------------------------------------------------------------------------------

    async def switch(self, role: Role, say: Callable[[str], None] = lambda text: None) -> None:
        """Stop what runs and start `role`; on failure the old role runs again and the error is raised."""
        async with self._switching:
            before = self.role
            if role == before and (role == "staker" or self._running is not None):
                self._open_own_door()
                return
            await self._stop(say)
            try:
                await self._start(role, say)
            except BaseException:
                self.role = "staker"
                self._open_own_door()
                if before not in ("staker", role):
                    say(f"going back to the role {before}")
                    await self._start(before, say)
                raise

    async def stop(self) -> None:
        """Drain and stop the running service, at the node's end."""
        async with self._switching:
            await self._stop(lambda text: None)

    async def _start(self, role: Role, say: Callable[[str], None]) -> None:
        if role != "staker":
            say(f"starting the {role}: opening its model")
            context, subnet = self.context(), self._subnet()
            service: MinerRole | ValidatorRole = (
                MinerRole(context, subnet, self._models, now_ms=now_ms, store=self._store)
                if role == "miner"
                else ValidatorRole(context, subnet, self._models, now_ms=now_ms, store=self._store)
            )
            self._running = await self._nursery.start(self._run, role, service)
        self.role = role
        self._open_own_door()
        log.info("this node is a %s now", role)

    async def _run(
        self, role: Role, service: MinerRole | ValidatorRole, *, task_status: trio.TaskStatus[_Running]
    ) -> None:
        """Run one service; a failure before it is started is the starter's, a later one ends the role and no more."""
        ended, started = trio.Event(), False
        try:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    await nursery.start(service.run)
                    started = True
                    task_status.started(_Running(role, service, scope, ended))
        except BaseExceptionGroup as group:
            error = only_error(group)
            if not started or not isinstance(error, Exception):
                raise error from None
            log.error("the %s failed and was stopped; the node goes on as a staker: %r", role, error, exc_info=error)
            self._running = None
            self.role = "staker"
            self._open_own_door()
        finally:
            ended.set()

    async def _stop(self, say: Callable[[str], None]) -> None:
        running, self._running = self._running, None
        self.door = ClosedDoor("This node is changing its role.")
        if running is not None:
            say(f"draining the {running.role}")
            with trio.move_on_after(DRAIN_S):
                await running.service.drain(DRAIN_S)
            running.scope.cancel()
            await running.ended.wait()
        self.role = "staker"

    def _subnet(self) -> AnySubnet:
        netuid = self.netuid()
        info = queries.subnet(self._chain.head.executed.state.view, netuid)
        every = max(CHALLENGE_BLOCKS_MIN, min(info.tempo_blocks // 4, CHALLENGE_BLOCKS_MAX))
        return open_subnet(
            name_of(netuid, info.name), models=(self._model,), cheat=self._cheat, challenge_blocks=every
        )  # fmt: skip

    def _open_own_door(self) -> None:
        service = None if self._running is None else self._running.service
        if isinstance(service, ValidatorRole):
            self.door = service.door
            return
        try:
            self.door = MarketDoor(self.context(), self._subnet(), now_ms=now_ms, record=self._asked.put)
        except (NoKey, Unknown) as error:
            self.door = ClosedDoor(str(error))


class ClosedDoor:
    """A front door that says why nobody can be asked."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def models(self) -> list[ModelInfo]:
        """Return no models."""
        return []

    async def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
        """Refuse. Raises NoMiner."""
        raise NoMiner(self._reason)
        yield  # makes this a generator, as the protocol wants
