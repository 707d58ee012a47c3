"""A subnet's pool: τ against α at x^w1 * y^w2 = k, with weights that move so that injection leaves the price alone.

x is the α reserve, y the τ reserve, w2 the weight of τ (the quote) in parts per 10^18, w1 = 10^18 - w2. With w2 = 1/2
it is the constant-product pool. Fees never enter the reserves; whoever calls decides who gets them.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

PERQUINTILL: Final = 10**18
"""Pool weights are parts of this."""
WEIGHT_HALF: Final = PERQUINTILL // 2
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
    raise NotImplementedError


def swap(
    pool: Pool, side: Side, amount_rao: int, *, limit: int | None = None, fee_rate_u16: int = FEE_RATE_DEFAULT_U16
) -> Swap:
    """Swap up to `amount_rao` (fee included) and stop at `limit` (10^9 = price 1; None = no limit).

    A partial fill leaves the unspent input with the payer. `fee_rate_u16 = 0` drops the fee. Raises `SwapError`s. Pure:
    simulating a swap and doing it is one call.
    """
    raise NotImplementedError


def quote(
    pool: Pool, side: Side, amount_rao: int, *, limit: int | None = None, fee_rate_u16: int = FEE_RATE_DEFAULT_U16
) -> Quote:
    """Simulate a swap and compare it with the spot price."""
    raise NotImplementedError


def max_input(pool: Pool, side: Side, limit: int, *, fee_rate_u16: int = FEE_RATE_DEFAULT_U16) -> int:
    """Largest amount in rao (fee included) that a swap can take without passing `limit`; 0 if already beyond."""
    raise NotImplementedError


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
    raise NotImplementedError


def add_liquidity(pool: Pool, tao_rao: int, alpha_rao: int) -> Pool:
    """The pool with both amounts added at an unchanged price; raises `PoolWeightError` if a weight would leave [1 %, 99 %]."""
    raise NotImplementedError


def initial_quote_weight(tao_rao: int, alpha_rao: int, price_q64: int) -> int:
    """The weight of τ at which these reserves have this price: y / (p*x + y), floored to parts per 10^18."""
    raise NotImplementedError
