"""What can be asked of a node: one request struct a method, and `Api`, the methods themselves.

The daemon implements `Api`; the asynchronous client is one as well, so that a user interface cannot tell a node from
a recording. Requests are refused on unknown keys and over-long values. `node.control.methods` gives them wire names.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Protocol

import msgspec

from node.control.data_api import DataApi
from node.control.events import AnyEvent
from node.control.history_api import HistoryApi
from node.control.inspect_api import InspectApi
from node.control.journal_api import JournalApi
from node.control.limits import (
    ASK_MESSAGES_MAX,
    ASK_TOKENS_MAX,
    BAN_DEFAULT_S,
    BAN_MAX_S,
    INVITE_ADDRESSES_MAX,
    INVITE_DEFAULT_S,
    INVITE_MAX_S,
    INVITE_MIN_S,
    LOG_LINES_PER_PAGE_MAX,
    REASON_CHARS_MAX,
    TASKS_PER_PAGE_MAX,
    TRANSACTIONS_PER_ROLE_MAX,
)
from node.control.money_api import MoneyApi
from node.control.price_api import PriceApi
from node.control.record_api import RecordApi
from node.control.requests import (
    Amount,
    HexHash,
    Name,
    NetUidNumber,
    RawTransaction,
    Request,
    RoleNetUids,
    StreamRequest,
    Target,
)
from node.control.route_api import RouteApi
from node.control.schema import (
    Account,
    AskPart,
    AuthorityBoard,
    BanInfo,
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


class HelloRequest(Request[Hello], frozen=True, omit_defaults=True):
    """`scope` is of the connection: the server keeps it and hands the rest on."""

    client: Name
    version: Annotated[int, msgspec.Meta(ge=1)]
    scope: Scope = "operate"


class StatusRequest(Request[NodeStatus], frozen=True):
    pass


class DoctorRequest(Request[Checkup], frozen=True):
    pass


class PeersRequest(Request[tuple[PeerInfo, ...]], frozen=True):
    pass


class AuthoritiesRequest(Request[AuthorityBoard], frozen=True):
    pass


class ProposalsRequest(Request[tuple[ProposalView, ...]], frozen=True):
    pass


class PeerAddRequest(Request[PeerInfo], frozen=True):
    address: Target


class PeerBansRequest(Request[tuple[BanInfo, ...]], frozen=True):
    pass


class PeerBanRequest(Request[BanInfo], frozen=True):
    peer_id: Name
    duration_s: Annotated[float, msgspec.Meta(ge=1.0, le=BAN_MAX_S)] = BAN_DEFAULT_S
    reason: Annotated[str, msgspec.Meta(max_length=REASON_CHARS_MAX)] = ""


class PeerUnbanRequest(Request[BanInfo], frozen=True):
    peer_id: Name


class PeerPingRequest(Request[PeerPing], frozen=True):
    peer_id: Name


class SubnetsRequest(Request[tuple[SubnetInfo, ...]], frozen=True):
    pass


class MetagraphRequest(Request[Metagraph], frozen=True):
    netuid: NetUidNumber


class AccountRequest(Request[Account], frozen=True):
    address: Name


class TxContextRequest(Request[TransactionContext], frozen=True):
    pass


class TxSubmitRequest(Request[Submitted], frozen=True):
    raw: RawTransaction


class TxPreviewRequest(Request[TransactionPreview], frozen=True):
    """`call` is a canonical `node.ledger.calls.Call`."""

    sender: Name
    call: RawTransaction


class TxStatusRequest(Request[TransactionStatus], frozen=True):
    transaction_hash: HexHash


class QuoteStakeRequest(Request[Quote], frozen=True):
    netuid: NetUidNumber
    amount_rao: Amount


class QuoteUnstakeRequest(Request[Quote], frozen=True):
    netuid: NetUidNumber
    amount_alpha: Amount


class TasksRequest(Request[tuple[Task, ...]], frozen=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=TASKS_PER_PAGE_MAX)] = 50


class EarningsRequest(Request[Earnings], frozen=True):
    pass


class WhyRequest(Request[Why], frozen=True):
    netuid: NetUidNumber | None = None
    hotkey: Name | None = None


class LogsRequest(Request[LogPage], frozen=True):
    since: Annotated[int, msgspec.Meta(ge=0)] = 0
    level: LogLevel = "info"
    limit: Annotated[int, msgspec.Meta(ge=1, le=LOG_LINES_PER_PAGE_MAX)] = 200


class ModelsRequest(Request[tuple[ModelInfo, ...]], frozen=True):
    pass


class ModelPullRequest(Request[Job], frozen=True):
    name: Name


class ModelVerifyRequest(Request[Job], frozen=True):
    name: Name


class InviteRequest(Request[Invite], frozen=True):
    """`addresses` come first in the invite, before the node's own unless `only_these`."""

    valid_s: Annotated[int, msgspec.Meta(ge=INVITE_MIN_S, le=INVITE_MAX_S)] = INVITE_DEFAULT_S
    addresses: Annotated[tuple[Target, ...], msgspec.Meta(max_length=INVITE_ADDRESSES_MAX)] = ()
    only_these: bool = False


class JoinRequest(Request[Joined], frozen=True):
    target: Target


class RolePlanRequest(Request[RolePlan], frozen=True):
    """`netuids`: the subnets to work in; () for those of the last choice."""

    role: Role
    netuids: RoleNetUids = ()


class RoleApplyRequest(Request[Job], frozen=True):
    role: Role
    transactions: Annotated[tuple[RawTransaction, ...], msgspec.Meta(max_length=TRANSACTIONS_PER_ROLE_MAX)] = ()
    netuids: RoleNetUids = ()


class JobRequest(Request[Job], frozen=True):
    id: Name


class ShutdownRequest(Request[Shutdown], frozen=True):
    drain: bool = True


class AskRequest(StreamRequest[AskPart], frozen=True):
    """`temperature` and `max_tokens` None: the model's defaults."""

    messages: Annotated[tuple[ChatMessage, ...], msgspec.Meta(min_length=1, max_length=ASK_MESSAGES_MAX)]
    model: Name | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=ASK_TOKENS_MAX)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] | None = None


class SubscribeRequest(StreamRequest[AnyEvent], frozen=True):
    topics: Annotated[tuple[Topic, ...], msgspec.Meta(min_length=1, max_length=8)]
    level: LogLevel = "info"


class Api(HistoryApi, MoneyApi, JournalApi, PriceApi, RecordApi, RouteApi, InspectApi, DataApi, Protocol):
    """The node as seen from outside. Any method may raise a NodeError; over the socket it arrives as `RemoteError`.

    All methods are coroutines but `ask` and `subscribe`, which return asynchronous iterators: close them
    (`contextlib.aclosing`) or cancel the task that iterates, and the node stops the work behind them.
    """

    async def hello(self, client: str, version: int) -> Hello:
        """Introduce `client` (name and version text) that speaks API `version`; also answered while starting."""
        ...

    async def status(self) -> NodeStatus: ...

    async def doctor(self) -> Checkup:
        """Look for what is wrong; takes seconds."""
        ...

    async def peers(self) -> tuple[PeerInfo, ...]: ...

    async def authorities(self) -> AuthorityBoard:
        """Tell who decides, which set follows, and how far the way to proof of stake is."""
        ...

    async def proposals(self) -> tuple[ProposalView, ...]: ...

    async def peer_add(self, address: str) -> PeerInfo:
        """Connect to a peer's multiaddress, or to its id where others know it, and remember it when that works."""
        ...

    async def peer_bans(self) -> tuple[BanInfo, ...]:
        """Return the bans in force, the ones that end first in front."""
        ...

    async def peer_ban(self, peer_id: str, duration_s: float = BAN_DEFAULT_S, reason: str = "") -> BanInfo:
        """Drop a peer and keep it out, also after a restart."""
        ...

    async def peer_unban(self, peer_id: str) -> BanInfo:
        """Lift a ban and return it; refused when there is none."""
        ...

    async def peer_ping(self, peer_id: str) -> PeerPing:
        """Measure the round trip to a connected peer."""
        ...

    async def subnets(self) -> tuple[SubnetInfo, ...]: ...

    async def metagraph(self, netuid: int) -> Metagraph: ...

    async def account(self, address: str) -> Account:
        """Return balance, next nonce and stakes of the ss58 `address`; all zero for one never seen."""
        ...

    async def tx_context(self) -> TransactionContext: ...

    async def tx_submit(self, raw: bytes) -> Submitted:
        """Check a signed transaction and send it on its way; raises LedgerError or MempoolError with its code."""
        ...

    async def tx_preview(self, sender: str, call: bytes) -> TransactionPreview:
        """Tell what `call` of the ss58 account `sender` would do in the next block; nothing is sent or changed."""
        ...

    async def tx_status(self, transaction_hash: str) -> TransactionStatus: ...

    async def quote_stake(self, netuid: int, amount_rao: int) -> Quote: ...

    async def quote_unstake(self, netuid: int, amount_alpha: int) -> Quote: ...

    async def tasks(self, limit: int = 50) -> tuple[Task, ...]:
        """Return the latest tasks, newest first."""
        ...

    async def earnings(self) -> Earnings: ...

    async def why(self, netuid: int | None = None, hotkey: str | None = None) -> Why:
        """Ask the validators of a subnet why a miner is scored as it is; this node's own by default."""
        ...

    async def logs(self, since: int = 0, level: LogLevel = "info", limit: int = 200) -> LogPage:
        """Return up to `limit` lines of at least `level` from sequence number `since` on (0: the latest ones)."""
        ...

    async def models(self) -> tuple[ModelInfo, ...]: ...

    async def model_pull(self, name: str) -> Job: ...

    async def model_verify(self, name: str) -> Job: ...

    async def invite(
        self, valid_s: int = INVITE_DEFAULT_S, addresses: Sequence[str] = (), only_these: bool = False
    ) -> Invite:
        """Sign an invite to this network that is good for `valid_s`."""
        ...

    async def join(self, target: str) -> Joined:
        """Connect the running node to an invite or multiaddress of its own network; refused for another network."""
        ...

    async def role_plan(self, role: Role, netuids: Sequence[int] = ()) -> RolePlan: ...

    async def role_apply(self, role: Role, transactions: Sequence[bytes] = (), netuids: Sequence[int] = ()) -> Job:
        """Switch to `role`, sending the plan's transactions (signed, in order) first; roll back if one fails."""
        ...

    async def job(self, id: str) -> Job: ...

    async def shutdown(self, drain: bool = True) -> Shutdown: ...

    def ask(
        self,
        messages: Sequence[ChatMessage],
        model: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
    ) -> AsyncIterator[AskPart]:
        """Put a question to the network's miners; the parts' texts joined are the answer, the last has `done`."""
        ...

    def subscribe(self, topics: Sequence[Topic], level: LogLevel = "info") -> AsyncIterator[AnyEvent]:
        """Follow `topics`; `level` filters the log."""
        ...
