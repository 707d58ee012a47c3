"""The open class: instructions with conditions that can be checked exactly, whichever model answers them.

An exercise follows from a secret seed. What a miner sees tells neither that it is one nor what is checked: the seed of
the task is a digest of that secret, wordings are many, and truths are drawn. Quality is the share of conditions met, 0
where the first, the format, is not.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from node.market.chat import DEFAULT_REPETITION_PENALTY
from node.primitives.crypto import digest
from node.subnets.nineteen.instruct_checks import TEXT_CHARS_MAX, Check, words
from node.subnets.nineteen.messages import MILLI, ChatTask, Turn
from node.subnets.nineteen.prompts import SeededChoice

AUTO: Final = "auto"
"""The model's name in tasks that leave the choice of the model to the miner."""
LIKENESS_BANDS: Final = 6
ALIKE_BANDS: Final = 5  # of six: nine in ten words in common
LIKENESS_CHARS_MIN: Final = 30  # shorter answers may well be the same by right
_BAND_VALUES: Final = 256
_MAX_TOKENS: Final = (128, 160, 192)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition and its name, for evidence."""

    name: str
    check: Check


@dataclass(frozen=True, slots=True)
class Exercise:
    """What is said, and what is checked; the first condition is the format."""

    family: str
    turns: tuple[Turn, ...]
    conditions: tuple[Condition, ...]

    def quality(self, text: str) -> tuple[float, str]:
        """Share of conditions met, 0..1, and which are not."""
        text = text.strip()
        if not text or len(text) > TEXT_CHARS_MAX:
            return 0.0, "no answer" if not text else "too long"
        missed = [each.name for each in self.conditions if not each.check(text)]
        if self.conditions[0].name in missed:
            return 0.0, f"{self.family}: {self.conditions[0].name}"
        share = 1.0 - len(missed) / len(self.conditions)
        return share, f"{self.family}: " + (f"missed {', '.join(missed)}" if missed else "all met")


Family = Callable[[SeededChoice], Exercise]


def draw_exercise(seed: bytes, families: Sequence[Family]) -> tuple[ChatTask, Exercise]:
    """The open task and its exercise that follow from 32 secret bytes."""
    choice = SeededChoice(digest("open-class", seed))
    exercise = choice.pick(families)(choice)
    task = ChatTask(
        model=AUTO, turns=exercise.turns, seed=digest("task-seed", seed), max_tokens=choice.pick(_MAX_TOKENS),
        temperature_milli=700, top_p_milli=900, top_k=0,
        repetition_penalty_milli=round(DEFAULT_REPETITION_PENALTY * MILLI), stop=(),
    )  # fmt: skip
    return task, exercise


def likeness(text: str) -> float:
    """A number below 2^48 in which texts of nearly the same words agree in most of its six bytes; 0 for short texts."""
    if len(text.strip()) <= LIKENESS_CHARS_MIN:
        return 0.0
    found = {each.encode() for each in words(text)}
    bands = [
        min((hashlib.blake2b(each, key=bytes([band]), digest_size=8).digest() for each in found), default=bytes(8))[-1]
        for band in range(LIKENESS_BANDS)
    ]
    return float(int.from_bytes(bytes(bands), "big") or 1)


def alike(one: float, other: float) -> bool:
    """Whether two answers of some length are, as far as their likeness tells, the same answer."""
    if not one or not other:
        return False
    pairs = zip(int(one).to_bytes(LIKENESS_BANDS, "big"), int(other).to_bytes(LIKENESS_BANDS, "big"), strict=True)
    return sum(a == b for a, b in pairs) >= ALIKE_BANDS
