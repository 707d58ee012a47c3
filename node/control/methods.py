"""The table of methods: what each request is called on the wire, and what answers it."""

from typing import Any, Final, get_args

import msgspec

from node.control.api import (
    AccountRequest,
    AskRequest,
    AuthoritiesRequest,
    DoctorRequest,
    EarningsRequest,
    HelloRequest,
    InviteRequest,
    JobRequest,
    JoinRequest,
    LogsRequest,
    MetagraphRequest,
    ModelPullRequest,
    ModelsRequest,
    ModelVerifyRequest,
    PeerAddRequest,
    PeerBanRequest,
    PeerBansRequest,
    PeerPingRequest,
    PeersRequest,
    PeerUnbanRequest,
    ProposalsRequest,
    QuoteStakeRequest,
    QuoteUnstakeRequest,
    RoleApplyRequest,
    RolePlanRequest,
    ShutdownRequest,
    StatusRequest,
    SubnetsRequest,
    SubscribeRequest,
    TasksRequest,
    TxContextRequest,
    TxPreviewRequest,
    TxStatusRequest,
    TxSubmitRequest,
    WhyRequest,
)
from node.control.data_api import (
    DataDropRequest,
    DataExportRequest,
    DataRepairRequest,
    DataRequest,
    DataVerifyRequest,
)
from node.control.history_api import HistoryRequest
from node.control.inspect_api import (
    LogFileRequest,
    NetworkRequest,
    PeerDetailRequest,
    PeerDropRequest,
    SeatRequest,
    TaskDetailRequest,
)
from node.control.journal_api import (
    JournalEntriesRequest,
    JournalForksRequest,
    JournalsRequest,
    OffersRequest,
    OffersSetRequest,
)
from node.control.money_api import BudgetRequest, BudgetSetRequest, ChannelsRedeemRequest, ChannelsRequest
from node.control.price_api import MarketsRequest, PricesRequest, QuoteExchangeRequest
from node.control.record_api import AuditRequest, ReceiptRequest, ReceiptsRequest, UsageRequest
from node.control.requests import StreamRequest
from node.control.route_api import RouteRequest


class Method(msgspec.Struct, frozen=True):
    """One row of the method table: the request struct, the type of its answer (or of each part of it)."""

    name: str
    request: type[msgspec.Struct]
    result: Any  # a type expression; what msgspec decodes to
    streams: bool


def _method(name: str, request: type[msgspec.Struct]) -> Method:
    base = request.__orig_bases__[0]  # type: ignore[attr-defined]  # typing puts it there for generic bases
    return Method(name, request, get_args(base)[0], issubclass(request, StreamRequest))


METHODS: Final[dict[str, Method]] = {
    name: _method(name, request)
    for name, request in (
        ("hello", HelloRequest),
        ("status", StatusRequest),
        ("doctor", DoctorRequest),
        ("peers", PeersRequest),
        ("authorities", AuthoritiesRequest),
        ("proposals", ProposalsRequest),
        ("peer_add", PeerAddRequest),
        ("peer_bans", PeerBansRequest),
        ("peer_ban", PeerBanRequest),
        ("peer_unban", PeerUnbanRequest),
        ("peer_ping", PeerPingRequest),
        ("subnets", SubnetsRequest),
        ("metagraph", MetagraphRequest),
        ("account", AccountRequest),
        ("tx_context", TxContextRequest),
        ("tx_submit", TxSubmitRequest),
        ("tx_preview", TxPreviewRequest),
        ("tx_status", TxStatusRequest),
        ("quote_stake", QuoteStakeRequest),
        ("quote_unstake", QuoteUnstakeRequest),
        ("tasks", TasksRequest),
        ("earnings", EarningsRequest),
        ("why", WhyRequest),
        ("logs", LogsRequest),
        ("models", ModelsRequest),
        ("model_pull", ModelPullRequest),
        ("model_verify", ModelVerifyRequest),
        ("invite", InviteRequest),
        ("join", JoinRequest),
        ("role_plan", RolePlanRequest),
        ("role_apply", RoleApplyRequest),
        ("job", JobRequest),
        ("shutdown", ShutdownRequest),
        ("channels", ChannelsRequest),
        ("channels_redeem", ChannelsRedeemRequest),
        ("budget", BudgetRequest),
        ("budget_set", BudgetSetRequest),
        ("journals", JournalsRequest),
        ("journal_entries", JournalEntriesRequest),
        ("journal_forks", JournalForksRequest),
        ("offers", OffersRequest),
        ("offers_set", OffersSetRequest),
        ("receipts", ReceiptsRequest),
        ("receipt", ReceiptRequest),
        ("usage", UsageRequest),
        ("audit", AuditRequest),
        ("route", RouteRequest),
        ("prices", PricesRequest),
        ("markets", MarketsRequest),
        ("quote_exchange", QuoteExchangeRequest),
        ("history", HistoryRequest),
        ("network", NetworkRequest),
        ("peer_detail", PeerDetailRequest),
        ("peer_drop", PeerDropRequest),
        ("seat", SeatRequest),
        ("task_detail", TaskDetailRequest),
        ("log_file", LogFileRequest),
        ("data", DataRequest),
        ("data_verify", DataVerifyRequest),
        ("data_repair", DataRepairRequest),
        ("data_export", DataExportRequest),
        ("data_drop", DataDropRequest),
        ("ask", AskRequest),
        ("subscribe", SubscribeRequest),
    )
}
"""Every method of the API by its wire name."""

METHOD_OF: Final[dict[type[msgspec.Struct], Method]] = {method.request: method for method in METHODS.values()}
"""The same rows by request type."""
