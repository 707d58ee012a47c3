"""What a soak found, as a value, as text and as a verdict."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

import msgspec

from tests.soak.series import Growth, Sample, growth

if TYPE_CHECKING:
    from tests.soak.churn import Churn

MEMORY_RISE_BYTES: Final = 10.0e6
"""A process's own memory may surely rise by this over the second half. Bounded memories still fill then; a trace of
allocations named 20 000 signatures that held (6 MB, 2 000 blocks of four authorities), 2 048 seals (2 MB) and pages of
the store (2 MB a connection). What goes on when they are full is a leak; in two hours this allows 10 MB an hour."""
RISE_ALLOWED: Final = {"uss": MEMORY_RISE_BYTES, "fds": 4.0, "threads": 3.0, "tasks": 12.0}
"""Open files, threads and tasks may rise by about a connection's worth. A leak of one a kill is 45 in half an hour."""
EXECUTED_SHARE: Final = 0.5
"""Of the transfers that nodes took, this share must be in the chain; what only a killed node knew is rightly lost."""


class Report(msgspec.Struct, frozen=True):
    """One run. `wrong` is empty when every promise held."""

    minutes: float
    nodes: int
    authorities: int
    kills: int
    final_height: int
    back_median_s: float
    back_max_s: float
    transfers_taken: int
    transfers_refused: dict[str, int]
    transfers_executed: int
    signed_places: int
    growths: dict[str, tuple[Growth, ...]]
    samples: dict[str, tuple[Sample, ...]]
    """Of the nodes that were spared."""
    wrong: tuple[str, ...]

    def text(self) -> str:
        """The report for people."""
        lines = [
            f"{self.minutes:g} minutes, {self.nodes} nodes ({self.authorities} authorities), {self.kills} kills: "
            f"{self.final_height} final blocks in every store; {self.signed_places} signed places",
            f"killed nodes at the head again: {self.back_median_s:.1f} s (median), {self.back_max_s:.1f} s at most",
            f"transfers: {self.transfers_taken} taken, {self.transfers_executed} in the chain; "
            f"refused: {self.transfers_refused}",
        ]
        for name, growths in self.growths.items():
            lines += [f"{name}: {_growth_text(each)}" for each in growths]
        lines += [f"WRONG: {each}" for each in self.wrong] or ["all promises held"]
        return "\n".join(lines)


def judged(churn: Churn, *, executed: int, height: int) -> Report:
    """Judge a run whose nodes have stopped; `height` is the lowest final one of all stores."""
    wrong = list(churn.findings.wrong)
    growths: dict[str, tuple[Growth, ...]] = {}
    for (name, pid), samples in churn.samples.items():
        found = [growth(samples, what, allowed) for what, allowed in RISE_ALLOWED.items()]
        lines = tuple(each for each in found if each is not None)
        if lines:
            growths[f"{name} ({pid})"] = lines
        wrong += [f"{name} grows: {_growth_text(each)}" for each in lines if not each.is_flat]
    if executed < churn.traffic.taken * EXECUTED_SHARE:
        wrong.append(f"only {executed} of {churn.traffic.taken} transfers got into the chain")
    if len(churn.back_s) != churn.kills:
        wrong.append(f"{churn.kills - len(churn.back_s)} killed nodes did not get back to the head")
    return Report(
        minutes=churn.options.minutes,
        nodes=churn.options.nodes,
        authorities=churn.options.authorities,
        kills=churn.kills,
        final_height=height,
        back_median_s=round(median(churn.back_s or [0.0]), 2),
        back_max_s=round(max(churn.back_s, default=0.0), 2),
        transfers_taken=churn.traffic.taken,
        transfers_refused=churn.traffic.reasons,
        transfers_executed=executed,
        signed_places=len(churn.findings.signed),
        growths=growths,
        samples={name: tuple(found) for (name, _), found in churn.samples.items() if name in churn.spared},
        wrong=tuple(wrong),
    )


def _growth_text(each: Growth) -> str:
    unit, divisor = (" MB", 1e6) if each.what in ("uss", "rss") else ("", 1.0)
    return (
        f"{each.what} {each.middle / divisor:.1f}{unit}, rose {each.rise / divisor:+.1f} "
        f"({each.sure_rise / divisor:+.1f} for sure, allowed {each.allowed / divisor:.1f}) in {each.samples} samples"
    )
