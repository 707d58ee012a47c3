"""Spans and times as people type them."""

import pytest

from tui.spans import SpanError, parse_moment, parse_span

NOW_MS = 1_764_000_000_000  # 16:00:00 UTC


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), (" 7D ", 604_800), ("5", 5)])
def test_spans_are_read_with_their_units(text: str, seconds: float) -> None:
    assert parse_span(text, most_s=1e9) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5m", "1w", "0s", "999999d", "1e9", "٣m" * 9])
def test_what_is_no_span_or_too_long_is_refused_in_words(text: str) -> None:
    with pytest.raises(SpanError, match=r"\.$"):
        parse_span(text, most_s=1e6)


def test_a_time_of_day_is_the_latest_such_time_where_the_reader_lives() -> None:
    assert parse_moment("15:30", NOW_MS, 0) == NOW_MS - 1_800_000
    assert parse_moment("16:00:01", NOW_MS, 0) == NOW_MS - 86_399_000
    assert parse_moment("17:30", NOW_MS, 7200) == NOW_MS - 1_800_000
    assert parse_moment("2h", NOW_MS, 0) == parse_moment("-2h", NOW_MS, 0) == NOW_MS - 7_200_000
    with pytest.raises(SpanError):
        parse_moment("24:00", NOW_MS, 0)
