"""The part of the control API that tells an account's past; `node.control.api` has the rest.

A node tells what it keeps: its own record of final blocks, no further back than its pruning goes.
"""

from typing import Annotated, Final, Protocol

import msgspec

from node.control.requests import Amount, Name, Request
from node.control.views.history import HistoryPage

HISTORY_ITEMS_MAX: Final = 200  # about 60 KB of JSON
HISTORY_PAGES_MAX: Final = 200  # of one client's search: with 20 000 blocks a page a year of 12 s blocks


class HistoryRequest(Request[HistoryPage], frozen=True):
    """`before_height`, `before_position`: only events before this place; None: from the newest final block on."""

    address: Name
    limit: Annotated[int, msgspec.Meta(ge=1, le=HISTORY_ITEMS_MAX)] = 50
    before_height: Amount | None = None
    before_position: Amount = 0


class HistoryApi(Protocol):
    """See `node.control.api.Api`."""

    async def history(
        self, address: str, limit: int = 50, before_height: int | None = None, before_position: int = 0
    ) -> HistoryPage:
        """Return the newest events of final blocks that name an account."""
        ...
