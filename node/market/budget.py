"""What a node lets itself spend: by call, by day, and for channels it opens on its own.

Pure: time comes in as days since 1970 (UTC) and Unix milliseconds. Nothing is spent without a reservation before it.
"""

from dataclasses import dataclass
from typing import Final

from node.market.errors import SpendingLimit
from node.market.limits import DAY_S
from node.market.payments import tao
from node.primitives.types import MAX_SUPPLY_RAO

_DAY_MS: Final = DAY_S * 1000


@dataclass(frozen=True, slots=True)
class Limits:
    """In rao. `channel_rao` is what the node itself puts into a new channel; 0: it opens none without a person.

    A fresh node spends nothing.
    """

    per_call_rao: int = 0
    per_day_rao: int = 0
    channel_rao: int = 0

    def ok(self) -> bool:
        """Whether all of them are amounts."""
        return all(0 <= each <= MAX_SUPPLY_RAO for each in (self.per_call_rao, self.per_day_rao, self.channel_rao))


def day_of(now_ms: int) -> int:
    """The day of a moment, counted from 1970."""
    return now_ms // _DAY_MS


class Budget:
    """What was spent today and what running calls may still cost; `used_rao` is what was spent on `day` before."""

    def __init__(self, limits: Limits, day: int = 0, used_rao: int = 0) -> None:
        self.limits = limits
        self.day = day
        self.used_rao = used_rao
        self.reserved_rao = 0

    def turn(self, now_ms: int) -> None:
        """Begin a new day when it is time; a clock that goes back begins none."""
        if day_of(now_ms) > self.day:
            self.day, self.used_rao = day_of(now_ms), 0

    def left_rao(self, now_ms: int) -> int:
        """What may be spent today beyond what is spent and reserved."""
        self.turn(now_ms)
        return max(0, self.limits.per_day_rao - self.used_rao - self.reserved_rao)

    def reserve(self, amount_rao: int, now_ms: int) -> None:
        """Set aside the most that a call can cost. Raises SpendingLimit."""
        if amount_rao > self.left_rao(now_ms):
            raise SpendingLimit(
                f"Today's limit is {tao(self.limits.per_day_rao)}; {tao(self.used_rao + self.reserved_rao)} are spent "
                f"or set aside, this call may cost {tao(amount_rao)}.",
                limit_rao=self.limits.per_day_rao,
                used_rao=self.used_rao + self.reserved_rao,
                window_s=DAY_S,
                reset_at_ms=(self.day + 1) * _DAY_MS,
            )
        self.reserved_rao += amount_rao

    def spend(self, amount_rao: int, now_ms: int) -> None:
        """Book what was signed away, or (negative) what came back."""
        self.turn(now_ms)
        self.used_rao = max(0, self.used_rao + amount_rao)

    def release(self, amount_rao: int) -> None:
        """Give back what was set aside and is not needed."""
        self.reserved_rao -= amount_rao
