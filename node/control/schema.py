"""What the control API answers: views of the node, events about its changes, errors.

Every struct is frozen JSON with stable keys; unknown keys are ignored on reading, so that fields may be added. Units
are in the names: `_rao` is 10^-9 τ, `_alpha` is 10^-9 α of the subnet at hand, `_u16` is a share of 65 535, `_ppm` is
parts per million. Accounts are ss58 text, hashes are 64 hex digits, times of day are Unix milliseconds.
"""

from typing import Literal

import msgspec

API_VERSION = 1

Role = Literal["staker", "miner", "validator"]
NodeState = Literal["starting", "syncing", "running", "stopping"]
LogLevel = Literal["debug", "info", "warning", "error"]
TaskState = Literal["running", "done", "failed"]
TransactionState = Literal["unknown", "pending", "in_block", "final", "failed"]
JobState = Literal["running", "done", "failed"]
ModelState = Literal["absent", "fetching", "ready", "corrupt"]
Topic = Literal["status", "log", "tasks", "job"]

ROLES: tuple[Role, ...] = ("staker", "miner", "validator")
TOPICS: tuple[Topic, ...] = ("status", "log", "tasks", "job")
LOG_LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")


class View(msgspec.Struct, frozen=True):
    """Base of everything that the daemon tells."""


class ErrorView(View, frozen=True):
    """A refusal: `code` is stable and for programs, `message` is a sentence, `hint` says what to do (may be empty)."""

    code: str
    message: str
    hint: str = ""


# --- the node -------------------------------------------------------------------------------------------------------


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
    """How far the chain of this node lags behind the best one that its peers report."""

    syncing: bool
    height: int
    target_height: int
    blocks_per_s: float = 0.0
    eta_s: float | None = None
    source_peers: int = 0


class EpochProgress(View, frozen=True):
    """Position inside the current tempo of subnet `netuid`: `blocks_done` of `tempo_blocks`."""

    netuid: int
    tempo_blocks: int
    blocks_done: int
    blocks_left: int


class NodeStatus(View, frozen=True):
    """Everything a status bar needs. `state_root` is the state after the block `finalized_hash`.

    `hotkey`, `coldkey`: ss58 text, None without a wallet. `uid`: seat in subnet `netuid`, None when not registered.
    `stake_rao`: value of all stake of the coldkey at current prices.
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


class PeerInfo(View, frozen=True):
    """One connected peer. `score` is 0 at rest, below zero after misbehaviour."""

    peer_id: str
    addresses: tuple[str, ...]
    direction: Literal["in", "out"]
    agent: str
    score: float
    connected_s: float
    latency_ms: float | None = None
    height: int | None = None
    hotkey: str | None = None


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
    """`text` (nd1…) holds what another machine needs to join: network, genesis and addresses, until `expires_ms`."""

    text: str
    network: str
    genesis_hash: str
    addresses: tuple[str, ...]
    expires_ms: int


class Joined(View, frozen=True):
    """The running node has connected to `peer_id`, which belongs to the same network."""

    peer_id: str
    network: str
    genesis_hash: str


# --- chain and economy ----------------------------------------------------------------------------------------------


class Parameter(View, frozen=True):
    """One hyperparameter of a subnet, as text with its unit."""

    name: str
    value: str
    unit: str = ""


class SubnetInfo(View, frozen=True):
    """One subnet. `price_rao`: τ price of one whole α. `pool_*`: reserves. `burn_rao`: price of a registration now."""

    netuid: int
    name: str
    owner: str
    started: bool
    price_rao: int
    pool_rao: int
    pool_alpha: int
    outstanding_alpha: int
    emission_rao_per_block: int
    tempo_blocks: int
    blocks_to_epoch: int
    neurons: int
    neurons_max: int
    burn_rao: int
    parameters: tuple[Parameter, ...] = ()


class Neuron(View, frozen=True):
    """One seat of a subnet. `stake_rao` is its stake weight; `emission_alpha` is what the last epoch paid it."""

    uid: int
    hotkey: str
    coldkey: str
    peer_id: str
    addresses: tuple[str, ...]
    active: bool
    validator_permit: bool
    stake_rao: int
    stake_alpha: int
    incentive_u16: int
    dividends_u16: int
    consensus_u16: int
    validator_trust_u16: int
    emission_alpha: int
    last_update: int
    registered_at: int


class Metagraph(View, frozen=True):
    """All seats of one subnet in order of uid, as of block `height`."""

    netuid: int
    height: int
    neurons: tuple[Neuron, ...]


class Stake(View, frozen=True):
    """One position: `stake_alpha` of a coldkey with `hotkey` on `netuid`, worth `value_rao` at the current price.

    On root (netuid 0) the amount is τ: `stake_alpha` then counts rao.
    """

    netuid: int
    hotkey: str
    stake_alpha: int
    price_rao: int
    value_rao: int


class Account(View, frozen=True):
    """An account as of block `height`; `nonce` is the one its next transaction must carry, pending ones counted."""

    address: str
    height: int
    balance_rao: int
    nonce: int
    stakes: tuple[Stake, ...]
    stakes_value_rao: int


class TransactionContext(View, frozen=True):
    """What a signer must put into a transaction now.

    The era starts at `era_height` (block `era_hash`) and lasts `era_blocks`. The fee is
    `base_fee_rao + fee_rao_per_byte * size`.
    """

    network: str
    genesis_hash: str
    spec_version: int
    height: int
    era_height: int
    era_hash: str
    era_blocks: int
    base_fee_rao: int
    fee_rao_per_byte: int
    slot_ms: int


class Submitted(View, frozen=True):
    """The transaction is in this node's pool and on its way to others."""

    transaction_hash: str


class TransactionStatus(View, frozen=True):
    """Where a transaction is. "failed": refused by the rules inside a block, or dropped from the pool; then `error`."""

    transaction_hash: str
    state: TransactionState
    height: int | None = None
    block_hash: str | None = None
    fee_rao: int | None = None
    error: ErrorView | None = None


class Quote(View, frozen=True):
    """What a stake or unstake would do to the pool now, computed by the ledger's own arithmetic at block `height`.

    Staking pays `tao_rao` (fee included) and gets `amount_alpha`; unstaking pays `amount_alpha` and gets `tao_rao`
    (fee deducted). Prices are τ for one whole α; `impact_ppm` compares the outcome with the price before the move.
    """

    netuid: int
    direction: Literal["stake", "unstake"]
    height: int
    tao_rao: int
    amount_alpha: int
    fee_rao: int
    price_before_rao: int
    price_after_rao: int
    impact_ppm: int


# --- work -----------------------------------------------------------------------------------------------------------


class Task(View, frozen=True):
    """One piece of work this node asked for, did or judged. `score` is 0..1; `code` says why a failed one failed."""

    id: str
    netuid: int
    kind: str
    state: TaskState
    started_ms: int
    miner: str
    validator: str
    latency_ms: float | None = None
    tokens: int = 0
    score: float | None = None
    code: str = ""
    preview: str = ""


class EpochEarning(View, frozen=True):
    """What one epoch, paid out at block `height`, gave to this node's hotkey, in α and at the price of that time."""

    netuid: int
    height: int
    incentive_alpha: int
    dividends_alpha: int
    value_rao: int


class Earnings(View, frozen=True):
    """The latest epochs, oldest first, and their sums. `rank` counts from 1 among miners by incentive."""

    hotkey: str | None
    total_alpha: int
    total_value_rao: int
    epochs: tuple[EpochEarning, ...]
    rank: int | None = None
    neurons: int | None = None
    incentive_u16: int | None = None


class ModelInfo(View, frozen=True):
    """One entry of the model catalogue; `loaded` tells whether this node has it in memory, on `provider`."""

    name: str
    kind: str
    licence: str
    size_bytes: int
    memory_bytes: int
    state: ModelState
    sha256: str | None = None
    loaded: bool = False
    provider: str | None = None


class ChatMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class AskDone(View, frozen=True):
    """How an answer ended and who gave it."""

    finish_reason: str
    model: str
    miner: str
    prompt_tokens: int
    completion_tokens: int
    first_token_ms: float
    total_ms: float
    task_id: str = ""


class AskPart(View, frozen=True):
    """The next piece of an answer; the last part alone carries `done`."""

    text: str = ""
    done: AskDone | None = None


# --- roles and jobs -------------------------------------------------------------------------------------------------


class Requirement(View, frozen=True):
    """One condition of a role: what there is, what is needed, and what to do about a shortfall."""

    name: str
    met: bool
    have: str
    need: str
    remedy: str = ""


class PlannedTransaction(View, frozen=True):
    """A transaction that the client must sign: `call` is a canonical `node.ledger.calls.Call`.

    `cost_rao` is what the call itself takes from the signer (a burn, a stake), besides `fee_rao`.
    """

    label: str
    call: bytes
    signer: Literal["coldkey", "hotkey"]
    fee_rao: int
    cost_rao: int


class RolePlan(View, frozen=True):
    """What switching to `target` means, before anything happens; `possible` is False while a requirement is short."""

    current: Role
    target: Role
    possible: bool
    requirements: tuple[Requirement, ...]
    transactions: tuple[PlannedTransaction, ...]
    stop: tuple[str, ...]
    start: tuple[str, ...]
    drain_s: float


class Job(View, frozen=True):
    """Long work in the daemon: `done` of `total` `unit` (total 0: unknown), `message` for people, `error` if failed."""

    id: str
    kind: str
    title: str
    state: JobState
    done: int = 0
    total: int = 0
    unit: str = ""
    eta_s: float | None = None
    message: str = ""
    error: ErrorView | None = None
