"""The closer looks of a recorded API, and its data: peer, seat, task, network, old log lines, stored items."""

from node.control.schema import AddressReach, BanInfo, Job, LogLevel, LogLine, Reachability
from node.control.views.data import DataBoard, DataItem, Fact
from node.control.views.inspect import (
    LogFilePage,
    NetworkBoard,
    OpenStreams,
    PeerDetail,
    PeerDropped,
    ScoreMark,
    SeatDetail,
    SeatEpoch,
    SeatWeight,
    TaskDetail,
    TaskVerdict,
)
from node.primitives.address import to_ss58
from node.primitives.types import AccountId
from tests.unit.control.fake_records import RECEIPT

GINA, HANS = (to_ss58(AccountId(bytes([number]) * 32)) for number in (16, 17))
CHECKED_MS = 1_763_990_000_000
NETWORK = NetworkBoard(
    reachability=Reachability(
        "direct", "", (AddressReach("/ip4/192.0.2.7/tcp/4001", 2, 2), AddressReach("/ip6/2001:db8::7/tcp/4001", 0, 2,
                                                                                   "timed out")), 42.0,
    ),
    lan_interfaces=("192.168.1.20",), lan_found=1, lan_problem="", table_peers=12, looked_up_s_ago=31.0,
    find_problem="", bans=(BanInfo("12D3KooWBadBadBadBadBadBadBadBadBadBadBadBadBadBadBd", 540.0, "sends junk"),),
    counters={"gossip.in": 4_120, "dials.failed": 3},
)  # fmt: skip
MARKS = (ScoreMark(12.0, 10.0, "sent a block that is none"), ScoreMark(95.5, 2.5, "asks too often"))
STREAMS = (OpenStreams("/meshsub/1.2.0", 2), OpenStreams("/neurond/sync/2", 1))
SEAT = SeatDetail(
    netuid=1, uid=2, hotkey=GINA, height=1204,
    weights_in=(SeatWeight(0, HANS, 0.52, 412_500 * 10**9), SeatWeight(1, GINA, 0.31, 380_000 * 10**9)),
    weights_out=(), history=tuple(SeatEpoch(964 + 20 * n, 10**9 * (n + 1), 0) for n in range(12)), history_from=700,
)  # fmt: skip
DATA = DataBoard(
    home="/srv/devnet/node-1", used_bytes=412_000_000, models_bytes=158_000_000, disk_free_bytes=86 * 10**9,
    disk_total_bytes=100 * 10**9, omitted=2,
    items=(
        DataItem(
            "chain", "chain", "blocks and state", "here", 96_000_000, 96_000_000, shared=True,
            budget_bytes=512 << 20, checked_ms=CHECKED_MS, sound=True,
            facts=(Fact("keeps", "full: headers from 0, blocks from 700"),), actions=("verify", "export"),
        ),
        DataItem(
            "snapshot:1200", "snapshot", "state of block 1,200", "here", 4_200_000, 4_200_000, shared=True,
            facts=(Fact("file", "1200.snapshot"),), actions=("verify", "export"),
        ),
        DataItem(
            "rows", "rows", "rows of Data Universe", "here", 44_000_000, 44_000_000, shared=True,
            budget_bytes=10 << 30, facts=(Fact("rows", "120,400 here, 118,000 promised"),),
            actions=("verify", "export"),
        ),
        DataItem("rows:feed/news", "rows", "feed/news", "here", 31_000_000, 31_000_000, shared=True,
                 sources=("feed",), facts=(Fact("rows", "90,000"),)),
        DataItem("fetch:" + "ab" * 32, "fetch", "on its way: abababab", "partly", 12_000_000, 40_000_000,
                 sources=("3 peers",), facts=(Fact("rate", "4,000,000 bytes/s"), Fact("left", "7 s"))),
        DataItem("blob:" + "cd" * 32, "blob", "cd" * 8, "damaged", 2_000_000, 2_000_000, shared=True,
                 checked_ms=CHECKED_MS, sound=False, facts=(Fact("sha256", "cd" * 32),),
                 actions=("verify", "export", "drop")),
        DataItem(
            "model:smollm2-135m-instruct", "model", "smollm2-135m-instruct", "here", 157_823_630, 157_823_630,
            shared=True, sources=("this machine's store", "a Python package", "peers"),
            facts=(Fact("licence", "Apache-2.0"), Fact("in memory", "on CPU")), actions=("verify", "repair"),
        ),
        DataItem("model:all-minilm", "model", "all-minilm", "absent", 0, 90_400_000, sources=("Hugging Face", "peers"),
                 facts=(Fact("licence", "Apache-2.0"),), actions=("repair",)),
    ),
)  # fmt: skip


class FakeInspect:
    """Answers what was recorded; `done` keeps what was asked to be done."""

    now_network = NETWORK
    now_data = DATA
    older: tuple[LogFilePage, ...] = (
        LogFilePage((LogLine(0, CHECKED_MS, "info", "chain", "imported block 7 in 5 ms"),), ""),
    )

    @property
    def done(self) -> list[tuple[str, ...]]:
        """What was asked to be done, in order."""
        found: list[tuple[str, ...]] = self.__dict__.setdefault("_done", [])
        return found

    async def network(self) -> NetworkBoard:
        return self.now_network

    async def peer_detail(self, peer_id: str) -> PeerDetail:
        return PeerDetail(peer_id, "/ip4/192.0.2.9/tcp/50122", STREAMS, MARKS)

    async def peer_drop(self, peer_id: str) -> PeerDropped:
        self.done.append(("drop", peer_id))
        return PeerDropped(peer_id)

    async def seat(self, netuid: int, uid: int) -> SeatDetail:
        return SEAT

    async def task_detail(self, id: str) -> TaskDetail:
        verdict = TaskVerdict(GINA, HANS, 0.97, "OK every token is likely", CHECKED_MS)
        return TaskDetail(id, (RECEIPT,), (verdict,))

    async def log_file(
        self, cursor: str = "", before_ms: int = 0, level: LogLevel = "info", limit: int = 500
    ) -> LogFilePage:
        return self.older[int(cursor or 0)]

    async def data(self) -> DataBoard:
        return self.now_data

    async def data_verify(self, item: str) -> Job:
        return self._job("verify", item)

    async def data_repair(self, item: str) -> Job:
        return self._job("repair", item)

    async def data_export(self, item: str, path: str) -> Job:
        return self._job("export", item, path)

    async def data_drop(self, item: str) -> Job:
        return self._job("drop", item)

    def _job(self, *what: str) -> Job:
        self.done.append(what)
        return Job("j-data", "data", " ".join(what[:2]), "running")
