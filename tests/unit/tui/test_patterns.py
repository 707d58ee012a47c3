"""Search patterns: they find what Python's find, they say what is wrong, and nothing makes them slow."""

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
        assert span == wanted.span()


@settings(max_examples=300, deadline=None)
@given(st.text("ab(|)[]*+?{},1^$.\\-\ud800é", max_size=20), st.text("ab1é\ud800", max_size=8))
def test_whatever_is_typed_is_a_pattern_or_a_sentence(text: str, line: str) -> None:
    said = ""
    try:
        Pattern(text).span_in(line)
    except PatternError as error:
        said = str(error)
    assert said.endswith(".") or not said


@pytest.mark.parametrize(
    ("text", "words"),
    [("(a", "not closed"), ("a)", "closes nothing"), ("*a", "nothing to repeat"), ("[a", "not closed"),
     ("(?=a)", "not known here"), ("\\1", "not known here"), ("a{9999}", "up to 1000"), ("a\\", "before nothing"),
     ("[z-a]", "ends before"), ("a**", "repeats a repetition"), ("(((a{9}){9}){9}){9}", "up to 1000"),
     ("x" * 201, "at most 200"), ("\\pL{1000}", "too large")],
)  # fmt: skip
def test_a_bad_pattern_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(PatternError, match=re.escape(words)):
        Pattern(text)


def test_places_are_counted_in_characters() -> None:
    assert Pattern("é+").span_in("äöééx") == (2, 4)


@pytest.mark.parametrize("text", ["(a+)+c", "(a|aa)*c", "a.*a.*a.*a.*c", "(.*)(.*)(.*)x", "(a|b)*a(a|b){40}c"])
def test_what_makes_others_run_for_ever_takes_a_moment(text: str) -> None:
    line, begun = "ab" * 1000, time.process_time()
    assert not Pattern(text).found_in(line)
    assert time.process_time() - begun < 1.0
