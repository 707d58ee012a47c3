"""The journal part of a recorded API: two journals, one of them forked, and two offers."""

from collections.abc import Sequence

from node.control.journal_api import PriceWish
from node.control.views.journals import (
    ForkView,
    JournalBoard,
    JournalEntry,
    JournalLine,
    JournalPage,
    OfferBoard,
    OfferView,
    PriceView,
)

BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
CAROL = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"
JOURNALS = JournalBoard(1, 1200, 3, "", (JournalLine(BOB, 0, 41, 1190), JournalLine(CAROL, 0, 6, 900, 7)))
ENTRIES = JournalPage(
    1, BOB, 42,
    (JournalEntry(41, 1190, "note", 5, b"hello".hex(), "hello"), JournalEntry(40, 1180, "offer", 2, "94ff", "")),
)  # fmt: skip
FORKS = (ForkView(CAROL, 7, 7, "0a" * 32, 7, "0b" * 32, "92" * 40),)
OFFERS = OfferBoard(
    1, 1200, ("prompt_tokens", "completion_tokens"),
    (OfferView(BOB, 2, (PriceView("completion_tokens", 20_000_000),), 8, 8400), OfferView(CAROL, 3, (), 1, 1300)),
    (PriceView("prompt_tokens", 5_000_000),), 4, "",
)  # fmt: skip


class FakeJournals:
    """Answers what was recorded; `_note` hears of every call, where the whole fake wants to."""

    def _note(self, name: str, *arguments: object) -> None:
        """Nobody listens."""

    async def journals(self, netuid: int | None = None) -> JournalBoard:
        self._note("journals", netuid)
        return JOURNALS

    async def journal_entries(
        self, author: str, netuid: int | None = None, kind: str | None = None, limit: int = 20
    ) -> JournalPage:
        self._note("journal_entries", author, netuid, kind, limit)
        return ENTRIES

    async def journal_forks(self, netuid: int | None = None) -> tuple[ForkView, ...]:
        self._note("journal_forks", netuid)
        return FORKS

    async def offers(self, netuid: int | None = None) -> OfferBoard:
        self._note("offers", netuid)
        return OFFERS

    async def offers_set(
        self,
        netuid: int | None = None,
        prices: Sequence[PriceWish] = (),
        concurrency: int | None = None,
        free: bool = False,
    ) -> OfferBoard:
        self._note("offers_set", netuid, tuple(prices), concurrency, free)
        return OFFERS
