"""A node that only talks: an `Api` with one example of every view, and a thread that serves it on a real socket."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import trio

from node.control.events import AnyEvent
from node.control.hub import Hub
from node.control.limits import INVITE_DEFAULT_S
from node.control.schema import (
    API_VERSION,
    Account,
    AddressReach,
    AskDone,
    AskPart,
    AuthorityBoard,
    AuthorityView,
    BanInfo,
    ChatMessage,
    Check,
    Checkup,
    Earnings,
    EpochEarning,
    EpochProgress,
    GuardView,
    Hello,
    Invite,
    Job,
    Joined,
    LogLevel,
    LogLine,
    LogPage,
    Metagraph,
    ModelInfo,
    Neuron,
    NextAuthorities,
    NodeStatus,
    Parameter,
    PeerInfo,
    PeerPing,
    PlannedTransaction,
    PosPlan,
    ProposalView,
    Quote,
    Reachability,
    Requirement,
    Role,
    RolePlan,
    Shutdown,
    Stake,
    StoreStatus,
    Submitted,
    SubnetInfo,
    SyncProgress,
    Task,
    Topic,
    TransactionContext,
    TransactionPreview,
    TransactionStatus,
    ValidatorReason,
    VerdictInfo,
    Why,
)
from node.control.server import ControlServer
from node.primitives.address import to_ss58
from tests.unit.control.fake_history import FakeHistory
from tests.unit.control.fake_inspect import FakeInspect
from tests.unit.control.fake_journals import FakeJournals
from tests.unit.control.fake_money import FakeMoney
from tests.unit.control.fake_prices import FakePrices
from tests.unit.control.fake_records import FakeRecords
from tests.unit.control.fake_routes import FakeRoutes

TAO = 10**9
ALICE = to_ss58(bytes([1]) * 32)
BOB = to_ss58(bytes([2]) * 32)
GENESIS = "ab" * 32
HEAD = "cd" * 32
FINAL = "ef" * 32
ROOT = "12" * 32
HASH = "34" * 32
PEER = "12D3KooWExamplePeer"
ADDRESS = f"/ip4/127.0.0.1/tcp/4001/p2p/{PEER}"

STATUS = NodeStatus(
    peer_id=PEER, addresses=(ADDRESS,), network="devnet", genesis_hash=GENESIS, role="miner", authority=False,
    state="running", phase="", height=120, head_hash=HEAD, finalized_height=118, finalized_hash=FINAL,
    state_root=ROOT, slot=130, slot_ms=1000, peers=3,
    sync=SyncProgress(syncing=False, height=120, target_height=120),
    epoch=EpochProgress(netuid=1, tempo_blocks=20, blocks_done=5, blocks_left=15),
    hotkey=BOB, coldkey=ALICE, netuid=1, uid=7, stake_rao=5 * TAO, balance_rao=100 * TAO,
    gateway_url="http://127.0.0.1:8080/v1", version="0.1.0", home="/h", pid=4121, uptime_s=61.5, loop_lag_ms=0.7,
    reachability=Reachability("direct", "", (AddressReach("/ip4/127.0.0.1/tcp/4001", 2, 3, "timed out"),), 4.5),
    store=StoreStatus("full", 420_000_000, 2_000_000_000, 0, 90, 72, ""),
)  # fmt: skip
PEERS = (PeerInfo(PEER, (ADDRESS,), "out", "neurond/0.1.0", 0.0, 12.5, latency_ms=8.25, height=120, hotkey=BOB),)
CHECKUP = Checkup(
    False,
    (
        Check("clock", "ok", "3 ms ahead of 2 peers (a slot has 1000 ms)"),
        Check("peers", "bad", "none: this node is alone", "Add one: `neurond peers add MULTIADDR`."),
    ),
)
AUTHORITIES = AuthorityBoard(
    120, 3, "joint", 4, 7, (AuthorityView(BOB, 1, 5_000_000_000), AuthorityView(ALICE, 1, 0, leads=False)),
    NextAuthorities(4, (AuthorityView(BOB, 0, 5_000_000_000),), 118, 5),
    PosPlan(3, 9, (GuardView("validators", 16, 4, at_most=False, holds=False),)),
)  # fmt: skip
PROPOSAL = ProposalView(3, "ab" * 32, ALICE, "abort_pos", {}, 2, 900, (BOB,), (), closable=False)
BAN = BanInfo(PEER, 3590.0, "sends junk")
SUBNETS = (
    SubnetInfo(
        netuid=1, name="Nineteen", owner=ALICE, started=True, price_rao=TAO // 4, pool_rao=1000 * TAO,
        pool_alpha=4000 * TAO, outstanding_alpha=500 * TAO, emission_rao_per_block=TAO // 2, tempo_blocks=20,
        blocks_to_epoch=15, neurons=5, neurons_max=256, burn_rao=TAO // 2,
        parameters=(Parameter("immunity_period", "100", "blocks"),),
    ),
)  # fmt: skip
METAGRAPH = Metagraph(
    1, 120,
    (
        Neuron(0, ALICE, BOB, PEER, (ADDRESS,), True, True, 1000 * TAO, 900 * TAO, 0, 65535, 0, 65000, 4 * TAO, 118, 1),
        Neuron(7, BOB, ALICE, PEER, (ADDRESS,), True, False, 0, 0, 32768, 0, 32768, 0, 2 * TAO, 0, 3),
    ),
)  # fmt: skip
QUOTE = Quote(1, "stake", 120, 10 * TAO, 39_600_000_000, 5_000_000, TAO // 4, 255_000_000, 9_900)
UNQUOTE = Quote(1, "unstake", 120, 980_000_000, 4 * TAO, 500_000, TAO // 4, 249_000_000, 20_000)
TASK = Task("t1", 1, "chat", "done", 1_700_000_000_000, BOB, ALICE, 410.0, 32, 0.93, "", "Paris is")
EARNINGS = Earnings(BOB, 6 * TAO, 3 * TAO // 2, (EpochEarning(1, 100, 6 * TAO, 0, 3 * TAO // 2),), 1, 3, 32768)
WHY = Why(
    1, BOB, 2, 120, 32_768, 1, 3, None,
    (
        ValidatorReason(
            ALICE, 1, 100 * TAO, 0.5, "", 0.9, 12.0, 119, 0.5, 1, 2, None,
            (VerdictInfo(1_700_000_000_000, "challenge", "OK", "right and in time", 1.0, "12 tokens", 40),),
        ),
    ),
    {"TIMEOUT": 2}, ("Answers come late.",),
)  # fmt: skip
LINES = tuple(LogLine(n, 1_700_000_000_000 + n, "info", "chain", f"imported block {n}") for n in range(1, 4))
MODELS = (ModelInfo("smollm2-135m-instruct", "text", "Apache-2.0", 98_362_432, 392_167_424, "ready", "ab" * 32),)
INVITE = Invite("nd1abc", "devnet", GENESIS, (ADDRESS,), 1_700_000_000_000, ALICE)
CONTEXT = TransactionContext("devnet", GENESIS, 1, 120, 118, FINAL, 64, 1000, 10, 1000)
JOB = Job("j1", "role", "Switch to validator", "done", 3, 3, "steps", None, "The node is a validator.")
PLAN = RolePlan(
    "miner", "validator", False,
    (
        Requirement("wallet", True, "default", "a wallet"),
        Requirement("stake", False, "5 τ", "1 000 τ", "neurond stake add 995 --netuid 1"),
    ),
    (PlannedTransaction("Register on subnet 1", b"\x01\x02", "coldkey", 1500, TAO // 2),),
    ("miner",), ("validator",), 90.0,
)  # fmt: skip
ANSWER = ("The capital ", "of France ", "is Paris.")
DONE = AskDone("stop", "smollm2-135m-instruct", BOB, 12, 8, 210.5, 950.0, "t1")


class FakeApi(FakeHistory, FakeInspect, FakeJournals, FakeMoney, FakePrices, FakeRecords, FakeRoutes):
    """Every method answers its example; `trouble` maps method names to what they raise instead."""

    def __init__(self) -> None:
        self.trouble: dict[str, Exception] = {}
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self.submitted: list[bytes] = []
        self.preview = TransactionPreview(True, ("StakeAdded",))
        self.statuses: list[TransactionStatus] = []
        self.nonce = 4
        self.balance_rao = 100 * TAO
        self.context = CONTEXT
        self.role_plans: dict[str, RolePlan] = {}
        self.stopping = False
        self.asks_ended = 0
        self.parts: tuple[str, ...] = ANSWER
        self.endless = False
        self.lines = LINES
        self.now_peers = PEERS
        self.hub = Hub(self._page, lambda: 1_700_000_000_000)

    def _page(self, since: int, level: LogLevel, limit: int) -> LogPage:
        lines = tuple(line for line in self.lines if line.seq >= since)[-limit:]
        return LogPage(lines, self.lines[-1].seq + 1 if self.lines else 1)

    def _note(self, name: str, *arguments: object) -> None:
        self.calls.append((name, arguments))
        if name in self.trouble:
            raise self.trouble[name]

    async def hello(self, client: str, version: int) -> Hello:
        self._note("hello", client, version)
        state = "stopping" if self.stopping else "running"
        return Hello("0.1.0", API_VERSION, API_VERSION, 4121, "/h", state, "", PEER, "devnet", GENESIS)

    async def status(self) -> NodeStatus:
        self._note("status")
        return STATUS

    async def doctor(self) -> Checkup:
        self._note("doctor")
        return CHECKUP

    async def peers(self) -> tuple[PeerInfo, ...]:
        self._note("peers")
        return self.now_peers

    async def authorities(self) -> AuthorityBoard:
        self._note("authorities")
        return AUTHORITIES

    async def proposals(self) -> tuple[ProposalView, ...]:
        self._note("proposals")
        return (PROPOSAL,)

    async def peer_add(self, address: str) -> PeerInfo:
        self._note("peer_add", address)
        return self.now_peers[0]

    async def peer_bans(self) -> tuple[BanInfo, ...]:
        self._note("peer_bans")
        return (BAN,)

    async def peer_ban(self, peer_id: str, duration_s: float = 3600.0, reason: str = "") -> BanInfo:
        self._note("peer_ban", peer_id, duration_s, reason)
        return BanInfo(peer_id, duration_s, reason)

    async def peer_unban(self, peer_id: str) -> BanInfo:
        self._note("peer_unban", peer_id)
        return BAN

    async def peer_ping(self, peer_id: str) -> PeerPing:
        self._note("peer_ping", peer_id)
        return PeerPing(peer_id, 8.25)

    async def subnets(self) -> tuple[SubnetInfo, ...]:
        self._note("subnets")
        return SUBNETS

    async def metagraph(self, netuid: int) -> Metagraph:
        self._note("metagraph", netuid)
        return METAGRAPH

    async def account(self, address: str) -> Account:
        self._note("account", address)
        stakes = (Stake(1, BOB, 20 * TAO, TAO // 4, 5 * TAO),)
        return Account(address, 120, self.balance_rao, self.nonce, stakes, 5 * TAO)

    async def tx_context(self) -> TransactionContext:
        self._note("tx_context")
        return self.context

    async def tx_submit(self, raw: bytes) -> Submitted:
        self._note("tx_submit", raw)
        self.submitted.append(raw)
        return Submitted(HASH)

    async def tx_preview(self, sender: str, call: bytes) -> TransactionPreview:
        self._note("tx_preview", sender, call)
        return self.preview

    async def tx_status(self, transaction_hash: str) -> TransactionStatus:
        self._note("tx_status", transaction_hash)
        if self.statuses:
            return self.statuses.pop(0)
        return TransactionStatus(transaction_hash, "final", 121, HEAD, 1500)

    async def quote_stake(self, netuid: int, amount_rao: int) -> Quote:
        self._note("quote_stake", netuid, amount_rao)
        return QUOTE

    async def quote_unstake(self, netuid: int, amount_alpha: int) -> Quote:
        self._note("quote_unstake", netuid, amount_alpha)
        return UNQUOTE

    async def tasks(self, limit: int = 50) -> tuple[Task, ...]:
        self._note("tasks", limit)
        return (TASK,)

    async def earnings(self) -> Earnings:
        self._note("earnings")
        return EARNINGS

    async def why(self, netuid: int | None = None, hotkey: str | None = None) -> Why:
        self._note("why", netuid, hotkey)
        return WHY

    async def logs(self, since: int = 0, level: LogLevel = "info", limit: int = 200) -> LogPage:
        self._note("logs", since, level, limit)
        return self._page(since, level, limit)

    async def models(self) -> tuple[ModelInfo, ...]:
        self._note("models")
        return MODELS

    async def model_pull(self, name: str) -> Job:
        self._note("model_pull", name)
        return JOB

    async def model_verify(self, name: str) -> Job:
        self._note("model_verify", name)
        return JOB

    async def invite(
        self, valid_s: int = INVITE_DEFAULT_S, addresses: Sequence[str] = (), only_these: bool = False
    ) -> Invite:
        self._note("invite", valid_s, tuple(addresses), only_these)
        return INVITE

    async def join(self, target: str) -> Joined:
        self._note("join", target)
        return Joined(PEER, "devnet", GENESIS)

    async def role_plan(self, role: Role, netuids: Sequence[int] = ()) -> RolePlan:
        self._note("role_plan", role)
        return self.role_plans.get(role, PLAN)

    async def role_apply(self, role: Role, transactions: Sequence[bytes] = (), netuids: Sequence[int] = ()) -> Job:
        self._note("role_apply", role, tuple(transactions))
        return JOB

    async def job(self, id: str) -> Job:
        self._note("job", id)
        return JOB

    async def shutdown(self, drain: bool = True) -> Shutdown:
        self._note("shutdown", drain)
        self.stopping = True
        return Shutdown(90.0)

    async def ask(
        self,
        messages: Sequence[ChatMessage],
        model: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
    ) -> AsyncIterator[AskPart]:
        self._note("ask", tuple(messages), model, max_tokens, temperature)
        try:
            for text in self.parts:
                yield AskPart(text)
            while self.endless:
                yield AskPart("and on ")
                await trio.lowlevel.checkpoint()
            yield AskPart("", DONE)
        finally:
            self.asks_ended += 1

    def subscribe(self, topics: Sequence[Topic], level: LogLevel = "info") -> AsyncIterator[AnyEvent]:
        self._note("subscribe", tuple(topics), level)
        return self.hub.subscribe(topics, level)


class Served:
    """A fake node at work: `do` runs a function in its thread."""

    def __init__(self, api: FakeApi, server: ControlServer, token: trio.lowlevel.TrioToken) -> None:
        self.api = api
        self.server = server
        self.defects: list[Exception] = []
        self._token = token

    def do(self, function: Callable[[], object]) -> None:
        trio.from_thread.run_sync(function, trio_token=self._token)


@contextmanager
def served(home: Path, api: FakeApi | None = None) -> Iterator[Served]:
    """Serve a fake node for `home` from a thread of its own until the block ends."""
    fake = api or FakeApi()
    ready = threading.Event()
    found: list[tuple[Served, trio.CancelScope]] = []
    failed: list[BaseException] = []

    async def main() -> None:
        defects: list[Exception] = []
        server = ControlServer(fake, defects.append)
        async with trio.open_nursery() as nursery:
            await nursery.start(server.run, home)
            node = Served(fake, server, trio.lowlevel.current_trio_token())
            node.defects = defects
            found.append((node, nursery.cancel_scope))
            ready.set()

    def run() -> None:
        try:
            trio.run(main)
        except BaseException as error:
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(20)
    try:
        if failed:
            raise failed[0]
        yield found[0][0]
    finally:
        if found:
            node, scope = found[0]
            node.do(scope.cancel)
        thread.join(20)
