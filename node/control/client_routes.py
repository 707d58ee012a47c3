"""A client's calls to the doors of subnets; a part of `node.control.client_async.AsyncClient`."""

from collections.abc import Sequence

from node.control.limits import CALL_TIMEOUT_S
from node.control.requests import R, Request
from node.control.route_api import ROUTE_TIMEOUT_S, RouteReply, RouteRequest, Verb


class RouteCalls:
    """Implements `node.control.route_api.RouteApi` by `call`."""

    async def call(self, request: Request[R], timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Make a call and wait for its answer."""
        raise NotImplementedError

    async def route(self, method: Verb, path: str, query: Sequence[tuple[str, str]] = (), body: str = "") -> RouteReply:
        """See `RouteApi`."""
        return await self.call(RouteRequest(method, path, tuple(query), body), ROUTE_TIMEOUT_S)
