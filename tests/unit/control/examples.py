"""One example request for every method and one of every event; the golden file holds their exact bytes."""

import msgspec

from node.control import api, journal_api, money_api, price_api, record_api, route_api
from node.control.events import AnyEvent, GapEvent, Heartbeat, JobEvent, LogEvent, StatusEvent, TasksEvent
from node.control.schema import ChatMessage
from tests.unit.control import fake

REQUESTS: tuple[msgspec.Struct, ...] = (
    api.HelloRequest("test 1", 1),
    api.StatusRequest(),
    api.DoctorRequest(),
    api.PeersRequest(),
    api.PeerAddRequest(fake.ADDRESS),
    api.PeerBansRequest(),
    api.AuthoritiesRequest(),
    api.ProposalsRequest(),
    api.PeerBanRequest(fake.PEER, 60.0, "sends junk"),
    api.PeerUnbanRequest(fake.PEER),
    api.PeerPingRequest(fake.PEER),
    api.SubnetsRequest(),
    api.MetagraphRequest(1),
    api.AccountRequest(fake.ALICE),
    api.TxContextRequest(),
    api.TxSubmitRequest(b"\x00\xff\x10"),
    api.TxPreviewRequest(fake.ALICE, b"\x91\x01"),
    api.TxStatusRequest(fake.HASH),
    api.QuoteStakeRequest(1, 10 * fake.TAO),
    api.QuoteUnstakeRequest(1, 4 * fake.TAO),
    api.TasksRequest(5),
    api.EarningsRequest(),
    api.WhyRequest(1, fake.ALICE),
    api.LogsRequest(2, "warning", 10),
    api.ModelsRequest(),
    api.ModelPullRequest("smollm2-135m-instruct"),
    api.ModelVerifyRequest("smollm2-135m-instruct"),
    api.InviteRequest(86_400, (fake.ADDRESS,), True),
    api.JoinRequest(fake.ADDRESS),
    api.RolePlanRequest("validator"),
    api.RoleApplyRequest("miner", (b"\x01", b"\x02")),
    api.JobRequest("j1"),
    api.ShutdownRequest(False),
    money_api.ChannelsRequest(),
    money_api.ChannelsRedeemRequest("0d" * 32),
    money_api.BudgetRequest(),
    money_api.BudgetSetRequest(10_000_000, None, 0),
    journal_api.JournalsRequest(1),
    journal_api.JournalEntriesRequest(fake.ALICE, 1, "offer", 5),
    journal_api.JournalForksRequest(),
    journal_api.OffersRequest(),
    journal_api.OffersSetRequest(1, (journal_api.PriceWish("prompt_tokens", 5_000_000),), 4),
    record_api.ReceiptsRequest(10, 20, "user"),
    record_api.ReceiptRequest("0e" * 32),
    record_api.UsageRequest("model", True),
    record_api.AuditRequest(1, 120, fake.ALICE, 5),
    price_api.PricesRequest(1, "4h", 3, 1_767_950_000_000),
    price_api.MarketsRequest(),
    price_api.QuoteExchangeRequest(1, 2, 4 * fake.TAO, 10_000),
    route_api.RouteRequest("GET", "/v1/chutes", (("sort", "price"),), ""),
    api.AskRequest((ChatMessage("user", "What is the capital of France?"),), None, 32, 0.5),
    api.SubscribeRequest(("status", "log"), "debug"),
)

EVENTS: tuple[AnyEvent, ...] = (
    StatusEvent(1, fake.STATUS),
    LogEvent(2, fake.LINES, snapshot=True),
    TasksEvent(3, (fake.TASK,)),
    JobEvent(4, (fake.JOB,)),
    GapEvent(5, "log", 12),
    Heartbeat(6, 1_700_000_000_000),
)
