"""The open class: each check takes a right answer and refuses near misses; exercises are drawn, many, and secret."""

import json
from collections import Counter
from collections.abc import Callable

import pytest

from node.primitives.crypto import digest
from node.primitives.types import ZERO_HASH, Hash, Height, NetUid
from node.subnets.base import Code, Judged, Standing, Usage, Verdict, View
from node.subnets.nineteen import Nineteen
from node.subnets.nineteen import instruct_checks as checks
from node.subnets.nineteen.instruct import AUTO, Exercise, alike, draw_exercise, likeness
from node.subnets.nineteen.instruct_families import FAMILIES
from node.subnets.nineteen.messages import ChatPiece, ChatTask
from node.subnets.nineteen.prompts import SeededChoice
from tests.unit.subnets.support import as_answer, hotkey
from tests.unit.subnets.test_scoring import HEIGHT, shares

EMPTY = View(NetUid(19), Height(1), ZERO_HASH, ())


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (checks.has_bullets(2), "- one\n- two", ["- one", "- one\n- two\n- three", "one\ntwo", "Here:\n- one\n- two"]),
        (checks.each_bullet_at_most(3), "- one two\n- a b c", ["- one two three four", "one"]),
        (checks.each_bullet_begins_with_capital(), "- One\n- Two", ["- one\n- Two"]),
        (checks.without_letter("q"), "plain", ["quick", "Quick", ""]),
        (checks.at_most_words(3), "It's one-two.", ["one two three four", "..."]),
        (checks.at_least_words(2), "one two", ["one"]),
        (checks.begins_with("Well,"), "Well, yes.", ["well, yes.", "Oh. Well,"]),
        (checks.ends_with("That is all."), "So. That is all.", ["That is all", "That is all. Really."]),
        (checks.upper_case(), "LOUD 1!", ["Loud", "1"]),
        (checks.lower_case(), "quiet.", ["Quiet."]),
        (checks.sentences(2), "One 1.5 thing. Two!", ["One.", "One. Two. Three.", "One. Two"]),
        (checks.one_line(), "one line", ["two\nlines", ""]),
        (checks.is_exactly("not stated"), "Not stated.", ["It is not stated", "stated"]),
        (checks.lists(["a", "b"], ","), "a, b", ["b, a", "a, b, c", "a b"]),
        (checks.lists_items(["a", "b"], "\n"), "b\na", ["a\na\nb", "a"]),
        (checks.separated(",", 2), "x, y", ["x", "x, y, z", "x,"]),
        (checks.each_line_one_address(), "a@b.c\nd@e.f", ["Write to a@b.c", "nothing"]),
        (checks.holds_number(12), "In all, 12.", ["112", "1", "120", "twelve", "-12"]),
        (checks.holds_number(1234), "1,234 lamps", ["234"]),
        (checks.no_digits(), "none", ["3", ""]),
        (checks.has_keys(["a", "b"]), '{"a": 1, "b": 2}', ['{"a": 1}', '{"a": 1, "b": 2, "c": 3}', "[1]", "a b", "{"]),
        (checks.key_is("a", int), '{"a": 1}', ['{"a": true}', '{"a": "1"}', '{"a": 1.0}', "{}"]),
        (checks.key_equals("a", 3), '{"a": 3}', ['{"a": "3"}', '{"a": 4}', '{"a": 3.0}']),
        (checks.key_has_items("a", 2), '{"a": [1, 2]}', ['{"a": [1]}', '{"a": "12"}']),
        (checks.csv_shape(("n", "p"), 1), "n,p\nA,1", ["n,p", "p,n\nA,1", "n,p\nA,1\nB,2", "n,p\nA", '"n,p\nA,1']),
        (checks.csv_row(("A", "1")), "n,p\nA, 1", ["n,p\nA,2", "A,1"]),
        (checks.csv_sorted_by(1), "n,p\nA,1\nB,2", ["n,p\nA,2\nB,1", "n,p\nA,x", "n,p"]),
        (checks.computes([(2, 7), (3, 10)]), "3*x + 1", ["3*x", "x**2 + 3", "lambda x: 3*x + 1", "y = 3*x+1", "3x+1"]),
        (checks.computes([(5, 24), (-1, 0)]), "x**2 - 1", ["x*x"]),
        (checks.computes([(7, 3), (8, 0)]), "x % 4", ["x // 4", "x % 0"]),
        (checks.computes([(-3, 3)]), "max(x, abs(x))", ["abs(x, 1)", "abs()", "pow(x, 2) - 6"]),
    ],
)  # fmt: skip
def test_a_check_takes_the_right_answer_and_refuses_near_misses(
    check: Callable[[str], bool], right: str, wrong: list[str]
) -> None:
    assert check(right)
    assert [text for text in wrong if check(text)] == []


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('true')", "9**9**9**9", "(" * 190 + "x", "x" + "+x" * 99, "[x for x in (1,)]", "x.real",
     "True", "'x'", "x if x else 1", "\x00", "10**6 * 10**6 * 10**6"],
)  # fmt: skip
def test_code_is_never_run_and_never_costs_much(text: str) -> None:
    assert not checks.computes([(1, 1), (2, 10**18)])(text)


@pytest.mark.parametrize("nested", ["[" * 5_000, '{"a":' * 5_000])
def test_deep_nesting_is_only_wrong(nested: str) -> None:
    assert checks.json_object(nested) is None


def exercises(count: int) -> list[tuple[ChatTask, Exercise]]:
    return [draw_exercise(digest("test-exercise", n.to_bytes(4, "big")), FAMILIES) for n in range(count)]


def test_exercises_have_a_format_and_at_least_three_conditions_and_are_within_the_bounds_of_tasks() -> None:
    drawn = exercises(300)
    for task, exercise in drawn:
        task.check()
        assert len(exercise.conditions) >= 3
        assert exercise.quality("I do not know what to say about this one.")[0] < 1.0
        assert exercise.quality("")[0] == exercise.quality("x" * 20_000)[0] == 0.0
        assert "{" not in task.turns[-1].content
    assert len(Counter(exercise.family for _, exercise in drawn)) == len(FAMILIES)
    assert len({task.turns for task, _ in drawn}) > 290


def test_a_task_does_not_tell_what_is_checked() -> None:
    """Its seed is a digest of the secret: drawing from it leads to another exercise."""
    for task, _ in exercises(20):
        assert draw_exercise(task.seed, FAMILIES)[0].turns != task.turns


def one_of(family: str) -> tuple[ChatTask, Exercise]:
    return next(each for each in exercises(300) if each[1].family == family)


def test_a_right_answer_meets_all_and_the_format_decides_over_all() -> None:
    task, exercise = one_of("JSON")
    said = task.turns[-1].content
    name = next(each for each in said.replace(",", " ").replace(".", " ").split() if exercise.conditions[2].check(
        json.dumps({"name": each})))  # fmt: skip
    city = next(each for each in said.replace(",", " ").replace(".", " ").split() if exercise.conditions[3].check(
        json.dumps({"city": each})))  # fmt: skip
    age = next(int(each) for each in said.replace(",", " ").split() if each.isdigit() and int(each) >= 20)
    count = int(exercise.conditions[5].name.split()[0])
    right = {"name": name, "city": city, "age": age, "hobbies": ["chess"] * count}
    assert exercise.quality(json.dumps(right))[0] == 1.0
    assert exercise.quality("  " + json.dumps(right) + "\n")[0] == 1.0
    assert exercise.quality("Here it is: " + json.dumps(right))[0] == 0.0
    part, evidence = exercise.quality(json.dumps(right | {"age": str(age)}))
    assert part == pytest.approx(5 / 6)
    assert "age" in evidence


def test_texts_of_nearly_the_same_words_are_alike_and_others_are_not() -> None:
    choice = SeededChoice(b"likeness")
    vocabulary = [f"word{n}" for n in range(400)]
    text = [choice.pick(vocabulary) for _ in range(60)]
    near, far = [*text[:59], "other"], [choice.pick(vocabulary) for _ in range(60)]
    assert alike(likeness(" ".join(text)), likeness(" ".join(near)))
    assert not alike(likeness(" ".join(text)), likeness(" ".join(far)))
    assert not alike(likeness("not stated"), likeness("not stated"))  # short: the same by right
    assert likeness(" ".join(text)) < 2**48


# --- in the subnet --------------------------------------------------------------------------------------------------


def open_task(subnet: Nineteen) -> ChatTask:
    for n in range(400):
        task = subnet.draw(digest("test-open", n.to_bytes(4, "big")), EMPTY)
        if task is not None and task.model == AUTO:
            return task
    raise AssertionError("no open task drawn")


async def test_the_validator_that_drew_an_exercise_judges_it_and_no_other_can() -> None:
    subnet = Nineteen(("m",), open_every=4)
    task = open_task(subnet)
    piece = ChatPiece(0, True, Usage(9, 1), (5,), "I would rather not.", "stop", (0,), (), False)
    verdict = await subnet.judge(task, as_answer(hotkey("m"), [piece]), None)  # type: ignore[arg-type]
    assert verdict.code in (Code.WRONG, Code.PARTIAL)
    assert verdict.facts["pinned"] == 0.0
    other = await Nineteen(("m",), open_every=4).judge(task, as_answer(hotkey("m"), [piece]), None)  # type: ignore[arg-type]
    assert (other.score, other.code) == (None, Code.UNCHECKABLE)


def test_one_challenge_in_eight_is_open_where_the_model_is_a_known_one() -> None:
    def share(subnet: Nineteen) -> float:
        drawn = [subnet.draw(digest("test-share", n.to_bytes(4, "big")), EMPTY) for n in range(800)]
        return sum(task is not None and task.model == AUTO for task in drawn) / 800

    assert 0.09 < share(Nineteen()) < 0.16
    assert share(Nineteen(("my-own",))) == 0.0


def test_answers_alike_to_one_open_task_share_their_quality() -> None:
    def seen(likeness_told: float) -> Standing:
        facts = {"quality": 1.0, "pinned": 0.0, "likeness": likeness_told}
        row = Judged(
            Hash(bytes(32)), "challenge", Height(HEIGHT), Verdict(1.0, Code.OK, facts=facts), Usage(9, 64), 9, 99
        )
        return Standing(1.0, 1.0, Height(HEIGHT), (row,))

    same, own = likeness("one long answer that two keys of one model give " * 2), likeness("quite another text " * 4)
    found = shares({"a": seen(same), "b": seen(same), "c": seen(own)})
    assert found["a"] == pytest.approx(found["b"])
    assert found["c"] > 100 * found["a"]
