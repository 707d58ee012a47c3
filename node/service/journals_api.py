"""Journals and offers as the control API shows them, and what a person may change about this node's own terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import trio

from node.control.journal_api import PriceWish
from node.control.limits import JOURNAL_BODY_SHOWN_BYTES
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
from node.market.errors import BadRequest
from node.market.journal import ForkProof, entry_hash
from node.market.offers import COMPLETION_UNIT, PROMPT_UNIT, Offer
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import encode
from node.primitives.errors import AddressError
from node.primitives.types import AccountId, NetUid
from node.service.errors import Unknown
from node.service.roles.journals import Journals
from node.service.roles.offering import Terms
from node.subnets.base import Entry

if TYPE_CHECKING:
    from node.service.app import Running


class JournalsOfNode:
    """The journal and offer methods of `node.service.api.NodeApi`."""

    def _running(self) -> Running:
        raise NotImplementedError

    async def journals(self, netuid: int | None = None) -> JournalBoard:
        """List the journals of a subnet. Raises Unknown."""
        running = self._running()
        return journal_board(running, _journals(running, netuid))

    async def journal_entries(
        self, author: str, netuid: int | None = None, kind: str | None = None, limit: int = 20
    ) -> JournalPage:
        """Return an author's newest entries. Raises Unknown, BadRequest."""
        journals = _journals(self._running(), netuid)
        account = _account(author)
        entries = await trio.to_thread.run_sync(lambda: journals.entries(account, kind=kind))
        shown = tuple(_entry(entry) for entry in reversed(entries[-limit:]))
        return JournalPage(journals.netuid, author, len(entries), shown)

    async def journal_forks(self, netuid: int | None = None) -> tuple[ForkView, ...]:
        """List the proofs of forks. Raises Unknown."""
        forks = _journals(self._running(), netuid).forks()
        return tuple(_fork(proof) for _, proof in sorted(forks.items()))

    async def offers(self, netuid: int | None = None) -> OfferBoard:
        """List what miners take. Raises Unknown."""
        running = self._running()
        return offer_board(running, _journals(running, netuid))

    async def offers_set(
        self,
        netuid: int | None = None,
        prices: Sequence[PriceWish] = (),
        concurrency: int | None = None,
        free: bool = False,
    ) -> OfferBoard:
        """Change this node's terms. Raises Unknown, BadRequest, MalformedMessage."""
        running = self._running()
        journals, offering = _journals(running, netuid), running.services.offering
        old = offering.terms.of(journals.netuid)
        terms = Terms(
            _changed({} if free else old.prices, prices, _units(running, journals.netuid)),
            old.concurrency if concurrency is None else concurrency,
        )
        await trio.to_thread.run_sync(offering.terms.set, journals.netuid, terms)
        if journals.netuid in running.services.mined():
            await offering.renew(journals.netuid)
        return offer_board(running, journals)


# --- views ----------------------------------------------------------------------------------------------------------


def journal_board(running: Running, journals: Journals) -> JournalBoard:
    """The journals of one subnet, by author; those that forked at the end."""
    lines = [
        JournalLine(to_ss58(author), tip.base, tip.seq, tip.height)
        for author, tip in sorted(journals.book.tips.items())
    ]
    for author, proof in sorted(journals.forks().items()):
        head = proof.first.head
        lines.append(JournalLine(to_ss58(author), 0, max(0, proof.void_from - 1), head.height, proof.void_from))
    return JournalBoard(
        journals.netuid, running.reader.height(), len(journals.state()), journals.problem, tuple(lines)
    )  # fmt: skip


def offer_board(running: Running, journals: Journals) -> OfferBoard:
    """The offers in force of those who have a seat, by seat, and this node's own terms."""
    graph = running.reader.metagraph(journals.netuid)
    offering = running.services.offering
    own = offering.terms.of(journals.netuid)
    offers = [] if graph is None else [(row, journals.offers.offer_of(row.hotkey)) for row in graph.rows]
    return OfferBoard(
        netuid=journals.netuid,
        height=running.reader.height(),
        units=_units(running, journals.netuid),
        offers=tuple(_offer(to_ss58(row.hotkey), row.uid, offer) for row, offer in offers if offer is not None),
        own_prices=tuple(PriceView(unit, rao) for unit, rao in sorted(own.prices.items())),
        own_concurrency=own.concurrency,
        problem=offering.problems.get(journals.netuid, ""),
    )


def _offer(hotkey: str, uid: int, offer: Offer) -> OfferView:
    prices = tuple(PriceView(price.unit, price.rao) for price in offer.prices)
    return OfferView(hotkey, uid, prices, offer.concurrency, offer.valid_until)


def _entry(entry: Entry) -> JournalEntry:
    shown = entry.body[:JOURNAL_BODY_SHOWN_BYTES]
    try:
        text = shown.decode()
    except UnicodeDecodeError:
        text = ""
    return JournalEntry(
        entry.sequence, entry.height, entry.kind, len(entry.body), shown.hex(), text if text.isprintable() else ""
    )


def _fork(proof: ForkProof) -> ForkView:
    first, second = proof.first.head, proof.second.head
    return ForkView(
        to_ss58(proof.author), proof.void_from, first.seq, entry_hash(first).hex(), second.seq,
        entry_hash(second).hex(), encode(proof).hex(),
    )  # fmt: skip


# --- checks ---------------------------------------------------------------------------------------------------------


def _journals(running: Running, netuid: int | None) -> Journals:
    services = running.services
    here = services.netuid() if netuid is None else NetUid(netuid)
    if here not in services.known():
        raise Unknown(
            f"This network has no subnet {here} that this version of neurond has rules for.",
            remedy="`neurond subnets list` shows what there is.",
        )
    return services.journals.of(here)


def _account(address: str) -> AccountId:
    try:
        return from_ss58(address)
    except AddressError as error:
        raise BadRequest(error.message, param="author") from error


def _units(running: Running, netuid: NetUid) -> tuple[str, ...]:
    unit = running.services.spec(netuid).unit
    return (PROMPT_UNIT, COMPLETION_UNIT, unit) if unit else (PROMPT_UNIT, COMPLETION_UNIT)


def _changed(prices: Mapping[str, int], wishes: Sequence[PriceWish], units: Sequence[str]) -> dict[str, int]:
    changed = dict(prices)
    for wish in wishes:
        if wish.unit.rpartition("/")[2] not in units:
            raise BadRequest(
                f"Nobody counts {wish.unit!r} in this subnet.", param="price",
                remedy=f"Price {', '.join(units)}, or MODEL/unit for one model alone.",
            )  # fmt: skip
        if wish.rao:
            changed[wish.unit] = wish.rao
        else:
            changed.pop(wish.unit, None)
    return changed
