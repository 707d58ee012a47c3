"""Views of the market: candles of a subnet, all subnets over a day, and what an exchange between two would give."""

from typing import Final, Literal, get_args

from node.control.views.base import View

Interval = Literal["1m", "15m", "1h", "4h", "1d"]
INTERVALS: Final[tuple[Interval, ...]] = get_args(Interval)
INTERVAL_S: Final[dict[Interval, int]] = {"1m": 60, "15m": 900, "1h": 3600, "4h": 14_400, "1d": 86_400}


class Candle(View, frozen=True):
    """One period from `start_ms` on; prices are τ for one whole α. `volume_rao` is the τ that people traded."""

    start_ms: int
    open_rao: int
    high_rao: int
    low_rao: int
    close_rao: int
    volume_rao: int


class PriceHistory(View, frozen=True):
    """The candles of final blocks that this node has, oldest first. Periods in which it knew no block are left out."""

    netuid: int
    interval: Interval
    height: int
    candles: tuple[Candle, ...]


class Market(View, frozen=True):
    """One subnet now and over the last day; `since_ms` is where this node's figures of that day begin, None: nowhere.

    `before_rao` is the first price of the day; it, the volume and both ends are 0 without figures.
    """

    netuid: int
    price_rao: int
    since_ms: int | None
    before_rao: int
    high_rao: int
    low_rao: int
    volume_rao: int


class MarketBoard(View, frozen=True):
    """All subnets but root, by netuid. `stake_threshold_rao` is the stake weight from which a validator counts."""

    height: int
    stake_threshold_rao: int
    markets: tuple[Market, ...]


class ExchangeQuote(View, frozen=True):
    """What exchanging stake of one subnet for another's would give now, by the ledger's own arithmetic.

    `gets_alpha` is what arrives (on root: rao) of all of `amount_alpha`; `tao_rao` passes from pool to pool. Rates are
    destination α for one whole origin α. `largest_alpha` is the most that fits within `limit_rate`, None: any amount.
    """

    origin_netuid: int
    destination_netuid: int
    height: int
    amount_alpha: int
    tao_rao: int
    gets_alpha: int
    fee_alpha: int
    rate: int
    limit_rate: int
    largest_alpha: int | None
    origin_before_rao: int
    origin_after_rao: int
    destination_before_rao: int
    destination_after_rao: int
    impact_ppm: int
