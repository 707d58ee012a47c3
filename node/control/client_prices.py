"""A client's calls about prices; a part of `node.control.client_async.AsyncClient`."""

from node.control.limits import CALL_TIMEOUT_S
from node.control.price_api import CANDLES_DEFAULT, MarketsRequest, PricesRequest, QuoteExchangeRequest
from node.control.requests import R, Request
from node.control.views.prices import ExchangeQuote, Interval, MarketBoard, PriceHistory


class PriceCalls:
    """Implements `node.control.price_api.PriceApi` by `call`."""

    async def call(self, request: Request[R], timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Make a call and wait for its answer."""
        raise NotImplementedError

    async def prices(
        self, netuid: int, interval: Interval = "15m", limit: int = CANDLES_DEFAULT, before_ms: int | None = None
    ) -> PriceHistory:
        return await self.call(PricesRequest(netuid, interval, limit, before_ms))

    async def markets(self) -> MarketBoard:
        return await self.call(MarketsRequest())

    async def quote_exchange(
        self, origin_netuid: int, destination_netuid: int, amount_alpha: int, tolerance_ppm: int
    ) -> ExchangeQuote:
        return await self.call(QuoteExchangeRequest(origin_netuid, destination_netuid, amount_alpha, tolerance_ppm))
