"""Views of what was signed and judged: receipts, what they add up to, and the audit of a validator's epoch."""

from typing import Literal

from node.control.views.base import View

UsageGroup = Literal["day", "model", "miner"]
ReceiptKind = Literal["user", "served", "challenge"]
AuditOutcome = Literal["agrees", "disagrees", "undecided"]


class ReceiptView(View, frozen=True):
    """One receipt: `user` asked through this node, `served` by it, or its answer to a `challenge`.

    `holds` tells whether both signatures hold; None where it was not checked. `raw` is the receipt itself, hex.
    """

    digest: str
    kind: str
    netuid: int
    caller: str
    miner: str
    model: str
    kept_ms: int
    height: int
    rules: int
    request: str
    answer: str
    prompt_tokens: int
    completion_tokens: int
    units: int
    t_first_ms: int
    t_done_ms: int
    code: str
    spent_rao: int
    raw: str
    holds: bool | None = None


class UsageLine(View, frozen=True):
    """Sums over one group: a day (UTC), a model or a miner's address; "" where receipts do not say."""

    group: str
    netuid: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    units: int
    spent_rao: int


class Usage(View, frozen=True):
    """What this node asked for, or with `served` what it did for others, by group; largest or newest first."""

    group: str
    served: bool
    lines: tuple[UsageLine, ...]


class AuditFinding(View, frozen=True):
    """Something that disagrees, or (`note`) that could not be checked; `line` counts from 0, -1 for the whole."""

    kind: str
    text: str
    line: int = -1
    miner: str | None = None
    note: bool = False


class AuditWeight(View, frozen=True):
    """One seat's weight (u16) as it follows from the record, and as it stands on chain; None where there is none."""

    uid: int
    hotkey: str
    score: float
    computed: int | None
    on_chain: int | None


class AuditReport(View, frozen=True):
    """One epoch of a validator, recounted. `weights_agree` is None when there was nothing to compare.

    `counts`: rounds, verdicts, calls of users, receipts compared, answers judged again.
    """

    netuid: int
    epoch: int
    validator: str
    outcome: AuditOutcome
    weights_agree: bool | None
    record: str
    lines: int
    first_height: int
    last_height: int
    set_at: int | None
    counts: dict[str, int]
    weights: tuple[AuditWeight, ...]
    findings: tuple[AuditFinding, ...]
