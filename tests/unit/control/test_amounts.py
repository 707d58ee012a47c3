"""Promises of amounts: exact both ways, and nothing doubtful is accepted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.control.amounts import format_amount, format_ppm, parse_amount, parse_price
from node.control.errors import BadAmount
from node.primitives.types import MAX_SUPPLY_RAO


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", 10**9),
        ("12.5", 12_500_000_000),
        ("0.000000001", 1),
        ("1,000", 1000 * 10**9),
        ("1,234,567.000000009 τ", 1_234_567_000_000_009),
        (" 3 TAO ", 3 * 10**9),
        ("0.1alpha", 100_000_000),
        ("2α", 2 * 10**9),
        ("21000000", MAX_SUPPLY_RAO),
        ("0.1", 100_000_000),  # 0.1 is no binary fraction
        ("4503599.627370497", 4_503_599_627_370_497),  # nor does a double hold this one
    ],
)
def test_an_amount_is_read_exactly(text: str, amount: int) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "x", "-1", "+1", "0", "0.0", "0.0000000001", "1.0000000000", "1e3", "nan", "NaN", "inf", "Infinity",
        ".5", "5.", "1,00", "1,0000", ",1", "1.2.3", "1 2", "٣", "１", "1_000", "0x10", "τ", "21000000.000000001",
        "9" * 30, "9" * 5000, "1ττ τ τ5",
    ],
)  # fmt: skip
def test_anything_doubtful_is_refused(text: str) -> None:
    with pytest.raises(BadAmount):
        parse_amount(text)


@pytest.mark.parametrize(("text", "unit"), [("5 alpha", "τ"), ("5α", "τ"), ("5 tao", "α"), ("5 τ", "α")])
def test_an_amount_in_the_other_unit_is_refused(text: str, unit: str) -> None:
    with pytest.raises(BadAmount, match="counted"):
        parse_amount(text, unit)
    assert parse_amount("5", unit) == parse_amount(f"5 {unit}", unit) == 5 * 10**9


def test_a_price_may_be_nothing_and_is_else_as_exact_as_an_amount() -> None:
    assert [parse_price(text) for text in ("0", "0.00", " 0 ", "0.002")] == [0, 0, 0, 2_000_000]
    for text in ("", ".", "0.", "-0", "5 alpha", "0.0000000001"):
        with pytest.raises(BadAmount):
            parse_price(text)


@given(st.integers(1, MAX_SUPPLY_RAO))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_what_is_written_can_be_read_again(amount: int) -> None:
    assert parse_amount(format_amount(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 τ"), (10**9, "1 τ"), (1_234_500_000_000, "1,234.5 τ"), (-1, "-0.000000001 τ"), (-25 * 10**8, "-2.5 τ")],
)
def test_an_amount_is_written_without_idle_zeros(amount: int, text: str) -> None:
    assert format_amount(amount) == text


def test_fewer_decimals_round_toward_zero() -> None:
    assert format_amount(1_999_999_999, decimals=2) == "1.99 τ"
    assert format_amount(-1_999_999_999, decimals=0) == "-1 τ"


@pytest.mark.parametrize(("ppm", "text"), [(0, "0 %"), (9_900, "0.99 %"), (1_000_000, "100 %"), (1, "0.0001 %")])
def test_parts_per_million_are_shown_as_percent(ppm: int, text: str) -> None:
    assert format_ppm(ppm) == text
