"""Properties of pools, shares and payouts on arbitrary amounts."""

from decimal import Decimal, localcontext
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from node.economics import amm
from node.economics.amm import PERQUINTILL, Pool, Side
from node.economics.errors import SwapError
from node.economics.power import scaled_power
from node.economics.share_pool import NO_SHARE, SharePool, deposit, distribute, value_of, withdraw
from node.primitives.safefloat import SafeFloat

BOUNDED = settings(max_examples=120, deadline=None, derandomize=True)
RESERVES = st.integers(10**7, 10**16)
WEIGHTS = st.integers(PERQUINTILL // 100, PERQUINTILL - PERQUINTILL // 100)
POOLS = st.builds(Pool, RESERVES, RESERVES, WEIGHTS)


@BOUNDED
@given(st.integers(1, 2**64), st.integers(1, 2**64), WEIGHTS)
def test_a_power_agrees_with_eighty_digits(numerator: int, denominator: int, weight: int) -> None:
    with localcontext() as context:
        context.prec = 80
        exact = (Decimal(numerator) / Decimal(denominator)).ln() * Decimal(weight) / Decimal(PERQUINTILL)
        expected = int(exact.exp() * PERQUINTILL)
    computed = scaled_power(numerator, denominator, weight, PERQUINTILL, PERQUINTILL)
    assert computed == expected or numerator == denominator


@BOUNDED
@given(POOLS, st.sampled_from(Side), st.integers(1, 10**17))
def test_a_swap_never_drains_a_pool_and_moves_the_price_one_way(pool: Pool, side: Side, amount: int) -> None:
    try:
        result = amm.swap(pool, side, amount)
    except SwapError:
        return
    assert 0 <= result.paid_in_rao + result.fee_rao <= amount
    assert result.pool.tao_rao > 0
    assert result.pool.alpha_rao > 0
    before, after = amm.price(pool), amm.price(result.pool)
    assert after >= before if side is Side.BUY else after <= before


@BOUNDED
@given(POOLS, st.sampled_from(Side), st.integers(1, 10**15), st.integers(1, 10**15))
def test_more_input_never_gives_less(pool: Pool, side: Side, amount: int, more: int) -> None:
    assert amm.output_of(pool, side, amount) <= amm.output_of(pool, side, amount + more)


@BOUNDED
@given(POOLS, RESERVES, RESERVES)
def test_injection_keeps_the_price(pool: Pool, tao: int, alpha: int) -> None:
    try:
        after = amm.add_liquidity(pool, tao, alpha)
    except SwapError:
        return
    before = amm.price(pool)
    assert abs(amm.price(after) - before) <= before // 10**6 + 2


STEPS = st.lists(
    st.tuples(st.sampled_from(("deposit", "withdraw", "dividend")), st.integers(0, 3), st.integers(1, 10**17)),
    max_size=40,
)


@BOUNDED
@given(STEPS)
def test_positions_never_add_up_to_more_than_the_pool(steps: list[tuple[str, int, int]]) -> None:
    pool, shares = SharePool(), [NO_SHARE] * 4
    for kind, who, amount in steps:
        if kind == "deposit":
            change = deposit(pool, shares[who], amount)
            pool, shares[who] = change.pool, change.share
        elif kind == "withdraw":
            worth = value_of(pool, shares[who])
            change = withdraw(pool, shares[who], min(amount, worth))
            assert pool.value_rao - change.pool.value_rao == min(amount, worth)
            assert change.share == NO_SHARE or 0 < min(amount, worth) < worth or worth == 0
            pool, shares[who] = change.pool, change.share
        elif not pool.is_empty:
            pool = distribute(pool, amount)
        assert sum(value_of(pool, share) for share in shares) <= pool.value_rao
        assert sum(exact(share.amount) for share in shares) <= exact(pool.denominator)


def exact(number: SafeFloat) -> Fraction:
    return number.mantissa * Fraction(10) ** number.exponent


@BOUNDED
@given(st.lists(st.integers(1, 10**16), min_size=1, max_size=6), st.integers(0, 10**16))
def test_stakers_lose_at_most_a_rao_each_to_rounding(deposits: list[int], dividend: int) -> None:
    pool, shares = SharePool(), []
    for amount in deposits:
        change = deposit(pool, NO_SHARE, amount)
        pool = change.pool
        shares.append(change.share)
    pool = distribute(pool, dividend)
    assert pool.value_rao - sum(value_of(pool, share) for share in shares) <= 2 * len(deposits)
