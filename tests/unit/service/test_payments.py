"""Money on a real chain: a node opens its channel by itself, pays over the network, and the miner's τ arrives."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing

from node.consensus.slots import SlotClock
from node.ledger import queries
from node.ledger.calls import CloseChannel, Transfer
from node.ledger.network_queries import ChannelInfo
from node.ledger.vouchers import Voucher
from node.market.admission import Admission
from node.market.budget import Limits
from node.market.call import CALL_PROTOCOL, open_call
from node.market.charging import Desk
from node.market.context import MarketContext
from node.market.errors import InsufficientBudget, NotKept
from node.market.limits import CHANNEL_MARGIN_BLOCKS
from node.market.offers import COMPLETION_UNIT, make_offer
from node.market.payer import Given
from node.market.payments import tariff_of
from node.market.roster import stranger
from node.market.serving import CallServer
from node.market.switchboard import Switchboard, of_subnet
from node.market.vouchers import Held
from node.primitives.types import RAO_PER_TAO, AccountId, Hash, Height, NetUid, Rao, Slot
from node.service.payments import PaymentBook
from node.service.payments_cashier import REDEEM_LEAD_BLOCKS, REDEEM_RAO, Cashier, reason_to_redeem
from node.service.roles.host import RoleHost
from node.subnets.base import Usage
from p2p import MemorySwarm
from storage.payments import PaymentStore
from tests.unit.market.money import Essay, Essays
from tests.unit.market.support import NoModels, signer_of
from tests.unit.service.network import TestNode, coldkey, running, spec_of

NETUID = NetUid(1)
PAYER, MINER = signer_of("payer"), signer_of("miner")
INFO = ChannelInfo(Hash(bytes(32)), PAYER.public, MINER.public, Rao(10**9), Rao(100), Height(10_000), None)


def held(cumulative_rao: int) -> Held:
    return Held(PAYER.public, Voucher(INFO.channel, 1, Rao(cumulative_rao), Hash(bytes(32))), bytes(64))


@pytest.mark.parametrize(
    ("cumulative_rao", "info", "stopping", "reason"),
    [
        (100, INFO, True, ""),
        (5_000, INFO, False, ""),
        (5_000, replace(INFO, closes=Height(500)), False, "its payer closes the channel"),
        (101, replace(INFO, closes=Height(500)), False, "its payer closes the channel"),
        (5_000, replace(INFO, expires=Height(100 + REDEEM_LEAD_BLOCKS)), False, "the channel ends soon"),
        (5_000, replace(INFO, expires=Height(101 + REDEEM_LEAD_BLOCKS)), False, ""),
        (1_050, replace(INFO, expires=Height(100)), False, ""),  # less than the fee
        (100 + REDEEM_RAO, INFO, False, "much is owed"),
        (10_100, INFO, True, "the node stops"),
        (10_099, INFO, True, ""),
    ],
)
def test_a_voucher_goes_to_the_chain_when_waiting_is_a_risk_and_not_before(
    cumulative_rao: int, info: ChannelInfo, stopping: bool, reason: str
) -> None:
    assert reason_to_redeem(held(cumulative_rao), info, Height(100), 1_000, stopping=stopping) == reason


def test_vouchers_are_redeemed_before_they_are_refused() -> None:
    assert REDEEM_LEAD_BLOCKS > CHANNEL_MARGIN_BLOCKS


def test_the_book_speaks_the_markets_words_and_says_when_it_cannot_write(tmp_path: Path) -> None:
    book = PaymentBook.open(tmp_path / "payments.db")
    book.keep_held(replace(held(7), spent_rao=5, credited_rao=1))
    given = Given(MINER.public, held(7).voucher, bytes(64), 6)
    book.keep_given(given, 20_000, 6)
    book.keep_limits(Limits(1, 2, 3))
    book.close()
    book = PaymentBook(PaymentStore.open(tmp_path / "payments.db"))
    assert book.held() == [replace(held(7), spent_rao=5, credited_rao=1)]
    assert book.given() == [given]
    assert (book.store.spent(20_000), book.limits()) == (6, Limits(1, 2, 3))
    book.close()
    with pytest.raises(NotKept):
        book.keep_held(held(8))


async def test_vouchers_outlast_a_chain_that_is_fetched_anew_and_are_forgotten_once_it_is_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.service.payments_cashier.now_ms", lambda: 1_000_000)
    book = PaymentBook.open(tmp_path / "payments.db")
    book.keep_held(held(5_000))
    header = SimpleNamespace(slot=Slot(3))
    chain: Any = SimpleNamespace(
        genesis_hash=Hash(bytes(32)), head=SimpleNamespace(height=Height(0)), final=SimpleNamespace(header=header),
        clock=SlotClock(0, 1_000),
    )  # fmt: skip
    till = Cashier(chain, cast("Any", None), MINER, book)
    monkeypatch.setattr(till, "channels", SimpleNamespace(channel=lambda _: None))
    for height in (1, CHANNEL_MARGIN_BLOCKS, 2 * CHANNEL_MARGIN_BLOCKS, 900):  # the channel was opened at block 950
        chain.head.height = Height(height)
        await till._forget()
    assert till.money.till.held() == tuple(book.held()) == (held(5_000),)
    header.slot = Slot(1_000)
    for height in (1_000, 1_000 + CHANNEL_MARGIN_BLOCKS):
        chain.head.height = Height(height)
        await till._forget()
    assert till.money.till.held() == tuple(book.held()) == ()
    book.close()


async def test_shares_of_the_last_calls_are_written_down_when_the_node_ends(tmp_path: Path) -> None:
    book = PaymentBook.open(tmp_path / "payments.db")
    chain: Any = SimpleNamespace(genesis_hash=Hash(bytes(32)))
    _sender, no_heads = trio.open_memory_channel[None](0)
    reader: Any = SimpleNamespace(heads=lambda: no_heads)
    each = Cashier(chain, reader, MINER, book)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(each.run)
        await trio.testing.wait_all_tasks_blocked()
        each.money.owe({PAYER.public: 7})
        nursery.cancel_scope.cancel()
    assert [row.owed_rao for row in book.store.dues.rows()] == [7]
    book.close()


async def until(condition: Callable[[], bool], *, within_s: float = 30.0) -> None:
    with trio.fail_after(within_s):
        while not condition():
            await trio.sleep(0.05)


async def test_a_node_opens_a_channel_pays_and_the_miner_gets_its_tao(
    tmp_path: Path, no_defect_is_logged: None
) -> None:
    async with running(tmp_path, spec_of(1), 1) as (node,), trio.open_nursery() as nursery:

        def balance(account: AccountId) -> int:
            return queries.balance(node.chain.final_state.state.view, account)

        for account, amount in ((PAYER.public, 10), (MINER.public, 1)):
            await node.reader.submit(Transfer(account, Rao(amount * RAO_PER_TAO)), coldkey(0))
        await until(lambda: balance(PAYER.public) > 0 and balance(MINER.public) > 0)
        payer, miner = cashier(node, tmp_path / "payer.db", PAYER), cashier(node, tmp_path / "miner.db", MINER)
        for each in (payer, miner):
            nursery.start_soon(each.run)
        payer.money.payer.budget.limits = Limits(RAO_PER_TAO, RAO_PER_TAO, 2 * RAO_PER_TAO)

        paid = await paid_call(node, payer, miner, tokens=100)
        assert paid == 100 * 1_000_000
        name = payer.money.payer.given()[0].channel
        await until(lambda: balance(MINER.public) > RAO_PER_TAO)  # a tenth of a τ is owed: redeemed without a word
        fee = RAO_PER_TAO + paid - balance(MINER.public)
        assert 0 < fee <= miner.fee_rao()
        assert payer.channels.channel(name) == replace(
            payer.channels.channels_from(PAYER.public)[0], redeemed_rao=Rao(paid)
        )
        little = await paid_call(node, payer, miner, tokens=50)  # too little to be redeemed at once
        had = balance(MINER.public)
        reborn = cashier(node, tmp_path / "miner.db", MINER)  # the first one was killed: nothing was closed or said
        assert reborn.money.till.held() == miner.money.till.held()
        await reborn.stop()
        await until(lambda: balance(MINER.public) > had)
        assert had + little - balance(MINER.public) <= miner.fee_rao()
        paid += little
        before = balance(PAYER.public)
        await node.reader.submit(CloseChannel(name), MINER)  # the payee closes at once
        await until(lambda: payer.channels.channel(name) is None and balance(PAYER.public) > before)
        assert balance(PAYER.public) == before + 2 * RAO_PER_TAO - paid
        nursery.cancel_scope.cancel()


def cashier(node: TestNode, path: Path, key: object) -> Cashier:
    return Cashier(node.chain, node.reader, key, PaymentBook.open(path))  # type: ignore[arg-type]


async def paid_call(node: TestNode, payer: Cashier, miner: Cashier, *, tokens: int) -> int:
    """One paid call between two nodes that follow this chain; the channel is opened on the way."""
    swarm, subnet = MemorySwarm(), Essays()
    there = swarm.join("there")
    here = swarm.join("here", bootstrap=tuple(there.addresses))
    caller = MarketContext(here, Switchboard(here), node.reader, NETUID, PAYER, money=payer.money)
    server_context = MarketContext(there, Switchboard(there), node.reader, NETUID, MINER, money=miner.money)
    offer = make_offer({COMPLETION_UNIT: 10**12}, valid_until=Height(10_000), concurrency=1)
    tariff = tariff_of(offer, subnet.spec)
    desk = Desk(subnet, miner.money.till, lambda: offer)
    server = CallServer(
        server_context, subnet, RoleHost(server_context, subnet, NoModels()), Admission(), desk=desk  # type: ignore[arg-type]
    )  # fmt: skip
    seat = replace(stranger(MINER.public), peer_id=there.peer_id, addresses=there.addresses)
    ceiling = Usage(100, tokens)
    if not payer.channels.channels_from(PAYER.public):
        with pytest.raises(InsufficientBudget):
            await payer.money.payer.begin(subnet, MINER.public, tariff, ceiling)
    await until(lambda: bool(payer.channels.channels_from(PAYER.public)))
    with server_context.doors.plug(
        of_subnet(CALL_PROTOCOL, NETUID), server.handle, per_peer=8, total=8, with_credit=True
    ):
        bill = await payer.money.payer.begin(subnet, MINER.public, tariff, ceiling)
        call = await open_call(caller, subnet, seat, Essay(tokens), bill=bill)
        await call.collect()
        await call.aclose()
        await until(lambda: [h.spent_rao for h in miner.money.till.held()] == [payer.money.payer.given()[0].used_rao])
    return call.paid_rao
