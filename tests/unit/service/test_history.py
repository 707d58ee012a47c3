"""An account's past is told in its own view: what came, what went, and nothing of others."""

from types import SimpleNamespace
from typing import cast

import pytest

from node.consensus.slots import SlotClock
from node.control.views.history import HistoryItem
from node.ledger.calls import AddStake, Transfer
from node.primitives.address import to_ss58
from node.primitives.codec import encode
from node.primitives.types import Rao
from node.service.chain import Chain
from node.service.history import history_page
from storage.history import EventRow, Stretch
from tests.unit.ledger.world import SUBNET, TAO, World, who


class Events:
    """What a history reads of a store: every event of a world's blocks, newest first."""

    def __init__(self, rows: list[EventRow]) -> None:
        self._rows = rows

    def naming(self, needle: bytes, below: tuple[int, int], limit: int) -> Stretch:
        found = [row for row in self._rows if needle in row.event and (row.height, row.position) < below]
        return Stretch(tuple(found[:limit]), found[limit - 1].height if len(found) >= limit else 0)

    def oldest(self) -> int | None:
        return min((row.height for row in self._rows), default=None)


@pytest.fixture
def chain() -> Chain:
    world = World()
    rows: list[EventRow] = []
    calls = (
        Transfer(who("bob"), Rao(5 * TAO)),
        AddStake(who("va"), SUBNET, Rao(7 * TAO)),
        Transfer(who("alice"), Rao(1 * TAO)),
    )
    for call in calls:
        executed = world.block(world.sign("alice", call))
        height = executed.state.height
        rows += [EventRow(height, at, encode(event)) for at, event in enumerate(executed.events)]
    rows.reverse()
    final = SimpleNamespace(header=SimpleNamespace(height=rows[0].height))
    store = SimpleNamespace(history=Events(rows), headers_from=lambda height, count: [])
    return cast("Chain", SimpleNamespace(store=store, final=final, clock=SlotClock(0, 1000)))


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
