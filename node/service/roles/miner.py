"""A miner: answers challenges of validators and calls of registered callers with one subnet's `serve`.

Both kinds of work share the same places, so a challenge is served exactly like a user's call. What cannot be served in
time is refused at once.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import trio

from node.market.admission import Admission
from node.market.call import CALL_PROTOCOL
from node.market.challenge import ANSWER_PROTOCOL, ChallengeGate, acknowledged, challenge_topic
from node.market.context import MarketContext
from node.market.errors import MalformedMessage, ServeFailed
from node.market.frames import (
    Challenge,
    ChallengeAnswer,
    ChallengeHead,
    challenge_digest,
    decode,
    sign_challenge_answer,
)
from node.market.limits import (
    ACKNOWLEDGEMENT_BYTES_MAX,
    CHALLENGES_QUEUED_MAX,
    REQUEST_TIMEOUT_S,
    STREAMS_HEARD_MAX,
    STREAMS_MAX,
)
from node.market.reach import open_stream
from node.market.receipts import check_challenge_receipt
from node.market.serving import CallServer, Served, serve_parts
from node.market.switchboard import of_subnet
from node.market.tasks import TaskView
from node.primitives.codec import encode
from node.primitives.crypto import verify
from node.primitives.errors import MarketError
from node.primitives.limits import TASK_BYTES_MAX
from node.service.roles.announce import Announcer
from node.service.roles.host import RoleHost
from node.service.roles.journal import RoleJournal
from node.service.roles.ticking import tick_at_heads
from node.subnets.base import AnySubnet, Code, Message, ModelPool, Neuron, Part, decode_message
from p2p import P2PError
from storage import MarketStore

_log = logging.getLogger(__name__)


class MinerRole:
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
        admission: Admission | None = None,
    ) -> None:
        self._context = context
        self._subnet = subnet
        self._models = models
        self._now_ms = now_ms
        self._host = RoleHost(context, subnet, models, folder=folder)
        self._admission = admission or Admission()
        self._server = CallServer(context, subnet, self._host, self._admission, watch=self._watch_call)
        self._gate = ChallengeGate(context)
        self._journal = RoleJournal(context.netuid, store)
        self._announcer = Announcer(context)
        self._counts: Counter[str] = Counter()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Open the models, announce the peer id on chain, serve until cancelled. Started when it can answer.

        Raises models.ModelError before it is started when a model cannot be had.
        """
        for name in self._subnet.spec.models:
            await self._models.text(name)
        context = self._context
        topic = challenge_topic(context.chain.genesis_hash, context.netuid)
        doors = context.doors.plug(
            of_subnet(CALL_PROTOCOL, context.netuid),
            self._server.handle,
            per_peer=STREAMS_HEARD_MAX,
            total=STREAMS_MAX,
            with_credit=True,
        )
        with doors, context.network.subscribe(topic, self._gate, capacity=CHALLENGES_QUEUED_MAX) as inbox:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._journal.run)
                nursery.start_soon(self._follow_chain)
                nursery.start_soon(tick_at_heads, self._subnet, self._host, context.chain)
                task_status.started()
                async for message in inbox:
                    nursery.start_soon(self._take_challenge, message.data)

    async def drain(self, timeout_s: float = 10.0) -> None:
        """Take no more work and wait until what runs is answered and written, at most `timeout_s`."""
        self._admission.close()
        with trio.move_on_after(timeout_s):
            await self._admission.wait_idle()
        with trio.move_on_after(timeout_s):
            await self._journal.flush()

    def tasks(self) -> tuple[TaskView, ...]:
        """Recent tasks, newest first."""
        return self._journal.log.recent()

    def counters(self) -> Mapping[str, int]:
        """Totals since the start by name, refusals by reason included."""
        return self._counts + self._server.counts + self._gate.counts + self._journal.counts

    @property
    def announce_error(self) -> str:
        """Why the seat's addresses on chain are out of date; empty when they are not."""
        return self._announcer.last_error

    async def _follow_chain(self) -> None:
        with self._context.chain.heads() as heads:
            async for head in heads:
                await self._announcer.tick(head)

    # --- challenges -------------------------------------------------------------------------------------------------

    async def _take_challenge(self, data: bytes) -> None:
        try:
            challenge = decode(Challenge, data)
            head = challenge.head
            if self._context.hotkey not in head.targets:
                self._counts["challenge.not_for_us"] += 1
                return
            task: Message = decode_message(self._subnet.Task, challenge.body, max_bytes=TASK_BYTES_MAX)
        except MalformedMessage:
            self._counts["challenge.malformed"] += 1
            return
        validator = self._context.view().find(head.validator)
        if validator is None:
            self._counts["challenge.unregistered"] += 1
            return
        await self._answer(head, task, replace(validator, peer_id=head.peer_id))

    async def _answer(self, head: ChallengeHead, task: Message, validator: Neuron) -> None:
        started = trio.current_time()
        view = TaskView(
            id=challenge_digest(head).hex(),
            kind="challenge",
            miner=self._context.hotkey,
            state="running",
            created_at_ms=self._now_ms(),
            preview=self._subnet.describe(task),
            asker=head.validator,
        )
        self._journal.task(view)
        parts: list[Part] = []
        code = Code.CANCELLED
        try:
            with trio.move_on_after(self._subnet.spec.timeout_s) as scope:
                code = await self._serve_and_send(head, task, validator, parts)
            if scope.cancelled_caught:
                code = Code.TIMEOUT
        finally:
            self._counts[f"challenge.sent.{code.name.lower()}"] += 1
            self._journal.task(
                replace(
                    view,
                    state="done" if code is Code.OK else "failed",
                    latency_ms=int((trio.current_time() - started) * 1000),
                    tokens=parts[-1].usage.completion_tokens if parts else 0,
                    code="" if code is Code.OK else code.name,
                    preview=self._subnet.preview(parts) or view.preview,
                ),
                validator=head.validator,
            )

    async def _serve_and_send(self, head: ChallengeHead, task: Message, validator: Neuron, parts: list[Part]) -> Code:
        try:
            async with self._admission.place(validator):
                async for part in serve_parts(self._subnet, task, self._host):
                    parts.append(part)
        except ServeFailed as failure:
            return failure.refusal
        answer = sign_challenge_answer(
            challenge_digest(head), tuple(encode(part) for part in parts), parts[-1].usage, self._context.signer
        )
        try:
            protocol = of_subnet(ANSWER_PROTOCOL, self._context.netuid)
            stream = await open_stream(self._context.network, validator, protocol)
            try:
                await stream.send(encode(answer))
                with trio.fail_after(REQUEST_TIMEOUT_S):
                    reply = await stream.receive(ACKNOWLEDGEMENT_BYTES_MAX)
                self._keep_receipt(reply, head, answer, task)
                return acknowledged(reply)
            finally:
                await stream.aclose()
        except (MarketError, P2PError, trio.TooSlowError) as error:
            _log.info("an answer could not be delivered: %s", error)
            return Code.UNREACHABLE

    def _keep_receipt(self, reply: bytes, head: ChallengeHead, answer: ChallengeAnswer, task: Message) -> None:
        """Keep the validator's word that it has our answer; without it, nothing proves that it had."""
        if acknowledged(reply) is not Code.OK:
            return
        try:
            receipt = check_challenge_receipt(reply[1:], head, answer, verify)
        except MalformedMessage:
            self._counts["challenge.receipt_refused"] += 1
            return
        self._journal.receipt(receipt, kind="challenge", kept_at_ms=self._now_ms(), model=self._subnet.model_of(task))

    # --- calls ------------------------------------------------------------------------------------------------------

    def _watch_call(self, served: Served) -> None:
        known = self._journal.log.get(served.digest.hex(), self._context.hotkey)
        view = TaskView(
            id=served.digest.hex(),
            kind="user",
            miner=self._context.hotkey,
            state="running" if served.code is None else "done" if served.code is Code.OK else "failed",
            created_at_ms=self._now_ms() if known is None else known.created_at_ms,
            latency_ms=int((trio.current_time() - served.started) * 1000) if served.receipt is None else 0,
            tokens=served.usage.completion_tokens,
            code="" if served.code in (None, Code.OK) else served.code.name,
            preview=self._subnet.preview(served.parts) or self._subnet.describe(served.task),
            asker=served.caller.hotkey,
        )
        if served.receipt is not None:
            model = self._subnet.model_of(served.task)
            paid_rao, money = served.paid_rao, self._context.money
            self._journal.receipt(
                served.receipt, kind="served", kept_at_ms=self._now_ms(), model=model, spent_rao=paid_rao
            )
            if money is not None and paid_rao:
                money.owe(self._subnet.owed(served.task, paid_rao))
            return
        self._journal.task(view, validator=served.caller.hotkey)
