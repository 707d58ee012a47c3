"""The formulas of the subnet: bytes, value, credibility, on-demand work, the final score. Pure, over plain numbers.

They are the field's, with the corrections that docs/data-universe.md lists. A share or a score is 0 to 1 if nothing
else is said; ages are hours. Nothing here knows a miner, a network or a clock.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DEFAULT_SCALE: Final = 0.0001  # of data that nobody asked for
AGE_MAX_HOURS: Final = 720
CREDIBILITY_ALPHA: Final = 0.15
CREDIBILITY_EXPONENT: Final = 2.5
ON_DEMAND_ALPHA: Final = 0.3
SPEED_GRACE_S: Final = 30.0
SPEED_HALF_LIFE_S: Final = 45.0
SPEED_FLOOR: Final = 0.3
VOLUME_POWER: Final = 1.3
VOLUME_BONUS_MAX: Final = 0.25
VOLUME_BONUS_RATE: Final = 0.15
COVERAGE_TARGET: Final = 0.15  # of what could have been answered on a source; below it the multiplier falls
COVERAGE_FLOOR: Final = 0.3  # of a source that is left out
COVERAGE_ASKED_MIN: Final = 3  # questions on a source that say something about who left them out
JOB_NORMALISER: Final = 0.0028
JOB_WEIGHT_MIN: Final = 1.0
JOB_WEIGHT_MAX: Final = 5.0
VALIDATORS_SHARE: Final = 0.7  # of all wishes; the owner has the rest
SOURCE_BAR: Final = 0.8  # of the rows of one source that must be right
SOURCE_BAR_ROWS_MIN: Final = 5


# --- value ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Job:
    """Data that is wanted: a label, maybe of a range of hours (both included). `weight` is what a match counts."""

    label: str
    weight: float
    start_hour: int | None = None
    end_hour: int | None = None


def scorable_bytes(own: int, everybody: Sequence[int]) -> int:
    """What a bucket counts for when `everybody` (the owner included) holds that many bytes of it: own share of own."""
    total = sum(everybody)
    return own * own // total if total > 0 else 0


def time_scalar(age_hours: int, age_max_hours: int = AGE_MAX_HOURS) -> float:
    """1 when new, falling evenly to a half at the greatest age, 0 beyond. An age below 0 counts as 0."""
    age = max(0, age_hours)
    return 0.0 if age > age_max_hours else 1.0 - age / (2 * age_max_hours)


def bucket_scale(
    label: str | None, hour: int, now_hour: int, jobs: Iterable[Job], *, default_scale: float = DEFAULT_SCALE,
    age_max_hours: int = AGE_MAX_HOURS,
) -> float:  # fmt: skip
    """What a byte of a bucket counts before its source's weight: all matching jobs together, or the default scale.

    A job with a range of hours takes no account of age, and one whose range the hour is not in does not match.
    """
    scalar, wanted = time_scalar(now_hour - hour, age_max_hours), 0.0
    matched = False
    for job in jobs:
        if label is None or job.label.lower() != label.lower():
            continue
        if job.start_hour is None and job.end_hour is None:
            wanted += job.weight * scalar
        elif (job.start_hour is None or hour >= job.start_hour) and (job.end_hour is None or hour <= job.end_hour):
            wanted += job.weight
        else:
            continue
        matched = True
    return wanted if matched else default_scale * scalar


def bucket_value(source_weight: float, scale: float, scorable: int) -> float:
    """The value of a bucket for its miner."""
    return source_weight * scale * scorable


# --- credibility ----------------------------------------------------------------------------------------------------


def proven(credibility: float, old_value: float, new_value: float, exponent: float = CREDIBILITY_EXPONENT) -> float:
    """Credibility after the claimed value changed: more data must prove itself first, so that score does not jump."""
    if not 0.0 < old_value < new_value:
        return credibility
    return float(credibility * (old_value / new_value) ** (1.0 / exponent))


def credibility_step(credibility: float, share: float, alpha: float = CREDIBILITY_ALPHA) -> float:
    """Credibility after a check in which `share` of the checked bytes was right."""
    return alpha * share + (1.0 - alpha) * credibility


@dataclass(slots=True)
class Credibility:
    """Value and credibility of one miner as checks come in; it starts with nothing."""

    value: float = 0.0
    credibility: float = 0.0
    alpha: float = CREDIBILITY_ALPHA

    def passed(self, value: float, share: float | None) -> None:
        """A check of data of that value; without a sample of rows (`share` None) nothing was found wrong."""
        self.credibility = proven(self.credibility, self.value, value)
        self.credibility = credibility_step(self.credibility, 1.0 if share is None else share, self.alpha)
        self.value = value

    def failed(self) -> None:
        """A check that the data as a whole did not pass: what it was worth stays, the trust in it goes."""
        self.credibility = credibility_step(self.credibility, 0.0, self.alpha)


def dirty_sources(checked: Mapping[str, tuple[int, int]], bar: float = SOURCE_BAR,
                  rows_min: int = SOURCE_BAR_ROWS_MIN) -> list[str]:  # fmt: skip
    """Sources of which too few rows were right: {name: (checked, right)}; few rows say nothing."""
    return sorted(name for name, (rows, right) in checked.items() if rows >= rows_min and right < bar * rows)


def sample_split(budget: int) -> tuple[int, int, int]:
    """How a sample is shared: by bytes, evenly over buckets, by suspicion. A small one goes by bytes alone."""
    if budget <= 3:
        return budget, 0, 0
    even, suspicious = round(0.2 * budget), round(0.1 * budget)
    return budget - even - suspicious, even, suspicious


# --- on demand ------------------------------------------------------------------------------------------------------


def speed(seconds: float, *, grace_s: float = SPEED_GRACE_S, half_life_s: float = SPEED_HALF_LIFE_S,
          floor: float = SPEED_FLOOR) -> float:  # fmt: skip
    """1 within the grace, then half for every half-life, never below the floor."""
    return min(1.0, max(floor, math.pow(0.5, (seconds - grace_s) / half_life_s)))


def volume(returned: int, limit: int) -> float:
    """0 for nothing, 1 for as many rows as were asked for, a little more beyond."""
    if returned <= 0 or limit <= 0:
        return 0.0
    if returned < limit:
        return float((returned / limit) ** VOLUME_POWER)
    return 1.0 + min(VOLUME_BONUS_MAX, VOLUME_BONUS_RATE * math.log(1.0 + (returned - limit) / limit))


def coverage(asked: Iterable[tuple[int, int]]) -> float:
    """What answering too few questions costs: (answered, answerable) of each source.

    Every source that says something has a multiplier of its own, and they are multiplied: 1 from a share of 15 % on,
    falling evenly below, down to the floor that leaving the source out altogether costs.
    """
    whole = 1.0
    for answered, answerable in asked:
        if answerable >= COVERAGE_ASKED_MIN:
            whole *= min(1.0, max(COVERAGE_FLOOR, answered / answerable / COVERAGE_TARGET))
    return whole


def multiplier_step(now: float, target: float) -> float:
    """A multiplier after an evaluation: a penalty arrives half-way, a recovery at once."""
    return target if target >= now else (now + target) / 2.0


def multiplier_relaxed(now: float) -> float:
    """A multiplier after a time without an evaluation: half-way back."""
    return (now + 1.0) / 2.0


# --- the whole ------------------------------------------------------------------------------------------------------


def final_score(value: float, credibility: float, on_demand: float) -> float:
    """What a miner's weight follows: without on-demand work half of the value stays."""
    return float(max(0.0, value) * max(0.0, credibility) ** CREDIBILITY_EXPONENT * (0.5 + 0.5 * on_demand))


def capped_score(*, p2p: float, p2p_credibility: float, on_demand: float, on_demand_credibility: float,
                 multiplier: float, files: float, files_credibility: float) -> float:  # fmt: skip
    """The score of the field's own rules, shown beside ours: nothing without on-demand work, and caps by it."""
    demand = on_demand * on_demand_credibility * multiplier
    stored = min(files, 2.0 * demand) * files_credibility**CREDIBILITY_EXPONENT
    shared = p2p * 0.05 * p2p_credibility**CREDIBILITY_EXPONENT
    return float(demand + stored + min(shared, stored + demand))


# --- desirability ---------------------------------------------------------------------------------------------------


def job_weights(
    wishes: Sequence[tuple[float, Mapping[str, float]]], owner: Mapping[str, float] | None = None
) -> dict[str, float]:
    """What each wished-for job counts: validators have 70 % by stake, the owner 30 %; every job between 1 and 5.

    `wishes` are (stake, {job: weight}); the weights of one author are each in (0, 1] and sum to 1 at most.
    """
    stakes = sum(stake for stake, _ in wishes)
    summed: dict[str, float] = {}
    shares = [(VALIDATORS_SHARE * stake / stakes, jobs) for stake, jobs in wishes] if stakes > 0 else []
    if owner is not None:
        shares.append((1.0 - VALIDATORS_SHARE, owner))
    for share, jobs in shares:
        for job, weight in jobs.items():
            summed[job] = summed.get(job, 0.0) + share * weight
    return {job: min(JOB_WEIGHT_MAX, max(JOB_WEIGHT_MIN, each / JOB_NORMALISER)) for job, each in summed.items()}
