"""Candles and impact curves: they say what the numbers say, at any size, and absurd numbers break nothing."""

import itertools

import pytest

from node.control.schema import Candle
from tui.widgets.candles import column, price_label, summary
from tui.widgets.impact import Pool, Trade, curve, limit_row, price_move

HUGE = 2**63 - 1


def candle(opened: int, high: int, low: int, close: int) -> Candle:
    return Candle(0, opened, high, low, close, 0)


def test_a_candle_has_its_wick_around_its_body() -> None:
    assert list(column(candle(40, 100, 0, 60), 0, 100, 5)) == [1, 1, 1, 2, 2, 2, 1, 1, 1, 1]
    assert list(column(candle(50, 50, 50, 50), 0, 100, 5)).count(2) == 1, "a price that stood still is one mark"


def test_candles_stand_on_one_scale() -> None:
    low, high = column(candle(0, 10, 0, 10), 0, 100, 5), column(candle(90, 100, 90, 100), 0, 100, 5)
    assert (low[-1], low[0], high[0], high[-1]) == (2, 0, 2, 0)


@pytest.mark.parametrize(
    "absurd", [candle(-1, HUGE, -HUGE, 7), candle(HUGE, 0, HUGE, 0), candle(0, 0, 0, 0), candle(5, 1, 9, -4)]
)
def test_an_absurd_candle_stays_inside_its_column(absurd: Candle) -> None:
    low, high = -HUGE, HUGE
    assert len(column(absurd, low, high, 7)) == 14
    assert summary(absurd, 0).plain.startswith("O ")
    assert all(len(price_label(value)) <= 10 for value in (absurd.open_rao, absurd.close_rao))


def test_buying_raises_the_price_and_selling_lowers_it_by_the_pools_own_curve() -> None:
    pool = Pool(1000.0, 1000.0, 1.0)  # equal weights: after x more, the price is (1 + x / reserve) squared
    assert price_move(pool, "buy", 100.0) == pytest.approx(1.1**2 - 1)
    assert price_move(pool, "sell", 100.0) == pytest.approx(1 - 1 / 1.1**2)
    assert price_move(pool, "buy", 0.0) == 0


def test_the_curve_begins_at_nothing_and_rises_to_twice_the_amount() -> None:
    trade = Trade("buy", 10**12, 10**12, 10**9, 50 * 10**9, 10_000)
    values = curve(trade, 41)
    assert values[0] == 0
    assert all(before < after for before, after in itertools.pairwise(values))
    assert values[20] == pytest.approx(price_move(trade.pool, "buy", 50.0))


@pytest.mark.parametrize("pool", [(0, 0, 0), (10**12, 0, 10**9), (0, 10**12, 10**9), (10**12, 10**12, 0), (-5, -5, -5)])
def test_an_empty_pool_or_one_without_a_price_has_no_curve(pool: tuple[int, int, int]) -> None:
    assert curve(Trade("buy", *pool, 10**9, 0), 40) == []


@pytest.mark.parametrize("numbers", [(1, HUGE, HUGE, HUGE), (HUGE, 1, HUGE, HUGE), (HUGE, 1, 1, HUGE), (1, 1, HUGE, 1)])
def test_absurd_pools_give_numbers_that_can_be_drawn(numbers: tuple[int, int, int, int]) -> None:
    for side in ("buy", "sell"):
        values = curve(Trade(side, *numbers, 10_000), 20)  # type: ignore[arg-type]
        assert all(0 <= value <= 1e300 for value in values)


def test_the_limits_line_is_where_the_scale_has_it_or_nowhere() -> None:
    assert limit_row(0.1, 0.1, 9) == 0
    assert limit_row(0.0, 0.1, 9) == 8
    assert limit_row(0.2, 0.1, 9) == -1
