"""A node that is only data, and the machine around it: what every test and every picture of the UI runs against."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from textual.pilot import Pilot

from node.control.actions import Draft, Intent, Signed, prepare
from node.control.api import Api
from node.control.errors import ConnectionLost, NotRunning, RemoteError
from node.control.events import AnyEvent, JobEvent, LogEvent, StatusEvent, TasksEvent
from node.control.limits import INVITE_DEFAULT_S
from node.control.options import Progress, ProgressSink
from node.control.role_actions import RoleDraft, prepare_role
from node.control.schema import (
    Account,
    AskPart,
    BanInfo,
    ChatMessage,
    Checkup,
    Earnings,
    ErrorView,
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
from node.control.wallet_desk import WalletDesk
from node.primitives.errors import NodeError
from tests.unit.control.fake_history import FakeHistory
from tests.unit.control.fake_inspect import FakeInspect
from tests.unit.control.fake_journals import FakeJournals
from tests.unit.control.fake_money import FakeMoney
from tests.unit.control.fake_prices import FakePrices
from tests.unit.control.fake_routes import FakeRoutes
from tests.unit.tui import recorded
from tests.unit.tui.fake_desk import FakeDesk
from tests.unit.tui.fake_setup import FakeSetup
from tui.app import NeurondApp
from tui.port import PortError

T = TypeVar("T")


class FrozenClock:
    """Time that moves only when a test moves it."""

    def __init__(self) -> None:
        self.s = 1000.0

    def now_ms(self) -> int:
        return recorded.NOW_MS

    def monotonic_s(self) -> float:
        return self.s


class FakeApi(FakeHistory, FakeInspect, FakeJournals, FakeMoney, FakePrices, FakeRoutes):
    """Implements `Api` and `tui.port.Client`. Tests push events, hold answers back and break the connection."""

    def __init__(self) -> None:
        self.up = True
        self.silent = False
        self.asked: list[tuple[ChatMessage, ...]] = []
        self.applied: list[tuple[Role, tuple[bytes, ...]]] = []
        self.answer: list[AskPart] = recorded.answer_parts()
        self.answer_gate: asyncio.Event | None = None
        self.answer_gate_at = 0
        self.answer_error: Exception | None = None
        self.answers_cancelled = 0
        self.now_status = recorded.status()
        self.now_peers = recorded.peers()
        self.now_tasks = recorded.tasks()
        self.now_log = recorded.log_lines()
        self.now_metagraph = recorded.metagraph()
        self.now_earnings = recorded.earnings()
        self.now_models = recorded.models()
        self.now_proposals = recorded.proposals()
        self.now_checkup = Checkup(True, ())
        self.subnet_prices = [recorded.subnet().price_rao]
        self.plan_call: bytes | None = None
        self.plan_error: Exception | None = None
        self.jobs: dict[str, Job] = {}
        self.submitted: list[bytes] = []
        self.transaction_states = [
            TransactionStatus("ef" * 32, "in_block", 1206), TransactionStatus("ef" * 32, "final", 1206)
        ]  # fmt: skip
        self.quoted = 0
        self.preview_error: ErrorView | None = None
        self.log_levels: list[LogLevel] = []
        self._queues: list[tuple[Sequence[Topic], asyncio.Queue[AnyEvent | None]]] = []
        self._seq = 0

    # Client

    @property
    def connected(self) -> bool:
        return self.up

    @property
    def stale(self) -> bool:
        return self.silent

    async def connect(self) -> Hello:
        self._check()
        return recorded.hello()

    async def aclose(self) -> None:
        pass

    def push(self, topic: Topic, make: Callable[[int], AnyEvent]) -> None:
        """Send an event to everyone who follows its topic."""
        self._seq += 1
        for topics, queue in self._queues:
            if topic in topics:
                queue.put_nowait(make(self._seq))

    def push_status(self, status: NodeStatus) -> None:
        self.now_status = status
        self.push("status", lambda seq: StatusEvent(seq, status))

    def push_tasks(self, *tasks: Task) -> None:
        self.push("tasks", lambda seq: TasksEvent(seq, tasks))

    def push_job(self, job: Job) -> None:
        self.jobs[job.id] = job
        self.push("job", lambda seq: JobEvent(seq, (job,)))

    def die(self) -> None:
        """Lose the connection, as when the daemon is killed."""
        self.up = False
        for _, queue in self._queues:
            queue.put_nowait(None)

    def _check(self) -> None:
        if not self.up:
            raise NotRunning("No node answers.")

    # Api

    async def hello(self, client: str, version: int) -> Hello:
        return recorded.hello()

    async def status(self) -> NodeStatus:
        self._check()
        return self.now_status

    async def doctor(self) -> Checkup:
        self._check()
        return self.now_checkup

    async def peers(self) -> tuple[PeerInfo, ...]:
        self._check()
        return self.now_peers

    async def peer_add(self, address: str) -> PeerInfo:
        self._check()
        return self.now_peers[0]

    async def peer_bans(self) -> tuple[BanInfo, ...]:
        self._check()
        return ()

    async def peer_ban(self, peer_id: str, duration_s: float = 3600.0, reason: str = "") -> BanInfo:
        self._check()
        return BanInfo(peer_id, duration_s, reason)

    async def peer_unban(self, peer_id: str) -> BanInfo:
        self._check()
        return BanInfo(peer_id, 0.0)

    async def peer_ping(self, peer_id: str) -> PeerPing:
        self._check()
        return PeerPing(peer_id, 1.0)

    async def subnets(self) -> tuple[SubnetInfo, ...]:
        self._check()
        price = self.subnet_prices.pop(0) if len(self.subnet_prices) > 1 else self.subnet_prices[0]
        return (recorded.subnet(price), *recorded.other_subnets())

    async def proposals(self) -> tuple[ProposalView, ...]:
        self._check()
        return self.now_proposals

    async def metagraph(self, netuid: int) -> Metagraph:
        self._check()
        return self.now_metagraph

    async def account(self, address: str) -> Account:
        self._check()
        stakes = recorded.stakes()
        return Account(address, 1204, self.now_status.balance_rao, 7, stakes, sum(each.value_rao for each in stakes))

    async def tx_context(self) -> TransactionContext:
        self._check()
        return TransactionContext("devnet-7f3a", "ab" * 32, 1, 1204, 1152, "cd" * 32, 64, 125_000, 0, 1000)

    async def tx_submit(self, raw: bytes) -> Submitted:
        self._check()
        self.submitted.append(raw)
        return Submitted("ef" * 32)

    async def tx_preview(self, sender: str, call: bytes) -> TransactionPreview:
        return TransactionPreview(self.preview_error is None, ("Voted",), self.preview_error)

    async def tx_status(self, transaction_hash: str) -> TransactionStatus:
        self._check()
        return self.transaction_states.pop(0) if len(self.transaction_states) > 1 else self.transaction_states[0]

    async def quote_stake(self, netuid: int, amount_rao: int) -> Quote:
        self._check()
        self.quoted += 1
        return recorded.quote("stake", netuid, amount_rao)

    async def quote_unstake(self, netuid: int, amount_alpha: int) -> Quote:
        self._check()
        self.quoted += 1
        return recorded.quote("unstake", netuid, amount_alpha)

    async def tasks(self, limit: int = 50) -> tuple[Task, ...]:
        return self.now_tasks

    async def earnings(self) -> Earnings:
        self._check()
        return self.now_earnings

    async def why(self, netuid: int | None = None, hotkey: str | None = None) -> Why:
        raise RemoteError(ErrorView("not_here", "No validators here."))

    async def logs(self, since: int = 0, level: LogLevel = "info", limit: int = 200) -> LogPage:
        return LogPage(self.now_log, len(self.now_log) + 1)

    async def models(self) -> tuple[ModelInfo, ...]:
        self._check()
        return self.now_models

    async def model_pull(self, name: str) -> Job:
        return recorded.role_job("running", 0)

    async def model_verify(self, name: str) -> Job:
        return recorded.role_job("running", 0)

    async def invite(
        self, valid_s: int = INVITE_DEFAULT_S, addresses: Sequence[str] = (), only_these: bool = False
    ) -> Invite:
        self._check()
        address = f"/ip4/192.0.2.7/tcp/4001/p2p/{recorded.PEERS[0]}"
        return Invite("nd1" + "7q" * 160, "devnet-7f3a", "ab" * 32, (address,), recorded.NOW_MS + 1000 * valid_s)

    async def join(self, target: str) -> Joined:
        return Joined(recorded.PEERS[0], "devnet-7f3a", "ab" * 32)

    async def role_plan(self, role: Role, netuids: Sequence[int] = ()) -> RolePlan:
        self._check()
        if self.plan_error is not None:
            raise self.plan_error
        return recorded.role_plan(role, self.plan_call)

    async def role_apply(self, role: Role, transactions: Sequence[bytes] = (), netuids: Sequence[int] = ()) -> Job:
        self._check()
        self.applied.append((role, tuple(transactions)))
        job = recorded.role_job("running", 1, role)
        self.jobs[job.id] = job
        return job

    async def job(self, id: str) -> Job:
        self._check()
        return self.jobs[id]

    async def shutdown(self, drain: bool = True) -> Shutdown:
        return Shutdown(1.0)

    async def ask(
        self,
        messages: Sequence[ChatMessage],
        model: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
    ) -> AsyncIterator[AskPart]:
        self._check()
        self.asked.append(tuple(messages))
        try:
            for index, part in enumerate(self.answer):
                if self.answer_gate is not None and index == self.answer_gate_at:
                    await self.answer_gate.wait()
                if not self.up:
                    raise ConnectionLost("The daemon closed the connection.")
                if self.answer_error is not None and index == self.answer_gate_at:
                    raise self.answer_error
                yield part
        except (asyncio.CancelledError, GeneratorExit):
            self.answers_cancelled += 1
            raise

    async def subscribe(self, topics: Sequence[Topic], level: LogLevel = "info") -> AsyncIterator[AnyEvent]:
        if "log" in topics:
            self.log_levels.append(level)
        while True:
            while not self.up:
                await asyncio.sleep(0.01)
            queue: asyncio.Queue[AnyEvent | None] = asyncio.Queue()
            entry = (topics, queue)
            self._queues.append(entry)
            try:
                for event in self._snapshot(topics, level):
                    yield event
                while (item := await queue.get()) is not None:
                    yield item
            finally:
                self._queues.remove(entry)

    def _snapshot(self, topics: Sequence[Topic], level: LogLevel) -> list[AnyEvent]:
        events: list[AnyEvent] = []
        if "status" in topics:
            events.append(StatusEvent(1, self.now_status))
        if "tasks" in topics:
            events.append(TasksEvent(2, self.now_tasks, snapshot=True))
        if "job" in topics:
            events.append(JobEvent(3, tuple(self.jobs.values()), snapshot=True))
        if "log" in topics:
            lines = tuple(line for line in self.now_log if level == "debug" or line.level != "debug")
            events.append(LogEvent(4, lines, snapshot=True))
        return events


@dataclass
class FakePort:
    """Implements `tui.port.Port`. `running`: whether a node answers at first."""

    api: FakeApi = field(default_factory=FakeApi)
    running: bool = True
    known: str | None = None
    failure: PortError | None = None
    sealed: bool = False
    password: str = "correct horse"
    started: list[str] = field(default_factory=list)
    stopped: list[Path] = field(default_factory=list)
    signed: list[RoleDraft] = field(default_factory=list)
    moves: list[Draft] = field(default_factory=list)
    setup: FakeSetup = field(default_factory=FakeSetup)
    desk: FakeDesk = field(default_factory=FakeDesk)
    steps: tuple[Progress, ...] = (
        Progress("genesis", "made a genesis with two authorities"),
        Progress("model", "fetching the model", 120, 271, "MB", 42.0),
    )

    @property
    def home(self) -> Path:
        return Path("/srv/neurond")

    def environment(self) -> Mapping[str, str]:
        return {}

    def client(self, home: Path) -> FakeApi:
        return self.api

    def find(self) -> Path | None:
        if self.failure is not None and self.running:
            raise self.failure
        return Path("/srv/devnet/node-1") if self.running else None

    def network(self) -> str | None:
        return self.known

    def start(self, home: Path | None, progress: ProgressSink) -> Path:
        return self._begin("again", progress)

    def start_devnet(self, progress: ProgressSink) -> Path:
        return self._begin("devnet", progress)

    def join(self, target: str, progress: ProgressSink) -> Path:
        return self._begin(f"join {target}", progress)

    def _begin(self, what: str, progress: ProgressSink) -> Path:
        self.started.append(what)
        for step in self.steps:
            progress(step)
        if self.failure is not None:
            raise self.failure
        self.api.up = True
        return Path("/srv/devnet/node-1")

    def stop(self, home: Path, progress: ProgressSink) -> None:
        self.stopped.append(home)

    async def prepare_role(self, api: Api, role: Role, coldkey: str | None) -> RoleDraft:
        try:
            return await prepare_role(api, role, coldkey)
        except RemoteError as error:
            raise PortError(error.view.message, error.view.hint, error.view.code) from error

    def needs_password(self, home: Path, coldkey: str) -> bool:
        return self.sealed and coldkey not in self.desk.holding

    def at_desk(self, home: Path, work: Callable[[WalletDesk], T]) -> T:
        self.desk.sealed, self.desk.password = self.sealed, self.password
        try:
            return work(self.desk)
        except NodeError as error:
            raise PortError(error.message, error.hint, error.code) from error

    def sign_role(self, home: Path, coldkey: str | None, password: str | None, draft: RoleDraft) -> tuple[bytes, ...]:
        if self.sealed and draft.needs_coldkey and coldkey not in self.desk.holding and password != self.password:
            raise PortError("The password is wrong.", "Try again.", "wrong_password")
        self.signed.append(draft)
        return tuple(b"signed" for _ in draft.drafts)

    async def prepare(self, api: Api, intent: Intent, coldkey: str) -> Draft:
        try:
            return await prepare(api, intent, coldkey)
        except (RemoteError, NodeError) as error:
            raise PortError(str(error)) from error

    def sign(self, home: Path, coldkey: str, password: str | None, draft: Draft) -> Signed:
        if self.sealed and coldkey not in self.desk.holding and password != self.password:
            raise PortError("The password is wrong.", "Try again.", "wrong_password")
        self.moves.append(draft)
        return Signed(b"signed", "ef" * 32)


Scenario = Callable[[Pilot[object], NeurondApp], Awaitable[None]]


def drive(scenario: Scenario, port: FakePort | None = None, size: tuple[int, int] = (140, 40), theme: str = "") -> None:
    """Run the app without a terminal and let `scenario` use it."""

    async def main() -> None:
        app = NeurondApp(port or FakePort(), FrozenClock(), theme=theme or None, utc_offset_s=0)
        async with app.run_test(size=size) as pilot:
            await scenario(pilot, app)

    asyncio.run(main())


async def until(pilot: Pilot[object], app: NeurondApp, condition: Callable[[], bool], turns: int = 400) -> None:
    """Let the app work until `condition` holds; every turn paints once, whatever the clock says."""
    for _ in range(turns):
        if condition():
            app.tick()
            await pilot.pause()
            return
        await asyncio.sleep(0)
        app.tick()
        await pilot.pause(0.01)
    raise TimeoutError("the screen never got there")
