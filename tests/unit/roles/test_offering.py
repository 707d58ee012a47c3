"""A miner's offers: said at the start, on a change and before they expire; kept in a file that may be damaged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from node.market.context import MarketContext
from node.market.errors import MalformedMessage
from node.market.offers import OFFER_KIND
from node.primitives.types import Height, NetUid
from node.service.roles.journals import Journals
from node.service.roles.offering import OFFER_VALID_BLOCKS, Offering, Terms, TermsBook
from storage import JournalStore
from tests.unit.market.support import NETUID, FakeChain, World


@pytest.fixture
def autojump_clock() -> trio.testing.MockClock:
    """Jumps when nothing has happened for 20 ms: worker threads get their time before a timeout comes."""
    return trio.testing.MockClock(autojump_threshold=0.02)


class Miner:
    """A miner with journals and terms."""

    def __init__(self, journals: Journals, context: MarketContext, chain: FakeChain, folder: Path) -> None:
        self.journals, self.context, self.chain = journals, context, chain
        self.mines: list[NetUid] = [NETUID]
        self.offering = Offering(chain, TermsBook(folder / "offers.json"), lambda: self.mines, lambda _: context)

    def said(self) -> int:
        return len(self.journals.entries(self.context.hotkey, kind=OFFER_KIND))

    async def blocks(self, count: int) -> None:
        self.chain.now = Height(self.chain.now + count - 1)
        self.chain.advance()
        await trio.sleep(6.0)


@asynccontextmanager
async def miner(folder: Path, *, seated: bool = True) -> AsyncIterator[Miner]:
    world = World()
    context = world.join("miner", seated=seated)
    async with trio.open_nursery() as nursery:
        with JournalStore.open(folder / "journals.db") as store:
            journals = Journals(context.network, context.doors, context.chain, NETUID, store)
            await nursery.start(journals.run)
            placed = replace(context, journal=journals.door(context.signer), offers=journals.offers)
            made = Miner(journals, placed, world.chain, folder)
            nursery.start_soon(made.offering.run)
            await trio.sleep(1)
            yield made
            nursery.cancel_scope.cancel()


async def test_an_offer_is_said_once_and_again_before_it_expires(tmp_path: Path, autojump_clock: object) -> None:
    async with miner(tmp_path) as m:
        m.offering.terms.set(NETUID, Terms({"prompt_tokens": 7}, concurrency=3))
        for _ in range(3):
            await m.blocks(10)
        assert m.said() == 1
        offer = m.context.offers.offer_of(m.context.hotkey)
        assert offer is not None
        assert (offer.price_of("prompt_tokens"), offer.concurrency) == (7, 3)
        await m.blocks(OFFER_VALID_BLOCKS // 2 + 10)
        assert m.said() == 2


async def test_new_terms_are_said_at_once_and_same_ones_not_again(tmp_path: Path, autojump_clock: object) -> None:
    async with miner(tmp_path) as m:
        await m.blocks(1)
        assert m.said() == 1  # for nothing
        m.offering.terms.set(NETUID, Terms({"prompt_tokens": 7}))
        assert await m.offering.renew(NETUID)
        assert not await m.offering.renew(NETUID)
        assert m.said() == 2


async def test_who_does_not_mine_or_has_no_seat_offers_nothing(tmp_path: Path, autojump_clock: object) -> None:
    async with miner(tmp_path, seated=False) as m:
        await m.blocks(1)
        assert m.said() == 0
    (tmp_path / "journals.db").unlink()
    async with miner(tmp_path) as m:
        m.mines.clear()
        await m.blocks(1)
        assert m.said() == 0


def test_terms_survive_a_restart_and_impossible_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "offers.json"
    TermsBook(path).set(NETUID, Terms({"prompt_tokens": 7}, 2))
    again = TermsBook(path)
    assert again.of(NETUID) == Terms({"prompt_tokens": 7}, 2)
    assert again.of(NetUid(99)) == Terms()
    for bad in (Terms({"prompt_tokens": -1}), Terms({"Bad Unit": 1}), Terms({}, 0)):
        with pytest.raises(MalformedMessage):
            again.set(NETUID, bad)
    assert TermsBook(path).of(NETUID) == Terms({"prompt_tokens": 7}, 2)


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b'{"x": {}}', b'{"1": {"prices": {"a": -5}}}', b'{"1": {"prices": {"a": 1.5}}}', b"\xff" * 100],
)
def test_a_damaged_file_of_terms_counts_as_none(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "offers.json"
    path.write_bytes(damage)
    book = TermsBook(path)
    assert book.of(NetUid(1)) == Terms()
    book.set(NetUid(1), Terms({"a": 1}))
    assert TermsBook(path).of(NetUid(1)) == Terms({"a": 1})
