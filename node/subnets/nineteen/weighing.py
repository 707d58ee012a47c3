"""From a validator's book to shares: Nineteen's `weigh`, taken apart. Pure: the book, the view, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.market.limits import RECENT_PER_MINER_MAX
from node.primitives.types import AccountId, Hash
from node.subnets.base import Book, Code, Judged, View
from node.subnets.nineteen import scoring
from node.subnets.nineteen.capacity import declared_by, measured_of
from node.subnets.nineteen.honesty import is_caught
from node.subnets.nineteen.instruct import alike
from node.subnets.nineteen.scoring import PERIOD_BLOCKS, PERIODS_COUNTED, Period

JUDGED_COUNTED: Final = 50  # a miner's last verdicts, for its quality; periods count those of all that are kept
KNOWN_BY_VERDICTS: Final = RECENT_PER_MINER_MAX  # so many with a score: a miner is not new, in however few periods
UNPROVEN_TOKENS_PER_S: Final = 10.0  # of a capacity that was not declared, and of others while nobody is measured
BLOCK_S: Final = 12.0  # of a network at its usual pace; only the share left unasked depends on it
_NO_ROOM: Final = frozenset({Code.OVERLOADED, Code.RATE_LIMITED})
_FAILED: Final = frozenset({Code.TIMEOUT, Code.UNREACHABLE, Code.MINER_FAULT, Code.REFUSED, Code.CANCELLED})


@dataclass(frozen=True, slots=True)
class Worth:
    """The parts of one miner's effective volume, for screens and questions."""

    hotkey: AccountId
    coldkey: AccountId
    quality: float
    reliability: float
    capacity: float
    tokens_per_s: float
    first_ms: float


def worth_of(
    hotkey: AccountId,
    coldkey: AccountId,
    judged: Sequence[Judged],
    models: Sequence[str],
    view: View,
    crowds: Mapping[Hash, Sequence[float]],
    usual: Mapping[str, float],
) -> Worth:
    """What a miner's last verdicts and its capacity say about it.

    `crowds`: likenesses of all answers by open task. `usual`: by model, the capacity of a miner without a burst so far.
    """
    scored = [each for each in judged if each.verdict.score is not None]
    counted = scored[-JUDGED_COUNTED:]
    answered = [each for each in counted if each.verdict.code not in _NO_ROOM | _FAILED]
    qualities = [] if is_caught(counted) else [_quality(each, crowds) for each in answered]
    good = [each for each in answered if each.verdict.code in (Code.OK, Code.PARTIAL)]
    rates = [each.usage.completion_tokens / max(each.t_done_ms, 1) * 1000 for each in good]
    capacity = max((_capacity(hotkey, model, view, usual[model]) for model in models), default=UNPROVEN_TOKENS_PER_S)
    return Worth(
        hotkey, coldkey, scoring.quality_score(qualities), _reliability(scored, capacity, int(view.height)), capacity,
        _middle(rates), _middle([float(each.t_first_ms) for each in good]),
    )  # fmt: skip


def _quality(judged: Judged, crowds: Mapping[Hash, Sequence[float]]) -> float:
    """Quality of one answer; answers to an open task that are alike come from one model and share theirs."""
    facts = judged.verdict.facts
    crowd = sum(alike(facts.get("likeness", 0.0), other) for other in crowds.get(judged.task, ()))
    return facts.get("quality", 0.0) / max(1, crowd)


def _crowds(book: Book, view: View) -> dict[Hash, list[float]]:
    found: dict[Hash, list[float]] = {}
    for neuron in view.neurons:
        for each in book[neuron.hotkey].recent if neuron.hotkey in book else ():
            if each.verdict.facts.get("likeness"):
                found.setdefault(each.task, []).append(each.verdict.facts["likeness"])
    return found


def _capacity(hotkey: AccountId, model: str, view: View, usual: float) -> float:
    declared = declared_by(hotkey, model, view.state)
    if declared is None:
        return UNPROVEN_TOKENS_PER_S
    measured = measured_of(hotkey, model, view)
    return scoring.counted_capacity(float(declared.tokens_per_s), measured, usual)


def _usual(model: str, view: View) -> float:
    """The lower middle of the capacities that bursts have shown: whose burst comes late in a period loses nothing."""
    seats = [neuron.hotkey for neuron in view.neurons if declared_by(neuron.hotkey, model, view.state) is not None]
    proven = [hotkey for hotkey in seats if measured_of(hotkey, model, view) is not None]
    return _middle([_capacity(hotkey, model, view, 0.0) for hotkey in proven]) if proven else UNPROVEN_TOKENS_PER_S


def _reliability(judged: Sequence[Judged], capacity: float, height: int) -> float:
    by_period: dict[int, list[Judged]] = {}
    for each in judged:
        by_period.setdefault(int(each.height) // PERIOD_BLOCKS, []).append(each)
    now, periods = height // PERIOD_BLOCKS, []
    for number, rows in sorted(by_period.items()):
        consumed = float(sum(row.usage.completion_tokens for row in rows))
        score = scoring.period_score(
            requests=len(rows), capacity=capacity * PERIOD_BLOCKS * BLOCK_S, consumed=consumed,
            count_429=sum(row.verdict.code in _NO_ROOM for row in rows),
            count_500=sum(row.verdict.code in _FAILED for row in rows),
        )  # fmt: skip
        if score is not None and now - number < PERIODS_COUNTED:
            periods.append(Period(score, consumed, max(now - number, 0)))
    is_full = len(judged) >= KNOWN_BY_VERDICTS  # older ones are forgotten, and the periods they were in
    return scoring.over_periods(periods, max(len(by_period), PERIODS_COUNTED + 1) if is_full else len(by_period))


def shares_of(book: Book, models: Sequence[str], view: View) -> dict[AccountId, float]:
    """Shares by hotkey, summing to 1; empty when nobody has any worth. One coldkey's best miner alone counts."""
    crowds = _crowds(book, view)
    usual = {model: _usual(model, view) for model in models}
    worths = [
        worth_of(neuron.hotkey, neuron.coldkey, book[neuron.hotkey].recent, models, view, crowds, usual)
        for neuron in view.neurons
        if neuron.hotkey in book
    ]
    fast = [each for each in worths if each.tokens_per_s > 0]
    rates = scoring.rank_bonus([each.tokens_per_s for each in fast])
    firsts = scoring.rank_bonus([-each.first_ms for each in fast])
    bonuses = {each.hotkey: (rate + first) / 2 for each, rate, first in zip(fast, rates, firsts, strict=True)}
    volumes = {
        each.hotkey: scoring.effective_volume(
            quality=each.quality, bonus=bonuses.get(each.hotkey, 0.0), reliability=each.reliability,
            capacity=each.capacity,
        )
        for each in worths
    }  # fmt: skip
    kept = _best_of_each_coldkey(worths, volumes)
    shares = scoring.fourth_power_shares([volumes[hotkey] for hotkey in kept])
    return {hotkey: share for hotkey, share in zip(kept, shares, strict=True) if share > 0.0}


def _best_of_each_coldkey(worths: Sequence[Worth], volumes: Mapping[AccountId, float]) -> list[AccountId]:
    best: dict[AccountId, AccountId] = {}
    for each in worths:
        known = best.get(each.coldkey)
        if known is None or volumes[each.hotkey] > volumes[known]:
            best[each.coldkey] = each.hotkey
    return list(best.values())


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2] if values else 0.0
