"""A whole answer as one claim: its tokens, the probabilities told with them, and everything that form alone can refute.

Needs no model. What is left is for the model's own pass over the tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models import Told
from node.subnets.base import Answer, Code, TextRuntime, Usage
from node.subnets.nineteen.messages import ChatPiece, ChatTask, Odds


@dataclass(frozen=True, slots=True)
class Claim:
    """What a miner says it drew. `odds` are those of each token, empty when none were asked for."""

    ids: tuple[int, ...]
    text: str
    told: Told
    odds: tuple[tuple[Odds, ...], ...]
    finish: str
    seeded: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an answer is worth nothing."""

    code: Code
    evidence: str = ""


def claim_of(task: ChatTask, answer: Answer) -> Claim | Fault:
    """The claim of a complete answer, or what is wrong with its form."""
    pieces = [part for part in answer.parts if isinstance(part, ChatPiece)]
    if answer.status is not Code.OK or not pieces or len(pieces) != len(answer.parts):
        return Fault(Code.MALFORMED if answer.status is Code.OK else answer.status)
    ids = tuple(token for piece in pieces for token in piece.ids)
    odds = tuple(each for piece in pieces for each in piece.odds)
    surprisals = tuple(value for piece in pieces for value in piece.surprisals)
    if len(ids) > task.max_tokens:
        return Fault(Code.TOO_LARGE, f"{len(ids)} tokens, {task.max_tokens} asked for")
    if len({piece.seeded for piece in pieces}) > 1:
        return Fault(Code.MALFORMED, "some tokens drawn with the seed and some without")
    if len(odds) != (len(ids) if task.logprobs else 0) or any(len(each) != task.logprobs for each in odds):
        return Fault(Code.MALFORMED, "not the log-probabilities that were asked for")
    own = tuple((each[0].token, each[0].surprisal) for each in odds)
    if odds and own != tuple(zip(ids, surprisals, strict=True)):
        return Fault(Code.FORGED, "log-probabilities of other tokens")
    leaders = tuple(tuple((each.token, each.surprisal) for each in rest) for _, *rest in odds)
    told = Told(surprisals, leaders if task.logprobs > 1 else ())
    text = "".join(piece.text for piece in pieces)
    return Claim(ids, text, told, odds, pieces[-1].finish_reason, pieces[-1].seeded)


async def refuted(claim: Claim, answer: Answer, prompt: Sequence[int], seen: str, runtime: TextRuntime) -> Fault | None:
    """What the tokens themselves refute: text, usage, or the spelling of a token. `seen` is the text of the tokens."""
    if seen != claim.text:
        return Fault(Code.FORGED, "the text is not that of the tokens")
    if answer.usage != Usage(len(prompt), len(claim.ids)):
        return Fault(Code.OVERCLAIM, "the usage is not that of the tokens")
    named = [odds for each in claim.odds for odds in each]
    if any(odds.token >= runtime.vocabulary for odds in named):
        return Fault(Code.MALFORMED, "a token outside the vocabulary")
    written = await runtime.token_bytes([odds.token for odds in named]) if named else []
    if written != [odds.piece for odds in named]:
        return Fault(Code.FORGED, "a token does not write what is told")
    return None
