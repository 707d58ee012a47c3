"""The client for asyncio programs: a terminal UI above all. It is an `Api`, so a recording can take its place.

It keeps one connection, notices when the daemon goes away or falls silent, and comes back by itself with growing
pauses. Calls made meanwhile fail at once with NotRunning; subscriptions wait and go on with fresh snapshots.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Literal, TypeVar

from node.control import api, money_api
from node.control.client_history import HistoryCalls
from node.control.client_inspect import InspectCalls
from node.control.client_journals import JournalCalls
from node.control.client_prices import PriceCalls
from node.control.client_records import RecordCalls
from node.control.client_routes import RouteCalls
from node.control.connection import Connection, open_connection
from node.control.errors import ConnectionLost, NotRunning
from node.control.events import AnyEvent
from node.control.limits import (
    BAN_DEFAULT_S,
    CALL_TIMEOUT_S,
    CONNECT_TIMEOUT_S,
    INVITE_DEFAULT_S,
    RECONNECT_FIRST_S,
    RECONNECT_MAX_S,
    SILENT_FOR_S,
    STALE_AFTER_S,
)
from node.control.paths import socket_path_to_connect
from node.control.protocol import check_version
from node.control.requests import Request
from node.control.schema import (
    API_VERSION,
    Account,
    AskPart,
    AuthorityBoard,
    BanInfo,
    BudgetView,
    ChannelBoard,
    ChatMessage,
    Checkup,
    Earnings,
    Hello,
    Invite,
    Job,
    Joined,
    LogLevel,
    LogPage,
    Metagraph,
    ModelInfo,
    NodeStatus,
    PeerInfo,
    PeerPing,
    ProposalView,
    Quote,
    Redeemed,
    Role,
    RolePlan,
    Shutdown,
    Submitted,
    SubnetInfo,
    Task,
    Topic,
    TransactionContext,
    TransactionPreview,
    TransactionStatus,
    Why,
)
from node.control.scopes import Scope
from node.primitives.errors import ControlError

R = TypeVar("R")
ConnectionState = Literal["disconnected", "connected", "closed"]


class AsyncClient(HistoryCalls, InspectCalls, JournalCalls, PriceCalls, RecordCalls, RouteCalls):
    """A lasting connection to the daemon of `home`.

    Call `connect` once; it raises NotRunning when no daemon answers, and may be called again. From the first success
    on the client reconnects by itself until `aclose`. `on_state` hears of every change, in the event loop. With the
    scope "read" the daemon refuses whatever would change something.
    """

    def __init__(
        self,
        home: Path,
        name: str = "neurond",
        on_state: Callable[[ConnectionState], None] = lambda _: None,
        *,
        scope: Scope = "operate",
    ) -> None:
        self._home = home
        self._scope: Scope = scope
        self._name = name
        self._on_state = on_state
        self._connection: Connection | None = None
        self._hello: Hello | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._subscriptions = 0
        self._closed = False

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def last_hello(self) -> Hello | None:
        """What the daemon said of itself when the connection was made last."""
        return self._hello

    @property
    def age_s(self) -> float:
        """Seconds since the daemon was last heard; infinite without a connection."""
        return float("inf") if self._connection is None else time.monotonic() - self._connection.heard_at_s

    @property
    def stale(self) -> bool:
        """Whether what subscriptions have delivered is no longer to be trusted as current."""
        return self._connection is None or (self._subscriptions > 0 and self.age_s > STALE_AFTER_S)

    async def connect(self) -> Hello:
        """Connect now, or return what is known when connected.

        Raises:
            NotRunning, RequestTimeout, VersionMismatch, RemoteError.
        """
        if self._connection is not None and self._hello is not None:
            return self._hello
        hello = await self._open()
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        return hello

    async def aclose(self) -> None:
        """Hang up for good; the daemon goes on."""
        self._closed = True
        self._up.set()
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await self._drop("closed")

    async def __aenter__(self) -> "AsyncClient":
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def call(self, request: Request[R], timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Make any call by its request struct."""
        if self._connection is None:
            raise NotRunning("The connection to the node is down.")
        return await self._connection.call(request, timeout_s)

    async def hello(self, client: str, version: int) -> Hello:
        return await self.call(api.HelloRequest(client, version))

    async def status(self) -> NodeStatus:
        return await self.call(api.StatusRequest())

    async def doctor(self) -> Checkup:
        return await self.call(api.DoctorRequest())

    async def peers(self) -> tuple[PeerInfo, ...]:
        return await self.call(api.PeersRequest())

    async def peer_add(self, address: str) -> PeerInfo:
        return await self.call(api.PeerAddRequest(address))

    async def authorities(self) -> AuthorityBoard:
        return await self.call(api.AuthoritiesRequest())

    async def proposals(self) -> tuple[ProposalView, ...]:
        return await self.call(api.ProposalsRequest())

    async def peer_bans(self) -> tuple[BanInfo, ...]:
        return await self.call(api.PeerBansRequest())

    async def peer_ban(self, peer_id: str, duration_s: float = BAN_DEFAULT_S, reason: str = "") -> BanInfo:
        return await self.call(api.PeerBanRequest(peer_id, duration_s, reason))

    async def peer_unban(self, peer_id: str) -> BanInfo:
        return await self.call(api.PeerUnbanRequest(peer_id))

    async def peer_ping(self, peer_id: str) -> PeerPing:
        return await self.call(api.PeerPingRequest(peer_id))

    async def subnets(self) -> tuple[SubnetInfo, ...]:
        return await self.call(api.SubnetsRequest())

    async def metagraph(self, netuid: int) -> Metagraph:
        return await self.call(api.MetagraphRequest(netuid))

    async def account(self, address: str) -> Account:
        return await self.call(api.AccountRequest(address))

    async def tx_context(self) -> TransactionContext:
        return await self.call(api.TxContextRequest())

    async def tx_submit(self, raw: bytes) -> Submitted:
        return await self.call(api.TxSubmitRequest(raw))

    async def tx_preview(self, sender: str, call: bytes) -> TransactionPreview:
        return await self.call(api.TxPreviewRequest(sender, call))

    async def tx_status(self, transaction_hash: str) -> TransactionStatus:
        return await self.call(api.TxStatusRequest(transaction_hash))

    async def quote_stake(self, netuid: int, amount_rao: int) -> Quote:
        return await self.call(api.QuoteStakeRequest(netuid, amount_rao))

    async def quote_unstake(self, netuid: int, amount_alpha: int) -> Quote:
        return await self.call(api.QuoteUnstakeRequest(netuid, amount_alpha))

    async def tasks(self, limit: int = 50) -> tuple[Task, ...]:
        return await self.call(api.TasksRequest(limit))

    async def earnings(self) -> Earnings:
        return await self.call(api.EarningsRequest())

    async def why(self, netuid: int | None = None, hotkey: str | None = None) -> Why:
        return await self.call(api.WhyRequest(netuid, hotkey))

    async def logs(self, since: int = 0, level: LogLevel = "info", limit: int = 200) -> LogPage:
        return await self.call(api.LogsRequest(since, level, limit))

    async def channels(self) -> ChannelBoard:
        return await self.call(money_api.ChannelsRequest())

    async def channels_redeem(self, channel: str | None = None) -> Redeemed:
        return await self.call(money_api.ChannelsRedeemRequest(channel))

    async def budget(self) -> BudgetView:
        return await self.call(money_api.BudgetRequest())

    async def budget_set(
        self, per_call_rao: int | None = None, per_day_rao: int | None = None, channel_rao: int | None = None
    ) -> BudgetView:
        return await self.call(money_api.BudgetSetRequest(per_call_rao, per_day_rao, channel_rao))

    async def models(self) -> tuple[ModelInfo, ...]:
        return await self.call(api.ModelsRequest())

    async def model_pull(self, name: str) -> Job:
        return await self.call(api.ModelPullRequest(name))

    async def model_verify(self, name: str) -> Job:
        return await self.call(api.ModelVerifyRequest(name))

    async def invite(
        self, valid_s: int = INVITE_DEFAULT_S, addresses: Sequence[str] = (), only_these: bool = False
    ) -> Invite:
        return await self.call(api.InviteRequest(valid_s, tuple(addresses), only_these))

    async def join(self, target: str) -> Joined:
        return await self.call(api.JoinRequest(target))

    async def role_plan(self, role: Role, netuids: Sequence[int] = ()) -> RolePlan:
        return await self.call(api.RolePlanRequest(role, tuple(netuids)))

    async def role_apply(self, role: Role, transactions: Sequence[bytes] = (), netuids: Sequence[int] = ()) -> Job:
        return await self.call(api.RoleApplyRequest(role, tuple(transactions), tuple(netuids)))

    async def job(self, id: str) -> Job:
        return await self.call(api.JobRequest(id))

    async def shutdown(self, drain: bool = True) -> Shutdown:
        return await self.call(api.ShutdownRequest(drain))

    async def ask(
        self,
        messages: Sequence[ChatMessage],
        model: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
    ) -> AsyncGenerator[AskPart, None]:
        if self._connection is None:
            raise NotRunning("The connection to the node is down.")
        request = api.AskRequest(tuple(messages), model, max_tokens, temperature)
        async with aclosing(self._connection.stream(request)) as parts:
            async for part in parts:
                yield part

    async def subscribe(self, topics: Sequence[Topic], level: LogLevel = "info") -> AsyncGenerator[AnyEvent, None]:
        """Yield events until closed; after a lost connection `seq` starts again at 1, with new snapshots."""
        request = api.SubscribeRequest(tuple(topics), level)
        self._subscriptions += 1
        try:
            while not self._closed:
                await self._up.wait()
                if self._connection is None:
                    continue
                with suppress(ConnectionLost):
                    async with aclosing(self._connection.stream(request)) as events:
                        async for event in events:
                            yield event
                await asyncio.sleep(RECONNECT_FIRST_S)
        finally:
            self._subscriptions -= 1

    async def _open(self) -> Hello:
        connection = await open_connection(socket_path_to_connect(self._home))
        try:
            request = api.HelloRequest(self._name, API_VERSION, self._scope)
            self._hello = check_version(await connection.call(request, CONNECT_TIMEOUT_S))
        except BaseException:
            await connection.aclose()
            raise
        self._connection = connection
        self._up.set()
        self._on_state("connected")
        return self._hello

    async def _drop(self, state: ConnectionState) -> None:
        connection, self._connection = self._connection, None
        if not self._closed:
            self._up.clear()
        self._on_state(state)
        if connection is not None:
            await connection.aclose()

    async def _keep(self) -> None:
        pause_s = RECONNECT_FIRST_S
        while True:
            if self._connection is not None:
                await self._until_lost(self._connection)
                await self._drop("disconnected")
                pause_s = RECONNECT_FIRST_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, RECONNECT_MAX_S)
            if self._connection is None:
                with suppress(ControlError):
                    await self._open()

    async def _until_lost(self, connection: Connection) -> None:
        """Return when the connection is gone, or when a daemon that should send heartbeats has been silent long."""
        while not connection.lost.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(connection.lost.wait(), STALE_AFTER_S)
            if self._subscriptions and self.age_s > SILENT_FOR_S:
                return
