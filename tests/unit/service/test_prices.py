"""The price history of a running chain: bars add up, a restart goes on, another chain's past is not shown."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import trio

from node.consensus.events import Finalised
from node.consensus.slots import SlotClock
from node.ledger import price_queries
from node.ledger.calls import AddStake
from node.ledger.transition import Executed
from node.primitives.types import Hash, Rao
from node.service.chain import Chain
from node.service.doctor import prices_checks
from node.service.prices import KEPT_S, PriceBook, keep_prices
from storage.prices import PriceStore
from tests.unit.ledger.world import SUBNET, TAO, World, who
from tests.unit.service.network import coldkey, hotkey, running, spec_of

GENESIS = Hash(b"g" * 32)


@dataclass
class StubChain:
    """What a price book reads of a chain whose slots last a minute."""

    final_state: Executed
    genesis_hash: Hash = GENESIS
    clock: SlotClock = field(default_factory=lambda: SlotClock(0, 60_000))
    asked: list[object] = field(default_factory=list)

    def on_final(self, listener: object) -> None:
        self.asked.append(listener)


def blocks(world: World, *amounts: int) -> list[Finalised[Executed]]:
    """One final block for each amount that alice stakes; 0: an empty block."""
    found = []
    for amount in amounts:
        calls = [world.sign("alice", AddStake(who("va"), SUBNET, Rao(amount * TAO)))] if amount else []
        executed = world.block(*calls)
        block = SimpleNamespace(header=SimpleNamespace(height=executed.state.height, slot=executed.state.slot))
        found.append(cast("Finalised[Executed]", SimpleNamespace(blocks=(block,), states=(executed,))))
    return found


def book_of(world: World, store: PriceStore) -> PriceBook:
    book = PriceBook(cast("Chain", StubChain(world.block())), store)
    book._begin()
    return book


def test_each_minute_has_its_bar_and_a_quarter_has_them_all(tmp_path: Path) -> None:
    world = World()
    with PriceStore.open(tmp_path / "p.db") as store:
        book = book_of(world, store)
        finals = blocks(world, 50, 0, 20)
        for final in finals:
            book.take([final])
        minutes = store.bars(SUBNET, 60, 9)
        assert [each.start_s for each in minutes] == [60 * n for n in (2, 3, 4)]
        assert [each.volume > 0 for each in minutes] == [True, False, True]
        assert minutes[-1].close == price_queries.prices_of(world.state.view)[SUBNET]
        [quarter] = store.bars(SUBNET, 900, 9)
        assert (quarter.open, quarter.close) == (minutes[0].open, minutes[-1].close)
        assert quarter.high == max(each.high for each in minutes)
        assert quarter.volume == sum(each.volume for each in minutes)
        book.take(finals)
        assert store.bars(SUBNET, 900, 9) == [quarter], "a block that comes again is not counted again"


def test_many_blocks_at_once_leave_the_same_bars_as_one_by_one(tmp_path: Path) -> None:
    world = World()
    with PriceStore.open(tmp_path / "a.db") as one, PriceStore.open(tmp_path / "b.db") as other:
        slowly, at_once = book_of(world, one), book_of(world, other)
        finals = blocks(world, *([3, 0, 1] * 7))
        for final in finals:
            slowly.take([final])
        at_once.take(finals)
        for step_s in KEPT_S:
            assert one.bars(SUBNET, step_s, 99) == other.bars(SUBNET, step_s, 99)


def test_minutes_are_forgotten_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KEPT_S, 60, 180)
    world = World()
    with PriceStore.open(tmp_path / "p.db") as store:
        book = book_of(world, store)
        for final in blocks(world, *[0] * 9):
            book.take([final])
        assert len(store.bars(SUBNET, 60, 99)) == 4, "the open one and what the last three minutes left"


def test_after_an_overflow_the_prices_are_those_of_the_state(tmp_path: Path) -> None:
    world = World()
    with PriceStore.open(tmp_path / "p.db") as store:
        book = book_of(world, store)
        [lost] = blocks(world, 50)
        book._missed = True
        cast("StubChain", book._chain).final_state = lost.states[0]
        [after] = blocks(world, 0)
        book.take([after])
        assert store.newest(60, (SUBNET,))[0].close == price_queries.prices_of(world.state.view)[SUBNET]


async def caught_up(book: PriceBook, height: int) -> None:
    with trio.fail_after(20):
        while book._height < height:
            await trio.sleep(0.02)


async def test_final_blocks_become_bars_and_a_restart_goes_on_with_them(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(1, 0), 1) as (node,):
        store = PriceStore.open(tmp_path / "prices.db")
        async with trio.open_nursery() as nursery:
            book = PriceBook(node.chain, store)
            await nursery.start(book.run)
            await node.finalised(4)
            await caught_up(book, 4)
            nursery.cancel_scope.cancel()
        netuids = tuple(price_queries.prices_of(node.chain.final_state.state.view))
        first = {step_s: store.bars(netuids[0], step_s, 9) for step_s in KEPT_S}
        assert all(first.values()), "every length has its bar"
        store.close()
        store = PriceStore.open(tmp_path / "prices.db")
        async with trio.open_nursery() as nursery:
            again = PriceBook(node.chain, store)
            await nursery.start(again.run)
            await node.finalised(8)
            await caught_up(again, 8)
            nursery.cancel_scope.cancel()
        for step_s, bars in first.items():
            now = store.bars(netuids[0], step_s, 99)
            assert now[0].open == bars[0].open, "an open bar goes on as it began"
        assert sum(each.close for each in store.newest(60, netuids)) > 0
        store.close()


async def test_what_people_trade_is_the_volume_of_its_minute(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(1, 0), 1) as (node,):
        view = node.chain.final_state.state.view
        netuid = next(iter(price_queries.prices_of(view)))
        with PriceStore.open(tmp_path / "prices.db") as store:
            async with trio.open_nursery() as nursery:
                book = PriceBook(node.chain, store)
                await nursery.start(book.run)
                await node.finalised(1)
                await caught_up(book, 1)
                await node.reader.submit(AddStake(hotkey(0).public, netuid, Rao(5 * 10**9)), coldkey(0))
                with trio.fail_after(20):
                    while not (span := book.day((netuid,), 0).get(netuid)) or not span.volume:
                        await trio.sleep(0.05)
                nursery.cancel_scope.cancel()
            assert 4 * 10**9 < span.volume <= 5 * 10**9
            assert span.high > span.open, "a purchase raises the price"


@pytest.mark.parametrize("damage", ["is no database", "has a broken page", "is a folder"])
async def test_a_price_book_of_no_use_costs_the_charts_and_not_the_node(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "prices.db"
    match damage:
        case "is no database":
            path.write_bytes(b"not a database, but a letter to somebody" * 200)
        case "has a broken page":
            PriceStore.open(path).close()
            raw = bytearray(path.read_bytes())
            raw[4096:] = b"\xff" * (len(raw) - 4096)
            path.write_bytes(raw)
        case _:
            path.mkdir()
    async with (
        running(tmp_path, spec_of(1, 0), 1) as (node,),
        AsyncExitStack() as stack,
        trio.open_nursery() as nursery,
    ):
        book = await keep_prices(stack, nursery, node.chain, path)
        await node.finalised(2)
        assert book.trouble is not None
        assert book.day((SUBNET,), 0) == {}
        [row] = prices_checks(book.trouble)
        assert row.state == "warn"
        assert row.fix, "it says what to do"
        nursery.cancel_scope.cancel()


def test_a_sound_price_book_has_no_row() -> None:
    assert prices_checks(None) == []
