"""The price part of a recorded API: candles that rise and fall by rule, so that every chart of them is the same."""

from node.control.schema import INTERVAL_S, Candle, ExchangeQuote, Interval, Market, MarketBoard, PriceHistory

NOW_MS = 1_767_950_000_000
_TAO = 10**9
PRICE_RAO = 281_700_000
_STEPS = (3, 5, -2, 7, -6, 4, 9, -8, -3, 6, -5, 2)  # parts of a thousand


def candles(count: int, interval: Interval, last_rao: int = PRICE_RAO) -> tuple[Candle, ...]:
    """`count` candles of which the last one closes at `last_rao`."""
    step_ms = INTERVAL_S[interval] * 1000
    end_ms = NOW_MS - NOW_MS % step_ms
    found, close = [], last_rao
    for back in range(count):
        step = _STEPS[(count - back) % len(_STEPS)] + (1 if back % 3 == 0 else 0)
        opened = close * 1000 // (1000 + step)
        high, low = max(opened, close) * 1003 // 1000, min(opened, close) * 997 // 1000
        found.append(Candle(end_ms - back * step_ms, opened, high, low, close, (back * 7 % 11) * _TAO))
        close = opened
    return tuple(reversed(found))


def exchange_quote(origin: int, destination: int, amount: int, tolerance_ppm: int) -> ExchangeQuote:
    """Two pools of 1 000 τ, at 0.28 and at 0.09 τ; root is one for one."""
    prices = {0: _TAO, 1: 281_700_000}
    sold, bought = prices.get(origin, 91_400_000), prices.get(destination, 91_400_000)
    pool = 1000 * _TAO
    ideal = amount * sold // _TAO
    tao = ideal if origin == 0 else pool * ideal // (pool + ideal)
    gets = tao * _TAO // bought if destination == 0 else (pool * tao // (pool + tao)) * _TAO // bought
    rate = sold * _TAO // bought
    perfect = amount * rate // _TAO or 1
    return ExchangeQuote(
        origin_netuid=origin, destination_netuid=destination, height=1204, amount_alpha=amount, tao_rao=tao,
        gets_alpha=gets, fee_alpha=amount // 2000, rate=rate, limit_rate=-(-rate * (10**6 - tolerance_ppm) // 10**6),
        largest_alpha=pool * _TAO // sold * tolerance_ppm // 10**6, origin_before_rao=sold,
        origin_after_rao=sold * pool // (pool + 2 * tao), destination_before_rao=bought,
        destination_after_rao=bought * (pool + 2 * tao) // pool,
        impact_ppm=max(0, perfect - gets) * 10**6 // perfect,
    )  # fmt: skip


class FakePrices:
    """Answers what was recorded; `_note` hears of every call, where the whole fake wants to."""

    candles_kept = 400

    def _note(self, name: str, *arguments: object) -> None:
        """Nobody listens."""

    async def prices(
        self, netuid: int, interval: Interval = "15m", limit: int = 240, before_ms: int | None = None
    ) -> PriceHistory:
        self._note("prices", netuid, interval, limit, before_ms)
        price = PRICE_RAO if netuid == 1 else 91_400_000
        whole = [c for c in candles(self.candles_kept, interval, price) if before_ms is None or c.start_ms < before_ms]
        return PriceHistory(netuid, interval, 1203, tuple(whole[-limit:]))

    async def markets(self) -> MarketBoard:
        self._note("markets")
        day = NOW_MS - 86_400_000
        return MarketBoard(
            1204,
            1000 * _TAO,
            (
                Market(1, PRICE_RAO, day, 275_400_000, 290_000_000, 270_000_000, 5_210 * _TAO),
                Market(2, 91_400_000, day, 95_000_000, 96_000_000, 90_000_000, 340 * _TAO),
                Market(3, 12_000_000, None, 0, 0, 0, 0),
            ),
        )

    async def quote_exchange(
        self, origin_netuid: int, destination_netuid: int, amount_alpha: int, tolerance_ppm: int
    ) -> ExchangeQuote:
        self._note("quote_exchange", origin_netuid, destination_netuid, amount_alpha, tolerance_ppm)
        return exchange_quote(origin_netuid, destination_netuid, amount_alpha, tolerance_ppm)
