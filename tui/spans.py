"""Spans of time and times of day as people type them. Pure."""

import re
from typing import Final

_SPAN: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([smhd]?)")
_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
DAY_S: Final = 86_400


class SpanError(ValueError):
    """What was typed is no span; the message says what to type."""


def parse_span(text: str, *, most_s: float) -> float:
    """Return 90s, 10m, 2h or 7d in seconds; a bare number counts seconds. Raises SpanError."""
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise SpanError(f"{text[:20]!r} is no time span: type such as 90s, 10m, 2h or 7d.")
    seconds = float(match[1]) * _UNITS[match[2]]
    if not 1 <= seconds <= most_s:
        raise SpanError(f"A span from 1 s to {most_s / DAY_S:,.0f} days is taken.")
    return seconds


def parse_moment(text: str, now_ms: int, utc_offset_s: int) -> int:
    """Return the Unix milliseconds of 12:30, 12:30:05 (the latest such time) or of a span ago. Raises SpanError."""
    text = text.strip()
    match = _CLOCK.fullmatch(text)
    if match is None:
        return now_ms - int(1000 * parse_span(text.removeprefix("-"), most_s=365.0 * DAY_S))
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise SpanError(f"{text} is no time of day.")
    local_s = now_ms // 1000 + utc_offset_s
    wanted_s = local_s - local_s % DAY_S + 3600 * hours + 60 * minutes + seconds
    if wanted_s > local_s:
        wanted_s -= DAY_S
    return (wanted_s - utc_offset_s) * 1000
