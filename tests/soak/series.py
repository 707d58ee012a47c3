"""What processes use over time, and whether it grows: samples, straight lines through them, verdicts.

A process may use more at a busy moment than at a quiet one; what it must not do is use more and more. So a line is laid
through the second half of a process's life, when its caches are full, and judged by what it surely rose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, median
from typing import Final

import msgspec

SAMPLES_MIN: Final = 12
"""Below it a line through samples says nothing: two minutes of a half at one look in ten seconds."""
SURE_ERRORS: Final = 3.0
"""Standard errors by which a slope must be above nothing to count: samples ten seconds apart are not independent."""


class Sample(msgspec.Struct, frozen=True):
    """One look at a process: when (seconds of the run), and bytes, numbers of open files, threads and tasks."""

    at_s: float
    rss: int
    uss: int
    fds: int
    threads: int
    tasks: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """Least squares through samples: units a second, its standard error, seconds covered, middle value."""

    slope: float
    error: float
    span_s: float
    middle: float

    @property
    def rise(self) -> float:
        """What the line rises over its span."""
        return self.slope * self.span_s

    @property
    def sure_rise(self) -> float:
        """What it surely rises: by the low end of what the slope may be."""
        return (self.slope - SURE_ERRORS * self.error) * self.span_s


class Growth(msgspec.Struct, frozen=True):
    """What one process's use of one thing did over the second half of its life; `allowed` is a rise."""

    what: str
    middle: float
    rise: float
    sure_rise: float
    allowed: float
    samples: int

    @property
    def is_flat(self) -> bool:
        """Whether it did not surely rise by more than is allowed."""
        return self.sure_rise <= self.allowed


def line_through(points: Sequence[tuple[float, float]]) -> Line:
    """Lay a line through (seconds, value); at least three points at different times."""
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residue = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    error = sqrt(residue / (len(points) - 2) / spread)
    return Line(slope, error, points[-1][0] - points[0][0], median(y for _, y in points))


def second_half(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples of the second half of the time covered."""
    if not samples:
        return ()
    middle_s = (samples[0].at_s + samples[-1].at_s) / 2
    return [each for each in samples if each.at_s >= middle_s]


def growth(samples: Sequence[Sample], what: str, allowed: float) -> Growth | None:
    """Judge one thing (a field of a sample) over the second half; None with too few samples."""
    points = [
        (each.at_s, float(value)) for each in second_half(samples) if (value := getattr(each, what)) is not None
    ]  # fmt: skip
    if len(points) < SAMPLES_MIN:
        return None
    line = line_through(points)
    return Growth(what, line.middle, line.rise, line.sure_rise, allowed, len(points))
