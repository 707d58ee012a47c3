"""The users' way in where miners ask a price: who is asked, what is paid, and what is said when money is short."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
import trio

from node.market.admission import Admission
from node.market.asking import ask, bill_for
from node.market.budget import Budget, Limits
from node.market.call import CALL_PROTOCOL, open_call
from node.market.charging import Desk
from node.market.context import MarketContext
from node.market.errors import CallRefused, InsufficientBudget, NoMiner
from node.market.frontdoor import Exchange, MarketDoor
from node.market.limits import FREE_CHECKS, FREE_CHECKS_BLOCKS
from node.market.money import Money
from node.market.offers import COMPLETION_UNIT, OFFER_KIND, OfferBook, make_offer
from node.market.payer import Payer
from node.market.routes import Piece
from node.market.serving import CallServer
from node.market.switchboard import of_subnet
from node.market.vouchers import Till
from node.primitives.codec import encode
from node.primitives.types import Height
from node.service.roles.host import RoleHost
from node.subnets.base import Code, Entry, Usage
from tests.unit.market.money import Channels
from tests.unit.market.support import NETUID, Doubling, NoModels, Number, World, ask_to_double, signer_of

PRICE_RAO = 5_000_000  # five rao a token; an answer has three


@dataclass
class Street:
    """A gateway's node, and miners of whom some ask a price."""

    world: World
    door: MarketDoor
    gateway: MarketContext
    miners: list[MarketContext]
    tills: list[Till | None]
    exchanges: list[Exchange] = field(default_factory=list)

    async def ask(self, spend_max_rao: int | None = None) -> list[Piece]:
        route = self.door.routes[0]
        async with aclosing(self.door.call(route, ask_to_double(21), spend_max_rao=spend_max_rao)) as pieces:
            return [piece async for piece in pieces]


@asynccontextmanager
async def street(
    *prices: int,
    seated: bool = False,
    permit: bool = False,
    limits: Limits | None = Limits(1000, 10_000),  # noqa: B008
) -> AsyncIterator[Street]:
    world = World()
    gateway = world.join("gateway", seated=seated, permit=permit)
    world.join("validator", permit=True)
    miners = [world.join(f"miner-{n}") for n in range(len(prices))]
    channels, offers = Channels(world.chain), OfferBook(world.chain.height)
    tills: list[Till | None] = []
    with ExitStack() as stack:
        for number, (miner, price) in enumerate(zip(miners, prices, strict=True)):
            channels.open(gateway.hotkey, miner.hotkey)
            offer = make_offer({COMPLETION_UNIT: price}, valid_until=Height(10_000), concurrency=1) if price else None
            if offer is not None:
                offers.take(Entry(miner.hotkey, number, Height(100), OFFER_KIND, encode(offer)))
            till = Till(world.chain.genesis, miner.hotkey, channels, lambda _: None) if price else None
            tills.append(till)
            subnet = Doubling()
            desk = Desk(subnet, till, lambda offer=offer: offer)  # type: ignore[misc]
            host = RoleHost(miner, subnet, NoModels())  # type: ignore[arg-type]
            server = CallServer(miner, subnet, host, Admission(), desk=desk)
            protocol = of_subnet(CALL_PROTOCOL, NETUID)
            stack.enter_context(miner.doors.plug(protocol, server.handle, per_peer=8, total=8, with_credit=True))
        money = None
        if limits is not None:
            payer = Payer(
                world.chain.genesis, signer_of("gateway"), channels, Budget(limits), lambda *_: None,
                now_ms=lambda: 1_000,
            )  # fmt: skip
            money = Money(Till(world.chain.genesis, gateway.hotkey, channels, lambda _: None), payer)
        gateway = replace(gateway, offers=offers, money=money)
        exchanges: list[Exchange] = []
        door = MarketDoor(gateway, Doubling(), now_ms=lambda: 1_000, finished=exchanges.append, random_bytes=bytes)
        yield Street(world, door, gateway, miners, tills, exchanges)


async def test_a_node_without_a_seat_is_served_because_it_pays(patient_clock: object) -> None:
    async with street(PRICE_RAO) as s:
        pieces = await s.ask()
        assert [piece.reply.text for piece in pieces] == ["42"] * 3
        assert pieces[-1].paid_rao == s.exchanges[0].paid_rao == 15
        await trio.sleep(1)
        assert s.tills[0] is not None
        assert s.tills[0].held()[0].voucher.cumulative_rao == 15


@pytest.mark.parametrize("pieces_read", [1, 2, 3])
async def test_whoever_leaves_early_is_told_what_the_call_came_to(pieces_read: int, patient_clock: object) -> None:
    async with street(PRICE_RAO) as s:
        told: list[int] = []
        s.door._subnet.delivered = lambda part: Usage(0, 1)  # type: ignore[method-assign]
        async with aclosing(s.door.call(s.door.routes[0], ask_to_double(21), paid=told.append)) as pieces:
            for _ in range(pieces_read):
                await anext(pieces)
        assert s.gateway.money is not None
        assert told == [s.gateway.money.payer.budget.used_rao]
        assert told == [5 * pieces_read]


async def test_who_spends_nothing_goes_to_miners_that_ask_nothing(patient_clock: object) -> None:
    async with street(PRICE_RAO, 0, PRICE_RAO, seated=True, limits=None) as s:
        for _ in range(3):
            pieces = await s.ask()
            assert (pieces[-1].miner, pieces[-1].paid_rao) == (s.miners[1].hotkey, 0)


async def test_a_bound_of_zero_asks_only_who_serves_for_nothing(patient_clock: object) -> None:
    async with street(PRICE_RAO, 0, seated=True) as s:
        assert (await s.ask(spend_max_rao=0))[-1].miner == s.miners[1].hotkey


async def test_when_all_ask_a_price_what_is_missing_is_said(patient_clock: object) -> None:
    async with street(PRICE_RAO, PRICE_RAO, seated=True, limits=None) as s:
        with pytest.raises(InsufficientBudget) as caught:
            await s.ask()
        assert caught.value.available_rao == 0
    async with street(PRICE_RAO, limits=Limits(1000, 10_000)) as s:
        with pytest.raises(InsufficientBudget) as caught:
            await s.ask(spend_max_rao=3)
        assert caught.value.available_rao == 3
        assert s.door.counts["door.passed_over.unpaid"] == 1


async def test_without_a_seat_and_without_money_nobody_is_asked(patient_clock: object) -> None:
    async with street(PRICE_RAO, limits=None) as s:
        with pytest.raises(NoMiner, match="no seat"):
            await s.ask()


async def test_a_validator_checks_a_priced_miner_a_few_times_for_nothing_and_no_more(patient_clock: object) -> None:
    async with street(PRICE_RAO, seated=True, permit=True, limits=None) as s:
        for number in range(FREE_CHECKS + 1):
            call = await open_call(s.gateway, Doubling(), s.world.neuron(s.miners[0]), Number(1))
            if number < FREE_CHECKS:
                await call.collect()
            else:
                with pytest.raises(CallRefused) as caught:
                    await call.collect()
                assert caught.value.refusal is Code.UNPAID
            await call.aclose()
        s.world.chain.advance(FREE_CHECKS_BLOCKS)
        call = await open_call(s.gateway, Doubling(), s.world.neuron(s.miners[0]), Number(1))
        await call.collect()
        await call.aclose()


async def test_what_a_subnets_program_asks_is_paid_within_the_budget(patient_clock: object) -> None:
    async with street(PRICE_RAO, 0) as s:
        priced, free = (miner.hotkey for miner in s.miners)
        assert await bill_for(s.gateway, Doubling(), free, Number(1)) is None
        bill = await bill_for(s.gateway, Doubling(), priced, Number(1))
        assert bill is not None
        await bill.left()
        assert s.gateway.money is not None
        assert s.gateway.money.payer.budget.reserved_rao == 0
    async with street(PRICE_RAO, limits=Limits()) as s:
        assert await bill_for(s.gateway, Doubling(), s.miners[0].hotkey, Number(1)) is None


async def test_a_validators_program_pays_only_once_its_free_checks_are_used_up(patient_clock: object) -> None:
    async with street(PRICE_RAO, seated=True, permit=True) as s:
        assert s.gateway.money is not None
        budget = s.gateway.money.payer.budget
        for number in range(FREE_CHECKS + 2):
            await ask(s.gateway, Doubling(), s.world.neuron(s.miners[0]), Number(1))
            assert budget.used_rao == 5 * max(0, number + 1 - FREE_CHECKS)
