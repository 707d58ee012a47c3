"""Totals of what the network layer did and refused, by dotted name; read by metrics and tests."""

from collections import Counter
from collections.abc import Mapping


class Counters:
    """Monotonic totals since the start."""

    __slots__ = ("_totals",)

    def __init__(self) -> None:
        self._totals: Counter[str] = Counter()

    def add(self, name: str, amount: int = 1) -> None:
        """Count `amount` more of `name`."""
        self._totals[name] += amount

    def snapshot(self) -> Mapping[str, int]:
        """A copy of all totals."""
        return dict(self._totals)
