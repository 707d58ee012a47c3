"""From verdicts to shares: what a miner's recent verdicts say of its credibility, uniqueness and on-demand work. Pure.

Verdicts carry what was measured as facts by name; all else is computed here, so that anybody who has the
verdicts comes to the same shares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.primitives.types import AccountId
from node.subnets.base import Book, Judged, View
from node.subnets.data_universe.entities import Source
from node.subnets.data_universe.scoring import (
    ON_DEMAND_ALPHA,
    Credibility,
    coverage,
    credibility_step,
    dirty_sources,
    final_score,
    multiplier_step,
)

VALUE: Final = "value"  # of the whole index, at the time of the verdict
UNIQUE: Final = "unique"  # share of the sampled bytes that nobody showed elsewhere
FOUND: Final = "found"  # share of the bytes whose places were looked for that are there
DEMAND: Final = "demand"  # speed times volume of an on-demand answer


def checked_fact(source: int) -> str:
    """Rows of a source that were checked."""
    return f"checked.{source}"


def right_fact(source: int) -> str:
    """Rows of a source that were right."""
    return f"right.{source}"


def asked_fact(source: int) -> str:
    """1 when an on-demand question could have been answered from a source (0: any)."""
    return f"asked.{source}"


def answered_fact(source: int) -> str:
    """1 when it was answered."""
    return f"answered.{source}"


@dataclass(frozen=True, slots=True)
class Account:
    """What a miner's pay is made of."""

    value: float = 0.0
    credibility: float = 0.0
    unique: float = 0.0
    found: float = 0.0
    demand: float = 0.0
    dirty: tuple[str, ...] = ()

    @property
    def final(self) -> float:
        """What the weight is proportional to."""
        return 0.0 if self.dirty else final_score(self.value * self.unique * self.found, self.credibility, self.demand)


def account_of(recent: Sequence[Judged]) -> Account:
    """The account that follows from a miner's verdicts, oldest first; those without a score move nothing."""
    trust, value, demand, multiplier = Credibility(), 0.0, 0.0, 1.0
    uniques, founds = list[float](), list[float]()
    checked: dict[str, tuple[int, int]] = {}
    asked: dict[int, tuple[int, int]] = {}
    for judged in recent:
        facts, score = judged.verdict.facts, judged.verdict.score
        if score is None:
            continue
        if DEMAND in facts:
            demand += ON_DEMAND_ALPHA * (min(max(facts[DEMAND], 0.0), 1.25) - demand)
            _count(asked, facts)
            multiplier = multiplier_step(multiplier, coverage(asked.values()))
        elif VALUE in facts:
            value = facts[VALUE]
            if value > 0.0:
                trust.passed(value, score)
            else:  # rows worth nothing prove nothing: later claims are measured by what was promised before
                trust.credibility = min(trust.credibility, credibility_step(trust.credibility, score))
            uniques.append(facts.get(UNIQUE, 1.0))
            founds.append(facts.get(FOUND, 1.0))
            _count_rows(checked, facts)
        else:  # silence, or nothing that could be read: what is promised stays, the trust in it goes
            trust.failed()
    dirty = tuple(dirty_sources(checked))
    return Account(value, trust.credibility, _mean(uniques), _mean(founds), demand * multiplier, dirty)


def shares(book: Book, view: View) -> dict[AccountId, float]:
    """Shares of the emission by hotkey, of those whose verdicts say that they hold something."""
    finals = {
        neuron.hotkey: account_of(book[neuron.hotkey].recent).final for neuron in view.neurons if neuron.hotkey in book
    }
    total = sum(finals.values())
    return {hotkey: final / total for hotkey, final in finals.items() if final > 0.0} if total > 0.0 else {}


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def _count(asked: dict[int, tuple[int, int]], facts: Mapping[str, float]) -> None:
    for source in (0, *Source):
        if facts.get(asked_fact(source)):
            answered, could = asked.get(source, (0, 0))
            asked[source] = (answered + int(facts.get(answered_fact(source), 0.0)), could + 1)


def _count_rows(checked: dict[str, tuple[int, int]], facts: Mapping[str, float]) -> None:
    for source in Source:
        rows = int(facts.get(checked_fact(source), 0.0))
        if rows:
            seen, right = checked.get(source.name, (0, 0))
            checked[source.name] = (seen + rows, right + int(facts.get(right_fact(source), 0.0)))
