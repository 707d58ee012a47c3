"""Money in one process for tests: channels as the test decides, a subnet that streams tokens, a caller that pays."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import trio

from node.ledger.network_queries import ChannelInfo
from node.ledger.vouchers import channel_id
from node.market.admission import Admission
from node.market.budget import Budget, Limits
from node.market.call import CALL_PROTOCOL, Call, open_call
from node.market.charging import Desk
from node.market.context import MarketContext
from node.market.offers import COMPLETION_UNIT, PROMPT_UNIT, Offer, make_offer
from node.market.payer import Bill, Given, Payer
from node.market.payments import Tariff, tariff_of
from node.market.serving import CallServer, Served
from node.market.switchboard import of_subnet
from node.market.vouchers import Held, Till
from node.primitives.types import AccountId, Hash, Height, Rao
from node.service.roles.host import RoleHost
from node.subnets.base import Host, Message, Part, Spec, Subnet, Usage
from tests.unit.market.support import NETUID, NoModels, World, signer_of

DEPOSIT_RAO = 1_000_000
PROMPT_TOKENS = 10


class Essay(Message, frozen=True):
    """Write so many tokens."""

    tokens: int


class Word(Part, frozen=True):
    """One token."""


class Essays(Subnet[Essay, Word]):
    """Streams a token a part; `claims` is what the miner says it wrote, `stall_at` where it stops for ever."""

    Task = Essay
    Part = Word

    def __init__(
        self, *, claims: int | None = None, stall_at: int = -1, fail_at: int = -1, fault: Exception | None = None
    ) -> None:
        self.spec = Spec("essays", "Essays", 1, NETUID, ())
        self.claims, self.stall_at, self.fail_at, self.fault = claims, stall_at, fail_at, fault
        self.written = 0

    def delivered(self, part: Word) -> Usage:
        return Usage(part.usage.prompt_tokens if part.done else 0, 1)

    async def serve(self, task: Essay, host: Host) -> AsyncGenerator[Word, None]:
        for index in range(task.tokens):
            if index == self.stall_at:
                await trio.sleep_forever()
            if index == self.fail_at:
                raise self.fault or RuntimeError("out of ink")
            done = index == task.tokens - 1
            claimed = task.tokens if self.claims is None else self.claims
            self.written = index + 1
            yield Word(index, done, Usage(PROMPT_TOKENS, claimed) if done else Usage())


class Channels:
    """A `ChannelReader` that the test fills."""

    def __init__(self, chain: object) -> None:
        self._chain = chain
        self.rows: dict[Hash, ChannelInfo] = {}

    def height(self) -> Height:
        return self._chain.now  # type: ignore[attr-defined,no-any-return]

    def channel(self, identity: Hash) -> ChannelInfo | None:
        return self.rows.get(identity)

    def channels_from(self, payer: AccountId) -> tuple[ChannelInfo, ...]:
        return tuple(each for each in self.rows.values() if each.payer == payer)

    def open(self, payer: AccountId, payee: AccountId, deposit_rao: int = DEPOSIT_RAO) -> Hash:
        name = channel_id(payer, payee, len(self.rows))
        self.rows[name] = ChannelInfo(name, payer, payee, Rao(deposit_rao), Rao(0), Height(100_000), None)
        return name

    def change(self, name: Hash, **fields: object) -> None:
        self.rows[name] = replace(self.rows[name], **fields)  # type: ignore[arg-type]


@dataclass
class Shop:
    """A miner with a till and a caller with a payer; everything they wrote to disk."""

    world: World
    caller: MarketContext
    miner: MarketContext
    server: CallServer
    subnet: Essays
    channels: Channels
    channel: Hash
    offer: Offer
    till: Till
    payer: Payer
    disk: dict[Hash, Held] = field(default_factory=dict)
    signed: list[Given] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)
    opened: list[AccountId] = field(default_factory=list)

    @property
    def tariff(self) -> Tariff:
        return tariff_of(self.offer, self.subnet.spec)

    def cost(self, tokens: int, prompt: int = PROMPT_TOKENS) -> int:
        return self.tariff.cost_rao(Usage(prompt, tokens))

    async def bill(self, tokens: int | None = 1000, spend_max_rao: int | None = None) -> Bill:
        ceiling = None if tokens is None else Usage(100, tokens)
        return await self.payer.begin(self.subnet, self.miner.hotkey, self.tariff, ceiling, spend_max_rao=spend_max_rao)

    async def call(self, tokens: int, *, answer_s: float = 60.0, ceiling: int | None = 1000) -> Call:
        return await open_call(
            self.caller, self.subnet, _seat(self), Essay(tokens), bill=await self.bill(ceiling), answer_s=answer_s
        )

    async def write(self, tokens: int) -> Call:
        """A whole essay, paid; the miner has booked it when this returns."""
        call = await self.call(tokens)
        await call.collect()
        await call.aclose()
        await trio.sleep(1)
        return call

    @property
    def held(self) -> Held:
        return next(each for each in self.till.held() if each.channel == self.channel)


def _seat(shop: Shop) -> object:
    return shop.world.neuron(shop.miner)


@asynccontextmanager
async def shop(
    subnet: Essays | None = None,
    *,
    seated: bool = False,
    prompt_rao: int = 1_000_000,
    token_rao: int = 2_000_000,
    limits: Limits = Limits(100_000, 1_000_000),  # noqa: B008
    deposit_rao: int = DEPOSIT_RAO,
    admission: Admission | None = None,
) -> AsyncIterator[Shop]:
    """One rao a token in, two a token out, unless told otherwise; the caller holds no seat unless `seated`."""
    world = World()
    caller, miner = world.join("caller", seated=seated), world.join("miner")
    subnet = subnet or Essays()
    channels = Channels(world.chain)
    channel = channels.open(caller.hotkey, miner.hotkey, deposit_rao)
    offer = make_offer(
        {PROMPT_UNIT: prompt_rao, COMPLETION_UNIT: token_rao}, valid_until=Height(100_000), concurrency=8
    )
    disk: dict[Hash, Held] = {}
    signed: list[Given] = []
    served: list[Served] = []
    opened: list[AccountId] = []
    till = Till(world.chain.genesis, miner.hotkey, channels, lambda held: disk.update({held.channel: held}))
    payer = Payer(
        world.chain.genesis, signer_of("caller"), channels, Budget(limits), lambda given, *_: signed.append(given),
        now_ms=lambda: 1_000 + int(trio.current_time()), open_channel=opened.append,
    )  # fmt: skip
    desk = Desk(subnet, till, lambda: offer)
    server = CallServer(
        miner, subnet, RoleHost(miner, subnet, NoModels()), admission or Admission(), watch=served.append, desk=desk,
        answer_s=30.0,
    )  # fmt: skip
    with miner.doors.plug(of_subnet(CALL_PROTOCOL, NETUID), server.handle, per_peer=8, total=8, with_credit=True):
        yield Shop(
            world, caller, miner, server, subnet, channels, channel, offer, till, payer, disk, signed, served, opened
        )
