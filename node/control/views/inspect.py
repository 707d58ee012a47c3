"""Views of a closer look: one peer, one seat, one task, the network around, and lines that the log's file still has."""

from node.control.views.base import View
from node.control.views.node import BanInfo, LogLine, Reachability
from node.control.views.records import ReceiptView


class ScoreMark(View, frozen=True):
    """`points` that a peer lost `seconds_ago`; they fade by half every ten minutes."""

    seconds_ago: float
    points: float
    reason: str


class OpenStreams(View, frozen=True):
    """How many streams of one protocol are open, whoever opened them."""

    protocol: str
    count: int


class PeerDetail(View, frozen=True):
    """What goes on with a connected peer; `remote` is where its direct connection comes from, empty while relayed."""

    peer_id: str
    remote: str
    streams: tuple[OpenStreams, ...]
    marks: tuple[ScoreMark, ...]


class PeerDropped(View, frozen=True):
    """The connections to a peer are closed; it may come back, a ban keeps it out."""

    peer_id: str


class NetworkBoard(View, frozen=True):
    """What the node knows of the network around it.

    `lan_interfaces`: where it looks for others on the local network, none when it does not; `lan_found` peers came that
    way. `table_peers` are in the distributed hash table. `counters` are totals since the start, by name.
    """

    reachability: Reachability
    lan_interfaces: tuple[str, ...]
    lan_found: int
    lan_problem: str
    table_peers: int
    looked_up_s_ago: float | None
    find_problem: str
    bans: tuple[BanInfo, ...]
    counters: dict[str, int]


class SeatWeight(View, frozen=True):
    """A weight between this seat and seat `uid`; `share` (0..1) is of all that the one who set it has given."""

    uid: int
    hotkey: str
    share: float
    stake_rao: int


class SeatEpoch(View, frozen=True):
    """What the epoch of block `height` paid the seat's hotkey."""

    height: int
    incentive_alpha: int
    dividends_alpha: int


class SeatDetail(View, frozen=True):
    """One seat: the weights it gets and gives on chain, largest first, and its pay, oldest first.

    `history_from` is the oldest block whose events this node still has.
    """

    netuid: int
    uid: int
    hotkey: str
    height: int
    weights_in: tuple[SeatWeight, ...]
    weights_out: tuple[SeatWeight, ...]
    history: tuple[SeatEpoch, ...]
    history_from: int


class TaskVerdict(View, frozen=True):
    """One judgement of a task's answer; `score` is 0..1, None where it could not be judged."""

    miner: str
    validator: str
    score: float | None
    reason: str
    judged_ms: int


class TaskDetail(View, frozen=True):
    """What this node has on record of a task; nothing of one that it only heard of."""

    id: str
    receipts: tuple[ReceiptView, ...]
    verdicts: tuple[TaskVerdict, ...]


class LogFilePage(View, frozen=True):
    """Lines of the log's files, oldest first, with `seq` 0. Ask next with `cursor`, which is empty at the beginning."""

    lines: tuple[LogLine, ...]
    cursor: str
