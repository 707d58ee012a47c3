"""Why a validator scores a miner as it does: its last verdicts, kept in memory and told to whoever asks.

Nothing told here is secret and nothing here decides: scores are the book's, shares the subnet's. Numbers travel in
parts of a million. What a validator says about itself is its own word; weights on chain are what counts.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Final

import trio

from node.market.errors import MalformedMessage
from node.market.limits import (
    REASON_CHARS_MAX,
    REASON_MINERS_MAX,
    REASONS_PER_MINER_MAX,
    REQUEST_TIMEOUT_S,
    WHY_ANSWER_BYTES_MAX,
    WHY_QUESTION_BYTES_MAX,
)
from node.market.reach import open_stream
from node.market.switchboard import of_subnet
from node.market.tasks import TaskView, one_line
from node.primitives.codec import encode
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, AccountId, Hash, Height, NetUid
from node.subnets.base import Book, Code, Message, Neuron, Standing, Verdict, check_text, decode_message
from p2p import Network, P2PError, Stream

WHY_PROTOCOL: Final = "/neurond/why/1"
PPM: Final = 1_000_000
NONE_PPM: Final = -1
"""In place of a score where there is none."""
_KINDS: Final = ("user", "challenge", "audit")


class WhyQuestion(Message, frozen=True):
    """What do you make of this miner?"""

    genesis: Hash
    netuid: NetUid
    miner: AccountId

    def check(self) -> None:
        if (len(self.genesis), len(self.miner)) != (HASH_BYTES, ACCOUNT_BYTES) or self.netuid < 0:
            raise MalformedMessage("A hash, key or number of this question is out of range.")


class VerdictLine(Message, frozen=True):
    """One verdict; `code` is a `Code`, `score_ppm` is NONE_PPM where the validator could not judge."""

    judged_at_ms: int
    kind: str
    score_ppm: int
    code: int
    evidence: str
    latency_ms: int

    def check(self) -> None:
        check_text("The evidence", self.evidence, max_chars=REASON_CHARS_MAX)
        known = self.code in Code.__members__.values() and self.kind in _KINDS and self.evidence.isprintable()
        if not known or not NONE_PPM <= self.score_ppm <= PPM or min(self.judged_at_ms, self.latency_ms) < 0:
            raise MalformedMessage("A verdict holds a number, kind or text that none has.")


class WhyAnswer(Message, frozen=True):
    """What a validator makes of a miner: its average, its share of the weights to come, its rank among those with one.

    `ahead_ppm` is the score of the miner one rank better, NONE_PPM for the first; verdicts are the newest first.
    """

    height: Height
    rules: int
    score_ppm: int
    samples_milli: int
    last_height: Height
    share_ppm: int
    rank: int
    ranked: int
    ahead_ppm: int
    verdicts: tuple[VerdictLine, ...]

    def check(self) -> None:
        numbers = (
            self.height, self.rules, self.score_ppm, self.samples_milli, self.last_height, self.share_ppm, self.rank,
            self.ranked,
        )  # fmt: skip
        if min(numbers) < 0 or max(self.score_ppm, self.share_ppm, self.ahead_ppm) > PPM or self.ahead_ppm < NONE_PPM:
            raise MalformedMessage("A number of this answer is out of range.")
        if len(self.verdicts) > REASONS_PER_MINER_MAX:
            raise MalformedMessage(f"An answer holds at most {REASONS_PER_MINER_MAX} verdicts.")
        for line in self.verdicts:
            line.check()


class Reasons:
    """The last verdicts on each miner; those judged longest ago are forgotten first."""

    def __init__(self) -> None:
        self._lines: OrderedDict[AccountId, deque[VerdictLine]] = OrderedDict()

    def note(self, task: TaskView, verdict: Verdict, judged_at_ms: int) -> None:
        """Keep a verdict."""
        lines = self._lines.pop(task.miner, None) or deque(maxlen=REASONS_PER_MINER_MAX)
        evidence = one_line(verdict.evidence)[:REASON_CHARS_MAX]
        score = NONE_PPM if verdict.score is None else ppm(verdict.score)
        lines.appendleft(
            VerdictLine(judged_at_ms, task.kind, score, verdict.code, evidence, max(0, task.latency_ms))
        )  # fmt: skip
        self._lines[task.miner] = lines
        if len(self._lines) > REASON_MINERS_MAX:
            self._lines.popitem(last=False)

    def of(self, miner: AccountId) -> tuple[VerdictLine, ...]:
        """The verdicts on one miner, newest first."""
        return tuple(self._lines.get(miner, ()))


def explain(
    miner: AccountId, *, book: Book, shares: Mapping[AccountId, float], reasons: Reasons, height: Height, rules: int
) -> WhyAnswer:
    """The answer about one miner; rank 0 while it has no share."""
    standing = book.get(miner, Standing())
    ranking = sorted(shares, key=lambda hotkey: (-shares[hotkey], hotkey))
    rank = ranking.index(miner) + 1 if miner in shares else 0
    above = ranking[rank - 2] if rank > 1 else ranking[-1] if ranking and not rank else None
    return WhyAnswer(
        height=height,
        rules=rules,
        score_ppm=ppm(standing.score),
        samples_milli=max(0, int(standing.samples * 1000)) if math.isfinite(standing.samples) else 0,
        last_height=standing.last_height,
        share_ppm=ppm(shares.get(miner, 0.0)),
        rank=rank,
        ranked=len(ranking),
        ahead_ppm=NONE_PPM if above is None else ppm(book.get(above, Standing()).score),
        verdicts=reasons.of(miner),
    )


def ppm(share: float) -> int:
    """A share in parts of a million; 0 for what is no share."""
    return min(PPM, max(0, round(share * PPM))) if math.isfinite(share) else 0


class WhyDesk:
    """Answers at a validator; `explain_to` is asked for each miner of its own network and subnet."""

    def __init__(self, genesis: Hash, netuid: NetUid, explain_to: Callable[[AccountId], WhyAnswer]) -> None:
        self._here = (genesis, netuid)
        self._explain = explain_to

    async def handle(self, stream: Stream) -> None:
        """Answer one question; anything else is no question of an honest node."""
        try:
            with trio.fail_after(REQUEST_TIMEOUT_S):
                question = decode_message(
                    WhyQuestion, await stream.receive(WHY_QUESTION_BYTES_MAX), max_bytes=WHY_QUESTION_BYTES_MAX
                )
                if (question.genesis, question.netuid) != self._here:
                    return await stream.reset()
                await stream.send(encode(self._explain(question.miner)))
                await stream.close_write()
        except (MalformedMessage, P2PError, trio.TooSlowError):
            await stream.reset()


async def ask_why(network: Network, validator: Neuron, question: WhyQuestion) -> WhyAnswer:
    """Ask a validator. Raises MarketError, P2PError, TooSlowError after REQUEST_TIMEOUT_S."""
    stream = await open_stream(network, validator, of_subnet(WHY_PROTOCOL, question.netuid))
    try:
        with trio.fail_after(REQUEST_TIMEOUT_S):
            await stream.send(encode(question))
            raw = await stream.receive(WHY_ANSWER_BYTES_MAX)
            return decode_message(WhyAnswer, raw, max_bytes=WHY_ANSWER_BYTES_MAX)
    finally:
        await stream.aclose()
