"""Pay: each term of the formula for itself, who is suspended, and that shares sum to 1 whatever the book holds."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.primitives.types import AccountId, Hash, Height, NetUid
from node.subnets.base import Code, Judged, Standing, Usage, Verdict, View
from node.subnets.chutes.limits import DAY_BLOCKS, HOUR_BLOCKS, PASSES_TO_RETURN, WINDOW_BLOCKS
from node.subnets.chutes.money import cost_rao, creator_part_rao, hour_price_rao
from node.subnets.chutes.scoring import (
    CHUTE,
    RAM_MB,
    UNITS,
    Row,
    bounties,
    bounty,
    calls,
    curved,
    is_suspended,
    references,
    row_of,
    rows_of_book,
    short_id,
    variety,
    weigh_rows,
    work,
)
from node.subnets.lab.hosts import key_of, view_of

A, B, C = (key_of(name).public for name in "abc")
NOW = 60_000
GOOD = Row(Hash(bytes(32)), NOW, True, True, False, 1.0, 10.0, 100.0, 0.0, 0.0, 100)
WRONG = replace(GOOD, passed=False, units=0.0)
SILENT = replace(GOOD, passed=False, answered=False, chute=None, units=0.0)


def view(height: int = NOW) -> View:
    return view_of(NetUid(64), height, key_of("validator").public, (A, B, C))


def judged(
    code: Code = Code.OK, *, height: int = NOW, task: int = 0, kind: str = "challenge", **facts: float
) -> Judged:
    score = None if code is Code.UNCHECKABLE else 1.0 if code is Code.OK else 0.0
    told = {CHUTE: 1.0, UNITS: 10.0, RAM_MB: 100.0, **facts}
    verdict = Verdict(score, code, "", 1.0, told if code in (Code.OK, Code.WRONG) else {})
    return Judged(Hash(task.to_bytes(32, "big")), kind, Height(height), verdict, Usage(0, 0, 10), 50, 100)


# --- terms ----------------------------------------------------------------------------------------------------------


def test_work_is_units_of_right_answers_times_rate_speed_and_availability() -> None:
    assert work([GOOD] * 4, {1.0: 100.0}) == 40.0
    assert work([GOOD] * 9 + [WRONG], {1.0: 100.0}) == pytest.approx(90 * 0.9)
    assert work([GOOD] * 3 + [WRONG], {1.0: 100.0}) == 0.0  # below 0.8
    assert work([GOOD] * 3 + [SILENT], {1.0: 100.0}) == pytest.approx(30 * 0.75)


@pytest.mark.parametrize(("done_ms", "speed"), [(100, 1.0), (50, 1.2), (400, 0.5), (125, 0.8), (1, 1.2)])
def test_speed_counts_within_bounds(done_ms: int, speed: float) -> None:
    assert work([replace(GOOD, done_ms=done_ms)], {1.0: 100.0}) == pytest.approx(10 * speed)


def test_the_networks_time_is_the_median_of_medians_and_times_too_short_to_notice_are_alike() -> None:
    rows = {A: [replace(GOOD, done_ms=each) for each in (100, 100, 900)], B: [replace(GOOD, done_ms=300)]}
    assert references(rows) == {1.0: 200.0}
    assert references({A: [replace(GOOD, done_ms=1)], B: [replace(GOOD, done_ms=40)]}) == {1.0: 50.0}


def test_one_consumer_counts_for_a_fifth_of_all_calls_at_most() -> None:
    users = replace(GOOD, is_users=True)
    rows = {A: [replace(users, consumer=7.0)] * 8, B: [replace(users, consumer=float(n)) for n in (1, 2)]}
    assert calls(rows) == {A: 2.0, B: 2.0}
    assert calls({A: [GOOD] * 3}) == {A: 0.0}  # challenges are nobody's calls


def test_variety_is_the_mean_memory_of_different_chutes_an_hour() -> None:
    other, later = replace(GOOD, chute=2.0, ram_mb=50.0), NOW + HOUR_BLOCKS
    assert variety([GOOD, GOOD, other]) == 150.0
    assert variety([GOOD, other, replace(GOOD, height=later)]) == 125.0
    assert variety([GOOD, replace(WRONG, height=later)]) == 50.0
    assert variety([]) == 0.0


def test_variety_falls_steeper_below_the_median() -> None:
    assert curved({A: 4.0, B: 2.0, C: 1.0}) == {A: 1.0, B: 0.5**1.3, C: 0.25**2.2}
    assert curved({A: 0.0}) == {A: 0.0}
    assert curved({}) == {}


def test_a_bounty_goes_to_the_first_right_answer_of_a_task() -> None:
    one, two = Hash(b"1" * 32), Hash(b"2" * 32)
    slow = replace(GOOD, task=one, bounty=150.0, done_ms=900)
    rows = {
        A: [slow, replace(GOOD, task=two, bounty=110.0)],
        B: [replace(slow, done_ms=300, bounty=101.0)],
        C: [replace(slow, done_ms=1, passed=False)],
    }
    assert bounties(rows) == {A: 110.0, B: 101.0, C: 0.0}


@pytest.mark.parametrize(("waited_s", "points"), [(0, 100), (60, 280), (28_766, 86_398), (10**6, 86_400)])
def test_a_bounty_grows_with_the_wait_up_to_a_day(waited_s: float, points: float) -> None:
    assert bounty(waited_s) == points


# --- who counts -----------------------------------------------------------------------------------------------------


def test_a_day_of_too_many_wrong_answers_suspends_until_fifty_right_ones_in_a_row() -> None:
    assert not is_suspended([GOOD] * 19 + [WRONG], NOW)
    assert is_suspended([GOOD] * 18 + [WRONG], NOW)
    assert is_suspended([*[WRONG] * 60, *[GOOD] * (PASSES_TO_RETURN - 1)], NOW)
    assert not is_suspended([*[WRONG] * 60, *[GOOD] * PASSES_TO_RETURN], NOW)
    assert not is_suspended([replace(WRONG, height=NOW - DAY_BLOCKS - 1), GOOD], NOW)
    assert not is_suspended([SILENT] * 30, NOW)  # silence costs availability, not honour


def test_verdicts_without_a_score_move_nobody_and_old_ones_are_forgotten() -> None:
    assert row_of(judged(Code.UNCHECKABLE)) is None
    old = judged(height=NOW - WINDOW_BLOCKS - 1)
    book = {A: Standing(recent=(old, judged(), judged(Code.UNCHECKABLE))), B: Standing(recent=(old,))}
    assert {hotkey: len(rows) for hotkey, rows in rows_of_book(book, view()).items()} == {A: 1}


def test_the_whole_is_the_four_terms_in_their_shares() -> None:
    book = {
        A: Standing(recent=(judged(task=1, bounty=100.0), judged(task=2))),
        B: Standing(recent=(judged(task=3, kind="audit", consumer=1.0), judged(task=4, chute=2.0, ram_mb=300.0))),
    }
    shares = weigh_rows(rows_of_book(book, view()), view())
    small = (100 / 400) ** 2.2
    a = 0.52 * 0.5 + 0.20 * small / (1 + small) + 0.08
    b = 0.52 * 0.5 + 0.20 + 0.20 / (1 + small)
    assert shares[A] == pytest.approx(a / (a + b))
    assert shares[B] == pytest.approx(b / (a + b))


def test_only_the_best_hotkey_of_a_coldkey_is_paid() -> None:
    seats = view()
    owned = tuple(replace(each, coldkey=C) if each.hotkey in (A, B) else each for each in seats.neurons)
    one_owner = View(seats.netuid, seats.height, seats.block_hash, owned)
    book = {A: Standing(recent=(judged(task=1),)), B: Standing(recent=(judged(task=1), judged(task=2)))}
    assert weigh_rows(rows_of_book(book, one_owner), one_owner) == {B: 1.0}


CODES = st.sampled_from([Code.OK, Code.OK, Code.WRONG, Code.TIMEOUT, Code.UNCHECKABLE, Code.OVERCLAIM])
VERDICTS = st.builds(
    lambda code, task, kind, height, units: judged(code, task=task, kind=kind, height=height, units=units),
    CODES, st.integers(0, 5), st.sampled_from(["challenge", "audit", "user"]), st.integers(0, NOW),
    st.floats(0, 1e12),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([A, B, C, key_of("without a seat").public]), st.lists(VERDICTS, max_size=12)))
def test_shares_sum_to_one_or_nobody_has_any(book: dict[AccountId, list[Judged]]) -> None:
    standings = {hotkey: Standing(recent=tuple(rows)) for hotkey, rows in book.items()}
    shares = weigh_rows(rows_of_book(standings, view()), view())
    assert set(shares) <= {A, B, C}
    assert all(share > 0 and math.isfinite(share) for share in shares.values())
    assert not shares or sum(shares.values()) == pytest.approx(1.0)
    assert weigh_rows(rows_of_book(standings, view()), view()) == shares


def test_ids_are_exact_as_numbers() -> None:
    assert int(short_id(b"\xff" * 32)) == 2**48 - 1


# --- money ----------------------------------------------------------------------------------------------------------


def test_costs_round_up_and_the_creators_part_rounds_down() -> None:
    assert (cost_rao(1, 1), cost_rao(2_000_000, 3), cost_rao(0, 5)) == (1, 6, 0)
    assert (creator_part_rao(99, 10), creator_part_rao(100, 30), creator_part_rao(100, 0)) == (9, 30, 0)
    assert hour_price_rao(1_000_000, 10) == 36_000


@given(st.integers(0, 10**15), st.integers(0, 30))
def test_creator_and_miner_share_all_of_it(paid: int, percent: int) -> None:
    part = creator_part_rao(paid, percent)
    assert 0 <= part <= paid * 30 // 100
