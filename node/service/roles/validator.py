"""A validator: draws challenges, judges answers, keeps the score book, audits users' calls, sets weights in time.

Miners cannot tell a user's call from an audit: a sample of finished calls is judged afterwards. Whatever the validator
itself fails at moves no score.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import trio

from node.market.challenge import (
    ANSWER_PROTOCOL,
    AnswerDesk,
    ChallengeGate,
    Round,
    challenge_topic,
    make_challenge,
)
from node.market.context import MarketContext
from node.market.errors import MalformedMessage
from node.market.frames import Challenge, challenge_digest
from node.market.frontdoor import Exchange, MarketDoor
from node.market.limits import (
    CHALLENGES_QUEUED_MAX,
    RECORD_STREAMS_MAX,
    RECORD_STREAMS_PER_PEER,
    ROUNDS_OPEN_MAX,
    STALE_EPOCHS,
    STREAMS_MAX,
    STREAMS_PER_CALLER_MAX,
    WHY_STREAMS_PER_PEER,
)
from node.market.reasons import WHY_PROTOCOL, Reasons, WhyAnswer, WhyDesk, explain
from node.market.record import kept_answer, opened_line
from node.market.record_desk import RECORD_PROTOCOL, RecordDesk
from node.market.record_lines import Lot, Weighed
from node.market.roster import may_validate, miners
from node.market.rounds import choose_targets, round_at, silence
from node.market.seeds import draw_seed, lot_taken
from node.market.switchboard import of_subnet
from node.market.tasks import TaskView
from node.market.weights import WeightVector, shares_of
from node.primitives.codec import encode
from node.primitives.types import AccountId, Hash, Height
from node.service.roles.announce import Announcer
from node.service.roles.host import RoleHost
from node.service.roles.journal import RoleJournal
from node.service.roles.judging import Bench, Case, pending_view, unjudged
from node.service.roles.record import Recorder
from node.service.roles.secrets import WeightSecrets
from node.service.roles.seeding import Seeding
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
        records = None if store is None else store.records(context.netuid, context.hotkey)
        self._seeding = Seeding(context, subnet.spec.challenge_blocks, records)
        self._record = Recorder(context, subnet, self._seeding, records)
        self.records = None if records is None else RecordDesk(context.chain.genesis_hash, context.netuid, records)
        self._host = host = RoleHost(context, subnet, models, folder=folder)
        self._reasons = Reasons()
        claim = None if context.money is None else context.money.payer.claim
        self._bench = Bench(subnet, host, self._record, self._journal, self._reasons, now_ms, claim=claim)
        self._why = WhyDesk(context.chain.genesis_hash, context.netuid, self.why)
        self._desk = AnswerDesk(subnet, context, arrived=self._answer_arrived)
        self._gate = ChallengeGate(context)
        self._announcer = Announcer(context)
        self._secrets = WeightSecrets(context, self._journal)
        self.weights = WeightSetter(context, subnet, self._weigh, self._secrets)
        self.door = MarketDoor(
            context,
            subnet,
            now_ms=now_ms,
            book=self.book,
            record=self._journal.task,
            finished=self._consider,
            host=host,
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
        await self._seeding.load()
        await self._record.load(await self._journal.load_scores())
        await self._secrets.load()
        # The round under way may have been drawn before a restart: no secret is used twice.
        self._last_round = max(self._seeding.used_round, self._round_at(self._context.chain.height()))
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
        records: AbstractContextManager[None] = nullcontext()
        if self.records is not None:
            records = context.doors.plug(
                of_subnet(RECORD_PROTOCOL, context.netuid),
                self.records.handle,
                per_peer=RECORD_STREAMS_PER_PEER,
                total=RECORD_STREAMS_MAX,
            )
        inbox_of_topic = context.network.subscribe(topic, self._gate, capacity=CHALLENGES_QUEUED_MAX)
        with doors, reasons, records, inbox_of_topic as inbox:
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
        with trio.move_on_after(timeout_s):
            await self._record.flush()
            await self._journal.flush()

    def book(self) -> Book:
        """Standing of every miner by hotkey."""
        return self._record.book

    def why(self, miner: AccountId) -> WhyAnswer:
        """What this validator makes of a miner, and why."""
        shares, _ = shares_of(self._subnet, self._record.book, self._host.view())
        return explain(
            miner, book=self._record.book, shares=shares, reasons=self._reasons, height=self._context.chain.height(),
            rules=self._subnet.spec.version,
        )  # fmt: skip

    def tasks(self) -> tuple[TaskView, ...]:
        """Recent tasks, newest first."""
        return self._journal.log.recent()

    def counters(self) -> Mapping[str, int]:
        """Totals since the start by name, refusals by reason included."""
        parts = (
            self._desk.counts, self._gate.counts, self._bench.counts, self._journal.counts, self._record.counts,
            self.door.counts,
        )  # fmt: skip
        return sum(parts, Counter(self._counts))

    # --- rounds -----------------------------------------------------------------------------------------------------

    async def _follow_chain(self, nursery: trio.Nursery) -> None:
        with self._context.chain.heads() as heads:
            async for head in heads:
                await self._announcer.tick(head)
                await self._record.tick(head.height)
                await self._seeding.tick(head.height)
                await self.weights.tick()
                self._decay_unreached()
                number = self._round_at(head.height)
                if number > self._last_round and not self._draining:
                    self._last_round = number
                    nursery.start_soon(self._run_round, number)

    def _round_at(self, height: Height) -> int:
        return round_at(height, self._subnet.spec.challenge_blocks, self._context.hotkey)

    async def _run_round(self, number: int) -> None:
        view = self._record.view(self._host.view())
        seat = view.find(self._context.hotkey)
        secret, block_hash = self._seeding.secret(number), self._seeding.block_hash(number)
        if seat is None or not may_validate(seat, view):
            self._counts["round.no_permit"] += 1
        elif self._open_rounds >= ROUNDS_OPEN_MAX or self._record.full:
            self._counts["round.too_many_open"] += 1
        elif secret is None or block_hash is None:
            self._counts["round.no_seed"] += 1  # the end of the chain of seeds was not on chain before the round
        else:
            seed = draw_seed(secret, block_hash, view.netuid, number, seat.hotkey)
            candidates = miners(view, without=seat.hotkey)
            targets = choose_targets(candidates, self._record.book, seed, self._subnet.spec.sample)
            task = self._draw(seed, view) if targets else None
            if task is None:
                self._counts["round.nothing_to_ask"] += 1
                return
            # Nothing may come between the choice and its line: an audit chooses from the book as it is at the line.
            challenge = make_challenge(self._context, number, targets, task)
            self._record.add(opened_line(challenge, view, secret, block_hash))
            await self._ask(challenge, view.height, task)

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

    async def _ask(self, challenge: Challenge, height: Height, task: Message) -> None:
        head = challenge.head
        name, targets = challenge_digest(head), head.targets
        opened = Round(name, head.round, height, task, targets, trio.current_time())
        preview = self._subnet.describe(task)
        for miner in targets:
            view = pending_view(name.hex(), miner, self._context.hotkey, self._now_ms(), preview)
            self._views[name, miner] = view
            self._journal.task(view)
        topic = challenge_topic(self._context.chain.genesis_hash, self._context.netuid)
        self._open_rounds += 1
        try:
            await self._seeding.use(head.round)
            await self._record.flush()  # what is asked is on disk before anybody hears it
            opened.started = trio.current_time()
            self._desk.open(opened)
            await self._context.network.publish(topic, encode(challenge))
            self._counts["round.opened"] += 1
            with trio.move_on_after(self._subnet.spec.timeout_s):
                await opened.complete.wait()
        except P2PError as error:
            self._counts["round.not_published"] += 1
            _log.warning("a challenge could not be published: %s", error)
        finally:
            self._open_rounds -= 1
            self._desk.close(opened)
            self._close_round(opened)

    def _close_round(self, opened: Round) -> None:
        verdict = silence(bool(opened.answers))
        for miner in opened.targets:
            view = self._views.pop((opened.digest, miner), None)
            if view is not None and miner not in opened.answers:
                self._bench.settle(view, self._context.forged(miner) or verdict, opened.height)

    def _answer_arrived(self, opened: Round, answer: Answer) -> None:
        view = self._views[opened.digest, answer.miner]
        row = unjudged(view, answer, self._subnet.preview(answer.parts))
        self._record.keep_answer(opened.digest, answer.miner, kept_answer(opened.task, answer))
        forged = self._context.forged(answer.miner)
        if forged is not None:  # whatever it answered: two signatures of its own contradict each other
            self._bench.settle(row, forged, opened.height, answer)
            return
        self._bench.submit(Case(row, opened.task, answer, opened.height))

    # --- audits and upkeep ------------------------------------------------------------------------------------------

    def _consider(self, exchange: Exchange) -> None:
        """Keep a finished call's receipt and audit a sample: nobody foresees which, all can check it later."""
        model = self._subnet.model_of(exchange.task)
        self._journal.receipt(
            exchange.receipt, kind="user", kept_at_ms=self._now_ms(), model=model, spent_rao=exchange.paid_rao
        )
        miner, number = exchange.answer.miner, self._round_at(self._context.chain.height())
        secret = self._seeding.secret(number)
        if secret is None or self._record.crowded or self._draining:
            self._counts["audit.no_lot"] += 1
            return
        taken = lot_taken(secret, exchange.digest, self._record.book.get(miner, Standing()))
        self._record.add(Lot(exchange.digest, miner, exchange.answer.digest, number, secret, taken))
        if not taken:
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
        stale = tuple(hotkey for hotkey, row in self._record.book.items() if row.last_height < oldest)
        self._record.decayed(stale, metagraph.height)

    def _weigh(self, commit: Callable[[WeightVector], bytes]) -> tuple[WeightVector | None, str]:
        """The weights that the book gives now, written down as they are; `commit` seals them or gives no hash."""
        view = self._record.view(self._host.view())
        vector, problem = self._record.vector(view)
        sealed = b"" if vector is None else commit(vector)
        uids, values = ((), ()) if vector is None else (vector.uids, vector.values)
        self._record.add(Weighed(view.height, view.block_hash, uids, values, self._subnet.spec.version, sealed))
        return vector, problem
