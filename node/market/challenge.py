"""Challenges: a validator asks several miners the same thing by gossip; each answers to the validator alone.

What is drawn follows from a seed that miners cannot foresee and validators cannot choose (`node.market.seeds`). Who
answers gets a receipt that the validator has signed: it cannot say later that there was no answer.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from node.market.context import MarketContext
from node.market.errors import MalformedMessage
from node.market.frames import (
    CHALLENGE_BYTES_MAX,
    Challenge,
    ChallengeAnswer,
    ChallengeHead,
    Receipt,
    answer_message,
    body_digest,
    chain_of,
    challenge_digest,
    decode,
    sign_challenge,
)
from node.market.limits import ACKNOWLEDGEMENT_BYTES_MAX, ANSWER_BYTES_MAX, BODY_DIGESTS_KEPT_MAX, REQUEST_TIMEOUT_S
from node.market.receipts import sign_challenge_receipt
from node.market.replay import ReplayCache, is_fresh
from node.market.roster import may_validate
from node.primitives.codec import encode
from node.primitives.crypto import Verifier, verify
from node.primitives.limits import ANSWER_PART_BYTES_MAX
from node.primitives.types import AccountId, Hash, Height, NetUid
from node.subnets.base import Answer, AnySubnet, Code, Message, Part, Usage, decode_message
from p2p import P2PError, Stream, Verdict

ANSWER_PROTOCOL = "/neurond/answer/2"


def challenge_topic(genesis: Hash, netuid: NetUid) -> str:
    """The gossip topic of a subnet's challenges on one network."""
    return f"/neurond/{genesis.hex()[:16]}/challenge/{netuid}/1"


def make_challenge(
    context: MarketContext, round_number: int, targets: tuple[AccountId, ...], task: Message
) -> Challenge:
    """The signed broadcast of a task to its targets, dated now."""
    body = encode(task)
    head = ChallengeHead(
        genesis=context.chain.genesis_hash,
        netuid=context.netuid,
        round=round_number,
        height=context.chain.height(),
        validator=context.hotkey,
        peer_id=context.network.peer_id,
        targets=targets,
        body_digest=body_digest(body),
    )
    return sign_challenge(head, body, context.signer)


class ChallengeGate:
    """The check of the challenge topic: what is forwarded and delivered. Cheap, and it never raises."""

    def __init__(self, context: MarketContext, *, verifier: Verifier = verify) -> None:
        self._context = context
        self._verify = verifier
        self._replay = ReplayCache(BODY_DIGESTS_KEPT_MAX)
        self.counts: Counter[str] = Counter()

    def __call__(self, _peer_id: str, data: bytes) -> Verdict:
        """Forward sound challenges of validators once; blame the sender only for what it could have seen itself."""
        if len(data) > CHALLENGE_BYTES_MAX:
            return self._refuse(Code.TOO_LARGE, Verdict.REJECT)
        try:
            challenge = decode(Challenge, data)
        except MalformedMessage:
            return self._refuse(Code.MALFORMED, Verdict.REJECT)
        head, now = challenge.head, self._context.chain.height()
        if head.genesis != self._context.chain.genesis_hash or head.netuid != self._context.netuid:
            return self._refuse(Code.FOREIGN, Verdict.REJECT)
        if head.body_digest != body_digest(challenge.body):
            return self._refuse(Code.FORGED, Verdict.REJECT)
        if not is_fresh(head.height, now):
            return self._refuse(Code.STALE, Verdict.IGNORE)
        view = self._context.view()
        validator = view.find(head.validator)
        if validator is None or not may_validate(validator, view):
            return self._refuse(Code.UNREGISTERED, Verdict.IGNORE)
        name = challenge_digest(head)
        if not self._verify(head.validator, name, challenge.signature):
            return self._refuse(Code.BAD_SIGNATURE, Verdict.REJECT)
        if not self._replay.first_time(name, head.height, now):
            return self._refuse(Code.DUPLICATE, Verdict.IGNORE)
        self.counts["challenge.accepted"] += 1
        return Verdict.ACCEPT

    def _refuse(self, code: Code, verdict: Verdict) -> Verdict:
        self.counts[f"challenge.{code.name.lower()}"] += 1
        return verdict


@dataclass(slots=True)
class Round:
    """One open challenge at its validator; `complete` is set when every target has answered."""

    digest: Hash
    number: int
    height: Height
    task: Message
    targets: tuple[AccountId, ...]
    started: float
    answers: dict[AccountId, Answer] = field(default_factory=dict)
    complete: trio.Event = field(default_factory=trio.Event)


class AnswerDesk:
    """Where miners bring their answers: give `handle` to `Network.serve(ANSWER_PROTOCOL, ...)`.

    Without a context, as in the workbench, there are no receipts.
    """

    def __init__(
        self,
        subnet: AnySubnet,
        context: MarketContext | None = None,
        *,
        arrived: Callable[[Round, Answer], None] = lambda *_: None,
        verifier: Verifier = verify,
    ) -> None:
        self._subnet = subnet
        self._context = context
        self._arrived = arrived
        self._verify = verifier
        self._open: dict[Hash, Round] = {}
        self.counts: Counter[str] = Counter()

    def open(self, opened: Round) -> None:
        """Take answers to this challenge from now on."""
        self._open[opened.digest] = opened

    def close(self, opened: Round) -> None:
        """Refuse further answers to this challenge as late."""
        self._open.pop(opened.digest, None)

    async def handle(self, stream: Stream) -> None:
        """Take one answer and acknowledge it with one byte, its code, and a receipt for one that counts."""
        try:
            with trio.fail_after(REQUEST_TIMEOUT_S):
                raw = await stream.receive(ANSWER_BYTES_MAX)
                code, receipt = self.accept(raw)
                await stream.send(bytes([code]) + (b"" if receipt is None else encode(receipt)))
                await stream.close_write()
        except (P2PError, trio.TooSlowError):
            self.counts["answer.broken"] += 1
            await stream.reset()

    def accept(self, raw: bytes) -> tuple[Code, Receipt | None]:
        """Check an answer and keep it in its round, with a receipt for it; every refusal is counted."""
        code, receipt = self._take(raw)
        self.counts["answer.accepted" if code is Code.OK else f"answer.{code.name.lower()}"] += 1
        return code, receipt

    def _take(self, raw: bytes) -> tuple[Code, Receipt | None]:
        try:
            claimed = decode(ChallengeAnswer, raw)
            opened = self._open.get(claimed.challenge)
            if opened is None:
                return Code.STALE, None
            if claimed.miner not in opened.targets:
                return Code.MISADDRESSED, None
            if claimed.miner in opened.answers:
                return Code.DUPLICATE, None
            chain = chain_of(claimed.challenge, claimed.parts)
            message = answer_message(claimed.challenge, chain, claimed.usage)
            if not self._verify(claimed.miner, message, claimed.signature):
                return Code.BAD_SIGNATURE, None
            parts = _decode_parts(self._subnet, claimed.parts, claimed.usage)
        except MalformedMessage:
            return Code.MALFORMED, None
        elapsed_ms = int((trio.current_time() - opened.started) * 1000)
        answer = Answer(
            claimed.miner, parts, claimed.usage, chain.digest, claimed.signature, elapsed_ms, elapsed_ms
        )  # fmt: skip
        opened.answers[claimed.miner] = answer
        if len(opened.answers) == len(opened.targets):
            opened.complete.set()
        self._arrived(opened, answer)
        return Code.OK, self._receipt(opened, answer)

    def _receipt(self, opened: Round, answer: Answer) -> Receipt | None:
        context = self._context
        if context is None:
            return None
        return sign_challenge_receipt(
            genesis=context.chain.genesis_hash, netuid=context.netuid, challenge=opened.digest, height=opened.height,
            answer=answer, spec_version=self._subnet.spec.version, signer=context.signer,
        )  # fmt: skip


def acknowledged(reply: bytes) -> Code:
    """The code in a validator's acknowledgement; REFUSED when it makes no sense. A receipt may follow it."""
    try:
        return Code(reply[0]) if len(reply) <= ACKNOWLEDGEMENT_BYTES_MAX else Code.REFUSED
    except (IndexError, ValueError):
        return Code.REFUSED


def _decode_parts(subnet: AnySubnet, bodies: tuple[bytes, ...], usage: Usage) -> tuple[Part, ...]:
    parts: list[Part] = []
    for index, body in enumerate(bodies):
        part = decode_message(subnet.Part, body, max_bytes=ANSWER_PART_BYTES_MAX)
        if part.index != index or part.done != (index == len(bodies) - 1):
            raise MalformedMessage("The parts of an answer are out of order.")
        parts.append(part)
    if parts[-1].usage != usage:
        raise MalformedMessage("The usage signed is not the usage of the last part.")
    return tuple(parts)
