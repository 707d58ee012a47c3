"""The part of the control API that is about journals and offers; `node.control.api` has the rest.

What a miner declares is read here; the only thing that can be changed is what this node takes for its own work.
"""

from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec

from node.control.limits import JOURNAL_ENTRIES_PER_PAGE_MAX, OFFER_PRICES_MAX
from node.control.requests import Amount, Name, NetUidNumber, Request
from node.control.views.journals import ForkView, JournalBoard, JournalPage, OfferBoard, PriceView


class PriceWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price to set, in rao for a million of the unit; 0 takes it away."""

    unit: Name
    rao: Amount


class JournalsRequest(Request[JournalBoard], frozen=True):
    """`netuid` None: the subnet this node works in."""

    netuid: NetUidNumber | None = None


class JournalEntriesRequest(Request[JournalPage], frozen=True):
    author: Name
    netuid: NetUidNumber | None = None
    kind: Name | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=JOURNAL_ENTRIES_PER_PAGE_MAX)] = 20


class JournalForksRequest(Request[tuple[ForkView, ...]], frozen=True):
    netuid: NetUidNumber | None = None


class OffersRequest(Request[OfferBoard], frozen=True):
    netuid: NetUidNumber | None = None


class OffersSetRequest(Request[OfferBoard], frozen=True):
    """Prices that are not named stay, unless `free` takes all away first; None leaves the concurrency."""

    netuid: NetUidNumber | None = None
    prices: Annotated[tuple[PriceWish, ...], msgspec.Meta(max_length=OFFER_PRICES_MAX)] = ()
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=65_535)] | None = None
    free: bool = False


class JournalApi(Protocol):
    """See `node.control.api.Api`."""

    async def journals(self, netuid: int | None = None) -> JournalBoard:
        """List the journals of a subnet, as this node has them."""
        ...

    async def journal_entries(
        self, author: str, netuid: int | None = None, kind: str | None = None, limit: int = 20
    ) -> JournalPage:
        """Return the newest entries of the ss58 `author`, newest first, of one kind if named."""
        ...

    async def journal_forks(self, netuid: int | None = None) -> tuple[ForkView, ...]:
        """List the proofs against authors who signed two entries with one number."""
        ...

    async def offers(self, netuid: int | None = None) -> OfferBoard:
        """List what the miners of a subnet take, and this node's own terms."""
        ...

    async def offers_set(
        self,
        netuid: int | None = None,
        prices: Sequence[PriceWish] = (),
        concurrency: int | None = None,
        free: bool = False,
    ) -> OfferBoard:
        """Change this node's own terms; kept across restarts, and told at once where it mines."""
        ...


__all__ = [
    "JournalApi", "JournalEntriesRequest", "JournalForksRequest", "JournalsRequest", "OffersRequest",
    "OffersSetRequest", "PriceView", "PriceWish",
]  # fmt: skip
