"""The weighted pool."""

from fractions import Fraction

import pytest

from node.economics import amm
from node.economics.amm import PERQUINTILL, PRICE_LIMIT_ONE, WEIGHT_HALF, Pool, Side
from node.economics.errors import (
    PoolWeightError,
    PriceLimitError,
    ReservesTooLowError,
    SlippageError,
    SwapInputTooLargeError,
)
from node.primitives.errors import InvariantBroken
from node.primitives.fixed import U64F64

TAO = 10**9
POOL = Pool(1_000 * TAO, 4_000 * TAO)
SKEWED = Pool(1_000 * TAO, 4_000 * TAO, 3 * PERQUINTILL // 10)


def as_fraction(price_q64: int) -> Fraction:
    return Fraction(price_q64, U64F64.one)


def test_price_is_the_weighted_ratio_of_reserves() -> None:
    assert as_fraction(amm.price(POOL)) == Fraction(1, 4)
    assert abs(as_fraction(amm.price(SKEWED)) - Fraction(7, 12)) < Fraction(1, 2**60)
    assert amm.price(Pool(5, 0)) == 0


@pytest.mark.parametrize("side", Side)
def test_equal_weights_are_the_constant_product(side: Side) -> None:
    bought = amm.swap(POOL, side, 10 * TAO, fee_rate_u16=0)
    reserve_in, reserve_out = (POOL.tao_rao, POOL.alpha_rao) if side is Side.BUY else (POOL.alpha_rao, POOL.tao_rao)
    exact = Fraction(reserve_out * 10 * TAO, reserve_in + 10 * TAO)
    assert (
        exact - 2 - Fraction(reserve_out, PERQUINTILL) <= bought.out_rao <= exact + Fraction(reserve_out, PERQUINTILL)
    )


def test_the_fee_is_paid_on_top_and_never_enters_the_reserves() -> None:
    result = amm.swap(POOL, Side.BUY, 100 * TAO)
    assert result.fee_rao == 100 * TAO * 33 // 65_535
    assert result.paid_in_rao + result.fee_rao == 100 * TAO
    assert result.pool.tao_rao == POOL.tao_rao + result.paid_in_rao
    assert result.pool.alpha_rao == POOL.alpha_rao - result.out_rao


def test_nobody_gains_by_going_back_and_forth() -> None:
    for pool in (POOL, SKEWED):
        there = amm.swap(pool, Side.BUY, 77 * TAO, fee_rate_u16=0)
        back = amm.swap(there.pool, Side.SELL, there.out_rao, fee_rate_u16=0)
        assert 77 * TAO - 10 <= back.out_rao <= 77 * TAO + 10_000  # 18 digits of a 4e12 reserve


def test_a_limit_stops_a_buy_where_the_price_reaches_it() -> None:
    limit = PRICE_LIMIT_ONE * 3 // 10
    result = amm.swap(POOL, Side.BUY, 500 * TAO, limit=limit)
    assert result.paid_in_rao < 500 * TAO
    assert abs(as_fraction(amm.price(result.pool)) - Fraction(3, 10)) < Fraction(1, 10**9)
    assert result.fee_rao == result.paid_in_rao * 33 // (65_535 - 33)


def test_a_limit_counts_the_weights() -> None:
    result = amm.swap(SKEWED, Side.BUY, 900 * TAO, limit=PRICE_LIMIT_ONE * 7 // 10, fee_rate_u16=0)
    assert abs(as_fraction(amm.price(result.pool)) - Fraction(7, 10)) < Fraction(1, 10**9)


def test_a_limit_stops_a_sale_where_the_price_reaches_it() -> None:
    result = amm.swap(SKEWED, Side.SELL, 40_000 * TAO, limit=PRICE_LIMIT_ONE // 2)
    assert abs(as_fraction(amm.price(result.pool)) - Fraction(1, 2)) < Fraction(1, 10**9)


def test_a_limit_on_the_wrong_side_is_refused() -> None:
    with pytest.raises(PriceLimitError):
        amm.swap(POOL, Side.BUY, TAO, limit=PRICE_LIMIT_ONE // 5)
    with pytest.raises(PriceLimitError):
        amm.swap(POOL, Side.SELL, TAO, limit=PRICE_LIMIT_ONE // 3)
    assert amm.max_input(POOL, Side.SELL, PRICE_LIMIT_ONE // 3) == 0


def test_a_thousand_reserves_pass_and_more_is_refused() -> None:
    amm.swap(POOL, Side.BUY, 1_000 * POOL.tao_rao, fee_rate_u16=0)
    with pytest.raises(SwapInputTooLargeError):
        amm.swap(POOL, Side.BUY, 1_000 * POOL.tao_rao + 1, fee_rate_u16=0)


def test_a_pool_that_is_too_small_is_left_alone() -> None:
    with pytest.raises(ReservesTooLowError):
        amm.swap(Pool(10**12, 999_999), Side.BUY, 10**6)
    with pytest.raises(ReservesTooLowError):
        amm.swap(Pool(10**11, 10**6), Side.BUY, 1)


def test_an_impossible_fee_rate_stops_the_node() -> None:
    with pytest.raises(InvariantBroken):
        amm.swap(POOL, Side.BUY, TAO, fee_rate_u16=65_535)


def test_max_input_is_what_the_limit_lets_in() -> None:
    limit = PRICE_LIMIT_ONE * 3 // 10
    largest = amm.max_input(POOL, Side.BUY, limit)
    filled = amm.swap(POOL, Side.BUY, 10 * largest, limit=limit)
    assert filled.paid_in_rao + filled.fee_rao == largest
    whole = amm.swap_all_or_partial(POOL, Side.BUY, largest, limit, allow_partial=False)
    assert whole.paid_in_rao + whole.fee_rao >= largest - 1
    with pytest.raises(SlippageError):
        amm.swap_all_or_partial(POOL, Side.BUY, largest + 1, limit, allow_partial=False)
    part = amm.swap_all_or_partial(POOL, Side.BUY, 2 * largest, limit, allow_partial=True)
    assert part.out_rao == whole.out_rao


def test_a_quote_shows_what_movement_and_fee_cost() -> None:
    small, large = (amm.quote(POOL, Side.BUY, amount) for amount in (TAO, 100 * TAO))
    assert small.ideal_out_rao == 4 * TAO
    assert 0 < small.slippage_rao * 100 < large.slippage_rao
    assert amm.quote(POOL, Side.SELL, 4 * TAO).ideal_out_rao == TAO


@pytest.mark.parametrize(("tao", "alpha"), [(1, 0), (0, 10**6), (10**12, 10**9), (3 * 10**11, 5 * 10**12)])
def test_added_liquidity_leaves_the_price(tao: int, alpha: int) -> None:
    before, after = amm.price(POOL), amm.add_liquidity(POOL, tao, alpha)
    assert (after.tao_rao, after.alpha_rao) == (POOL.tao_rao + tao, POOL.alpha_rao + alpha)
    assert abs(as_fraction(amm.price(after) - before)) < Fraction(1, 10**15)


def test_liquidity_that_would_unbalance_the_pool_is_refused() -> None:
    with pytest.raises(PoolWeightError):
        amm.add_liquidity(POOL, 200 * POOL.tao_rao, 0)
    with pytest.raises(PoolWeightError):
        amm.add_liquidity(POOL, 0, 200 * POOL.alpha_rao)


def test_a_pool_can_start_at_a_wanted_price() -> None:
    weight = amm.initial_quote_weight(POOL.tao_rao, POOL.alpha_rao, U64F64.one // 2)
    assert abs(as_fraction(amm.price(Pool(POOL.tao_rao, POOL.alpha_rao, weight))) - Fraction(1, 2)) < Fraction(
        1, 10**15
    )
    assert amm.initial_quote_weight(0, 0, U64F64.one) == WEIGHT_HALF


def test_alpha_needed_brings_the_wanted_tao() -> None:
    for pool in (POOL, SKEWED):
        alpha = amm.alpha_needed_for_tao(pool, 10 * TAO)
        assert abs(amm.output_of(pool, Side.SELL, alpha) - 10 * TAO) <= 10
    with pytest.raises(ReservesTooLowError):
        amm.alpha_needed_for_tao(POOL, POOL.tao_rao)


def test_input_to_a_price_in_the_wrong_direction_is_zero() -> None:
    assert amm.input_to_price(POOL, Side.BUY, amm.price(POOL) // 2) == 0
    assert amm.input_to_price(POOL, Side.SELL, amm.price(POOL) * 2) == 0
    assert amm.input_to_price(POOL, Side.SELL, 0) == 0
