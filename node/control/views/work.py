"""Views of the work: tasks, earnings, models, answers, roles and jobs."""

from typing import Literal

import msgspec

from node.control.views.base import ErrorView, JobState, ModelState, Role, TaskState, View


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
    """The latest epochs of all subnets, oldest first, and their value. `rank` counts from 1 among miners by incentive.

    `total_alpha`, `rank`, `neurons` and `incentive_u16` are of the first subnet the node works in.
    """

    hotkey: str | None
    total_alpha: int
    total_value_rao: int
    epochs: tuple[EpochEarning, ...]
    rank: int | None = None
    neurons: int | None = None
    incentive_u16: int | None = None


class VerdictInfo(View, frozen=True):
    """One verdict of a validator; `score` is 0..1, None where it could not judge; `meaning` explains the code."""

    judged_ms: int
    kind: str
    code: str
    meaning: str
    score: float | None = None
    evidence: str = ""
    latency_ms: int = 0


class ValidatorReason(View, frozen=True):
    """What one validator makes of a miner, in its own words, and the weight that it set on chain (0..1 of its own).

    `problem` is why it could not be asked. Shares and scores are 0..1; `ahead` is the score of the miner one rank
    better, None for the first. Rank 0: no share yet.
    """

    hotkey: str
    uid: int
    stake_rao: int
    weight_on_chain: float
    problem: str = ""
    score: float = 0.0
    samples: float = 0.0
    judged_height: int = 0
    share: float = 0.0
    rank: int = 0
    ranked: int = 0
    ahead: float | None = None
    verdicts: tuple[VerdictInfo, ...] = ()


class Why(View, frozen=True):
    """Why a miner earns what it earns: its place on chain, and what its validators say.

    `rank` is by incentive among the seats that have some, 0 without; `ahead_incentive_u16` is what the next better
    seat has, None for the first. `failures` counts the codes of verdicts below 1, all validators together.
    """

    netuid: int
    hotkey: str
    uid: int
    height: int
    incentive_u16: int
    rank: int
    ranked: int
    ahead_incentive_u16: int | None
    validators: tuple[ValidatorReason, ...]
    failures: dict[str, int]
    advice: tuple[str, ...]


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
    """What switching to `target` means, before anything happens; `possible` is False while a requirement is short.

    `netuids` are the subnets it would work in.
    """

    current: Role
    target: Role
    possible: bool
    requirements: tuple[Requirement, ...]
    transactions: tuple[PlannedTransaction, ...]
    stop: tuple[str, ...]
    start: tuple[str, ...]
    drain_s: float
    netuids: tuple[int, ...] = ()


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
