"""Many runs judged together: which seeds a corpus is made of, what it must have reached, and the table it prints.

A corpus in which some fault never showed proves nothing about it, so it fails just as one with a broken promise does.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.simulation.campaign import RETURN_SLOTS, Outcome
from tests.simulation.options import Mode, Options

HOUR_MS: Final = 3_600_000
RUN_SLOTS: Final = 300  # an hour of 12 s slots
SAFETY_EVERY: Final = 3  # every third run lets clocks differ by more than liveness bears
COUNTS: Final = (4, 7)
RARE_HOURS: Final = 100  # from this many hours on the rare ones must have come up as well

OFTEN: Final = (
    "a later round",
    "decided in a later round",
    "reorganisation",
    "reorganisation of three blocks",
    "one certificate for several blocks",
    "branch asked for",
    "caught up by a stretch",
    "a final block lists a set: authorities",
    "evidence: DoubleHeader",
    "evidence: DoubleVote",
    "disk full",
    "ambush of a decider",
    "ambush of a locker",
    "ambush of a proposer",
    "all but a decider lost power",
    "power loss took a finalised block",
    "penalty",
)
RARE: Final = (
    "undo across an epoch boundary",
    "a lock changed its block",
    "a final block lists a set: joint",
    "a final block lists a set: stake",
    "the joint phase taken back",
    "stake alone decided on a set",
    "evidence: DoubleProposal",
    "the signing record refused",
    "all lost power at once",
)


@dataclass
class Row:
    """The runs of one mode and size."""

    runs: int = 0
    slots: int = 0
    events: int = 0
    heights: int = 0
    cpu_s: float = 0.0
    unexpected: int = 0
    returns_slots: list[int] = field(default_factory=list)

    def p(self, percent: int) -> str:
        """Return a percentile of the slots that finality took to return."""
        ordered = sorted(self.returns_slots)
        return str(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]) if ordered else "-"


@dataclass
class Corpus:
    """What all runs came to."""

    rows: dict[tuple[Mode, int], Row] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome, cpu_s: float) -> None:
        """Count a run."""
        options = outcome.options
        row = self.rows.setdefault((options.mode, options.count), Row())
        row.runs += 1
        row.slots += outcome.slots
        row.events += outcome.events
        row.heights += outcome.heights
        row.cpu_s += cpu_s
        row.returns_slots += outcome.returns_slots
        if not outcome.as_expected:
            row.unexpected += 1
            self.failed.append(outcome)
        if options.mode != "control":
            self.seen += outcome.seen

    @property
    def hours(self) -> float:
        """Simulated hours, controls apart."""
        slots = sum(row.slots for (mode, _), row in self.rows.items() if mode != "control")
        return slots / RUN_SLOTS

    def missing(self) -> list[str]:
        """Return what this corpus should have reached and did not."""
        wanted = (*OFTEN, *RARE) if self.hours >= RARE_HOURS else OFTEN
        return [what for what in wanted if not self.seen[what]]

    def lines(self) -> Iterator[str]:
        """Return the table."""
        yield "mode      nodes   runs     hours        blocks  finality back p50  p99   h/CPU-s   events/CPU-s   wrong"
        for (mode, count), row in sorted(self.rows.items()):
            hours, cpu_s = row.slots / RUN_SLOTS, max(row.cpu_s, 1e-9)
            yield (
                f"{mode:<10}{count:>5}{row.runs:>7}{hours:>10.1f}{row.heights:>14}{row.p(50):>19}{row.p(99):>5}"
                f"{hours / cpu_s:>10.2f}{row.events / cpu_s:>15,.0f}{row.unexpected:>8}"
            )
        yield f"finality has {RETURN_SLOTS} slots to come back after a heal; a control is wrong when nothing broke"
        yield "reached: " + ", ".join(f"{what} {times}" for what, times in self.seen.most_common())


def plan(hours: int, counts: tuple[int, ...], first_seed: int) -> Iterator[Options]:
    """Return the runs of so many simulated hours, one an hour, sizes in turn."""
    for number in range(hours):
        seed = first_seed + number
        mode: Mode = "safety" if seed % SAFETY_EVERY == 0 else "liveness"
        yield Options.drawn(seed, mode, counts[number % len(counts)], RUN_SLOTS)


def plan_controls(runs: int, counts: tuple[int, ...], first_seed: int) -> Iterator[Options]:
    """Return so many runs with a twin too many."""
    for number in range(runs):
        yield Options.drawn(first_seed + number, "control", counts[number % len(counts)], RUN_SLOTS)
