"""Search patterns: they find what Python's find, they say what is wrong, and nothing makes them slow."""

import hashlib
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tui.patterns import Pattern, PatternError

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "\\W", "(?:a|bc)", "(b)", "[a-c]", "^", "$"])
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"])
PATTERNS = st.lists(st.tuples(ATOMS, REPEATS), max_size=6).map(
    lambda pieces: "".join(atom + ("" if atom in "^$" else repeat) for atom, repeat in pieces)
)


@settings(max_examples=300, deadline=None)
@given(PATTERNS, st.text("abcd1 ", max_size=12))
@example("a{0,2}b$", "aab")
@example("(?:a|bc)*", "")
def test_a_pattern_finds_what_pythons_own_finds(text: str, line: str) -> None:
    wanted = re.search(text, line, re.IGNORECASE)
    found = Pattern(text)
    assert found.found_in(line) == (wanted is not None)
    span = found.span_in(line)
    assert (span is None) == (wanted is None)
    if span is not None and wanted is not None:
        assert span[0] == wanted.start()
        assert span[1] >= wanted.end()  # the longest place, where Python takes the first that fits


@settings(max_examples=300, deadline=None)
@given(st.text("ab(|)[]*+?{},1^$.\\-", max_size=20))
def test_whatever_is_typed_is_a_pattern_or_a_sentence(text: str) -> None:
    said = ""
    try:
        Pattern(text).found_in("ab1")
    except PatternError as error:
        said = str(error)
    assert said.endswith(".") or not said


@pytest.mark.parametrize(
    ("text", "words"),
    [("(a", "not closed"), ("a)", "closes nothing"), ("*a", "nothing to repeat"), ("[a", "not closed"),
     ("(?=a)", "not known here"), ("\\b", "not known here"), ("a{9999}", "0 to 100"), ("a\\", "before nothing"),
     ("[z-a]", "ends before"), ("a**", "repeats a repetition"), ("(((a{99}){99}){99})", "too large")],
)  # fmt: skip
def test_a_bad_pattern_is_refused_in_words_with_the_place(text: str, words: str) -> None:
    with pytest.raises(PatternError, match=re.escape(words)):
        Pattern(text)


@pytest.mark.parametrize("text", ["(a+)+b", "(a|aa)*c", "a.*a.*a.*a.*b", "(.*)(.*)(.*)x"])
def test_what_makes_others_run_for_ever_takes_a_moment(text: str) -> None:
    line, begun = "a" * 2000, time.process_time()
    assert not Pattern(text).found_in(line)
    assert time.process_time() - begun < 1.0


def test_a_pattern_with_too_many_states_is_given_up_with_a_sentence() -> None:
    bits = hashlib.shake_256(b"many states").digest(6000)
    line = "".join("ab"[bit & 1] for bit in bits)
    pattern, begun = Pattern("(a|b)*a(a|b){40}c"), time.process_time()
    with pytest.raises(PatternError, match="simpler"):
        pattern.found_in(line)
    assert time.process_time() - begun < 10.0
