"""The part of the control API that is about prices: candles, the market's day, quotes between two subnets.

Candles are this node's own record of final blocks: it asks nobody for them, and has none from before it was there.
"""

from typing import Annotated, Final, Protocol

import msgspec

from node.control.requests import Amount, NetUidNumber, Request
from node.control.views.prices import ExchangeQuote, Interval, MarketBoard, PriceHistory

CANDLES_PER_PAGE_MAX: Final = 500  # about 80 KB of JSON; a chart 140 columns wide shows 128
CANDLES_DEFAULT: Final = 240
TOLERANCE_MAX_PPM: Final = 1_000_000


class PricesRequest(Request[PriceHistory], frozen=True):
    """The last `limit` candles; `before_ms` (Unix): of those that begin before it."""

    netuid: NetUidNumber
    interval: Interval = "15m"
    limit: Annotated[int, msgspec.Meta(ge=1, le=CANDLES_PER_PAGE_MAX)] = CANDLES_DEFAULT
    before_ms: Amount | None = None


class MarketsRequest(Request[MarketBoard], frozen=True):
    pass


class QuoteExchangeRequest(Request[ExchangeQuote], frozen=True):
    origin_netuid: NetUidNumber
    destination_netuid: NetUidNumber
    amount_alpha: Amount
    tolerance_ppm: Annotated[int, msgspec.Meta(ge=0, le=TOLERANCE_MAX_PPM)]


class PriceApi(Protocol):
    """See `node.control.api.Api`."""

    async def prices(
        self, netuid: int, interval: Interval = "15m", limit: int = CANDLES_DEFAULT, before_ms: int | None = None
    ) -> PriceHistory:
        """Return a subnet's candles, oldest first; refused for a subnet that does not exist."""
        ...

    async def markets(self) -> MarketBoard: ...

    async def quote_exchange(
        self, origin_netuid: int, destination_netuid: int, amount_alpha: int, tolerance_ppm: int
    ) -> ExchangeQuote:
        """Tell what α of one subnet would give on another, and what the tolerance makes of the limit."""
        ...
