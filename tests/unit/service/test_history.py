"""An account's past is told in its own view: what came, what went, and nothing of others."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import cast

import pytest

from node.consensus.slots import SlotClock
from node.control.gains import gains_of
from node.control.schema import Account
from node.control.views.history import HistoryItem
from node.ledger.calls import (
    AddStake,
    Call,
    MoveStake,
    RemoveStake,
    SwapStake,
    Transfer,
    TransferStake,
    UnstakeAll,
    UnstakeAllAlpha,
)
from node.ledger.pallets.accounts import free_balance
from node.primitives.address import to_ss58
from node.primitives.codec import encode
from node.primitives.types import Alpha, Rao
from node.service.chain import Chain
from node.service.history import history_page
from storage.history import EventRow, Stretch
from tests.unit.ledger.world import ROOT, SUBNET, TAO, World, who


class Events:
    """What a history reads of a store: every event of a world's blocks, newest first."""

    def __init__(self, rows: list[EventRow]) -> None:
        self._rows = rows

    def naming(self, needle: bytes, below: tuple[int, int], limit: int) -> Stretch:
        found = [row for row in self._rows if needle in row.event and (row.height, row.position) < below]
        return Stretch(tuple(found[:limit]), found[limit - 1].height if len(found) >= limit else 0)

    def oldest(self) -> int | None:
        return min((row.height for row in self._rows), default=None)


def past_of(world: World, calls: Iterable[Call]) -> Chain:
    """A chain whose blocks hold one call of alice's each, as far as a history reads it."""
    rows: list[EventRow] = []
    for call in calls:
        executed = world.block(world.sign("alice", call))
        assert executed.receipts[0].error_code == ""
        height = executed.state.height
        rows += [EventRow(height, at, encode(event)) for at, event in enumerate(executed.events)]
    rows.reverse()
    final = SimpleNamespace(header=SimpleNamespace(height=rows[0].height))
    store = SimpleNamespace(history=Events(rows), headers_from=lambda height, count: [])
    return cast("Chain", SimpleNamespace(store=store, final=final, clock=SlotClock(0, 1000)))


@pytest.fixture
def chain() -> Chain:
    calls = (
        Transfer(who("bob"), Rao(5 * TAO)),
        AddStake(who("va"), SUBNET, Rao(7 * TAO)),
        Transfer(who("alice"), Rao(1 * TAO)),
    )
    return past_of(World(), calls)


MOVES: tuple[Call, ...] = (
    AddStake(who("va"), SUBNET, Rao(50 * TAO)),
    SwapStake(who("va"), SUBNET, ROOT, Alpha(5 * TAO)),
    TransferStake(who("bob"), who("va"), SUBNET, SUBNET, Alpha(5 * TAO)),
    TransferStake(who("bob"), who("va"), SUBNET, ROOT, Alpha(5 * TAO)),
    RemoveStake(who("va"), SUBNET, Alpha(5 * TAO)),
    UnstakeAllAlpha(who("va")),
)


def test_what_the_events_did_to_free_money_is_what_happened_to_it() -> None:
    world = World()
    before = {name: free_balance(world.state.view, who(name)) for name in ("alice", "bob")}
    chain = past_of(world, MOVES)
    fees_rao = {"alice": sum(world.fees_rao), "bob": 0}
    for name in ("alice", "bob"):
        told = sum(each.free_rao for each in history_page(chain, who(name), (10**6, 0), 200).items)
        assert told - fees_rao[name] == free_balance(world.state.view, who(name)) - before[name], name


def test_once_all_stake_is_sold_its_gain_is_what_free_money_gained_by_it() -> None:
    world = World()
    before_rao = free_balance(world.state.view, who("alice"))
    chain = past_of(
        world,
        (
            AddStake(who("va"), SUBNET, Rao(50 * TAO)),
            SwapStake(who("va"), SUBNET, ROOT, Alpha(5 * TAO)),
            MoveStake(who("va"), who("vb"), SUBNET, SUBNET, Alpha(5 * TAO)),
            RemoveStake(who("va"), SUBNET, Alpha(5 * TAO)),
            UnstakeAll(who("va")),
            UnstakeAll(who("vb")),
        ),
    )
    page = history_page(chain, who("alice"), (10**6, 0), 200)
    found = gains_of(Account(page.address, 9, 0, 0, (), 0), page.items, page.kept_from)
    after_rao = free_balance(world.state.view, who("alice"))
    assert found.gain_rao == after_rao + sum(world.fees_rao) - before_rao < 0
    assert sum(each.gain_rao for each in found.subnets) == found.gain_rao


def test_stake_that_was_given_away_is_taken_out_at_its_worth_and_put_in_by_the_other() -> None:
    chain = past_of(World(), MOVES)
    flows = {}
    for name in ("alice", "bob"):
        page = history_page(chain, who(name), (10**6, 0), 200)
        flows[name] = gains_of(Account(page.address, 9, 0, 0, (), 0), page.items, page.kept_from)
    given = {each.netuid: each.put_rao for each in flows["bob"].subnets}
    assert set(given) == {SUBNET, ROOT}
    assert all(amount > 4 * TAO for amount in given.values())
    assert flows["bob"].taken_rao == 0


def test_the_sender_and_the_receiver_see_one_transfer_from_their_sides(chain: Chain) -> None:
    ours = {(each.event, each.direction): each for each in history_page(chain, who("alice"), (10**6, 0), 50).items}
    sent = ours["Transferred", "out"]
    assert (sent.free_rao, sent.tao_rao, sent.other) == (-5 * TAO, 5 * TAO, to_ss58(who("bob")))
    assert ours["Transferred", "self"].free_rao == 0
    theirs = history_page(chain, who("bob"), (10**6, 0), 50).items
    assert [(each.direction, each.free_rao, each.other) for each in theirs] == [("in", 5 * TAO, to_ss58(who("alice")))]


def test_a_stake_takes_free_money_and_names_its_subnet(chain: Chain) -> None:
    page = history_page(chain, who("alice"), (10**6, 0), 50)
    staked = next(each for each in page.items if each.event == "StakeAdded")
    assert (staked.direction, staked.free_rao, staked.netuid) == ("self", -7 * TAO, SUBNET)
    assert staked.alpha > 0
    behind = history_page(chain, who("va"), (10**6, 0), 50).items
    assert {(each.event, each.direction, each.free_rao) for each in behind} == {
        ("StakeAdded", "about", 0),
        ("DelegateAdded", "about", 0),
    }


def test_pages_go_on_where_the_last_one_ended(chain: Chain) -> None:
    whole = history_page(chain, who("alice"), (10**6, 0), 50)
    assert not whole.more
    found: list[HistoryItem] = []
    below = (10**6, 0)
    for _ in range(20):
        page = history_page(chain, who("alice"), below, 1)
        found += page.items
        if not page.more or not page.items:
            break
        below = (page.searched_from, page.searched_position)
    assert tuple(found) == whole.items


def test_an_account_that_nobody_knows_has_no_past(chain: Chain) -> None:
    assert history_page(chain, who("nobody"), (10**6, 0), 50).items == ()
