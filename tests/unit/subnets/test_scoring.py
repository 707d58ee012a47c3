"""What miners of Nineteen are worth: each part of an effective volume moves shares the way it is meant to."""

from collections.abc import Mapping

import pytest

from node.market.limits import RECENT_PER_MINER_MAX
from node.primitives.codec import encode
from node.primitives.types import ZERO_HASH, Hash, Height, NetUid, Uid
from node.subnets.base import Code, Entry, Judged, Neuron, Refusal, Standing, Usage, Verdict, View
from node.subnets.nineteen import Nineteen, scoring
from node.subnets.nineteen.capacity import BURST, CAPACITY, Burst, Capacity, declared_by, measured_of, take_entry
from node.subnets.nineteen.weighing import UNPROVEN_TOKENS_PER_S, shares_of
from tests.unit.subnets.support import hotkey

MODEL = "m"
HEIGHT = 9 * scoring.PERIOD_BLOCKS


def judged(
    n: int, *, code: Code = Code.OK, quality: float = 1.0, t_done_ms: int = 1_000, height: int = HEIGHT
) -> Judged:
    facts = {"quality": quality} if code in (Code.OK, Code.WRONG) else {}
    verdict = Verdict(quality if code is Code.OK else 0.0, code, facts=facts)
    task = Hash(bytes([n % 256]) * 32)
    return Judged(task, "challenge", Height(height), verdict, Usage(20, 64), t_done_ms // 4, t_done_ms)


def record(**changes: object) -> Standing:
    """A miner seen in ten periods."""
    rows = [judged(n, height=HEIGHT - n * scoring.PERIOD_BLOCKS, **changes) for n in range(9, -1, -1)]  # type: ignore[arg-type]
    return Standing(1.0, 10.0, Height(HEIGHT), tuple(rows))


def view(*names: str, cold: Mapping[str, str] | None = None, state: dict[bytes, bytes] | None = None) -> View:
    seats = [
        Neuron(Uid(n), hotkey(name), hotkey((cold or {}).get(name, name)), "p", (), 1, name.startswith("v"), Height(0))
        for n, name in enumerate(names)
    ]
    return View(NetUid(19), Height(HEIGHT), ZERO_HASH, tuple(seats), state or {})


def shares(rows: Mapping[str, Standing], **more: object) -> dict[str, float]:
    names = tuple(rows)
    found = shares_of({hotkey(name): row for name, row in rows.items()}, (MODEL,), view(*names, **more))  # type: ignore[arg-type]
    return {name: found.get(hotkey(name), 0.0) for name in names}


def entry(author: str, kind: str, body: object, height: int = HEIGHT) -> Entry:
    return Entry(hotkey(author), 0, Height(height), kind, encode(body))


def test_equal_miners_share_equally_and_all_shares_sum_to_one() -> None:
    found = shares({"a": record(), "b": record(), "c": record()})
    assert list(found.values()) == [pytest.approx(1 / 3)] * 3


def test_a_wrong_answer_in_ten_costs_much_and_none_right_costs_all() -> None:
    rows = list(record().recent)
    one_wrong = Standing(1.0, 10.0, Height(HEIGHT), (*rows[:-1], judged(0, code=Code.WRONG, quality=0.0)))
    found = shares({"honest": record(), "once": one_wrong, "never": record(code=Code.WRONG, quality=0.0)})
    assert found["never"] == 0.0
    assert 0.3 < found["once"] / found["honest"] < 0.8


def test_the_faster_earn_up_to_a_quarter_more_before_the_fourth_power() -> None:
    found = shares({"fast": record(t_done_ms=500), "slow": record(t_done_ms=2_000)})
    assert found["fast"] / found["slow"] == pytest.approx((1.25 / 0.75) ** 4)


def test_refusals_and_failures_lower_reliability() -> None:
    rows = list(record().recent)
    busy = Standing(1.0, 10.0, Height(HEIGHT), (*rows, judged(0, code=Code.OVERLOADED)))
    down = Standing(1.0, 10.0, Height(HEIGHT), (*rows, judged(0, code=Code.TIMEOUT)))
    found = shares({"a": record(), "busy": busy, "down": down})
    assert found["a"] > found["busy"] > found["down"] > 0


def often(per_period: int, *, periods: int = 10) -> Standing:
    """A miner with so many right answers in each of the last periods, as the book keeps them."""
    rows = [judged(n, height=HEIGHT - n // per_period * scoring.PERIOD_BLOCKS) for n in range(periods * per_period)]
    return Standing(1.0, 10.0, Height(HEIGHT), tuple(reversed(rows))[-RECENT_PER_MINER_MAX:])


@pytest.mark.parametrize("per_period", [10, 20, 40])
def test_a_miner_that_is_judged_more_often_is_not_held_to_be_new(per_period: int) -> None:
    found = shares({"seldom": often(5), "often": often(per_period)})
    assert found["often"] == pytest.approx(found["seldom"])


def test_a_miner_of_few_periods_counts_a_quarter_before_the_fourth_power() -> None:
    found = shares({"known": often(15), "new": often(15, periods=8)})
    assert found["new"] / found["known"] == pytest.approx(scoring.NEW_MINER**4)


def test_a_verdict_without_a_score_moves_nothing() -> None:
    unknown = Judged(Hash(ZERO_HASH), "challenge", Height(HEIGHT), Verdict(None, Code.UNCHECKABLE), Usage(), 1, 1)
    row = record()
    found = shares({"a": row, "b": Standing(row.score, row.samples, row.last_height, (*row.recent, unknown))})
    assert found["a"] == pytest.approx(found["b"])


def test_of_one_coldkey_only_the_best_hotkey_is_paid() -> None:
    found = shares({"a": record(), "b": record(t_done_ms=500)}, cold={"a": "owner", "b": "owner"})
    assert found == {"a": 0.0, "b": 1.0}


def test_capacity_counts_once_a_burst_has_shown_it() -> None:
    state: dict[bytes, bytes] = {}
    for name, declared in (("proven", 40), ("liar", 40), ("unproven", 40)):
        assert take_entry(entry(name, CAPACITY, Capacity(MODEL, declared, 8)), state) is None
    for miner, seen in (("proven", 38), ("liar", 20)):
        assert take_entry(entry("v1", BURST, Burst(hotkey(miner), MODEL, 8, seen)), state) is None
    rows = {"v1": Standing(), "proven": record(), "liar": record(), "unproven": record(), "silent": record()}
    found = shares({name: row for name, row in rows.items() if row.recent} | {"v1": Standing()}, state=state)
    assert found["proven"] / found["unproven"] == pytest.approx((40 / UNPROVEN_TOKENS_PER_S) ** 4)
    assert found["liar"] == pytest.approx(found["unproven"])  # half of the 20 that it showed
    assert found["silent"] == pytest.approx(found["unproven"])


def test_before_its_burst_a_miner_counts_like_the_middle_of_those_measured_and_no_more() -> None:
    state: dict[bytes, bytes] = {}
    for name, declared in (("slow", 30), ("middle", 50), ("fast", 90), ("new", 40), ("boaster", 5_000)):
        take_entry(entry(name, CAPACITY, Capacity(MODEL, declared, 8)), state)
    for name, shown in (("slow", 30), ("middle", 50), ("fast", 90)):
        take_entry(entry("v1", BURST, Burst(hotkey(name), MODEL, 8, shown)), state)
    names = ("slow", "middle", "fast", "new", "boaster")
    found = shares({"v1": Standing()} | {name: record() for name in names}, state=state)
    assert found["boaster"] == pytest.approx(found["middle"])
    assert found["slow"] < found["new"] < found["middle"] < found["fast"]


def test_bursts_of_hotkeys_without_a_permit_count_for_nothing_and_the_median_of_the_others() -> None:
    state: dict[bytes, bytes] = {}
    for author, seen in (("v1", 10), ("v2", 30), ("v3", 90), ("friend", 5_000)):
        take_entry(entry(author, BURST, Burst(hotkey("m"), MODEL, 8, seen)), state)
    assert measured_of(hotkey("m"), MODEL, view("v1", "v2", "v3", "friend", "m", state=state)) == 30
    assert measured_of(hotkey("m"), MODEL, view("friend", "m", state=state)) is None


def test_within_a_period_a_declaration_falls_by_half_at_most() -> None:
    state: dict[bytes, bytes] = {}
    start = HEIGHT
    assert take_entry(entry("m", CAPACITY, Capacity(MODEL, 100, 8), start), state) is None
    assert take_entry(entry("m", CAPACITY, Capacity(MODEL, 60, 8), start + 1), state) is None
    refusal = take_entry(entry("m", CAPACITY, Capacity(MODEL, 40, 8), start + 2), state)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.OVERCLAIM
    known = declared_by(hotkey("m"), MODEL, state)
    assert known is not None
    assert known.tokens_per_s == 60
    later = start + scoring.PERIOD_BLOCKS
    assert take_entry(entry("m", CAPACITY, Capacity(MODEL, 40, 8), later), state) is None


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("capacity", Capacity(MODEL, 0, 8)),
        ("capacity", Capacity(MODEL, 10, 0)),
        ("capacity", Capacity("m" * 200, 10, 8)),
        ("capacity", Burst(bytes(32), MODEL, 8, 1)),
        ("burst", Burst(bytes(31), MODEL, 8, 1)),
        ("burst", Burst(bytes(32), MODEL, 65, 1)),
        ("burst", Burst(bytes(32), MODEL, 8, -1)),
        ("poem", Capacity(MODEL, 10, 8)),
    ],
)
def test_an_entry_out_of_bounds_is_refused_and_changes_nothing(kind: str, body: object) -> None:
    state: dict[bytes, bytes] = {}
    assert isinstance(Nineteen((MODEL,)).apply(entry("m", kind, body), state), Refusal)
    assert state == {}


def test_rows_of_an_author_begin_with_its_key() -> None:
    state: dict[bytes, bytes] = {}
    take_entry(entry("m", CAPACITY, Capacity(MODEL, 10, 8)), state)
    take_entry(entry("v1", BURST, Burst(hotkey("m"), MODEL, 8, 1)), state)
    assert {key[:32] for key in state} == {bytes(hotkey("m")), bytes(hotkey("v1"))}


def test_a_book_of_averages_alone_is_weighed_by_them() -> None:
    book = {hotkey("a"): Standing(0.8), hotkey("b"): Standing(0.4)}
    assert Nineteen((MODEL,)).weigh(book, view("a", "b")) == {
        hotkey("a"): pytest.approx(16 / 17), hotkey("b"): pytest.approx(1 / 17),
    }  # fmt: skip


def test_ties_in_speed_share_their_bonus() -> None:
    assert scoring.rank_bonus([5.0, 5.0]) == [0.0, 0.0]
    assert scoring.rank_bonus([5.0]) == [0.0]
    assert scoring.rank_bonus([3.0, 1.0, 3.0]) == [pytest.approx(0.125), -0.25, pytest.approx(0.125)]


def test_quality_up_to_the_knee_is_squared() -> None:
    assert scoring.quality_score([1.0, 1.0]) == 1.0
    assert scoring.quality_score([0.9**0.5] * 2) == pytest.approx(0.9**0.75)  # above the knee
    assert scoring.quality_score([1.0, 0.5]) == pytest.approx(((1 + 0.5**1.5) / 2) ** 2)
    assert scoring.quality_score([]) == 0.0
