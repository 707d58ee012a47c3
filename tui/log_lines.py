"""Which lines of the log are shown, counted by component, and what one line says in full. Pure; knows no widget."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from node.control.schema import LOG_LEVELS, LogLevel, LogLine
from tui.patterns import Pattern, PatternError
from tui.text import clean

VERDICTS_MAX: Final = 50_000  # lines whose outcome is remembered while one pattern stands
PRETTY_CHARS_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to see. Lines that do not fit `pattern` are left out, or with `finding` only not marked."""

    level: LogLevel = "info"
    hidden: frozenset[str] = frozenset()
    pattern: Pattern | None = None
    inverse: bool = False
    finding: bool = False


def wanted_pattern(text: str) -> tuple[Pattern | None, bool]:
    """Return the pattern of a filter line, None for an empty one, and whether it is turned round.

    Raises PatternError with what is wrong.
    """
    inverse, text = text.startswith("!"), text.removeprefix("!")
    return (Pattern(text) if text else None), inverse


class Sieve:
    """Remembers of each line whether it fits, so that a new line costs one look and not two thousand."""

    def __init__(self) -> None:
        self._wanted = Wanted()
        self._fits: dict[int, bool] = {}

    def sifted(self, lines: Iterable[LogLine], wanted: Wanted) -> list[LogLine]:
        """Return the lines to show. Raises PatternError when the pattern costs too much on them."""
        if (wanted.pattern, wanted.inverse) != (self._wanted.pattern, self._wanted.inverse):
            self._fits.clear()
        self._wanted = wanted
        low = LOG_LEVELS.index(wanted.level)
        sifting = wanted.pattern is not None and not wanted.finding
        return [
            line
            for line in lines
            if LOG_LEVELS.index(line.level) >= low
            and line.area not in wanted.hidden
            and (not sifting or self.fits(line))
        ]

    def fits(self, line: LogLine) -> bool:
        """Tell whether the pattern fits, or with an inverse one does not. Raises PatternError."""
        pattern = self._wanted.pattern
        if pattern is None:
            return False
        found = self._fits.get(line.seq)
        if found is None:
            if len(self._fits) >= VERDICTS_MAX:
                self._fits.clear()
            found = self._fits[line.seq] = pattern.found_in(f"{line.area} {line.message}") != self._wanted.inverse
        return found


@dataclass(frozen=True, slots=True)
class AreaCount:
    """How many lines one component has, and how many of them are warnings and errors."""

    area: str
    lines: int
    warnings: int
    errors: int


def areas_of(lines: Iterable[LogLine]) -> list[AreaCount]:
    """Return the components, those with errors first, then the busiest."""
    all_, warned, failed = Counter[str](), Counter[str](), Counter[str]()
    for line in lines:
        all_[line.area] += 1
        warned[line.area] += line.level == "warning"
        failed[line.area] += line.level == "error"
    found = [AreaCount(area, count, warned[area], failed[area]) for area, count in all_.items()]
    return sorted(found, key=lambda each: (-each.errors, -each.lines, each.area))


def pretty(line: LogLine, time_text: str) -> str:
    """Return all of a line: its fields, and any JSON in its message laid out."""
    message = clean(line.message)
    whole = {"seq": line.seq, "time": time_text, "time_ms": line.time_ms, "level": line.level, "area": clean(line.area),
             "message": message}  # fmt: skip
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    inside = json_in(message)
    return text if not inside else f"{text}\n\n{inside}"[:PRETTY_CHARS_MAX]


def json_in(message: str) -> str:
    """Return the first JSON object or list of a message, laid out; "" without one."""
    starts = [at for at in (message.find("{"), message.find("[")) if at >= 0]
    for start in sorted(starts):
        for end in _ends(message, start):
            try:
                found = msgspec.json.decode(message[start : end + 1].encode())
                return json.dumps(found, indent=2, ensure_ascii=False)
            except (msgspec.DecodeError, RecursionError, ValueError):
                continue
    return ""


def _ends(message: str, start: int) -> Iterable[int]:
    """The places of the last few closing brackets, the last one first."""
    close = "}" if message[start] == "{" else "]"
    at = len(message)
    for _ in range(5):
        at = message.rfind(close, start, at)
        if at < 0:
            return
        yield at


def at_or_after(lines: Sequence[LogLine], time_ms: int) -> int:
    """Return the index of the first line at that time or later; the last one when there is none."""
    found = next((index for index, line in enumerate(lines) if line.time_ms >= time_ms), len(lines) - 1)
    return max(0, found)


__all__ = ["AreaCount", "PatternError", "Sieve", "Wanted", "areas_of", "at_or_after", "json_in", "pretty",
           "wanted_pattern"]  # fmt: skip
