"""What a miner of subnet Nineteen is worth: how well, how reliably, how fast and how much it serves. Pure functions.

An effective volume is quality times (1 + speed bonus) times reliability over periods times capacity; shares are the
normalised fourth powers of effective volumes. Floats in one fixed order of operations, so that an audit gets the bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PERIOD_BLOCKS: Final = 150  # half an hour at 12 s
PERIODS_COUNTED: Final = 8
PERIOD_DECAY: Final = 0.5  # of a period's weight with each period of age
NEW_MINER: Final = 0.25  # of the reliability of a miner that has not been seen for that many periods
QUALITY_POWER: Final = 1.5
QUALITY_KNEE: Final = 0.85  # mean quality up to here is squared once more
BONUS_SPREAD: Final = 0.5  # from the slowest to the fastest: a quarter less to a quarter more
VOLUME_POWER: Final = 4
OVERCLAIM: Final = 0.8  # of the declared capacity that a burst must show
OVERCLAIM_PENALTY: Final = 0.5


def period_score(
    *, requests: int, capacity: float, consumed: float, count_429: int, count_500: int
) -> float | None:  # fmt: skip
    """How reliably a miner served one period, 0..1; None without requests or capacity.

    `count_429` requests were refused for want of room, `count_500` failed. What was left unasked of the capacity makes
    refusals worse: who is idle has no reason to refuse.
    """
    if requests <= 0 or capacity <= 0:
        return None
    good = (requests - count_429 - count_500) / requests
    unasked = max(0.0, 1.0 - consumed / capacity)
    failing = 1.0 - count_500 / requests * unasked
    return good * (1.0 - count_429 / requests * unasked) * failing * failing


def rank_bonus(metrics: Sequence[float]) -> list[float]:
    """Bonus of each by its rank: a quarter for the largest, minus a quarter for the smallest; equals share."""
    count = len(metrics)
    if count < 2:
        return [0.0] * count
    ranks = [sum(other > own for other in metrics) + (metrics.count(own) - 1) / 2 for own in metrics]
    return [BONUS_SPREAD * (0.5 - rank / (count - 1)) for rank in ranks]


def quality_score(qualities: Sequence[float]) -> float:
    """Mean of q^1.5 of single answers; squared up to the knee. 0 without answers."""
    if not qualities:
        return 0.0
    mean: float = sum(max(q, 0.0) ** QUALITY_POWER for q in qualities) / len(qualities)
    return mean * mean if mean <= QUALITY_KNEE else mean


def fourth_power_shares(volumes: Sequence[float]) -> list[float]:
    """Normalised, to the fourth power, normalised again; zeros when there is no volume at all."""
    total = sum(volumes)
    if total <= 0:
        return [0.0] * len(volumes)
    powers = [(max(volume, 0.0) / total) ** VOLUME_POWER for volume in volumes]
    whole = sum(powers)
    return [power / whole for power in powers]


@dataclass(frozen=True, slots=True)
class Period:
    """One period of a miner: its score, tokens consumed, and age in periods, 0 for the running one."""

    score: float
    consumed: float
    age: int


def over_periods(periods: Sequence[Period], seen: int) -> float:
    """Reliability over the counted periods, younger and busier ones weighing more; `seen` periods in all."""
    total = sum(period.consumed for period in periods)
    weights = [(p.consumed / total if total > 0 else 1.0) * PERIOD_DECAY**p.age for p in periods]
    if not sum(weights):
        return 0.0
    mean = sum(w * p.score for w, p in zip(weights, periods, strict=True)) / sum(weights)
    return mean if seen > PERIODS_COUNTED else mean * NEW_MINER


def counted_capacity(declared: float, measured: float | None, unproven: float) -> float:
    """Capacity that counts, in tokens a second: what was declared, if a burst showed it.

    Before any burst no more than `unproven`, what miners like it have shown; after one that showed less than was
    declared half of what it showed.
    """
    if measured is None:
        return min(declared, unproven)
    return declared if measured >= OVERCLAIM * declared else measured * OVERCLAIM_PENALTY


def effective_volume(*, quality: float, bonus: float, reliability: float, capacity: float) -> float:
    """The product of all; never negative."""
    return max(0.0, quality * (1.0 + bonus) * reliability * capacity)


def moved(average: float, observation: float, alpha: float) -> float:
    """A moving average after one more observation."""
    return average + alpha * (observation - average)
