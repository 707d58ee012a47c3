"""How much the gateway is asked: requests by route and status, and the time they took. Wraps the application.

A route is told by its template, which the application writes into the scope; what strangers invent is one series.
"""

import time
from collections import Counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.gateway.exposition import Family, Labels, gauge

ROUTE: Final = "neurond.route"  # in the scope
_OTHER: Final = "other"


class Traffic:
    """Counts what passes through to `inner`."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self._requests: Counter[tuple[str, str]] = Counter()
        self._seconds: dict[str, float] = {}
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._inner(scope, receive, send)
        status = "none"  # the client left before there was one

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        began_s = time.monotonic()
        self._under_way += 1
        try:
            await self._inner(scope, receive, watch)
        finally:
            self._under_way -= 1
            route = scope.get(ROUTE, _OTHER)
            self._requests[route, status] += 1
            self._seconds[route] = self._seconds.get(route, 0.0) + time.monotonic() - began_s

    def families(self) -> tuple[Family, ...]:
        """Return the totals since the start."""
        requests: dict[Labels, float] = {
            (("route", route), ("status", status)): count for (route, status), count in sorted(self._requests.items())
        }
        seconds: dict[Labels, float] = {(("route", route),): total for route, total in sorted(self._seconds.items())}
        return (
            Family("gateway_requests_total", "counter", "HTTP requests answered, by route and status.", requests),
            Family("gateway_request_seconds_total", "counter", "Seconds spent on HTTP requests, by route.", seconds),
            gauge("gateway_requests_under_way", "HTTP requests being answered now.", self._under_way),
        )
