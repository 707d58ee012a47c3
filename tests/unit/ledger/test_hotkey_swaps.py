"""A new hotkey in an old one's place: everything moves, nothing is lost, and who may not swap is told why."""

import dataclasses
from typing import Final

import pytest
from msgspec.structs import replace

from node.ledger import queries
from node.ledger.calls import (
    AddStake,
    AddStakeBurn,
    BurnedRegister,
    CommitWeights,
    DecreaseTake,
    RootDissolveNetwork,
    RootRegister,
    ServeAxon,
    SetAutoParentDelegation,
    SetChildkeyTake,
    SetChildren,
    SetColdkeyAutoStakeHotkey,
    SetCommitment,
    SetWeights,
    SwapHotkey,
    SwapHotkeyOnSubnet,
    TryAssociateHotkey,
)
from node.ledger.events import HotkeySwapped, HotkeySwappedOnSubnet
from node.ledger.genesis import GenesisSubnet
from node.ledger.pallets import (
    children,
    destinations,
    exits,
    hotkey_swaps,
    neurons,
    positions,
    root,
    secret_weights,
    staking,
)
from node.primitives.types import ZERO_HASH, AccountId, Alpha, NetUid, Rao, Uid
from tests.unit.ledger.refusals import failed
from tests.unit.ledger.root import Scratch
from tests.unit.ledger.world import ROOT, SUBNET, TAO, TEST_PARAMETERS, World, hyper, small_genesis, who

OTHER: Final = NetUid(2)
PARAMETERS: Final = replace(
    TEST_PARAMETERS,
    hotkey_swap_rate_limit_blocks=5,
    hotkey_swap_on_subnet_rate_limit_blocks=8,
    children_rate_limit_blocks=0,
    children_cooldown_blocks=1,
    take_rate_limit_blocks=0,
)
EVERYWHERE: Final = SwapHotkey(who("va"), who("vc"), keep_stake=False)
HERE: Final = SwapHotkeyOnSubnet(who("va"), who("vc"), SUBNET, keep_stake=False)


def _world(*, root_rao: int = 100 * TAO, **changes: int | bool) -> World:
    """The small world with a second, unstarted subnet in which "va" has a seat too."""
    spec = small_genesis(subnet=hyper(**changes), parameters=PARAMETERS, root_rao=root_rao)
    other = GenesisSubnet(
        OTHER, "other", who("va"), who("val"), Rao(TAO), Alpha(TAO), started=False, hyperparameters=hyper()
    )
    return World(dataclasses.replace(spec, subnets=(*spec.subnets, other)))


def _stakes(world: World, hotkey: str) -> dict[tuple[NetUid, AccountId], int]:
    """Every position behind a hotkey."""
    view = world.state.view
    return {
        (netuid, position.coldkey): position.alpha
        for netuid in (ROOT, SUBNET, OTHER)
        for position in queries.nominators_of(view, who(hotkey), netuid)
    }


def _lived_in() -> World:
    """A world in which "va" has everything a hotkey can have."""
    world = _world(commit_reveal=True, weights_rate_limit_blocks=0)
    world.block(
        world.sign("alice", AddStake(who("va"), SUBNET, Rao(70 * TAO))),
        world.sign("bob", AddStake(who("va"), SUBNET, Rao(30 * TAO))),
        world.sign("val", RootRegister(who("va"))),
        world.sign("val", DecreaseTake(who("va"), 5000)),
        world.sign("val", SetChildkeyTake(who("va"), SUBNET, 77)),
        world.sign("val", SetChildren(who("va"), OTHER, ((9, who("x")),))),
        world.sign("val", SetChildren(who("vb"), OTHER, ((5, who("va")),))),
        world.sign("val", SetChildren(who("va"), SUBNET, ((3, who("y")),))),
        world.sign("val", SetAutoParentDelegation(who("va"), False)),
        world.sign("alice", SetColdkeyAutoStakeHotkey(SUBNET, who("va"))),
        world.sign("va", ServeAxon(SUBNET, b"peer", (b"a",))),
        world.sign("va", SetCommitment(SUBNET, b"model")),
        world.sign("va", CommitWeights(SUBNET, ZERO_HASH)),
    )
    world.block()
    return world


def test_a_swap_everywhere_moves_everything_and_leaves_nothing() -> None:
    world = _lived_in()
    before, row = _stakes(world, "va"), queries.metagraph(world.state.view, SUBNET).rows[1]
    commits = secret_weights.COMMITS.get(world.state.view, (SUBNET, who("va")))
    free_rao = queries.balance(world.state.view, who("val"))
    issuance = queries.total_issuance(world.state.view)
    executed = world.block(world.sign("val", EVERYWHERE))
    view = world.state.view
    assert HotkeySwapped(who("val"), who("va"), who("vc")) in executed.events
    fee_rao = executed.receipts[0].fee_rao
    assert free_rao - queries.balance(view, who("val")) == fee_rao + PARAMETERS.hotkey_swap_rao
    assert queries.total_issuance(view) < issuance + TAO, "the cost is recycled"
    assert len(before) == 4
    assert _stakes(world, "vc") == before
    assert _stakes(world, "va") == {}
    new = queries.metagraph(view, SUBNET).rows[1]
    assert dataclasses.replace(new, hotkey=who("va"), alpha_stake=row.alpha_stake) == dataclasses.replace(
        row, stake_weight_rao=new.stake_weight_rao
    )
    assert queries.uid_of(view, SUBNET, who("va")) is None
    assert queries.commitment(view, SUBNET, who("vc")) == b"model"
    assert neurons.AXON.find(view, (SUBNET, who("va"))) is None
    assert secret_weights.COMMITS.get(view, (SUBNET, who("vc"))) == commits != ()
    assert queries.subnet(view, OTHER).owner_hotkey == who("vc")
    assert children.LENDING.get(view, (who("vc"), OTHER)) == children.Lending(((9, who("x")),), ((5, who("vb")),))
    assert children.LENDING.get(view, (who("x"), OTHER)).parents == ((9, who("vc")),)
    assert children.LENDING.get(view, (who("vb"), OTHER)).children == ((5, who("vc")),)
    assert children.CHILD_KEY.get(view, (who("vc"), SUBNET)).take_u16 == 77
    assert children.NO_AUTO_PARENT.get(view, who("vc"))
    assert destinations.destination_of(view, who("alice"), SUBNET, who("z")) == who("vc")
    assert root.seat_of(view, who("vc")) == 0
    assert root.seat_of(view, who("va")) is None
    record = queries.hotkey(view, who("vc"))
    assert record is not None
    assert (record.coldkey, record.take_u16, record.delegate) == (who("val"), 5000, True)
    assert queries.hotkey(view, who("va")) is None


def test_a_waiting_request_of_children_follows_the_swap() -> None:
    world = _lived_in()
    assert world.do("val", EVERYWHERE) == ""
    world.run_to(9)
    assert children.LENDING.get(world.state.view, (who("vc"), SUBNET)).children == ((3, who("y")),)
    assert children.LENDING.get(world.state.view, (who("va"), SUBNET)) == children.Lending()


def test_a_swap_that_keeps_the_stake_leaves_it_and_its_hotkey() -> None:
    world = _lived_in()
    before = _stakes(world, "va")
    assert world.do("val", replace(EVERYWHERE, keep_stake=True)) == ""
    assert _stakes(world, "va") == before
    assert _stakes(world, "vc") == {}
    assert queries.uid_of(world.state.view, SUBNET, who("vc")) == 1
    record = queries.hotkey(world.state.view, who("va"))
    assert record is not None


def test_a_swap_on_one_subnet_leaves_the_others() -> None:
    world = _lived_in()
    before = _stakes(world, "va")
    executed = world.block(world.sign("val", HERE))
    view = world.state.view
    assert HotkeySwappedOnSubnet(who("val"), who("va"), who("vc"), SUBNET) in executed.events
    assert (queries.uid_of(view, SUBNET, who("vc")), queries.uid_of(view, OTHER, who("va"))) == (1, 0)
    assert set(_stakes(world, "vc")) == {key for key in before if key[0] == SUBNET}
    assert set(_stakes(world, "va")) == {key for key in before if key[0] != SUBNET}
    assert children.LENDING.get(view, (who("va"), OTHER)).children == ((9, who("x")),)
    assert queries.hotkey(view, who("va")) is not None


def test_shares_move_with_their_exact_numbers_to_a_fresh_hotkey_and_by_value_to_one_with_stake() -> None:
    world = _lived_in()
    row = staking.SHARE.get(world.state.view, (who("va"), SUBNET, who("alice")))
    world.do("val", HERE)
    assert staking.SHARE.get(world.state.view, (who("vc"), SUBNET, who("alice"))) == row
    world = _lived_in()
    world.block(
        world.sign("val", TryAssociateHotkey(who("vc"))),
        world.sign("bob", AddStake(who("vc"), SUBNET, Rao(11 * TAO))),
    )
    held = {name: _stakes(world, name) for name in ("va", "vc")}
    behind = sum(staking.stake_behind(world.state.view, who(name), SUBNET) for name in ("va", "vc"))
    world.do("val", HERE)
    after = _stakes(world, "vc")
    for name in ("alice", "bob", "val"):
        key = (SUBNET, who(name))
        due = held["va"][key] + held["vc"].get(key, 0)
        assert abs(after[key] - due) <= 3, name
    assert staking.stake_behind(world.state.view, who("vc"), SUBNET) == behind, "not one α is lost"
    assert staking.POOL.find(world.state.view, (who("va"), SUBNET)) is None


def test_nobodys_take_rises_by_a_swap() -> None:
    world = _lived_in()
    world.block(
        world.sign("val", TryAssociateHotkey(who("vc"))),
        world.sign("val", TryAssociateHotkey(who("vd"))),
        world.sign("val", DecreaseTake(who("vd"), 100)),
    )
    world.do("val", EVERYWHERE)
    record = queries.hotkey(world.state.view, who("vc"))
    assert record is not None
    assert record.take_u16 == 5000, "the new key's default was 11 796"
    world.run_to(world.state.height + 5)
    world.do("val", SwapHotkey(who("vc"), who("vd"), keep_stake=False))
    record = queries.hotkey(world.state.view, who("vd"))
    assert record is not None
    assert record.take_u16 == 100


@pytest.mark.parametrize("kind", [EVERYWHERE, HERE])
def test_no_childs_take_rises_by_a_swap(kind: SwapHotkey | SwapHotkeyOnSubnet) -> None:
    """Parents that lend to a key with a low take count on the pause before it can rise."""
    world = _world()
    world.block(
        world.sign("val", TryAssociateHotkey(who("vc"))),
        world.sign("val", SetChildkeyTake(who("va"), SUBNET, 9000)),
        world.sign("val", SetChildkeyTake(who("vc"), SUBNET, 100)),
        world.sign("val", SetChildkeyTake(who("va"), OTHER, 9000)),
    )
    assert world.do("val", kind) == ""
    view = world.state.view
    assert children.CHILD_KEY.get(view, (who("vc"), SUBNET)).take_u16 == 100
    assert failed(world, "val", SetChildkeyTake(who("vc"), SUBNET, 101)) == "TxChildkeyTakeRateLimitExceeded"
    if isinstance(kind, SwapHotkey):
        assert children.CHILD_KEY.get(view, (who("vc"), OTHER)).take_u16 == 9000, "none of its own, so the old one's"


def test_the_pause_of_burned_stake_follows_the_swap_and_leaves_no_row() -> None:
    world = _world()
    assert world.do("alice", AddStakeBurn(who("va"), SUBNET, Rao(TAO), 0)) == ""
    burned_at = world.state.height
    assert world.do("val", HERE) == ""
    assert exits.BURNED_AT.find(world.state.view, (who("va"), SUBNET)) is None
    assert exits.BURNED_AT.find(world.state.view, (who("vc"), SUBNET)) == burned_at
    scratch = Scratch(world)
    assert scratch.decide(RootDissolveNetwork(SUBNET)) == ""
    assert exits.BURNED_AT.find(scratch.state, (who("vc"), SUBNET)) is None


def test_weights_stay_on_the_seat() -> None:
    world = _world()
    world.block(
        world.sign("va", SetWeights(SUBNET, (Uid(2),), (1,), 0)),
        world.sign("vb", SetWeights(SUBNET, (Uid(1),), (1,), 0)),
    )
    world.do("val", EVERYWHERE)
    assert queries.weights_of(world.state.view, SUBNET, Uid(1)) == ((2, 65_535),)
    assert queries.weights_of(world.state.view, SUBNET, Uid(2)) == ((1, 65_535),)
    world.run_to(world.state.height + 3)
    assert world.do("vc", SetWeights(SUBNET, (Uid(2),), (1,), 0)) == ""


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [EVERYWHERE, HERE], ids=["everywhere", "on a subnet"])
def test_keys_must_be_ones_own_and_free(kind: SwapHotkey | SwapHotkeyOnSubnet) -> None:
    world = _world()
    assert failed(world, "val", replace(kind, hotkey=who("nobody"))) == "HotKeyAccountNotExists"
    assert failed(world, "alice", kind) == "NonAssociatedColdKey"
    world.do("alice", TryAssociateHotkey(who("vc")))
    assert failed(world, "val", kind) == "NonAssociatedColdKey", "the new one is alice's"
    assert failed(world, "val", replace(kind, new_hotkey=who("va"))) == "NewHotKeyIsSameWithOld"
    assert failed(world, "val", replace(kind, new_hotkey=who("vb"))) == "HotKeyAlreadyRegisteredInSubNet"


def test_a_subnet_must_exist_for_a_swap_on_it() -> None:
    assert failed(_world(), "val", replace(HERE, netuid=NetUid(9))) == "SubnetNotExists"
    assert failed(_world(), "val", replace(HERE, netuid=ROOT)) == "SubnetNotExists"


def test_a_seat_on_root_is_a_seat() -> None:
    world = _world()
    world.do("val", RootRegister(who("vc")))
    assert failed(world, "val", EVERYWHERE) == "HotKeyAlreadyRegisteredInSubNet"


def test_swaps_are_rate_limited_per_coldkey_and_per_subnet() -> None:
    world = _world()
    assert world.do("val", HERE) == ""
    back = SwapHotkeyOnSubnet(who("vc"), who("vd"), SUBNET, keep_stake=False)
    world.run_to(4)
    assert failed(world, "val", back) == "HotKeySetTxRateLimitExceeded"
    assert failed(world, "val", back) == "HotKeySwapOnSubnetIntervalNotPassed"
    elsewhere = SwapHotkeyOnSubnet(who("va"), who("ve"), OTHER, keep_stake=False)
    assert world.do("val", elsewhere) == "", "another subnet has its own interval"
    world.run_to(8)
    assert failed(world, "val", SwapHotkey(who("vb"), who("vf"), keep_stake=False)) == "HotKeySetTxRateLimitExceeded"
    world.run_to(11)
    assert world.do("val", back) == ""
    swaps = hotkey_swaps.SWAPS.get(world.state.view, who("val"))
    assert [netuid for netuid, _ in swaps.by_subnet] == [SUBNET, OTHER]


def test_the_interval_of_a_subnet_ends_exactly_after_its_blocks() -> None:
    world = _world()
    assert world.do("val", HERE) == ""
    back = SwapHotkeyOnSubnet(who("vc"), who("vd"), SUBNET, keep_stake=False)
    world.run_to(7)
    assert failed(world, "val", back) == "HotKeySwapOnSubnetIntervalNotPassed"
    assert world.do("val", back) == ""


def test_merged_positions_lose_less_than_a_unit_each_and_nothing_in_all() -> None:
    overlay = _world().overlay()
    for name in ("x", "y", "z"):
        staking.deposit(overlay, who("va"), OTHER, who(name), 1)
    staking.distribute(overlay, who("va"), OTHER, 5)
    staking.deposit(overlay, who("vc"), OTHER, who("x"), 10)
    positions.give_pool(overlay, OTHER, who("va"), who("vc"), who("val"))
    held = [staking.stake_of(overlay, who("vc"), OTHER, who(name)) for name in ("x", "y", "z", "val")]
    assert staking.stake_behind(overlay, who("vc"), OTHER) == 18
    assert held == [12, 3, 3, 0], "what one loses to rounding the next ones gain"
    assert list(staking.NOMINATORS.members(overlay, (who("va"), OTHER))) == []


def test_a_swap_must_be_paid() -> None:
    spec = small_genesis(parameters=replace(PARAMETERS, hotkey_swap_rao=20_000 * TAO))
    assert failed(World(spec), "val", EVERYWHERE) == "NotEnoughBalanceToPaySwapHotKey"


def test_root_stake_of_the_new_hotkey_stands_in_the_way() -> None:
    world = _world()
    world.do("val", TryAssociateHotkey(who("vc")))
    world.do("bob", AddStake(who("vc"), ROOT, Rao(TAO)))
    assert failed(world, "val", EVERYWHERE) == "NewHotKeyNotCleanForRootSwap"
    assert world.do("val", HERE) == "", "a swap on a subnet does not touch root"


def test_links_of_both_hotkeys_are_not_mixed() -> None:
    world = _world()
    world.block(
        world.sign("val", TryAssociateHotkey(who("vc"))),
        world.sign("val", SetChildren(who("va"), OTHER, ((1, who("vc")),))),
    )
    assert failed(world, "val", EVERYWHERE) == "ChildParentInconsistency"


def test_a_swap_that_is_refused_has_moved_nothing_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of positions that move and are rolled back for a base fee would stop the chain."""
    world = _world()
    world.do("val", TryAssociateHotkey(who("vc")))
    assert world.do("val", SetChildren(who("va"), OTHER, ((9, who("x")),))) == ""
    assert world.do("val", SetChildren(who("vb"), OTHER, ((9, who("vc")),))) == ""
    monkeypatch.setattr(positions, "give_pool", lambda *_: pytest.fail("stake was moved"))
    assert failed(world, "val", EVERYWHERE) == "ChildParentInconsistency"


def test_a_swap_of_too_much_is_refused_unless_the_stake_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotkey_swaps, "SWAP_MOVES_MAX", 2)
    world = _world()
    world.block(
        world.sign("alice", AddStake(who("va"), SUBNET, Rao(TAO))),
        world.sign("bob", AddStake(who("va"), SUBNET, Rao(TAO))),
    )
    assert failed(world, "val", HERE) == "SwapTooLarge"
    assert world.do("val", replace(HERE, keep_stake=True)) == ""


def test_a_miner_that_swaps_goes_on_earning() -> None:
    world = _world()
    world.do("alice", BurnedRegister(SUBNET, who("m")))
    world.block()
    world.block(world.sign("va", SetWeights(SUBNET, (Uid(3),), (1,), 0)))
    world.do("alice", SwapHotkey(who("m"), who("m2"), keep_stake=False))
    world.run_to(20)
    assert staking.stake_behind(world.state.view, who("m2"), SUBNET) > 0
    assert staking.stake_behind(world.state.view, who("m"), SUBNET) == 0
