"""Stake that moves, leaves as a whole or is destroyed: what each call does, what it costs and how it fails."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as with_

from node.economics import amm
from node.ledger import queries
from node.ledger.calls import (
    CALLS,
    AddStakeBurn,
    BurnAlpha,
    Call,
    MoveStake,
    RecycleAlpha,
    RemoveStake,
    RemoveStakeFullLimit,
    SwapStake,
    SwapStakeLimit,
    TransferStake,
    UnstakeAll,
    UnstakeAllAlpha,
)
from node.ledger.events import DelegateAdded, StakeAdded, StakeMoved, StakeRemoved, StakeSwapped, StakeTransferred
from node.ledger.genesis import GenesisSpec, GenesisStake
from node.ledger.pallets import moves, staking, subnets
from node.ledger.transition import Executed
from node.primitives.types import MAX_SUPPLY_RAO, Alpha, NetUid, Rao
from tests.unit.ledger.world import ROOT, SUBNET, TAO, TEST_PARAMETERS, World, hyper, small_genesis, who

OTHER = NetUid(2)
CLOSED = NetUid(3)
ONE = 10**9
LEAST = TEST_PARAMETERS.min_stake_rao
EVERYTHING = Alpha(MAX_SUPPLY_RAO)


def two_subnets(*, root_rao: int = 0, **parameters: int) -> GenesisSpec:
    """The small genesis with a second subnet at a third of the price, a third one not started, and stakes of bob's."""
    spec = small_genesis(root_rao=root_rao)
    [first] = spec.subnets
    second = replace(first, netuid=OTHER, name="other", pool_alpha=Alpha(30_000 * TAO), neurons=())
    stakes = (
        *spec.stakes,
        GenesisStake(who("bob"), who("va"), SUBNET, Alpha(100 * TAO)),
        GenesisStake(who("bob"), who("va"), OTHER, Alpha(90 * TAO)),
    )
    started = (first, second, replace(second, netuid=CLOSED, started=False))
    return replace(spec, subnets=started, stakes=stakes, parameters=with_(spec.parameters, **parameters))


def stake(world: World, coldkey: str, hotkey: str, netuid: NetUid = SUBNET) -> int:
    return staking.stake_of(world.state.view, who(hotkey), netuid, who(coldkey))


def free(world: World, name: str) -> int:
    return queries.balance(world.state.view, who(name))


def positions(world: World) -> list[tuple[NetUid, Alpha]]:
    """What alice and bob have staked."""
    held = (queries.stakes_of(world.state.view, who(name)) for name in ("alice", "bob"))
    return [(position.netuid, position.alpha) for each in held for position in each]


def only(executed: Executed, kind: type) -> object:
    """The one event of that kind."""
    [event] = [event for event in executed.events if isinstance(event, kind)]
    return event


# --- moves ------------------------------------------------------------------------------------------------------------


def test_a_move_within_a_subnet_costs_nothing_and_moves_exactly_the_amount() -> None:
    world = World(two_subnets())
    before = stake(world, "bob", "va")
    call = MoveStake(who("va"), who("vb"), SUBNET, SUBNET, Alpha(40 * TAO))
    executed = world.block(world.sign("bob", call))
    assert executed.receipts[0].ok
    assert stake(world, "bob", "va") in (before - 40 * TAO, before - 40 * TAO - 1)
    assert stake(world, "bob", "vb") in (40 * TAO, 40 * TAO - 1)
    moved = only(executed, StakeMoved)
    assert isinstance(moved, StakeMoved)
    assert abs(moved.tao_rao - 40 * TAO) < TAO, "the price is about 1"
    assert not [event for event in executed.events if isinstance(event, StakeRemoved | StakeAdded)], (
        "nothing is swapped"
    )
    assert DelegateAdded(who("val"), who("vb"), 11_796) in executed.events


def test_a_swap_to_another_subnet_pays_one_fee_at_its_origin() -> None:
    world = World(two_subnets())
    executed = world.block(world.sign("bob", SwapStake(who("va"), SUBNET, OTHER, Alpha(40 * TAO))))
    removed, added = only(executed, StakeRemoved), only(executed, StakeAdded)
    assert isinstance(removed, StakeRemoved)
    assert isinstance(added, StakeAdded)
    assert removed.fee_alpha == 40 * TAO * 33 // 65_535
    assert (added.fee_rao, added.tao_rao) == (0, removed.tao_rao)
    assert only(executed, StakeSwapped) == StakeSwapped(who("bob"), who("va"), SUBNET, OTHER, removed.tao_rao)
    assert stake(world, "bob", "va", OTHER) - 90 * TAO in (added.alpha, added.alpha - 1)
    assert 118 * TAO < added.alpha < 121 * TAO, "three of the cheaper for one of the dearer"


def test_a_swap_from_root_pays_its_fee_at_the_destination_and_one_to_root_at_the_origin() -> None:
    world = World(two_subnets(root_rao=50 * TAO))
    executed = world.block(world.sign("bob", SwapStake(who("va"), ROOT, SUBNET, Alpha(20 * TAO))))
    added, removed = only(executed, StakeAdded), only(executed, StakeRemoved)
    assert isinstance(added, StakeAdded)
    assert isinstance(removed, StakeRemoved)
    assert (removed.fee_alpha, added.fee_rao) == (0, 20 * TAO * 33 // 65_535)
    assert stake(world, "bob", "va", ROOT) == 30 * TAO
    executed = world.block(world.sign("bob", SwapStake(who("va"), SUBNET, ROOT, Alpha(10 * TAO))))
    added, removed = only(executed, StakeAdded), only(executed, StakeRemoved)
    assert isinstance(added, StakeAdded)
    assert isinstance(removed, StakeRemoved)
    assert (removed.fee_alpha, added.fee_rao) == (10 * TAO * 33 // 65_535, 0)
    assert stake(world, "bob", "va", ROOT) == 30 * TAO + added.alpha


def test_a_transfer_gives_stake_to_another_coldkey() -> None:
    world = World(two_subnets())
    executed = world.block(world.sign("bob", TransferStake(who("friend"), who("va"), SUBNET, SUBNET, Alpha(10 * TAO))))
    assert stake(world, "friend", "va") in (10 * TAO, 10 * TAO - 1)
    event = only(executed, StakeTransferred)
    assert isinstance(event, StakeTransferred)
    assert (event.origin_coldkey, event.destination_coldkey) == (who("bob"), who("friend"))
    assert world.do("bob", TransferStake(who("friend"), who("va"), SUBNET, OTHER, Alpha(10 * TAO))) == ""
    assert stake(world, "friend", "va", OTHER) > 25 * TAO


def test_more_than_is_held_means_all_of_it() -> None:
    world = World(two_subnets())
    assert world.do("bob", MoveStake(who("va"), who("vb"), SUBNET, SUBNET, EVERYTHING)) == ""
    assert stake(world, "bob", "va") == 0
    assert stake(world, "bob", "vb") in (100 * TAO, 100 * TAO - 1)
    assert world.do("bob", SwapStake(who("va"), OTHER, ROOT, EVERYTHING)) == ""
    assert [position.netuid for position in queries.stakes_of(world.state.view, who("bob"))] == [SUBNET, ROOT]


def test_a_move_is_worth_the_minimum_within_a_subnet_and_more_than_it_between_two() -> None:
    world = World(two_subnets(root_rao=TAO))
    assert world.do("bob", MoveStake(who("va"), who("vb"), ROOT, ROOT, Alpha(LEAST - 1))) == "AmountTooLow"
    assert world.do("bob", MoveStake(who("va"), who("vb"), ROOT, ROOT, Alpha(LEAST))) == ""
    assert world.do("bob", SwapStake(who("va"), ROOT, SUBNET, Alpha(LEAST))) == "AmountTooLow"
    assert world.do("bob", SwapStake(who("va"), ROOT, SUBNET, Alpha(LEAST + 1))) == ""


@pytest.mark.parametrize(
    ("by", "call", "code"),
    [
        ("bob", MoveStake(who("va"), who("va"), SUBNET, SUBNET, Alpha(TAO)), "SameNetuid"),
        ("bob", SwapStake(who("va"), SUBNET, SUBNET, Alpha(TAO)), "SameNetuid"),
        ("bob", SwapStakeLimit(who("va"), SUBNET, SUBNET, Alpha(TAO), 0, True), "SameNetuid"),
        ("bob", TransferStake(who("bob"), who("va"), SUBNET, SUBNET, Alpha(TAO)), "SameNetuid"),
        ("bob", SwapStake(who("va"), NetUid(9), SUBNET, Alpha(TAO)), "SubnetNotExists"),
        ("bob", SwapStake(who("va"), SUBNET, NetUid(9), Alpha(TAO)), "SubnetNotExists"),
        ("bob", SwapStake(who("va"), CLOSED, NetUid(9), Alpha(TAO)), "SubnetNotExists"),
        ("bob", SwapStake(who("va"), SUBNET, CLOSED, Alpha(TAO)), "SubtokenDisabled"),
        ("bob", SwapStake(who("stranger"), CLOSED, SUBNET, Alpha(TAO)), "SubtokenDisabled"),
        ("bob", MoveStake(who("va"), who("stranger"), SUBNET, SUBNET, Alpha(TAO)), "HotKeyAccountNotExists"),
        ("bob", MoveStake(who("stranger"), who("va"), SUBNET, SUBNET, Alpha(TAO)), "HotKeyAccountNotExists"),
        ("alice", SwapStake(who("va"), SUBNET, OTHER, Alpha(TAO)), "NotEnoughStakeToWithdraw"),
        ("bob", SwapStake(who("va"), SUBNET, OTHER, Alpha(0)), "AmountTooLow"),
        ("bob", MoveStake(who("va"), who("vb"), SUBNET, SUBNET, Alpha(0)), "AmountTooLow"),
        ("bob", SwapStakeLimit(who("va"), SUBNET, OTHER, Alpha(50 * TAO), 2_990_000_000, False), "SlippageTooHigh"),
        ("bob", SwapStakeLimit(who("va"), SUBNET, OTHER, Alpha(TAO), 4 * ONE, False), "SlippageTooHigh"),
        ("bob", SwapStakeLimit(who("va"), SUBNET, OTHER, Alpha(TAO), 4 * ONE, True), "PriceLimitExceeded"),
        ("bob", RemoveStakeFullLimit(who("va"), NetUid(9), 0), "SubnetNotExists"),
        ("bob", RemoveStakeFullLimit(who("va"), CLOSED, 0), "SubtokenDisabled"),
        ("bob", RemoveStakeFullLimit(who("stranger"), SUBNET, 0), "HotKeyAccountNotExists"),
        ("alice", RemoveStakeFullLimit(who("va"), SUBNET, 0), "NotEnoughStakeToWithdraw"),
        ("bob", RemoveStakeFullLimit(who("va"), SUBNET, 999_000_000), "SlippageTooHigh"),
        ("bob", RemoveStakeFullLimit(who("va"), OTHER, ONE), "SlippageTooHigh"),
        ("bob", UnstakeAll(who("stranger")), "HotKeyAccountNotExists"),
        ("alice", UnstakeAll(who("va")), "NotEnoughStakeToWithdraw"),
        ("bob", UnstakeAllAlpha(who("stranger")), "HotKeyAccountNotExists"),
        ("alice", UnstakeAllAlpha(who("va")), "NotEnoughStakeToWithdraw"),
        ("bob", RecycleAlpha(who("va"), ROOT, Alpha(TAO)), "CannotBurnOrRecycleOnRootSubnet"),
        ("bob", BurnAlpha(who("va"), ROOT, Alpha(TAO)), "CannotBurnOrRecycleOnRootSubnet"),
        ("bob", BurnAlpha(who("va"), NetUid(9), Alpha(TAO)), "SubnetNotExists"),
        ("bob", BurnAlpha(who("stranger"), SUBNET, Alpha(TAO)), "HotKeyAccountNotExists"),
        ("bob", RecycleAlpha(who("va"), SUBNET, Alpha(0)), "AmountTooLow"),
        ("alice", RecycleAlpha(who("va"), SUBNET, Alpha(1)), "NotEnoughStakeToWithdraw"),
        ("bob", AddStakeBurn(who("va"), ROOT, Rao(TAO), 0), "CannotBurnOrRecycleOnRootSubnet"),
        ("bob", AddStakeBurn(who("va"), NetUid(9), Rao(TAO), 0), "SubnetNotExists"),
        ("bob", AddStakeBurn(who("va"), CLOSED, Rao(TAO), 0), "SubtokenDisabled"),
        ("bob", AddStakeBurn(who("stranger"), SUBNET, Rao(TAO), 0), "HotKeyAccountNotExists"),
        ("bob", AddStakeBurn(who("va"), SUBNET, Rao(LEAST), 0), "AmountTooLow"),
        ("bob", AddStakeBurn(who("va"), SUBNET, Rao(10_001 * TAO), 0), "NotEnoughBalanceToStake"),
        ("bob", AddStakeBurn(who("va"), SUBNET, Rao(1000 * TAO), 1_001_000_000), "SlippageTooHigh"),
        ("bob", AddStakeBurn(who("va"), SUBNET, Rao(TAO), ONE // 2), "SlippageTooHigh"),
    ],
)  # fmt: skip
def test_a_move_that_may_not_happen_fails_by_its_name_and_changes_no_stake(by: str, call: Call, code: str) -> None:
    world = World(two_subnets())
    before = positions(world)
    receipt = world.block(world.sign(by, call)).receipts[0]
    assert receipt.error_code == code
    assert positions(world) == before
    assert free(world, by) == 10_000 * TAO - receipt.fee_rao
    [spec] = [spec for spec in CALLS if spec.kind is type(call)]
    assert code in {error.code for error in spec.errors}, "the table names every error"


def test_stake_changes_its_coldkey_only_where_both_subnets_allow_it() -> None:
    spec = two_subnets(root_rao=10 * TAO)
    first, second, third = spec.subnets
    shut = replace(second, hyperparameters=hyper(transfers_enabled=False))
    world = World(replace(spec, subnets=(first, shut, third)))
    for netuids in ((SUBNET, OTHER), (OTHER, SUBNET), (OTHER, OTHER), (ROOT, OTHER)):
        assert world.do("bob", TransferStake(who("alice"), who("va"), *netuids, Alpha(TAO))) == "TransferDisallowed"
    assert world.do("bob", TransferStake(who("alice"), who("va"), SUBNET, ROOT, Alpha(TAO))) == ""
    assert world.do("bob", TransferStake(who("alice"), who("va"), ROOT, ROOT, Alpha(TAO))) == ""
    assert world.do("bob", SwapStake(who("va"), OTHER, SUBNET, Alpha(TAO))) == "", "one's own stake moves anyway"


# --- price limits of swaps --------------------------------------------------------------------------------------------


def test_a_limited_swap_between_pools_gives_the_limit_on_average_and_fills_what_fits() -> None:
    world = World(two_subnets())
    limit = 2_990_000_000
    assert world.do("bob", SwapStakeLimit(who("va"), SUBNET, OTHER, Alpha(50 * TAO), limit, False)) == "SlippageTooHigh"
    before = stake(world, "bob", "va")
    assert world.do("bob", SwapStakeLimit(who("va"), SUBNET, OTHER, Alpha(50 * TAO), limit, True)) == ""
    moved = before - stake(world, "bob", "va")
    assert 0 < moved < 50 * TAO
    gained = stake(world, "bob", "va", OTHER) - 90 * TAO
    assert 0 <= limit - gained * ONE // moved < limit // 1000, "what is missing is the fee"


def test_the_largest_move_follows_the_two_pools_exactly() -> None:
    view = World(two_subnets()).state.view
    one, two = subnets.POOL.get(view, SUBNET), subnets.POOL.get(view, OTHER)
    limit = 2 * ONE
    tao_rao = one.tao_rao + two.tao_rao
    expected = (two.alpha_in * one.tao_rao * ONE - one.alpha_in * two.tao_rao * limit) // (tao_rao * limit)
    assert moves.largest_move(view, SUBNET, OTHER, limit, 33) == expected > 0
    assert moves.largest_move(view, SUBNET, OTHER, 0, 33) is None
    assert moves.largest_move(view, SUBNET, OTHER, 3 * ONE, 33) == 0
    assert moves.largest_move(view, SUBNET, OTHER, 3 * ONE + 10, 33) == 0
    assert moves.largest_move(view, SUBNET, ROOT, ONE + 1, 33) == 0
    sell = amm.max_input(subnets.amm_pool(one), amm.Side.SELL, ONE // 2, fee_rate_u16=33)
    assert moves.largest_move(view, SUBNET, ROOT, ONE // 2, 33) == sell > 0
    buy = amm.max_input(subnets.amm_pool(one), amm.Side.BUY, 2 * ONE, fee_rate_u16=33)
    assert moves.largest_move(view, ROOT, SUBNET, ONE // 2, 33) == buy > 0


def test_a_limited_swap_from_root_pays_at_most_the_inverse_of_the_limit() -> None:
    world = World(two_subnets(root_rao=2000 * TAO))
    call = SwapStakeLimit(who("va"), ROOT, SUBNET, Alpha(2000 * TAO), 980_000_000, True)
    assert world.do("bob", call) == ""
    left = stake(world, "bob", "va", ROOT)
    assert 1800 * TAO < left < 1950 * TAO, "about 1 % of the reserve moves the price by 2 %"


# --- exits ------------------------------------------------------------------------------------------------------------


def test_a_whole_position_leaves_at_a_limit_or_at_any_price() -> None:
    world = World(two_subnets())
    assert world.do("bob", RemoveStakeFullLimit(who("va"), OTHER, 300_000_000)) == ""
    assert stake(world, "bob", "va", OTHER) == 0
    assert world.do("bob", RemoveStakeFullLimit(who("va"), SUBNET, 0)) == ""
    assert queries.stakes_of(world.state.view, who("bob")) == ()


def test_unstaking_all_sells_every_position_behind_a_hotkey() -> None:
    world = World(two_subnets(root_rao=50 * TAO))
    before = free(world, "bob")
    executed = world.block(world.sign("bob", UnstakeAll(who("va"))))
    sold = [event for event in executed.events if isinstance(event, StakeRemoved)]
    assert [event.netuid for event in sold] == [ROOT, SUBNET, OTHER]
    assert queries.stakes_of(world.state.view, who("bob")) == ()
    paid_rao = sum(event.tao_rao for event in sold)
    assert free(world, "bob") == before + paid_rao - executed.receipts[0].fee_rao
    assert 175 * TAO < paid_rao < 180 * TAO


def test_unstaking_all_alpha_puts_the_tau_on_root_behind_the_same_hotkey() -> None:
    world = World(two_subnets(root_rao=50 * TAO))
    before = free(world, "bob")
    executed = world.block(world.sign("bob", UnstakeAllAlpha(who("va"))))
    sold = [event for event in executed.events if isinstance(event, StakeRemoved)]
    assert [event.netuid for event in sold] == [SUBNET, OTHER]
    assert stake(world, "bob", "va", ROOT) == 50 * TAO + sum(event.tao_rao for event in sold)
    assert free(world, "bob") == before - executed.receipts[0].fee_rao


def test_what_no_pool_buys_stays_when_all_is_unstaked() -> None:
    spec = two_subnets()
    first, second, third = spec.subnets
    dry = replace(second, pool_tao_rao=Rao(1000), pool_alpha=Alpha(1000))
    world = World(replace(spec, subnets=(first, dry, third)))
    assert world.do("bob", UnstakeAll(who("va"))) == ""
    assert [position.netuid for position in queries.stakes_of(world.state.view, who("bob"))] == [OTHER]


# --- destruction ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [Alpha(1), Alpha(40 * TAO), EVERYTHING])
def test_recycling_lowers_the_issuance_and_burning_does_not(amount: Alpha) -> None:
    for call, recycles in (
        (RecycleAlpha(who("va"), SUBNET, amount), True),
        (BurnAlpha(who("va"), SUBNET, amount), False),
    ):
        world, twin = World(two_subnets()), World(two_subnets())
        assert world.do("bob", call) == ""
        twin.block()
        pool, untouched = (subnets.POOL.get(each.state.view, SUBNET) for each in (world, twin))
        gone = min(amount, 100 * TAO)
        assert untouched.alpha_out - pool.alpha_out == (gone if recycles else 0)
        assert pool.burned_alpha - untouched.burned_alpha == (0 if recycles else gone)
        assert stake(twin, "bob", "va") - stake(world, "bob", "va") in (gone, gone + 1)


def test_buying_to_burn_happens_once_a_tempo_for_a_hotkey() -> None:
    world = World(two_subnets())
    call = AddStakeBurn(who("va"), SUBNET, Rao(10 * TAO), 0)
    before = subnets.POOL.get(world.state.view, SUBNET).tao_rao
    assert world.do("alice", call) == ""
    assert stake(world, "alice", "va") == 0
    pool = subnets.POOL.get(world.state.view, SUBNET)
    assert pool.tao_rao - before > 9 * TAO
    assert pool.burned_alpha > 9 * TAO
    assert world.do("bob", call) == "AddStakeBurnRateLimitExceeded", "whoever pays"
    assert world.do("bob", AddStakeBurn(who("vb"), SUBNET, Rao(TAO), 2 * ONE)) == ""
    world.run_to(world.state.height + 6)
    assert world.do("bob", call) == "AddStakeBurnRateLimitExceeded"
    assert world.do("bob", call) == "", "ten blocks later"


# --- the least of a nominator -----------------------------------------------------------------------------------------


def test_what_a_nominator_has_left_below_the_least_is_sold_for_it() -> None:
    world = World(two_subnets(nominator_min_stake_ppm=500_000_000))
    assert world.do("bob", RemoveStake(who("va"), SUBNET, Alpha(98 * TAO))) == "", "2 α are worth twice the least"
    assert stake(world, "bob", "va") in (2 * TAO, 2 * TAO - 1)
    before = free(world, "bob")
    executed = world.block(world.sign("bob", RemoveStake(who("va"), SUBNET, Alpha(TAO + TAO // 10))))
    assert stake(world, "bob", "va") == 0
    sold = [event for event in executed.events if isinstance(event, StakeRemoved)]
    assert len(sold) == 2
    assert free(world, "bob") == before + sum(e.tao_rao for e in sold) - executed.receipts[0].fee_rao
    assert world.do("val", RemoveStake(who("va"), SUBNET, Alpha(600 * TAO - 1000))) == ""
    assert stake(world, "val", "va") >= 1000 - 1, "an owner may hold as little as it likes"
