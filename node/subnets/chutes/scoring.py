"""From verdicts to shares of the emission: work done, users served, chutes kept warm, cold ones woken. Pure.

Everything is read from the validator's book of the last seven days and from the view, in the order of seats and
verdicts, so that anyone who has both gets the same floats.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.primitives.types import AccountId, Hash
from node.subnets.base import Book, Code, Judged, View
from node.subnets.chutes.limits import (
    BOUNTY_MAX,
    CONSUMER_SHARE_MAX,
    DAY_BLOCKS,
    DAY_PASS_RATE_MIN,
    HOUR_BLOCKS,
    PASS_RATE_MIN,
    PASSES_TO_RETURN,
    WINDOW_BLOCKS,
)

WORK_SHARE: Final = 0.52
CALLS_SHARE: Final = 0.20
VARIETY_SHARE: Final = 0.20
BOUNTY_SHARE: Final = 0.08
FLAT_POWER: Final = 1.3  # of a miner's variety at the median or above
STEEP_POWER: Final = 2.2  # below it
SPEED_MIN, SPEED_MAX = 0.5, 1.2
NOTICED_MS: Final = 50.0  # times below are alike: what differs there is the line, not the miner

# names of facts in verdicts
CHUTE: Final = "chute"  # the chute's id, its first 48 bits
UNITS: Final = "units"  # of the answer
RAM_MB: Final = "ram_mb"  # that the chute needs
BOUNTY: Final = "bounty"  # points, when the chute was cold
CONSUMER: Final = "consumer"  # who asked, 48 bits; absent for challenges

_UNANSWERED: Final = frozenset({Code.TIMEOUT, Code.UNREACHABLE, Code.OVERLOADED, Code.REFUSED, Code.MINER_FAULT})


def bounty(waited_s: float) -> float:
    """Points for waking a chute that nobody kept warm, by the seconds its caller waited."""
    return min(3.0 * waited_s + 100.0, BOUNTY_MAX)


def short_id(chute: bytes) -> float:
    """A chute's id as a number that a float holds exactly."""
    return float(int.from_bytes(chute[:6], "big"))


@dataclass(frozen=True, slots=True)
class Row:
    """One verdict with a score, as scoring needs it. `chute` is None when there was no answer to judge."""

    task: Hash
    height: int
    passed: bool
    answered: bool
    is_users: bool
    chute: float | None
    units: float
    ram_mb: float
    bounty: float
    consumer: float
    done_ms: int


def row_of(judged: Judged) -> Row | None:
    """The verdict as a row; None when the validator could not judge."""
    verdict = judged.verdict
    if verdict.score is None:
        return None
    facts = verdict.facts
    answered = verdict.code not in _UNANSWERED
    return Row(
        judged.task, judged.height, verdict.score > 0.0, answered, judged.kind != "challenge",
        facts.get(CHUTE) if answered else None, facts.get(UNITS, 0.0), facts.get(RAM_MB, 0.0), facts.get(BOUNTY, 0.0),
        facts.get(CONSUMER, 0.0), judged.t_done_ms,
    )  # fmt: skip


def rows_of_book(book: Book, view: View) -> dict[AccountId, list[Row]]:
    """The rows of the last seven days of every seat that has any, in the order of seats."""
    found: dict[AccountId, list[Row]] = {}
    for neuron in view.neurons:
        standing = book.get(neuron.hotkey)
        rows = [] if standing is None else [row_of(each) for each in standing.recent]
        kept = [row for row in rows if row is not None and row.height + WINDOW_BLOCKS >= view.height]
        if kept:
            found[neuron.hotkey] = kept
    return found


# --- what counts ------------------------------------------------------------------------------------------------------


def is_suspended(rows: Sequence[Row], height: int) -> bool:
    """Whether too many answers of the last day failed, and not enough in a row were right since."""
    judged = [row for row in rows if row.answered]
    day = [row for row in judged if row.height + DAY_BLOCKS >= height]
    if not day or sum(row.passed for row in day) / len(day) >= DAY_PASS_RATE_MIN:
        return False
    since = 0
    for row in reversed(judged):
        if not row.passed:
            break
        since += 1
    return since < PASSES_TO_RETURN


def availability(rows: Sequence[Row]) -> float:
    """Answered out of asked."""
    return sum(row.answered for row in rows) / len(rows) if rows else 0.0


def references(rows: Mapping[AccountId, Sequence[Row]]) -> dict[float, float]:
    """The network's time for each chute, in ms: the median of the miners' medians."""
    times: defaultdict[float, list[float]] = defaultdict(list)
    for mine in rows.values():
        for chute, median in _medians(mine).items():
            times[chute].append(median)
    return {chute: statistics.median(medians) for chute, medians in times.items()}


def _medians(rows: Iterable[Row]) -> dict[float, float]:
    times: defaultdict[float, list[int]] = defaultdict(list)
    for row in rows:
        if row.chute is not None and row.passed:
            times[row.chute].append(row.done_ms)
    return {chute: max(float(statistics.median(found)), NOTICED_MS) for chute, found in times.items()}


def work(rows: Sequence[Row], reference_ms: Mapping[float, float]) -> float:
    """Units of right answers, by chute, times pass rate (0 below 0.8) and speed; all times availability."""
    medians, total = _medians(rows), 0.0
    for chute in sorted({row.chute for row in rows if row.chute is not None}):
        mine = [row for row in rows if row.chute == chute]
        rate = sum(row.passed for row in mine) / len(mine)
        if rate < PASS_RATE_MIN or chute not in medians:
            continue
        speed = min(max(reference_ms[chute] / medians[chute], SPEED_MIN), SPEED_MAX)
        total += sum(row.units for row in mine if row.passed) * rate * speed
    return total * availability(rows)


def calls(rows: Mapping[AccountId, Sequence[Row]]) -> dict[AccountId, float]:
    """Right answers to users, by miner; any one consumer's count for at most a fifth of all."""
    consumers = Counter(row.consumer for mine in rows.values() for row in mine if row.is_users and row.passed)
    cap = CONSUMER_SHARE_MAX * consumers.total()
    worth = {each: min(1.0, cap / count) for each, count in consumers.items()}
    return {
        hotkey: sum(worth[row.consumer] for row in mine if row.is_users and row.passed) for hotkey, mine in rows.items()
    }


def variety(rows: Sequence[Row]) -> float:
    """The mean over hours, in which the miner was judged, of the memory of the different chutes it answered for."""
    hours: defaultdict[int, dict[float, float]] = defaultdict(dict)
    for row in rows:
        found = hours[row.height // HOUR_BLOCKS]
        if row.chute is not None and row.passed:
            found[row.chute] = row.ram_mb
    return sum(sum(found[chute] for chute in sorted(found)) for found in hours.values()) / len(hours) if hours else 0.0


def curved(values: Mapping[AccountId, float]) -> dict[AccountId, float]:
    """x/max to the power 1.3 from the median up, 2.2 below it."""
    largest = max(values.values(), default=0.0)
    if largest <= 0.0:
        return dict.fromkeys(values, 0.0)
    middle = statistics.median(values.values()) / largest
    shares = {hotkey: value / largest for hotkey, value in values.items()}
    return {hotkey: share ** (FLAT_POWER if share >= middle else STEEP_POWER) for hotkey, share in shares.items()}


def bounties(rows: Mapping[AccountId, Sequence[Row]]) -> dict[AccountId, float]:
    """Points by miner: those of a task go to the first right answer alone."""
    first: dict[Hash, tuple[int, AccountId, float]] = {}
    for hotkey, mine in rows.items():
        for row in mine:
            if row.passed and row.bounty > 0.0:
                found = (row.done_ms, hotkey, row.bounty)
                first[row.task] = min(first.get(row.task, found), found)
    points = dict.fromkeys(rows, 0.0)
    for task in sorted(first):
        points[first[task][1]] += first[task][2]
    return points


# --- the whole --------------------------------------------------------------------------------------------------------


def weigh_rows(rows: Mapping[AccountId, Sequence[Row]], view: View) -> dict[AccountId, float]:
    """Shares that sum to 1, of the best hotkey of each coldkey; empty when nobody did anything right."""
    good = {hotkey: mine for hotkey, mine in rows.items() if not is_suspended(mine, view.height)}
    reference_ms = references(good)
    parts = (
        (WORK_SHARE, {hotkey: work(mine, reference_ms) for hotkey, mine in good.items()}),
        (CALLS_SHARE, calls(good)),
        (VARIETY_SHARE, curved({hotkey: variety(mine) for hotkey, mine in good.items()})),
        (BOUNTY_SHARE, bounties(good)),
    )
    totals = dict.fromkeys(good, 0.0)
    for share, values in parts:
        whole = sum(values.values())
        if whole > 0.0:
            for hotkey in good:
                totals[hotkey] += share * values[hotkey] / whole
    return _normalised(_best_of_each_coldkey(totals, view))


def _best_of_each_coldkey(totals: Mapping[AccountId, float], view: View) -> dict[AccountId, float]:
    best: dict[AccountId, AccountId] = {}
    for neuron in view.neurons:
        if neuron.hotkey in totals:
            other = best.setdefault(neuron.coldkey, neuron.hotkey)
            if totals[neuron.hotkey] > totals[other]:
                best[neuron.coldkey] = neuron.hotkey
    return {hotkey: totals[hotkey] for hotkey in best.values()}


def _normalised(totals: Mapping[AccountId, float]) -> dict[AccountId, float]:
    whole = sum(totals.values())
    return {hotkey: total / whole for hotkey, total in totals.items() if total > 0.0} if whole > 0.0 else {}
