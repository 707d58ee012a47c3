"""A validator: draws challenges, judges answers, keeps the score book, audits users' calls, sets weights in time.

Miners cannot tell a user's call from an audit: a sample of finished calls is judged afterwards. Whatever the validator
itself fails at moves no score.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import trio

from node.market.book import ScoreBook
from node.market.chain import Head
from node.market.challenge import (
    ANSWER_PROTOCOL,
    AnswerDesk,
    ChallengeGate,
    Round,
    challenge_topic,
    draw_seed,
    make_challenge,
)
from node.market.context import MarketContext
from node.market.errors import MalformedMessage
from node.market.frames import challenge_digest
from node.market.frontdoor import Exchange, MarketDoor
from node.market.limits import (
    AUDIT_KNOWN_SAMPLES,
    AUDIT_SHARE,
    AUDIT_SHARE_NEW,
    CHALLENGES_QUEUED_MAX,
    ROUNDS_OPEN_MAX,
    STALE_EPOCHS,
    STREAMS_MAX,
    STREAMS_PER_CALLER_MAX,
    WHY_STREAMS_PER_PEER,
)
from node.market.reasons import WHY_PROTOCOL, Reasons, WhyAnswer, WhyDesk, explain
from node.market.roster import may_validate, miners
from node.market.rounds import choose_targets, round_at, silence
from node.market.switchboard import of_subnet
from node.market.tasks import TaskView
from node.market.weights import shares_of
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import AccountId, Hash, Height
from node.service.roles.announce import Announcer
from node.service.roles.host import RoleHost
from node.service.roles.journal import RoleJournal
from node.service.roles.judging import Bench, Case, pending_view, unjudged
from node.service.roles.secrets import WeightSecrets
from node.service.roles.ticking import tick_at_heads
from node.service.roles.weights import WeightSetter
from node.subnets.base import Answer, AnySubnet, Book, Message, ModelPool, Standing, View
from p2p import P2PError
from storage import MarketStore

_log = logging.getLogger(__name__)


class ValidatorRole:
    """Start with `await nursery.start(role.run)`, stop with `await role.drain()` and then by cancelling `run`."""

    def __init__(
        self,
        context: MarketContext,
        subnet: AnySubnet,
        models: ModelPool,
        *,
        now_ms: Callable[[], int],
        store: MarketStore | None = None,
        folder: Path = Path(),
    ) -> None:
        self._context = context
        self._subnet = subnet
        self._models = models
        self._now_ms = now_ms
        self._journal = RoleJournal(context.netuid, store)
        self._book = ScoreBook(subnet.spec.alpha)
        self._host = host = RoleHost(context, subnet, models, folder=folder)
        self._reasons = Reasons()
        self._bench = Bench(subnet, host, self._book, self._journal, self._reasons, now_ms)
        self._why = WhyDesk(context.chain.genesis_hash, context.netuid, self.why)
        self._desk = AnswerDesk(subnet, arrived=self._answer_arrived)
        self._gate = ChallengeGate(context)
        self._announcer = Announcer(context)
        self._secrets = WeightSecrets(context, self._journal)
        self.weights = WeightSetter(context, subnet, lambda: self._book, self._secrets)
        self.door = MarketDoor(
            context, subnet, now_ms=now_ms, book=lambda: self._book, record=self._journal.task, finished=self._consider
        )
        self._counts: Counter[str] = Counter()
        self._views: dict[tuple[Hash, AccountId], TaskView] = {}
        self._last_round = -1
        self._decayed_in = -1
        self._open_rounds = 0
        self._draining = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Load the book, open the models, then draw, judge and set weights until cancelled.

        Raises models.ModelError or storage.StorageError before it is started.
        """
        self._book.restore(await self._journal.load_scores())
        await self._secrets.load()
        for name in self._subnet.spec.models:
            await self._models.text(name)
        context = self._context
        topic = challenge_topic(context.chain.genesis_hash, context.netuid)
        doors = context.doors.plug(
            of_subnet(ANSWER_PROTOCOL, context.netuid),
            self._desk.handle,
            per_peer=STREAMS_PER_CALLER_MAX,
            total=STREAMS_MAX,
        )
        reasons = context.doors.plug(
            of_subnet(WHY_PROTOCOL, context.netuid),
            self._why.handle,
            per_peer=WHY_STREAMS_PER_PEER,
            total=STREAMS_MAX,
        )
        inbox_of_topic = context.network.subscribe(topic, self._gate, capacity=CHALLENGES_QUEUED_MAX)
        with doors, reasons, inbox_of_topic as inbox:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._journal.run)
                nursery.start_soon(self._bench.run)
                nursery.start_soon(self._follow_chain, nursery)
                nursery.start_soon(tick_at_heads, self._subnet, self._host, context.chain)
                task_status.started()
                async for _ in inbox:  # others' challenges: forwarded by the check, of no use here
                    self._counts["challenge.of_others"] += 1

    async def drain(self, timeout_s: float = 10.0) -> None:
        """Draw no more rounds and wait until open answers are judged and the book is saved, at most `timeout_s`."""
        self._draining = True
        with trio.move_on_after(timeout_s):
            await self._bench.wait_idle()
        self._journal.save_scores(self._book.items())
        with trio.move_on_after(timeout_s):
            await self._journal.flush()

    def book(self) -> Book:
        """Standing of every miner by hotkey."""
        return self._book

    def why(self, miner: AccountId) -> WhyAnswer:
        """What this validator makes of a miner, and why."""
        shares, _ = shares_of(self._subnet, self._book, self._context.view())
        return explain(
            miner, book=self._book, shares=shares, reasons=self._reasons, height=self._context.chain.height(),
            rules=self._subnet.spec.version,
        )  # fmt: skip

    def tasks(self) -> tuple[TaskView, ...]:
        """Recent tasks, newest first."""
        return self._journal.log.recent()

    def counters(self) -> Mapping[str, int]:
        """Totals since the start by name, refusals by reason included."""
        parts = (self._desk.counts, self._gate.counts, self._bench.counts, self._journal.counts, self.door.counts)
        return sum(parts, Counter(self._counts))

    # --- rounds -----------------------------------------------------------------------------------------------------

    async def _follow_chain(self, nursery: trio.Nursery) -> None:
        with self._context.chain.heads() as heads:
            async for head in heads:
                await self._announcer.tick(head)
                await self.weights.tick()
                self._decay_unreached()
                if self._bench.dirty:
                    self._bench.dirty = False
                    self._journal.save_scores(self._book.items())
                number = round_at(head.height, self._subnet.spec.challenge_blocks, self._context.hotkey)
                if number > self._last_round and not self._draining:
                    self._last_round = number
                    nursery.start_soon(self._run_round, number, head)

    async def _run_round(self, number: int, head: Head) -> None:
        view = self._context.view()
        seat = view.find(self._context.hotkey)
        if seat is None or not may_validate(seat, view):
            self._counts["round.no_permit"] += 1
            return
        if self._open_rounds >= ROUNDS_OPEN_MAX:
            self._counts["round.too_many_open"] += 1
            return
        context = self._context
        seed = draw_seed(context.signer, context.chain.genesis_hash, context.netuid, number, head.hash)
        targets = choose_targets(miners(view, without=seat.hotkey), self._book, seed, self._subnet.spec.sample)
        task = self._draw(seed, view) if targets else None
        if task is None:
            self._counts["round.nothing_to_ask"] += 1
            return
        self._open_rounds += 1
        try:
            await self._ask(number, head.height, targets, task)
        finally:
            self._open_rounds -= 1

    def _draw(self, seed: bytes, view: View) -> Message | None:
        try:
            task: Message | None = self._subnet.draw(seed, view)
            if task is not None:
                task.check()
        except MalformedMessage as error:
            _log.error("the subnet %s drew a task that breaks its own rules: %s", self._subnet.spec.name, error)
            return None
        except Exception:
            _log.exception("the subnet %s failed to draw a task", self._subnet.spec.name)
            return None
        return task

    async def _ask(self, number: int, height: Height, targets: tuple[AccountId, ...], task: Message) -> None:
        challenge = make_challenge(self._context, number, targets, task)
        name = challenge_digest(challenge.head)
        opened = Round(name, number, height, task, targets, trio.current_time())
        preview = self._subnet.describe(task)
        for miner in targets:
            view = pending_view(name.hex(), miner, self._context.hotkey, self._now_ms(), preview)
            self._views[name, miner] = view
            self._journal.task(view)
        topic = challenge_topic(self._context.chain.genesis_hash, self._context.netuid)
        self._desk.open(opened)
        try:
            await self._context.network.publish(topic, encode(challenge))
            self._counts["round.opened"] += 1
            with trio.move_on_after(self._subnet.spec.timeout_s):
                await opened.complete.wait()
        except P2PError as error:
            self._counts["round.not_published"] += 1
            _log.warning("a challenge could not be published: %s", error)
        finally:
            self._desk.close(opened)
            self._close_round(opened)

    def _close_round(self, opened: Round) -> None:
        verdict = silence(bool(opened.answers))
        for miner in opened.targets:
            view = self._views.pop((opened.digest, miner), None)
            if view is not None and miner not in opened.answers:
                self._bench.settle(view, verdict, opened.height)

    def _answer_arrived(self, opened: Round, answer: Answer) -> None:
        view = self._views[opened.digest, answer.miner]
        row = unjudged(view, answer, self._subnet.preview(answer.parts))
        self._bench.submit(Case(row, opened.task, answer, opened.height))

    # --- audits and upkeep ------------------------------------------------------------------------------------------

    def _consider(self, exchange: Exchange) -> None:
        """Keep a finished call's receipt and audit a sample; which ones, only this validator can foresee."""
        model = getattr(exchange.task, "model", "")
        self._journal.receipt(exchange.receipt, kind="user", kept_at_ms=self._now_ms(), model=str(model))
        miner = exchange.answer.miner
        known = self._book.get(miner, Standing()).samples >= AUDIT_KNOWN_SAMPLES
        share = AUDIT_SHARE if known else AUDIT_SHARE_NEW
        lot = digest("audit-lot", self._context.signer.sign(digest("audit-secret", exchange.digest)))
        if int.from_bytes(lot[:8], "big") >= share * 2**64 or self._draining:
            self._counts["audit.skipped"] += 1
            return
        row = self._journal.log.get(exchange.digest.hex(), miner)
        if row is None:
            return
        self._counts["audit.taken"] += 1
        self._bench.submit(
            Case(replace(row, kind="audit"), exchange.task, exchange.answer, self._context.chain.height())
        )

    def _decay_unreached(self) -> None:
        """Once an epoch: seats that gave no verdict for some epochs lose a part of their score."""
        metagraph = self._context.chain.metagraph(self._context.netuid)
        if metagraph is None:
            return
        period = metagraph.subnet.tempo_blocks + 1
        epoch_end = metagraph.height + metagraph.subnet.blocks_to_epoch
        if epoch_end == self._decayed_in:
            return
        self._decayed_in = epoch_end
        oldest = metagraph.height - STALE_EPOCHS * period
        stale = [hotkey for hotkey, standing in self._book.items() if standing.last_height < oldest]
        self._book.decay(stale)
        self._bench.dirty = self._bench.dirty or bool(stale)
