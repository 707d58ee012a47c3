"""A cheat is told from an honest miner by several answers, soon, rarely wrongly, and not for ever."""

import random
from itertools import product

import pytest

from node.primitives.types import AccountId, Hash, Height, NetUid
from node.subnets.base import Code, Judged, Standing, Usage, Verdict
from node.subnets.lab.hosts import key_of, view_of
from node.subnets.nineteen.honesty import caught_after, is_caught
from node.subnets.nineteen.weighing import shares_of

R, A = True, False


def judged(number: int, code: Code, *, pinned: float = 1.0, score: float | None = None, **facts: float) -> Judged:
    right = 1.0 if code is Code.OK else 0.0
    verdict = Verdict(right if score is None else score, code, facts={"quality": right, "pinned": pinned, **facts})
    return Judged(Hash(bytes([number]) * 32), "challenge", Height(number), verdict, Usage(8, 40), 300, 2_000)


@pytest.mark.parametrize(
    ("answers", "caught"),
    [
        ([], False),
        ([R], False),  # one proves nothing
        ([A] * 40 + [R] + [A] * 9, False),
        ([R, R], True),
        ([R, A, R], True),
        ([R, A, A, R], False),  # two far apart happen to an honest miner as well
        ([A] * 40 + [R, R], True),  # a good name protects nobody
        ([R] * 9 + [A] * 5, True),
        ([R] * 9 + [A] * 6, False),  # and a bad one can be lost
    ],
)
def test_two_refusals_close_together_catch_and_accepted_answers_free_again(answers: list[bool], caught: bool) -> None:
    assert caught_after(answers) is caught


def test_the_mildest_cheat_is_caught_within_four_answers_in_99_of_100_cases_and_an_honest_miner_in_none_of_1000() -> (
    None
):
    """Exactly for four answers; for an honest miner by a seeded run of a whole window, again and again."""
    cheat = 0.95  # of its answers are refused alone
    missed = sum(
        cheat ** sum(row) * (1 - cheat) ** (4 - sum(row)) for row in product((R, A), repeat=4) if not caught_after(row)
    )
    assert missed <= 0.01
    dice = random.Random(1)
    wrongly = sum(caught_after(dice.random() < 0.001 for _ in range(50)) for _ in range(1_000))
    assert wrongly == 0


def test_what_could_not_be_checked_and_exercises_say_nothing_about_honesty() -> None:
    open_ones = [judged(n, Code.WRONG, pinned=0.0, likeness=0.5) for n in range(6)]
    unchecked = [judged(n, Code.UNCHECKABLE) for n in range(6)]
    failed = [judged(n, Code.TIMEOUT) for n in range(6)]
    assert not is_caught([*open_ones, *unchecked, *failed])
    assert is_caught([*open_ones, judged(7, Code.WRONG_MODEL), *failed, judged(8, Code.UNLIKELY)])


def test_a_miner_that_is_caught_gets_nothing_however_good_its_other_answers() -> None:
    good, cheat = key_of("good").public, key_of("cheat").public
    view = view_of(NetUid(19), 40, key_of("validator").public, [good, cheat])

    def book(last: list[Code]) -> dict[AccountId, Standing]:
        rows = [judged(n, Code.OK) for n in range(30)]
        mixed = [*rows, *(judged(30 + n, code) for n, code in enumerate(last))]
        return {
            good: Standing(1.0, 30.0, Height(40), tuple(rows)),
            cheat: Standing(1.0, 30.0, Height(40), tuple(mixed)),
        }

    once, twice = (
        shares_of(book([Code.WRONG]), ("m",), view),
        shares_of(book([Code.WRONG, Code.WRONG_MODEL]), ("m",), view),
    )
    assert once[cheat] > 0.2
    assert cheat not in twice
    assert twice[good] == 1.0
