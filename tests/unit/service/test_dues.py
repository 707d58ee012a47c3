"""Shares of a node's earnings reach those they belong to: once, on a real chain, whatever breaks in between."""

from pathlib import Path
from typing import Any, cast

import pytest
import trio

from node.ledger import queries
from node.ledger.calls import Transfer
from node.primitives.errors import NodeError
from node.primitives.types import RAO_PER_TAO, AccountId, Rao
from node.service.dues import DUE_RAO, KEPT_RAO, Dues
from storage.payments import PaymentStore
from tests.unit.market.support import signer_of
from tests.unit.service.network import TestNode, coldkey, running, spec_of
from tests.unit.service.test_payments import until

MINER, CREATOR = signer_of("miner"), signer_of("creator").public
SHARE = 3 * DUE_RAO


def balance(node: TestNode, account: AccountId) -> int:
    return queries.balance(node.chain.final_state.state.view, account)


async def test_a_share_is_paid_once_whatever_breaks_and_small_sums_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, spec_of(1), 1) as (node,):
        with PaymentStore.open(tmp_path / "payments.db") as store:

            def dues() -> Dues:
                return Dues(node.chain, node.reader, MINER, store.dues)

            first = dues()
            first.owe({CREATOR: DUE_RAO - 1, MINER.public: 5})
            await first.tick()
            assert [(AccountId(row.account), row.owed_rao, row.sent_rao) for row in first.rows()] == [
                (CREATOR, DUE_RAO - 1, 0)
            ]
            first.owe({CREATOR: SHARE - DUE_RAO + 1})
            await first.tick()
            assert first.rows()[0].sent_rao == 0  # the hotkey has nothing to spare
            await node.reader.submit(Transfer(MINER.public, Rao(RAO_PER_TAO)), coldkey(0))
            await until(lambda: balance(node, MINER.public) > 0)

            async def sent_and_died(*_: object) -> None:
                raise NodeError("The power failed.")

            with monkeypatch.context() as patched:
                patched.setattr(node.reader, "submit", sent_and_died)
                await first.tick()  # written down, and never sent
            assert "power" in first.last_error
            row = store.dues.rows()[0]
            assert row.sent_rao == SHARE
            await dues().tick()
            assert store.dues.rows()[0] == row  # it may still arrive: nothing is sent again
            store.dues.end(CREATOR, arrived=False)  # what its last block does

            second = dues()
            await second.tick()
            await until(lambda: balance(node, CREATOR) == SHARE)
            third = dues()  # the one that sent it was killed
            await third.tick()
            await third.tick()
            assert [(row.owed_rao, row.paid_rao, row.sent_rao) for row in third.rows()] == [(SHARE, SHARE, 0)]
            head = node.chain.final.header.height
            await until(lambda: node.chain.final.header.height > head + 1)
            assert balance(node, CREATOR) == SHARE
            assert balance(node, MINER.public) > KEPT_RAO


async def test_a_share_that_is_cut_short_while_it_is_written_down_is_written_the_next_time(tmp_path: Path) -> None:
    with PaymentStore.open(tmp_path / "payments.db") as store:
        dues = Dues(cast("Any", None), cast("Any", None), MINER, store.dues)
        dues.owe({signer_of(name).public: 7 for name in ("one", "two", "three")})
        with trio.CancelScope() as scope:  # another task of the node ends at that moment
            scope.cancel()
            await dues.flush()
        with trio.CancelScope() as scope:
            whole = store.dues.owe

            def owe(account: bytes, more_rao: int) -> None:
                whole(account, more_rao)
                trio.from_thread.run_sync(scope.cancel)

            store.dues.owe = owe  # type: ignore[method-assign]
            await dues.flush()
        store.dues.owe = whole  # type: ignore[method-assign]
        await dues.flush()
        assert [row.owed_rao for row in store.dues.rows()] == [7, 7, 7]


async def test_a_transfer_that_can_be_in_no_block_any_more_is_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.service.dues.ERA_PERIOD_DEFAULT_BLOCKS", 1)
    async with running(tmp_path, spec_of(1), 1) as (node,):
        with PaymentStore.open(tmp_path / "payments.db") as store:
            await node.reader.submit(Transfer(MINER.public, Rao(RAO_PER_TAO)), coldkey(0))
            await until(lambda: balance(node, MINER.public) > 0)
            store.dues.owe(CREATOR, SHARE)
            until_height = node.chain.head.height + 1
            store.dues.begin(CREATOR, SHARE, node.chain.final.header.height + 1, until_height)
            await until(lambda: node.chain.final.header.height > until_height)
            again = Dues(node.chain, node.reader, MINER, store.dues)
            await again.tick()
            assert store.dues.rows()[0].sent_rao == 0
            await again.tick()
            await until(lambda: balance(node, CREATOR) == SHARE)


async def test_what_hides_among_more_events_than_are_looked_through_counts_as_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.service.dues.SEARCHES_MAX", 0)
    async with running(tmp_path, spec_of(1), 1) as (node,):
        with PaymentStore.open(tmp_path / "payments.db") as store:
            store.dues.owe(CREATOR, SHARE)
            last = node.chain.head.height + 1
            store.dues.begin(CREATOR, SHARE, node.chain.final.header.height + 1, last)
            dues = Dues(node.chain, node.reader, MINER, store.dues)
            await dues.tick()
            assert [(row.paid_rao, row.sent_rao) for row in dues.rows()] == [(0, SHARE)]  # it may still arrive
            await until(lambda: node.chain.final.header.height > last)
            await dues.tick()
            assert [(row.paid_rao, row.sent_rao) for row in dues.rows()] == [(SHARE, 0)]
