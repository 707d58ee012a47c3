"""Views of the node itself: who it is, how it is, whom it knows, what it says."""

from typing import Literal

from node.control.views.base import KeepMode, LogLevel, NodeState, ReachState, Role, View


class Hello(View, frozen=True):
    """First answer of a daemon: who it is and which API versions it speaks.

    `phase` is a few words for people while `state` is "starting" ("opening the database"). `peer_id`, `network` and
    `genesis_hash` are empty until known.
    """

    version: str
    api_min: int
    api_max: int
    pid: int
    home: str
    state: NodeState
    phase: str = ""
    peer_id: str = ""
    network: str = ""
    genesis_hash: str = ""


class SyncProgress(View, frozen=True):
    """How far the chain of this node lags behind the best one that its peers report.

    While it takes over a snapshot, `target_height` is the snapshot's block, `rows` of the state are there of
    `rows_total`, and `eta_s` is for those; `rows_total` is 0 where blocks are fetched.
    """

    syncing: bool
    height: int
    target_height: int
    blocks_per_s: float = 0.0
    eta_s: float | None = None
    source_peers: int = 0
    rows: int = 0
    rows_total: int = 0
    rows_per_s: float = 0.0


class EpochProgress(View, frozen=True):
    """Position inside the current tempo of subnet `netuid`: `blocks_done` of `tempo_blocks`."""

    netuid: int
    tempo_blocks: int
    blocks_done: int
    blocks_left: int


class AddressReach(View, frozen=True):
    """`reached_by` of `asked` peers could dial `address`; `problem` is why another one could not."""

    address: str
    reached_by: int
    asked: int
    problem: str = ""


class Reachability(View, frozen=True):
    """Whether others can dial this node, as peers found by trying; "unknown" until one has.

    A node that is unreachable, or listens nowhere, works all the same over the connections that it makes itself.
    """

    state: ReachState
    reason: str = ""
    addresses: tuple[AddressReach, ...] = ()
    checked_s_ago: float | None = None


class StoreStatus(View, frozen=True):
    """What of the chain is on this disk. `mode` is archive, full or light.

    `used_bytes`: database, its log and snapshots, against `budget_bytes` (None: no budget). Headers are stored from
    height `headers_from` on, bodies from `bodies_from`; `snapshot_height` is the newest snapshot's block. `warning` is
    a sentence for people, empty while there is room.
    """

    mode: KeepMode
    used_bytes: int = 0
    budget_bytes: int | None = None
    headers_from: int = 0
    bodies_from: int = 0
    snapshot_height: int | None = None
    warning: str = ""


class NodeStatus(View, frozen=True):
    """Everything a status bar needs. `state_root` is the state after the block `finalized_hash`.

    `hotkey`, `coldkey`: ss58 text, None without a wallet. `uid`: seat in subnet `netuid`, None when not registered.
    `netuids`: the subnets in which it plays its role. `stake_rao`: value of all stake of the coldkey at current prices.
    `trust_warning`: why the chain ought to be held to a checkpoint, or what contradicts the one it is held to; empty
    when all is well.
    """

    peer_id: str
    addresses: tuple[str, ...]
    network: str
    genesis_hash: str
    role: Role
    authority: bool
    state: NodeState
    phase: str
    height: int
    head_hash: str
    finalized_height: int
    finalized_hash: str
    state_root: str
    slot: int
    slot_ms: int
    peers: int
    sync: SyncProgress
    epoch: EpochProgress | None
    hotkey: str | None
    coldkey: str | None
    netuid: int | None
    uid: int | None
    stake_rao: int
    balance_rao: int
    gateway_url: str | None
    version: str
    home: str
    pid: int
    uptime_s: float
    loop_lag_ms: float
    reachability: Reachability = Reachability("unknown")
    store: StoreStatus = StoreStatus("full")
    trust_warning: str = ""
    netuids: tuple[int, ...] = ()


class PeerInfo(View, frozen=True):
    """One connected peer. `score` is 0 at rest, below zero after misbehaviour.

    `route` is whether its bytes come straight or through a relay, `route_reason` why not straight.
    """

    peer_id: str
    addresses: tuple[str, ...]
    direction: Literal["in", "out"]
    agent: str
    score: float
    connected_s: float
    latency_ms: float | None = None
    height: int | None = None
    hotkey: str | None = None
    route: Literal["direct", "relayed"] = "direct"
    route_reason: str = ""


class BanInfo(View, frozen=True):
    """A peer that is kept out for `remaining_s` more; `reason` is for people and may be empty."""

    peer_id: str
    remaining_s: float
    reason: str = ""


class PeerPing(View, frozen=True):
    """One round trip to a connected peer, measured now."""

    peer_id: str
    latency_ms: float


class LogLine(View, frozen=True):
    """One line of the log; `seq` counts up by one within the life of a daemon; `area` names the part that speaks."""

    seq: int
    time_ms: int
    level: LogLevel
    area: str
    message: str


class LogPage(View, frozen=True):
    """Lines from `since` on, oldest first; ask next from `next_seq`. `lost` lines had already left the ring."""

    lines: tuple[LogLine, ...]
    next_seq: int
    lost: int = 0


class Shutdown(View, frozen=True):
    """The daemon has begun to stop and will be gone within `within_s`."""

    within_s: float


class Invite(View, frozen=True):
    """`text` (nd1…) holds what another machine needs to join: network, genesis and addresses, until `expires_ms`.

    `inviter` is the ss58 account that signed it.
    """

    text: str
    network: str
    genesis_hash: str
    addresses: tuple[str, ...]
    expires_ms: int
    inviter: str = ""


class JoinPreview(View, frozen=True):
    """What joining would do, told before anything happens; `problem` is why it would not work, empty when it may.

    Of a bare multiaddress only `addresses` is known: which network it belongs to is learnt from its answer. Addresses
    in `unusable` are of a kind that this version cannot dial.
    """

    addresses: tuple[str, ...]
    network: str = ""
    genesis_hash: str = ""
    inviter: str = ""
    expires_ms: int | None = None
    unusable: tuple[str, ...] = ()
    problem: str = ""


class Joined(View, frozen=True):
    """The running node has connected to `peer_id`, which belongs to the same network."""

    peer_id: str
    network: str
    genesis_hash: str
