"""Numbers and foreign words become short text, whatever they are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tui import text
from tui.target import target_fault
from tui.widgets.braille import dots


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (text.tau(1_204_518_000_000), "1,204.52 τ"),
        (text.tau(12_840_000_000, sign=True), "+12.840 τ"),
        (text.tau(125_000), "0.000125000 τ"),
        (text.tau(0), "0.0000 τ"),
        (text.alpha(-5 * 10**9), "-5.000 α"),
        (text.count(1_204_551), "1,204,551"),
        (text.duration(3 * 86_400 + 4 * 3600), "3d 4h"),
        (text.duration(725), "12m 05s"),
        (text.millis(410), "410 ms"),
        (text.millis(1_900), "1.9 s"),
        (text.millis(None), "–"),
        (text.u16(65_535), "100.0 %"),
        (text.size(271_000_000), "271 MB"),
        (text.short("12D3KooWabcdk9Qa"), "12D3…k9Qa"),
        (text.short(None), "–"),
        (text.time_of_day(1_764_000_000_000, 0), "16:00:00"),
        (text.spark([0.0, 4.0, 8.0], 3), "▁▅█"),
    ],
)
def test_values_are_written_as_people_read_them(got: str, wanted: str) -> None:
    assert got == wanted


@settings(max_examples=60, deadline=None)
@given(st.text(), st.integers(0, 60), st.booleans())
def test_a_fitted_text_has_exactly_the_width_asked_for(words: str, cells: int, right: bool) -> None:
    assert cell_len(text.fit(text.clean(words), cells, right=right)) == cells


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_clean_text_holds_no_control_and_no_direction_character(words: str) -> None:
    for char in text.clean(words):
        assert ord(char) >= 32
        assert not 0x7F <= ord(char) <= 0x9F
        assert not 0x202A <= ord(char) <= 0x202E
        assert not 0x2066 <= ord(char) <= 0x2069


def test_towers_of_combining_marks_are_cut() -> None:
    assert text.clean("a" + "\u0301" * 50) == "a\u0301\u0301"


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.integers(-(10**400), 10**400), st.floats()))
def test_no_number_is_too_absurd_to_be_shown(number: float) -> None:
    for write in (text.duration, text.millis, text.per_cent):
        assert write(number)
    if isinstance(number, int):
        for write in (text.tau, text.alpha, text.price, text.count, text.size, text.u16):
            assert len(write(number)) < 40
    assert len("".join(text.gauge(number, 8))) == 8
    assert len(text.spark([number, 1.0], 8)) == 2


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300), st.integers(1, 40), st.integers(1, 20))
def test_a_chart_fills_its_rectangle(values: list[float], columns: int, lines: int) -> None:
    drawn = dots(values, columns, lines)
    assert [len(line) for line in drawn] == [columns] * lines
    assert any(char != "\u2800" for line in drawn for char in line)


PEER = "12D3KooWLPMRwo79PfDfqzzp4nuDnYJoFDBGd8Ub6V5cnSYwqW4x"


@pytest.mark.parametrize(
    "target",
    [
        "nd1" + "7" * 200,
        f"/ip4/192.168.1.7/tcp/4001/p2p/{PEER}",
        f"/dns4/node.example/tcp/80/p2p/{PEER}",
        f"  /ip6/::1/tcp/9/p2p/{PEER} ",
    ],
)
def test_a_well_formed_target_has_no_fault(target: str) -> None:
    assert target_fault(target) is None


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("", "Paste"),
        ("nd1abc", "cut off"),
        ("nd1" + "7" * 50 + "0" + "7" * 100, "Character 54"),
        ("nd1" + "7" * 5000, "longer"),
        ("hello", "neither"),
        ("/ip4/", "host"),
        ("/ip4/10.0.0.1", "port"),
        (f"/ip4/10.0.0.1/tcp/70000/p2p/{PEER}", "70000"),
        ("/ip4/10.0.0.1/tcp/4001", "/p2p/"),
    ],
)
def test_a_wrong_target_is_told_what_is_wrong_with_it(target: str, word: str) -> None:
    assert word in (target_fault(target) or "")
