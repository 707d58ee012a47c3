"""Subnet Nineteen: continue a chat with a pinned model; a verified answer earns 1, and up to a fifth less when slow.

One challenge in eight leaves the model open and asks to follow instructions; the share of conditions met counts.

The order of checks is fixed, the first failure decides: text against ids, usage, the model's own pass over the tokens,
then speed. What the validator itself cannot do (no model, prompt too long for it) is never the miner's fault.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from typing import Final

import msgspec

from models import CATALOGUE, FinishReason, ModelError, Reason, Verification
from node.market.errors import ServeFailed
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import AccountId, NetUid
from node.subnets.base import (
    Answer,
    Book,
    Code,
    Entry,
    Host,
    Offering,
    Refusal,
    Route,
    Spec,
    State,
    Subnet,
    Usage,
    Verdict,
    View,
)
from node.subnets.doors import CHAT_PATH, COMPLETIONS_PATH
from node.subnets.nineteen.bursts import Bursts
from node.subnets.nineteen.capacity import take_entry
from node.subnets.nineteen.claims import Claim, Fault, claim_of, refuted
from node.subnets.nineteen.instruct import AUTO, Exercise, draw_exercise, likeness
from node.subnets.nineteen.instruct_families import FAMILIES
from node.subnets.nineteen.messages import (
    ChatPiece,
    ChatTask,
    chat_of,
    completion_task,
    quote,
    sampling_of,
    to_reply,
    to_task,
)
from node.subnets.nineteen.prompts import SeededChoice, draw_chat
from node.subnets.nineteen.strategies import Strategy, honest
from node.subnets.nineteen.weighing import shares_of

DEFAULT_MODELS: Final = ("smollm2-135m-instruct",)
OPEN_EVERY: Final = 8  # one challenge in so many asks for instructions to be followed, by any model
EXERCISES_KEPT_MAX: Final = 256  # drawn and not yet judged: a round is judged within minutes
PLAUSIBLE_WORTH: Final = 0.8  # of an answer whose draws only its engine could repeat: less is proven, less is paid
SPEED_SHARE: Final = 0.2  # of the score: speed is second to truth
FULL_EVIDENCE_TOKENS: Final = 32  # a shorter answer says less about its author and weighs less

_CODES: Final = {
    Reason.BAD_TOKEN: Code.MALFORMED,
    Reason.TOO_LONG: Code.TOO_LARGE,
    Reason.WRONG_FINISH: Code.EARLY_END,
    Reason.ENDED_EARLY: Code.EARLY_END,
    Reason.TOO_UNLIKELY: Code.UNLIKELY,
    Reason.TOO_MANY_BAD: Code.WRONG,
    Reason.DRIFT: Code.WRONG_MODEL,
    Reason.BAD_FORM: Code.WRONG,
    Reason.BAD_LOGPROBS: Code.WRONG_MODEL,
}


class Nineteen(Subnet[ChatTask, ChatPiece]):
    """Text generation. `strategy` is how this node mines; everything but `honest` exists to be caught."""

    Task = ChatTask
    Part = ChatPiece
    routes = (
        Route(
            "POST", CHAT_PATH, to_task, to_reply, stream=True, quote=quote,
            features=frozenset({"logprobs", "json", "schema"}),
        ),
        Route(
            "POST", COMPLETIONS_PATH, completion_task, to_reply, stream=True, quote=quote,
            features=frozenset({"logprobs"}),
        ),
    )  # fmt: skip

    def __init__(
        self,
        models: Sequence[str] = DEFAULT_MODELS,
        *,
        strategy: Strategy = honest,
        challenge_blocks: int = 10,
        timeout_s: float = 30.0,
        open_every: int | None = None,
    ) -> None:
        """`open_every`: one challenge in so many is of the open class, 0 for none; None decides by the models."""
        self.spec = Spec(
            name="nineteen",
            title="Text generation",
            version=2,
            home_netuid=NetUid(19),
            models=tuple(models),
            challenge_blocks=challenge_blocks,
            sample=16,
            timeout_s=timeout_s,
            alpha=0.2,
            power=4.0,
        )
        self._strategy = strategy
        known = {entry.name for entry in CATALOGUE}
        self._open_every = (OPEN_EVERY if set(models) & known else 0) if open_every is None else open_every
        self._exercises: OrderedDict[bytes, Exercise] = OrderedDict()  # what was drawn here lately, for `judge`
        self._bursts = Bursts(self.spec.models[0]) if self.spec.models else None

    def draw(self, seed: bytes, view: View) -> ChatTask | None:
        if not self._open_every or SeededChoice(digest("draw-class", seed)).below(self._open_every):
            return draw_chat(seed, self.spec.models)
        task, exercise = draw_exercise(seed, FAMILIES)
        self._exercises[encode(task)] = exercise
        while len(self._exercises) > EXERCISES_KEPT_MAX:
            self._exercises.popitem(last=False)
        return task

    def serve(self, task: ChatTask, host: Host) -> AsyncGenerator[ChatPiece, None]:
        if task.model == AUTO and self._open_every:
            task = msgspec.structs.replace(task, model=self.spec.models[0])
        if task.model not in self.spec.models:
            raise ServeFailed(f"This miner does not serve the model {task.model!r}.", Code.WRONG_MODEL)
        return self._strategy(task, host)

    async def judge(self, task: ChatTask, answer: Answer, host: Host) -> Verdict:
        claim = claim_of(task, answer)
        if isinstance(claim, Fault):
            return Verdict(0.0, claim.code, claim.evidence)
        if task.model == AUTO:
            return self._judge_open(task, claim, answer)
        try:
            runtime = await host.models.text(task.model)
            prompt = await runtime.chat_prompt(chat_of(task))
            sampling = sampling_of(task, answer.miner)
            if any(token >= runtime.vocabulary for token in claim.ids):
                return Verdict(0.0, Code.MALFORMED, "a token outside the vocabulary")
            seen = await runtime.visible_text(claim.ids, sampling)
            fault = await refuted(claim, answer, prompt, seen, runtime)
            if fault is not None:
                return Verdict(0.0, fault.code, fault.evidence)
            finish = FinishReason(claim.finish)
            told = claim.told if claim.seeded or task.logprobs else None  # other engines tell only when asked
            result = await runtime.verify(prompt, claim.ids, sampling, finish, told, seeded=claim.seeded)
        except ModelError as error:
            return Verdict(None, Code.UNCHECKABLE, str(error))
        return self._verdict(result, answer, claim.seeded)

    def _judge_open(self, task: ChatTask, claim: Claim, answer: Answer) -> Verdict:
        """By the conditions of an exercise drawn here; an answer to anything else cannot be checked."""
        if answer.usage.completion_tokens != len(claim.ids):
            return Verdict(0.0, Code.OVERCLAIM, "the usage is not that of the tokens")
        exercise = self._exercises.get(encode(task))
        if exercise is None:
            return Verdict(None, Code.UNCHECKABLE, "an open question without conditions")
        quality, evidence = exercise.quality(claim.text)
        facts = {"quality": quality, "pinned": 0.0, "likeness": likeness(claim.text)}
        code = Code.OK if quality == 1.0 else Code.PARTIAL if quality else Code.WRONG
        score = quality * (1.0 - SPEED_SHARE * slowness(answer.t_done_ms, self.spec.timeout_s))
        return Verdict(score, code, evidence, facts=facts)

    def _verdict(self, result: Verification, answer: Answer, seeded: bool) -> Verdict:
        weight = min(1.0, result.tokens / FULL_EVIDENCE_TOKENS)
        worth = 1.0 if seeded else PLAUSIBLE_WORTH
        what = "mean gap" if seeded else "plausible, mean surprisal"
        evidence = f"{result.tokens} tokens, {what} {result.mean_gap:.3f}, largest {result.max_gap:.2f}"
        facts = {"quality": worth if result.ok else 0.0, "pinned": 1.0}
        if not result.ok:
            return Verdict(0.0, _CODES.get(result.reason, Code.WRONG), f"{result.reason}: {evidence}", 1.0, facts)
        score = worth * (1.0 - SPEED_SHARE * slowness(answer.t_done_ms, self.spec.timeout_s))
        return Verdict(score, Code.OK, evidence, weight, facts)

    def apply(self, entry: Entry, state: State) -> Refusal | None:
        return take_entry(entry, state)

    async def tick(self, host: Host) -> None:
        if self._bursts is not None:
            await self._bursts.tick(host)

    def weigh(self, book: Book, view: View) -> dict[AccountId, float]:
        if not any(standing.recent for standing in book.values()):
            return super().weigh(book, view)  # a book of averages alone, as simulations keep it
        return shares_of(book, self.spec.models, view)

    def delivered(self, part: ChatPiece) -> Usage:
        return Usage(part.usage.prompt_tokens if part.done else 0, len(part.ids))

    def offerings(self, view: View) -> Sequence[Offering]:
        names = (*self.spec.models, *((AUTO,) if self._open_every else ()))
        return tuple(Offering(name, path) for path in (CHAT_PATH, COMPLETIONS_PATH) for name in names)

    def describe(self, task: ChatTask) -> str:
        return task.turns[-1].content

    def preview(self, parts: Sequence[ChatPiece]) -> str:
        return "".join(piece.text for piece in parts)


def slowness(t_done_ms: int, timeout_s: float) -> float:
    """0 within half of the deadline, growing evenly to 1 at its end."""
    share = t_done_ms / (timeout_s * 1000)
    return min(max(2.0 * share - 1.0, 0.0), 1.0)
