"""The prices of the control API on the daemon's side; see `node.service.api`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from node.control.price_api import CANDLES_DEFAULT
from node.control.views.prices import (
    INTERVAL_S,
    Candle,
    ExchangeQuote,
    Interval,
    Market,
    MarketBoard,
    PriceHistory,
)
from node.ledger import price_queries, queries
from node.primitives.types import NetUid
from node.service.chain import now_ms
from storage.limits import INTEGER_MAX

if TYPE_CHECKING:
    from node.service.app import Running


class PricesOfNode:
    """The price methods of `node.service.api.NodeApi`."""

    def _running(self) -> Running:
        raise NotImplementedError

    async def prices(
        self, netuid: int, interval: Interval = "15m", limit: int = CANDLES_DEFAULT, before_ms: int | None = None
    ) -> PriceHistory:
        """Return a subnet's candles. Raises SubnetNotExists, StorageError where they cannot be read."""
        running = self._running()
        queries.subnet(running.chain.head.executed.state.view, NetUid(netuid))
        before_s = INTEGER_MAX if before_ms is None else -(-before_ms // 1000)
        store = running.prices.store
        rows = await trio.to_thread.run_sync(store.bars, netuid, INTERVAL_S[interval], limit, before_s)
        candles = tuple(Candle(row.start_s * 1000, row.open, row.high, row.low, row.close, row.volume) for row in rows)
        return PriceHistory(netuid, interval, running.chain.final.header.height, candles)

    async def markets(self) -> MarketBoard:
        """Return every subnet's price and its day."""
        running = self._running()
        view = running.chain.head.executed.state.view
        prices = price_queries.prices_of(view)
        days = await trio.to_thread.run_sync(running.prices.day, tuple(prices), now_ms() // 1000)
        found = []
        for netuid, price_rao in prices.items():
            day = days.get(netuid)
            if day is None:
                found.append(Market(netuid, price_rao, None, 0, 0, 0, 0))
            else:
                high, low = max(day.high, price_rao), min(day.low, price_rao)
                found.append(Market(netuid, price_rao, day.start_s * 1000, day.open, high, low, day.volume))
        threshold = queries.parameters(view).stake_threshold_rao
        return MarketBoard(running.chain.head.height, threshold, tuple(found))

    async def quote_exchange(
        self, origin_netuid: int, destination_netuid: int, amount_alpha: int, tolerance_ppm: int
    ) -> ExchangeQuote:
        """Return what an exchange would give. Raises what the ledger says against it."""
        chain = self._running().chain
        quote = price_queries.quote_exchange(
            chain.head.executed.state.view, NetUid(origin_netuid), NetUid(destination_netuid), amount_alpha,
            tolerance_ppm,
        )  # fmt: skip
        return ExchangeQuote(
            origin_netuid=origin_netuid,
            destination_netuid=destination_netuid,
            height=chain.head.height,
            amount_alpha=amount_alpha,
            tao_rao=quote.tao_rao,
            gets_alpha=quote.gets,
            fee_alpha=quote.fee_in,
            rate=quote.rate,
            limit_rate=quote.limit_rate,
            largest_alpha=quote.largest,
            origin_before_rao=quote.origin_before_rao,
            origin_after_rao=quote.origin_after_rao,
            destination_before_rao=quote.destination_before_rao,
            destination_after_rao=quote.destination_after_rao,
            impact_ppm=quote.impact_ppm,
        )
