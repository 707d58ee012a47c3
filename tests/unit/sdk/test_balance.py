"""Promises of amounts: exact, never of two kinds at once, never from a float."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurond import Balance, UnitMismatch, alpha, rao, tao
from node.control.errors import BadAmount

ANY = st.integers(-(2**61), 2**61)


def test_text_numbers_and_decimals_give_the_same_exact_amount() -> None:
    assert tao("0.1") == tao(Decimal("0.1")) == rao(100_000_000) == Balance.from_rao(100_000_000)
    assert tao(3).rao == 3_000_000_000
    assert tao("0.1").tao == Decimal("0.1")
    assert alpha("2.5", 1).alpha == Decimal("2.5")
    assert sum([tao("0.1")] * 10) == tao(1), "what ten floats of 0.1 do not give"


@pytest.mark.parametrize(
    "wrong", ["", "abc", "1e400", "NaN", "inf", "0.1234567891", "1" * 41, "١", "9223372037", "1e-400"]
)
def test_a_text_that_is_no_amount_is_refused(wrong: str) -> None:
    with pytest.raises(BadAmount):
        tao(wrong)


@pytest.mark.parametrize("wrong", [0.1, True, None, b"1"])
def test_what_cannot_be_exact_is_refused_by_type(wrong: object) -> None:
    with pytest.raises(TypeError):
        tao(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Balance(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("other", [alpha(1, 1), alpha(1, 2), 1, 0.5, "1"])
def test_mixed_units_are_refused_in_sums_and_order(other: object) -> None:
    for work in (
        lambda: tao(1) + other,  # type: ignore[operator]
        lambda: tao(1) - other,  # type: ignore[operator]
        lambda: tao(1) < other,  # type: ignore[operator]
        lambda: other + tao(1),
        lambda: tao(1) >= other,  # type: ignore[operator]
    ):
        with pytest.raises((UnitMismatch, TypeError)):
            work()
    assert tao(1) != other


def test_two_subnets_alphas_are_two_things_and_root_holds_tao() -> None:
    with pytest.raises(UnitMismatch, match="different"):
        _ = alpha(1, 1) + alpha(1, 2)
    with pytest.raises(UnitMismatch, match="Root"):
        alpha(1, 0)
    with pytest.raises(UnitMismatch):
        _ = alpha(1, 1).tao
    with pytest.raises(UnitMismatch):
        _ = tao(1).alpha


def test_parts_and_multiples_are_whole_numbers_only() -> None:
    assert tao(1) // 3 == rao(333_333_333)
    assert 3 * tao(2) == tao(6)
    for factor in (0.5, True, "2"):
        with pytest.raises(TypeError):
            _ = tao(1) * factor  # type: ignore[operator]
    with pytest.raises(BadAmount):
        _ = tao(9_000_000_000) * 2


def test_it_is_shown_as_people_write_it() -> None:
    assert str(tao("1234.5")) == "1,234.5 τ"
    assert f"{alpha('0.123456', 7):.2}" == "0.12 α7"
    assert repr(tao(-1)) == "Balance(-1 τ)"
    with pytest.raises(ValueError, match="format"):
        f"{tao(1):d}"


@given(ANY, ANY, st.integers(0, 65_535))
def test_arithmetic_is_that_of_whole_numbers(one: int, other: int, netuid: int) -> None:
    left, right = Balance(one, netuid), Balance(other, netuid)
    assert (left + right).rao == one + other
    assert (left - right).rao == one - other
    assert (left < right, left <= right, left == right) == (one < other, one <= other, one == other)
    assert (left == right) <= (hash(left) == hash(right))
    assert Balance(int(left.whole.scaleb(9)), netuid) == left
