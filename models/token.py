"""One step of an answer, as everybody sees it; needs no runtime."""

from __future__ import annotations

from dataclasses import dataclass

from models.limits import MAX_SURPRISAL
from models.verify import FinishReason

Leaders = tuple[tuple[int, int], ...]
"""(id, surprisal) of the likeliest tokens at a place, best first."""


@dataclass(frozen=True, slots=True)
class Token:
    """One step of an answer. The last item of a complete stream has `finish_reason` set."""

    id: int | None  # None on the closing item of an answer that drew the end token
    index: int  # position in the answer, from 0
    text: str  # what this step adds to the text: complete characters only, possibly empty
    finish_reason: FinishReason | None = None
    surprisal: int = 0  # minus the log-probability of the id under the raw logits, in ten-thousandths of a nat
    leaders: Leaders = ()  # if asked for
    seeded: bool = True  # false when another engine drew it with noise of its own


@dataclass(frozen=True, slots=True)
class Told:
    """The probabilities that came with an answer: hostile until `fits`, and believed only after a check."""

    surprisals: tuple[int, ...]  # one an id
    leaders: tuple[Leaders, ...] = ()  # one an id, or none at all when none were asked for

    def fits(self, ids: int, top_logprobs: int) -> bool:
        """Whether there are as many as asked for, in order and in range."""
        wanted = ids if top_logprobs else 0
        return (
            len(self.surprisals) == ids
            and len(self.leaders) == wanted
            and all(0 <= each <= MAX_SURPRISAL for each in self.surprisals)
            and all(_ranked(each, top_logprobs) for each in self.leaders)
        )


def _ranked(leaders: Leaders, count: int) -> bool:
    values = [value for _, value in leaders]
    return (
        len(values) == count
        and len({token for token, _ in leaders}) == count
        and values == sorted(values)
        and all(0 <= value <= MAX_SURPRISAL for value in values)
    )
