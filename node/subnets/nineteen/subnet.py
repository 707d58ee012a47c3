"""Subnet Nineteen: continue a chat with a pinned model; a verified answer earns 1, and up to a fifth less when slow.

The order of checks is fixed, the first failure decides: text against ids, usage, the model's own pass over the tokens,
then speed. What the validator itself cannot do (no model, prompt too long for it) is never the miner's fault.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from models import FinishReason, ModelError, Reason, Verification
from node.market.errors import ServeFailed
from node.primitives.types import NetUid
from node.subnets.base import Answer, Code, Host, Route, Spec, Subnet, Verdict, View
from node.subnets.nineteen.messages import ChatPiece, ChatTask, chat_of, sampling_of, to_reply, to_task
from node.subnets.nineteen.prompts import draw_chat
from node.subnets.nineteen.strategies import Strategy, honest

DEFAULT_MODELS: Final = ("smollm2-135m-instruct",)
CHAT_PATH: Final = "/v1/chat/completions"
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
}


class Nineteen(Subnet[ChatTask, ChatPiece]):
    """Text generation. `strategy` is how this node mines; everything but `honest` exists to be caught."""

    Task = ChatTask
    Part = ChatPiece
    routes = (Route("POST", CHAT_PATH, to_task, to_reply, stream=True),)

    def __init__(
        self,
        models: Sequence[str] = DEFAULT_MODELS,
        *,
        strategy: Strategy = honest,
        challenge_blocks: int = 10,
        timeout_s: float = 30.0,
    ) -> None:
        self.spec = Spec(
            name="nineteen",
            title="Text generation",
            version=1,
            home_netuid=NetUid(19),
            models=tuple(models),
            challenge_blocks=challenge_blocks,
            sample=16,
            timeout_s=timeout_s,
            alpha=0.2,
            power=4.0,
        )
        self._strategy = strategy

    def draw(self, seed: bytes, view: View) -> ChatTask | None:
        return draw_chat(seed, self.spec.models)

    def serve(self, task: ChatTask, host: Host) -> AsyncGenerator[ChatPiece, None]:
        if task.model not in self.spec.models:
            raise ServeFailed(f"This miner does not serve the model {task.model!r}.", Code.WRONG_MODEL)
        return self._strategy(task, host)

    async def judge(self, task: ChatTask, answer: Answer, host: Host) -> Verdict:
        pieces = [part for part in answer.parts if isinstance(part, ChatPiece)]
        if answer.status is not Code.OK or not pieces or len(pieces) != len(answer.parts):
            return Verdict(0.0, Code.MALFORMED if answer.status is Code.OK else answer.status)
        try:
            runtime = await host.models.text(task.model)
            prompt = await runtime.chat_prompt(chat_of(task))
            sampling = sampling_of(task, answer.miner)
            ids = [token for piece in pieces for token in piece.ids]
            if any(token >= runtime.vocabulary for token in ids):
                return Verdict(0.0, Code.MALFORMED, "a token outside the vocabulary")
            if len(ids) > task.max_tokens:
                return Verdict(0.0, Code.TOO_LARGE, f"{len(ids)} tokens, {task.max_tokens} asked for")
            if await runtime.visible_text(ids, sampling) != "".join(piece.text for piece in pieces):
                return Verdict(0.0, Code.FORGED, "the text is not that of the tokens")
            if (answer.usage.prompt_tokens, answer.usage.completion_tokens) != (len(prompt), len(ids)):
                return Verdict(0.0, Code.OVERCLAIM, "the usage is not that of the tokens")
            result = await runtime.verify(prompt, ids, sampling, FinishReason(pieces[-1].finish_reason))
        except ModelError as error:
            return Verdict(None, Code.UNCHECKABLE, str(error))
        return self._verdict(result, answer)

    def _verdict(self, result: Verification, answer: Answer) -> Verdict:
        weight = min(1.0, result.tokens / FULL_EVIDENCE_TOKENS)
        evidence = f"{result.tokens} tokens, mean gap {result.mean_gap:.3f}, largest {result.max_gap:.2f}"
        if not result.ok:
            return Verdict(0.0, _CODES.get(result.reason, Code.WRONG), f"{result.reason}: {evidence}")
        return Verdict(1.0 - SPEED_SHARE * slowness(answer.t_done_ms, self.spec.timeout_s), Code.OK, evidence, weight)

    def describe(self, task: ChatTask) -> str:
        return task.turns[-1].content

    def preview(self, parts: Sequence[ChatPiece]) -> str:
        return "".join(piece.text for piece in parts)


def slowness(t_done_ms: int, timeout_s: float) -> float:
    """0 within half of the deadline, growing evenly to 1 at its end."""
    share = t_done_ms / (timeout_s * 1000)
    return min(max(2.0 * share - 1.0, 0.0), 1.0)
