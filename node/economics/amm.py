"""A subnet's pool: τ against α at x^w1 * y^w2 = k, with weights that move so that injection leaves the price alone.

x is the α reserve, y the τ reserve, w2 the weight of τ (the quote) in parts per 10^18, w1 = 10^18 - w2. With w2 = 1/2
it is the constant-product pool. Fees never enter the reserves; whoever calls decides who gets them.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from node.economics.errors import (
    PoolWeightError,
    PriceLimitError,
    ReservesTooLowError,
    SlippageError,
    SwapInputTooLargeError,
)
from node.economics.power import scaled_power
from node.primitives.errors import invariant
from node.primitives.fixed import U16_ONE, U64F64, round_half_up

_FRAC: Final = U64F64.frac_bits
PERQUINTILL: Final = 10**18
"""Pool weights are parts of this."""
WEIGHT_HALF: Final = PERQUINTILL // 2
WEIGHT_MIN: Final = PERQUINTILL // 100
"""Weights nearer to 0 would make powers meaningless."""
PRICE_LIMIT_ONE: Final = 10**9
"""Price limits are u64; this is 1 τ per α."""
NO_LIMIT_BUY: Final = 10**15
NO_LIMIT_SELL: Final = 1_000
FEE_RATE_DEFAULT_U16: Final = 33
FEE_RATE_MAX_U16: Final = 10_000
MIN_OUTPUT_RESERVE_RAO: Final = 1_000_000
MAX_INPUT_RESERVES: Final = 1_000
"""A swap's net input is at most so many times the reserve it goes into."""


class Side(Enum):
    """`BUY` puts τ in and takes α; `SELL` the reverse."""

    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class Pool:
    """A dynamic pool's reserves in rao and the weight of τ in parts per 10^18."""

    tao_rao: int
    alpha_rao: int
    quote_weight: int = WEIGHT_HALF

    @property
    def base_weight(self) -> int:
        """The weight of α."""
        return PERQUINTILL - self.quote_weight


@dataclass(frozen=True, slots=True)
class Swap:
    """A swap's result in rao. Buy: τ in, α out. Sell: α in, τ out. `pool` is the pool afterwards."""

    side: Side
    paid_in_rao: int
    """Entered the reserves."""
    fee_rao: int
    """On top, in the input's token; the payer gives `paid_in_rao + fee_rao`, the rest of the amount stays with them."""
    out_rao: int
    pool: Pool


@dataclass(frozen=True, slots=True)
class Quote:
    """A simulated swap and what it would give at the spot price without fee."""

    swap: Swap
    ideal_out_rao: int

    @property
    def slippage_rao(self) -> int:
        """What fee and price movement cost, in the output's token."""
        return max(0, self.ideal_out_rao - self.swap.out_rao)


def price(pool: Pool) -> int:
    """Spot price in τ per α as U64F64: (w1/w2)*(y/x), each quotient and the product floored; 0 without α."""
    if pool.alpha_rao == 0 or pool.quote_weight == 0:
        return 0
    weights = (pool.base_weight << _FRAC) // pool.quote_weight
    reserves = (pool.tao_rao << _FRAC) // pool.alpha_rao  # reserves are u64, so neither quotient leaves U64F64
    return U64F64.saturate(weights * reserves >> _FRAC)


def swap(
    pool: Pool, side: Side, amount_rao: int, *, limit: int | None = None, fee_rate_u16: int = FEE_RATE_DEFAULT_U16
) -> Swap:
    """Swap up to `amount_rao` (fee included) and stop at `limit` (10^9 = price 1; None = no limit).

    A partial fill leaves the unspent input with the payer. `fee_rate_u16 = 0` drops the fee. Raises `SwapError`s. Pure:
    simulating a swap and doing it is one call.
    """
    invariant(amount_rao >= 0, "a swap amount is not negative")
    invariant(0 <= fee_rate_u16 <= FEE_RATE_MAX_U16, "a fee rate lies within its bounds")
    reserve_in, reserve_out = _reserves(pool, side)
    fee_rao = fee_of(amount_rao, fee_rate_u16)
    net_rao = amount_rao - fee_rao
    if net_rao > MAX_INPUT_RESERVES * reserve_in:
        raise SwapInputTooLargeError(f"{net_rao} is more than {MAX_INPUT_RESERVES} times the reserve of {reserve_in}.")
    if reserve_out < MIN_OUTPUT_RESERVE_RAO:
        raise ReservesTooLowError(f"The pool holds {reserve_out}, less than {MIN_OUTPUT_RESERVE_RAO}.")
    limit_q64 = limit_price(side, limit)
    if _is_beyond(price(pool), limit_q64, side):
        raise PriceLimitError("The pool's price is already beyond the limit.")
    paid_rao, after = net_rao, _after(pool, side, net_rao)
    if _is_beyond(price(after), limit_q64, side):
        paid_rao = min(net_rao, input_to_price(pool, side, limit_q64))
        fee_rao = paid_rao * fee_rate_u16 // (U16_ONE - fee_rate_u16)
        after = _after(pool, side, paid_rao)
    out_rao = reserve_out - _reserves(after, side)[1]
    if paid_rao > 0 and out_rao == 0:
        raise ReservesTooLowError("The pool would give nothing for this amount.")
    return Swap(side, paid_rao, fee_rao, out_rao, after)


def fee_of(amount_rao: int, fee_rate_u16: int) -> int:
    """The fee contained in an amount, rounded down."""
    return amount_rao * fee_rate_u16 // U16_ONE


def limit_price(side: Side, limit: int | None) -> int:
    """A price limit (10^9 = 1, None = none) as U64F64."""
    unlimited = NO_LIMIT_BUY if side is Side.BUY else NO_LIMIT_SELL
    return U64F64.from_ratio_floor(unlimited if limit is None else limit, PRICE_LIMIT_ONE)


def output_of(pool: Pool, side: Side, input_rao: int) -> int:
    """What the invariant gives for an input without fee: floor(out * (1 - (in / (in + input))^weights))."""
    reserve_in, reserve_out = _reserves(pool, side)
    kept = kept_fraction(pool, side, input_rao) if reserve_in + input_rao else U64F64.one
    return U64F64.to_u64(U64F64.mul(U64F64.from_int(reserve_out), U64F64.sub(U64F64.one, kept)))


def kept_fraction(pool: Pool, side: Side, input_rao: int) -> int:
    """The part of the output reserve that stays after an input, as U64F64; 18 decimals, truncated."""
    reserve_in = _reserves(pool, side)[0]
    weights = (pool.base_weight, pool.quote_weight) if side is Side.SELL else (pool.quote_weight, pool.base_weight)
    power = scaled_power(reserve_in, reserve_in + input_rao, *weights, PERQUINTILL)
    return _from_perquintill(power)


def input_to_price(pool: Pool, side: Side, target_q64: int, current_q64: int | None = None) -> int:
    """The input that moves the price to `target_q64` (U64F64), rounded down; 0 if that is the wrong direction.

    `current_q64` is the pool's own spot price unless given.
    """
    current = price(pool) if current_q64 is None else current_q64
    if current == 0 or target_q64 == 0:
        return 0
    above, below = (target_q64, current) if side is Side.BUY else (current, target_q64)
    weight = pool.base_weight if side is Side.BUY else pool.quote_weight
    growth = _from_perquintill(scaled_power(above, below, weight, PERQUINTILL, PERQUINTILL))
    reserve_in = _reserves(pool, side)[0]
    return U64F64.to_u64(U64F64.mul(U64F64.from_int(reserve_in), U64F64.sub(growth, U64F64.one)))


def alpha_needed_for_tao(pool: Pool, tao_rao: int) -> int:
    """The α to sell, without fee, for a wanted τ: floor(x * ((y/(y - τ))^(w2/w1) - 1)); needs τ below the reserve."""
    left_rao = pool.tao_rao - tao_rao
    if left_rao <= 0:
        raise ReservesTooLowError(f"The pool holds {pool.tao_rao}, {tao_rao} are wanted.")
    growth = _from_perquintill(scaled_power(pool.tao_rao, left_rao, pool.quote_weight, pool.base_weight, PERQUINTILL))
    return U64F64.to_u64(U64F64.mul(U64F64.from_int(pool.alpha_rao), U64F64.sub(growth, U64F64.one)))


def _from_perquintill(parts: int) -> int:
    return U64F64.safe_div(U64F64.from_int(parts), U64F64.from_int(PERQUINTILL))


def _reserves(pool: Pool, side: Side) -> tuple[int, int]:
    """(reserve the input goes to, reserve the output comes from)."""
    return (pool.tao_rao, pool.alpha_rao) if side is Side.BUY else (pool.alpha_rao, pool.tao_rao)


def _after(pool: Pool, side: Side, input_rao: int) -> Pool:
    output_rao = output_of(pool, side, input_rao)
    if side is Side.BUY:
        return Pool(pool.tao_rao + input_rao, pool.alpha_rao - output_rao, pool.quote_weight)
    return Pool(pool.tao_rao - output_rao, pool.alpha_rao + input_rao, pool.quote_weight)


def _is_beyond(price_q64: int, limit_q64: int, side: Side) -> bool:
    return price_q64 > limit_q64 if side is Side.BUY else price_q64 < limit_q64


def quote(
    pool: Pool, side: Side, amount_rao: int, *, limit: int | None = None, fee_rate_u16: int = FEE_RATE_DEFAULT_U16
) -> Quote:
    """Simulate a swap and compare it with the spot price."""
    result = swap(pool, side, amount_rao, limit=limit, fee_rate_u16=fee_rate_u16)
    spent = U64F64.from_int(result.paid_in_rao + result.fee_rao)
    spot = price(pool)
    ideal = U64F64.safe_div(spent, spot) if side is Side.BUY else U64F64.mul(spent, spot)
    return Quote(result, U64F64.to_u64(ideal))


def max_input(pool: Pool, side: Side, limit: int, *, fee_rate_u16: int = FEE_RATE_DEFAULT_U16) -> int:
    """Largest amount in rao (fee included) that a swap can take without passing `limit`; 0 if already beyond."""
    everything = MAX_INPUT_RESERVES * _reserves(pool, side)[0]
    try:
        filled = swap(pool, side, everything, limit=limit, fee_rate_u16=fee_rate_u16)
    except (PriceLimitError, ReservesTooLowError):
        return 0
    return filled.paid_in_rao + filled.fee_rao


def swap_all_or_partial(
    pool: Pool,
    side: Side,
    amount_rao: int,
    limit: int,
    *,
    allow_partial: bool,
    fee_rate_u16: int = FEE_RATE_DEFAULT_U16,
) -> Swap:
    """A swap with a price limit: cut to `max_input` if `allow_partial`, else `SlippageError` when it does not fit."""
    largest_rao = max_input(pool, side, limit, fee_rate_u16=fee_rate_u16)
    if amount_rao > largest_rao:
        if not allow_partial:
            raise SlippageError(f"At most {largest_rao} of {amount_rao} fit within the price limit.")
        amount_rao = largest_rao
    return swap(pool, side, amount_rao, limit=limit, fee_rate_u16=fee_rate_u16)


def add_liquidity(pool: Pool, tao_rao: int, alpha_rao: int) -> Pool:
    """The pool with both amounts added at an unchanged price.

    Raises `PoolWeightError` if a weight would leave [1 %, 99 %].
    """
    new_tao, new_alpha = pool.tao_rao + tao_rao, pool.alpha_rao + alpha_rao
    base = round_half_up(pool.base_weight * pool.tao_rao * new_alpha, PERQUINTILL)
    quote_part = round_half_up(pool.quote_weight * pool.alpha_rao * new_tao, PERQUINTILL)
    total = base + quote_part
    weight = PERQUINTILL * quote_part // total if total else WEIGHT_HALF
    return Pool(new_tao, new_alpha, _checked_weight(weight))


def initial_quote_weight(tao_rao: int, alpha_rao: int, price_q64: int) -> int:
    """The weight of τ at which these reserves have this price: y / (p*x + y), floored to parts per 10^18."""
    total_q64 = price_q64 * alpha_rao + U64F64.from_int(tao_rao)
    if total_q64 == 0:
        return WEIGHT_HALF
    return _checked_weight(PERQUINTILL * U64F64.from_int(tao_rao) // total_q64)


def _checked_weight(weight: int) -> int:
    if not WEIGHT_MIN <= weight <= PERQUINTILL - WEIGHT_MIN:
        raise PoolWeightError("The pool's weights would leave the range from 1 % to 99 %.")
    return weight
