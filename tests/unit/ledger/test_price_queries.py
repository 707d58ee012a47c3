"""Prices of a block and quotes between subnets: they agree with what blocks and calls do."""

import pytest

from node.ledger import errors, price_queries, queries
from node.ledger.calls import AddStake, RemoveStake, SwapStake, SwapStakeLimit
from node.ledger.events import StakeAdded
from node.ledger.pallets import staking
from node.primitives.types import Alpha, NetUid, Rao
from tests.unit.ledger.test_moves import CLOSED, OTHER, only, two_subnets
from tests.unit.ledger.world import ROOT, SUBNET, TAO, World, who


def test_a_blocks_changes_tell_the_prices_that_the_state_has_after_it() -> None:
    world = World(two_subnets())
    executed = world.block(world.sign("alice", AddStake(who("va"), SUBNET, Rao(TAO * 50))))
    after = price_queries.prices_of(world.state.view)
    assert after[SUBNET] == queries.subnet(world.state.view, SUBNET).price_rao
    assert price_queries.changed_prices(executed.changes, after)[SUBNET] == after[SUBNET]
    assert price_queries.changed_netuids(executed.changes) is None


def test_the_volume_is_the_tau_of_both_directions_and_root_is_no_pool() -> None:
    world = World(two_subnets(root_rao=5 * TAO))
    world.block()
    stake = AddStake(who("va"), SUBNET, Rao(TAO * 50))
    executed = world.block(
        world.sign("alice", stake), world.sign("bob", RemoveStake(who("va"), SUBNET, Alpha(20 * TAO)))
    )
    [added] = [each for each in executed.events if isinstance(each, StakeAdded)]
    volume = price_queries.traded(executed.events)[SUBNET]
    assert added.tao_rao + 19 * TAO < volume < added.tao_rao + 21 * TAO
    on_root = world.block(world.sign("alice", AddStake(who("va"), ROOT, Rao(TAO))))
    assert ROOT not in price_queries.traded(on_root.events)


def test_a_quoted_exchange_is_what_the_call_gives() -> None:
    world = World(two_subnets())
    world.block()
    quote = price_queries.quote_exchange(world.state.view, SUBNET, OTHER, 40 * TAO, 10_000)
    executed = world.block(world.sign("bob", SwapStake(who("va"), SUBNET, OTHER, Alpha(40 * TAO))))
    added = only(executed, StakeAdded)
    assert isinstance(added, StakeAdded)
    assert abs(added.alpha - quote.gets) < quote.gets // 500, "emission moves the pools a little before the call"
    assert quote.origin_after_rao < quote.origin_before_rao
    assert quote.destination_after_rao > quote.destination_before_rao
    assert 0 < quote.impact_ppm < 20_000


def test_what_fits_within_the_limit_goes_and_more_does_not() -> None:
    world = World(two_subnets())
    quote = price_queries.quote_exchange(world.state.view, SUBNET, OTHER, 90 * TAO, 1_000)
    assert quote.largest is not None
    assert 0 < quote.largest < 90 * TAO, "the limit has to bind"
    for amount, fits in ((quote.largest * 98 // 100, True), (quote.largest * 102 // 100, False)):
        call = SwapStakeLimit(who("va"), SUBNET, OTHER, Alpha(amount), quote.limit_rate, False)
        executed = world.block(world.sign("bob", call))
        assert executed.receipts[0].ok is fits, amount


@pytest.mark.parametrize("amount", [0, 10**18])
def test_amounts_that_no_pool_can_take_are_refused(amount: int) -> None:
    with pytest.raises((errors.InsufficientLiquidity, errors.SwapInputTooLarge)):
        price_queries.quote_exchange(World(two_subnets()).state.view, SUBNET, OTHER, amount, 10_000)


def test_places_that_do_not_exist_are_refused() -> None:
    view = World(two_subnets()).state.view
    with pytest.raises(errors.SameNetuid):
        price_queries.quote_exchange(view, SUBNET, SUBNET, TAO, 0)
    with pytest.raises(errors.SubnetNotExists):
        price_queries.quote_exchange(view, SUBNET, NetUid(9), TAO, 0)
    with pytest.raises(errors.SubtokenDisabled):
        price_queries.quote_exchange(view, SUBNET, CLOSED, TAO, 0)


def test_root_is_one_for_one_on_its_side() -> None:
    world = World(two_subnets(root_rao=50 * TAO))
    quote = price_queries.quote_exchange(world.state.view, ROOT, SUBNET, 10 * TAO, 50_000)
    assert quote.tao_rao == 10 * TAO
    assert quote.origin_before_rao == quote.origin_after_rao == 10**9
    assert staking.stake_of(world.state.view, who("va"), ROOT, who("bob")) == 50 * TAO
