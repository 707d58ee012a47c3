"""A client's calls about an account's past; a part of `node.control.client_async.AsyncClient`."""

from node.control.history_api import HistoryRequest
from node.control.limits import CALL_TIMEOUT_S
from node.control.requests import R, Request
from node.control.views.history import HistoryPage


class HistoryCalls:
    """Implements `node.control.history_api.HistoryApi` by `call`."""

    async def call(self, request: Request[R], timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Make a call and wait for its answer."""
        raise NotImplementedError

    async def history(
        self, address: str, limit: int = 50, before_height: int | None = None, before_position: int = 0
    ) -> HistoryPage:
        return await self.call(HistoryRequest(address, limit, before_height, before_position))
