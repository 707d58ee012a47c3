"""Whether the last verdicts on a miner, taken together, are those of a cheat: a sequential test over its answers.

A mild cheat passes a check once in thirty answers, an honest miner fails one in a thousand or less: one answer decides
little, two refusals close together decide. Wald's likelihood ratio in the form that starts anew when it falls to
nothing (CUSUM), so that neither old merits nor old sins count for ever. Pure, floats in one fixed order.
"""

import math
from collections.abc import Iterable
from typing import Final

from node.subnets.base import Code, Judged

CHEAT_REFUSED: Final = 0.90  # of a cheat's answers at least; the mildest one measured is refused for 0.96
HONEST_REFUSED: Final = 0.01  # of an honest miner's at most; none of some thousand measured was
REFUSED_STEP: Final = math.log(CHEAT_REFUSED / HONEST_REFUSED)
ACCEPTED_STEP: Final = math.log((1 - CHEAT_REFUSED) / (1 - HONEST_REFUSED))
CAUGHT_AT: Final = math.log(500)  # two refusals with at most one accepted answer between them
SUM_MAX: Final = 12.0  # six accepted answers in a row and the miner is believed again

_REFUSALS: Final = frozenset(
    {Code.WRONG, Code.WRONG_MODEL, Code.UNLIKELY, Code.EARLY_END, Code.OVERCLAIM, Code.MALFORMED, Code.TOO_LARGE}
)


def is_caught(judged: Iterable[Judged]) -> bool:
    """Whether a miner with these verdicts, oldest first, stands as a cheat after the last of them."""
    return caught_after(found for each in judged if (found := _refused(each)) is not None)


def caught_after(refusals: Iterable[bool]) -> bool:
    """The same of single checks: True for a refused answer."""
    total, caught = 0.0, False
    for refused in refusals:
        total = min(max(total + (REFUSED_STEP if refused else ACCEPTED_STEP), 0.0), SUM_MAX)
        caught = total >= CAUGHT_AT or (caught and total > 0.0)
    return caught


def _refused(judged: Judged) -> bool | None:
    """What a verdict says; None for exercises, where being wrong is no cheat, and where nothing could be checked."""
    verdict = judged.verdict
    if verdict.score is None or "likeness" in verdict.facts:
        return None
    if verdict.facts.get("pinned") and verdict.code is Code.OK:
        return False
    return True if verdict.code in _REFUSALS else None
