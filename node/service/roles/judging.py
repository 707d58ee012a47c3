"""Judges answers one after the other, off the event loop, and writes down what came out."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

import trio

from node.market.judge import judge
from node.market.limits import JUDGE_QUEUE_MAX
from node.market.reasons import Reasons
from node.market.tasks import TaskView
from node.primitives.types import AccountId, Hash, Height
from node.service.roles.journal import RoleJournal
from node.service.roles.record import Recorder
from node.subnets.base import Answer, AnySubnet, Code, Host, Message, Verdict

JUDGE_TIMEOUT_S: Final = 60.0  # a pass over the longest answer takes about 6 s of one core


@dataclass(frozen=True, slots=True)
class Case:
    """An answer to judge; `view` is its row on the screen."""

    view: TaskView
    task: Message
    answer: Answer
    height: Height


class Bench:
    """The judge's queue and its one worker; `submit` never waits."""

    def __init__(
        self,
        subnet: AnySubnet,
        host: Host,
        record: Recorder,
        journal: RoleJournal,
        reasons: Reasons,
        now_ms: Callable[[], int],
        *,
        timeout_s: float = JUDGE_TIMEOUT_S,
        claim: Callable[[Hash], Awaitable[int]] | None = None,
    ) -> None:
        """`claim` takes what was paid for a refuted answer, by its request, off the next vouchers."""
        self._subnet = subnet
        self._host = host
        self._record = record
        self._journal = journal
        self._reasons = reasons
        self._now_ms = now_ms
        self._timeout_s = timeout_s
        self._claim = claim
        self._send, self._receive = trio.open_memory_channel[Case](JUDGE_QUEUE_MAX)
        self._open = 0
        self._idle = trio.Event()
        self._idle.set()
        self.counts: Counter[str] = Counter()

    def submit(self, case: Case) -> None:
        """Queue a case; when the queue is full it ends without a score."""
        try:
            self._send.send_nowait(case)
        except trio.WouldBlock:
            full = Verdict(None, Code.VALIDATOR_FAULT, "the judge's queue is full")
            self.settle(case.view, full, case.height, case.answer)
            return
        self._open += 1
        self._idle = trio.Event() if self._idle.is_set() else self._idle
        self._journal.task(replace(case.view, state="judging"))

    async def run(self) -> None:
        """Judge what comes, until cancelled."""
        async for case in self._receive:
            verdict = await judge(self._subnet, case.task, case.answer, self._host, timeout_s=self._timeout_s)
            self.settle(case.view, verdict, case.height, case.answer)
            if self._claim is not None and case.view.kind == "audit" and verdict.score == 0.0:
                self.counts["audit.claimed_rao"] += await self._claim(Hash(bytes.fromhex(case.view.id)))
            self._open -= 1
            if not self._open:
                self._idle.set()

    async def wait_idle(self) -> None:
        """Wait until every queued case is settled."""
        await self._idle.wait()

    def settle(self, view: TaskView, verdict: Verdict, height: Height, answer: Answer | None = None) -> None:
        """Book a verdict, on an answer or on silence, and write it down."""
        moved = self._record.booked(Hash(bytes.fromhex(view.id)), view.kind, view.miner, verdict, height, answer)
        self.counts[f"verdict.{verdict.code.name.lower()}"] += 1
        score = verdict.score if moved else None
        judged = replace(view, state="done", score=score, code=verdict.code.name)
        self._journal.task(judged, validator=self._host.hotkey)
        now_ms = self._now_ms()
        self._journal.verdict(judged, self._host.hotkey, replace(verdict, score=score), now_ms)
        self._reasons.note(judged, replace(verdict, score=score), now_ms)


def unjudged(view: TaskView, answer: Answer, preview: str) -> TaskView:
    """The row of an answer that has arrived and waits for the judge."""
    return replace(
        view, latency_ms=answer.t_done_ms, tokens=answer.usage.completion_tokens, preview=preview or view.preview
    )


def pending_view(task_id: str, miner: AccountId, asker: AccountId, created_at_ms: int, preview: str) -> TaskView:
    """The row of a challenge that was just sent."""
    return TaskView(task_id, "challenge", miner, "running", created_at_ms, preview=preview, asker=asker)
