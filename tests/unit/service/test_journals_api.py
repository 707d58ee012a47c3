"""Journals and offers as the control API tells them, over real journals of a memory network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import trio
import trio.testing

from node.control.journal_api import PriceWish
from node.control.limits import JOURNAL_BODY_SHOWN_BYTES
from node.market.errors import BadRequest, MalformedMessage
from node.market.journal import decode_fork, fork_holds
from node.primitives.address import to_ss58
from node.primitives.crypto import verify
from node.primitives.types import NetUid
from node.service.app import Running
from node.service.errors import Unknown
from node.service.journals_api import JournalsOfNode
from node.service.roles.journals import Journals
from node.service.roles.offering import Offering, TermsBook
from node.subnets.base import Spec
from storage import JournalStore
from tests.unit.market.journals import Author, counting
from tests.unit.market.support import GENESIS, NETUID, World, signer_of

ME = to_ss58(signer_of("me").public)


@pytest.fixture
def autojump_clock() -> trio.testing.MockClock:
    """Jumps when nothing has happened for 20 ms: worker threads get their time before a timeout comes."""
    return trio.testing.MockClock(autojump_threshold=0.02)


class Api(JournalsOfNode):
    """The API of a node that mines in one subnet."""

    def __init__(self, world: World, journals: Journals, offering: Offering) -> None:
        self.journals_of_it = journals
        services = SimpleNamespace(
            netuid=lambda: NETUID, known=lambda: {NETUID: "doubling"}, mined=lambda: (NETUID,), offering=offering,
            journals=SimpleNamespace(of=lambda _netuid: journals),
            spec=lambda _netuid: Spec("doubling", "Doubling", 1, NETUID, (), unit="numbers"),
        )  # fmt: skip
        self._fake = cast("Running", SimpleNamespace(services=services, reader=world.chain))

    def _running(self) -> Running:
        return self._fake


@asynccontextmanager
async def node(folder: Path) -> AsyncIterator[Api]:
    world = World()
    context = world.join("me")
    async with trio.open_nursery() as nursery:
        with JournalStore.open(folder / "journals.db") as store:
            journals = Journals(context.network, context.doors, context.chain, NETUID, store, apply=counting)
            await nursery.start(journals.run)
            placed = replace(context, journal=journals.door(context.signer), offers=journals.offers)
            offering = Offering(world.chain, TermsBook(folder / "offers.json"), lambda: (NETUID,), lambda _: placed)
            yield Api(world, journals, offering)
            nursery.cancel_scope.cancel()


async def test_terms_that_are_set_are_offered_at_once_and_listed(tmp_path: Path, autojump_clock: object) -> None:
    async with node(tmp_path) as api:
        assert (await api.offers()).offers == ()
        wishes = (PriceWish("numbers", 7), PriceWish("m/prompt_tokens", 9))
        board = await api.offers_set(None, wishes, 3)
        assert board.units == ("prompt_tokens", "completion_tokens", "numbers")
        assert [(price.unit, price.rao) for price in board.own_prices] == [("m/prompt_tokens", 9), ("numbers", 7)]
        assert [(each.hotkey, each.uid, each.concurrency) for each in board.offers] == [(ME, 0, 3)]
        board = await api.offers_set(NETUID, (PriceWish("numbers", 0),))
        assert [price.unit for price in board.offers[0].prices] == ["m/prompt_tokens"]
        assert board.own_concurrency == 3
        assert (await api.offers_set(free=True)).own_prices == ()


async def test_units_nobody_counts_and_strange_subnets_are_refused_and_change_nothing(
    tmp_path: Path, autojump_clock: object
) -> None:
    async with node(tmp_path) as api:
        with pytest.raises(BadRequest, match="Nobody counts"):
            await api.offers_set(None, (PriceWish("numbers", 7), PriceWish("number", 7)))
        with pytest.raises(MalformedMessage):
            await api.offers_set(None, (PriceWish("Big Model/numbers", 7),))
        assert (await api.offers()).own_prices == ()
        for ask in (api.offers, api.journals, api.journal_forks):
            with pytest.raises(Unknown):
                await ask(99)
        with pytest.raises(BadRequest):
            await api.journal_entries("no address")


async def test_entries_are_shown_newest_first_and_cut(tmp_path: Path, autojump_clock: object) -> None:
    async with node(tmp_path) as api:
        writer = Author(genesis=GENESIS, netuid=NetUid(NETUID))
        writer.signer = signer_of("other")
        writer.write(b"hello")
        writer.write(bytes(10_000), kind="big")
        await api.journals_of_it.book.take(writer.entries)
        page = await api.journal_entries(to_ss58(writer.signer.public))
        assert [entry.seq for entry in page.entries] == [1, 0]
        assert page.entries[1].text == "hello"
        assert (page.entries[0].size_bytes, len(page.entries[0].body)) == (10_000, 2 * JOURNAL_BODY_SHOWN_BYTES)
        assert page.entries[0].text == ""
        assert [e.seq for e in (await api.journal_entries(page.author, kind="note", limit=1)).entries] == [0]
        board = await api.journals()
        assert [(line.author, line.first, line.newest) for line in board.journals] == [(page.author, 0, 1)]
        assert board.rows == 2


async def test_a_fork_is_shown_with_a_proof_that_anyone_can_check(tmp_path: Path, autojump_clock: object) -> None:
    async with node(tmp_path) as api:
        writer = Author(genesis=GENESIS, netuid=NetUid(NETUID))
        writer.write_many(2)
        await api.journals_of_it.book.take([*writer.entries, writer.make(b"one"), writer.make(b"other")])
        (fork,) = await api.journal_forks()
        proof = decode_fork(bytes.fromhex(fork.proof))
        assert fork_holds(proof, verify)
        assert (to_ss58(proof.author), proof.void_from, fork.void_from) == (fork.author, 2, 2)
        (line,) = (await api.journals()).journals
        assert (line.forked_at, line.newest) == (2, 1)
