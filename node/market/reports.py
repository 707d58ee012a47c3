"""What a user can do about an answer that looks wrong: have it judged again here, and get back what a wrong one cost.

Remembers the last answers of one door in memory, by their receipts. A verdict made here binds nobody else: it moves no
score, because no lot has chosen the answer; it decides what this node pays, and whom it asks next.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import trio

from node.market.judge import judge
from node.market.limits import REPORT_TIMEOUT_S, REPORTABLE_BYTES_MAX, REPORTABLE_MAX
from node.market.payer import Payer
from node.primitives.codec import encode
from node.primitives.types import AccountId, Hash
from node.subnets.base import Answer, AnySubnet, Host, Message

Outcome = Literal["right", "wrong", "undecided"]


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a report; `credited_rao` comes off the next payments to the miner."""

    digest: Hash
    miner: AccountId
    outcome: Outcome
    code: str
    evidence: str
    score: float | None
    credited_rao: int = 0


@dataclass(slots=True)
class _Kept:
    request: Hash
    task: Message
    answer: Answer
    size: int
    paid_rao: int
    report: Report | None = None


class Reports:
    """Of one door. `host` is what the subnet judges with; without one nothing can be judged here."""

    def __init__(self, subnet: AnySubnet, host: Host | None, payer: Payer | None) -> None:
        self._subnet = subnet
        self._host = host
        self._payer = payer
        self._kept: OrderedDict[Hash, _Kept] = OrderedDict()
        self._size = 0
        self._judging = trio.Lock()  # one at a time: judging takes a pass of the model

    def note(self, receipt: Hash, request: Hash, task: Message, answer: Answer, paid_rao: int) -> None:
        """Remember a finished answer; the oldest go."""
        if self._host is None:
            return
        size = sum(len(encode(part)) for part in answer.parts) + len(encode(task))
        self._kept[receipt] = _Kept(request, task, answer, size, paid_rao)
        self._size += size
        while len(self._kept) > REPORTABLE_MAX or self._size > REPORTABLE_BYTES_MAX:
            self._size -= self._kept.popitem(last=False)[1].size

    async def report(self, receipt: Hash) -> Report | None:
        """Judge an answer and claim what it cost if it is wrong; the same again for a second report.

        None where this door does not remember the answer.
        """
        kept = self._kept.get(receipt)
        if kept is None or self._host is None:
            return None
        async with self._judging:
            if kept.report is None:
                kept.report = await self._judged(receipt, kept, self._host)
        return kept.report

    async def _judged(self, receipt: Hash, kept: _Kept, host: Host) -> Report:
        verdict = await judge(self._subnet, kept.task, kept.answer, host, timeout_s=REPORT_TIMEOUT_S)
        outcome: Outcome = "undecided" if verdict.score is None else "wrong" if verdict.score == 0.0 else "right"
        credited = 0
        if outcome == "wrong" and self._payer is not None and kept.paid_rao:
            credited = await self._payer.claim(kept.request)
        return Report(
            receipt, kept.answer.miner, outcome, verdict.code.name.lower(), verdict.evidence, verdict.score, credited
        )
