"""The journal and offer methods of the asynchronous client; `node.control.client_async` has the rest."""

from collections.abc import Sequence
from typing import TypeVar

from node.control import journal_api
from node.control.journal_api import PriceWish
from node.control.requests import Request
from node.control.views.journals import ForkView, JournalBoard, JournalPage, OfferBoard

R = TypeVar("R")


class JournalCalls:
    """Implements `node.control.journal_api.JournalApi` by `call`."""

    async def call(self, request: Request[R]) -> R:
        """Ask the daemon."""
        raise NotImplementedError

    async def journals(self, netuid: int | None = None) -> JournalBoard:
        return await self.call(journal_api.JournalsRequest(netuid))

    async def journal_entries(
        self, author: str, netuid: int | None = None, kind: str | None = None, limit: int = 20
    ) -> JournalPage:
        return await self.call(journal_api.JournalEntriesRequest(author, netuid, kind, limit))

    async def journal_forks(self, netuid: int | None = None) -> tuple[ForkView, ...]:
        return await self.call(journal_api.JournalForksRequest(netuid))

    async def offers(self, netuid: int | None = None) -> OfferBoard:
        return await self.call(journal_api.OffersRequest(netuid))

    async def offers_set(
        self,
        netuid: int | None = None,
        prices: Sequence[PriceWish] = (),
        concurrency: int | None = None,
        free: bool = False,
    ) -> OfferBoard:
        return await self.call(journal_api.OffersSetRequest(netuid, tuple(prices), concurrency, free))
