"""Runs vector cases of every known kind and keeps the count per file."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance import (
    kinds_amm,
    kinds_chutes,
    kinds_data_universe,
    kinds_emission,
    kinds_math,
    kinds_nineteen,
    kinds_registration,
    kinds_staking,
    kinds_yuma,
)
from tests.conformance.cases import Case, Handler, MalformedCase, Mismatch, check, load

HANDLERS: Mapping[str, Handler] = {
    **kinds_math.KINDS,
    **kinds_yuma.KINDS,
    **kinds_emission.KINDS,
    **kinds_amm.KINDS,
    **kinds_registration.KINDS,
    **kinds_staking.KINDS,
    **kinds_chutes.KINDS,
    **kinds_data_universe.KINDS,
    **kinds_nineteen.KINDS,
}

OUTSIDE: Mapping[str, str] = {
    "v3_swap": "the pool is the weighted one; tick-based liquidity is not part of this network",
    "v3_sqrt_ratio_q64_96": "the pool is the weighted one; tick-based liquidity is not part of this network",
    "flow_pow_normalize": "τ is shared by moving price; flow-based shares are not part of this network",
    "ema_update_scatter_zero": "a miner that was not asked keeps its average: what the case describes is avoided",
}
"""Kinds of rules that this network does not have, and why."""

SUBNETS_FILE = "subnets.json"
"""Cases of single subnets' rules: those of subnets that are not part of this program are left out."""


class NotInThisBuild(Exception):
    """The kind is outside what is built; the message says why."""


@dataclass
class Tally:
    """What became of the cases of one file."""

    passed: int = 0
    failed: int = 0
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        """The closing line of a file, with the kinds that were skipped and why."""
        text = f"{name}: {self.passed} passed, {self.failed} failed, {self.skipped.total()} skipped"
        reasons: dict[str, list[str]] = {}
        for (kind, reason), count in sorted(self.skipped.items()):
            reasons.setdefault(reason, []).append(f"{kind} {count}")
        if reasons:
            text += " (" + "; ".join(f"{', '.join(kinds)}: {why}" for why, kinds in reasons.items()) + ")"
        return "\n".join([text, *(f"  note: {note}" for note in self.notes)])


def run(case: Case) -> None:
    """Run one case. Raises `NotInThisBuild`, `MalformedCase` or `Mismatch`."""
    if reason := OUTSIDE.get(case.kind):
        raise NotInThisBuild(reason)
    if not case.kind:
        raise MalformedCase("the case has no kind")
    handler = HANDLERS.get(case.kind)
    if handler is None:
        raise NotInThisBuild("not in this build" if case.file == SUBNETS_FILE else "unknown kind")
    try:
        if case.kind == "epoch":
            handler(case)
        else:
            check(case, handler)
    except (MalformedCase, Mismatch):
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError) as error:
        raise MalformedCase(f"the case does not fit its kind: {type(error).__name__}: {error}") from error


def files_of(directory: Path) -> list[Path]:
    """The vector files of a directory, by name."""
    return sorted(path for path in directory.glob("*.json") if path.is_file())


__all__ = ["MalformedCase", "Mismatch", "NotInThisBuild", "Tally", "files_of", "load", "run"]
