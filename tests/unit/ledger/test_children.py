"""Lent stake: who may lend, when it comes into force, what it weighs in an epoch, and who gets the dividends."""

import dataclasses
from typing import Final

import pytest
from msgspec.structs import replace

from node.ledger.calls import (
    AddStake,
    BurnedRegister,
    RemoveStake,
    SetAutoParentDelegation,
    SetChildkeyTake,
    SetChildren,
    SetWeights,
    TryAssociateHotkey,
)
from node.ledger.context import Context
from node.ledger.events import ChildKeyTakeSet, ChildrenSet, SetChildrenScheduled, ValidatorPaid
from node.ledger.genesis import GenesisStake, GenesisSubnet
from node.ledger.pallets import children, staking
from node.ledger.parameters import Parameters
from node.primitives.fixed import U64_MAX
from node.primitives.types import Alpha, Height, NetUid, Rao, Uid
from tests.unit.ledger.refusals import failed
from tests.unit.ledger.world import SUBNET, TAO, TEST_PARAMETERS, World, hyper, small_genesis, who

HALF: Final = U64_MAX // 2
EPOCHS: Final = (9, 20, 31, 42)
"""Blocks in which the test subnet's epochs run."""
PARAMETERS: Final = replace(
    TEST_PARAMETERS, children_rate_limit_blocks=3, children_cooldown_blocks=4, childkey_take_rate_limit_blocks=5
)
NEW: Final = NetUid(2)


def _world(parameters: Parameters = PARAMETERS, **changes: int | bool) -> World:
    """The small world with a second subnet that has not started."""
    spec = small_genesis(subnet=hyper(**changes), parameters=parameters)
    unstarted = GenesisSubnet(
        NEW, "new", who("new-hot"), who("owner"), Rao(TAO), Alpha(TAO), started=False, hyperparameters=hyper(**changes)
    )
    return World(dataclasses.replace(spec, subnets=(*spec.subnets, unstarted)))


def _lend(*parts: tuple[int, str], hotkey: str = "va", netuid: NetUid = SUBNET) -> SetChildren:
    return SetChildren(who(hotkey), netuid, tuple((part, who(name)) for part, name in parts))


def _lending(world: World, name: str, netuid: NetUid = SUBNET) -> children.Lending:
    return children.LENDING.get(world.state.view, (who(name), netuid))


def _weight(world: World, name: str) -> int:
    return children.stake_weight_q64(world.state.view, SUBNET, who(name), 0) >> 64


def _in_force(world: World) -> None:
    """Run until a request of now is in force."""
    ready = world.state.height + PARAMETERS.children_cooldown_blocks
    world.run_to(next(height for height in EPOCHS if height > ready))


# --- when -------------------------------------------------------------------------------------------------------------


def test_children_wait_for_the_cooldown_and_then_for_the_next_epoch() -> None:
    world = _world()
    executed = world.block(world.sign("val", _lend((HALF, "vb"))))
    links = ((HALF, who("vb")),)
    assert SetChildrenScheduled(who("va"), SUBNET, Height(5), links) in executed.events
    world.run_to(8)
    assert _lending(world, "va") == children.Lending()
    executed = world.block()
    assert ChildrenSet(who("va"), SUBNET, links) in executed.events
    assert _lending(world, "va").children == links
    assert _lending(world, "vb").parents == ((HALF, who("va")),)


@pytest.mark.parametrize(("cooldown", "in_force_at"), [(7, 9), (8, 20)])
def test_an_epoch_in_the_last_block_of_the_cooldown_is_too_early(cooldown: int, in_force_at: int) -> None:
    world = _world(replace(PARAMETERS, children_cooldown_blocks=cooldown))
    world.do("val", _lend((HALF, "vb")))
    world.run_to(in_force_at - 1)
    assert _lending(world, "va").children == ()
    world.block()
    assert _lending(world, "va").children != ()


def test_before_a_subnet_starts_children_come_into_force_at_once() -> None:
    world = _world()
    executed = world.block(world.sign("val", _lend((HALF, "vb"), netuid=NEW)))
    assert ChildrenSet(who("va"), NEW, ((HALF, who("vb")),)) in executed.events
    assert _lending(world, "vb", NEW).parents == ((HALF, who("va")),)


def test_a_newer_request_replaces_a_waiting_one() -> None:
    world = _world()
    world.do("val", _lend((HALF, "vb")))
    world.run_to(3)
    world.do("val", _lend((7, "owner-hot")))
    _in_force(world)
    assert _lending(world, "va").children == ((7, who("owner-hot")),)
    assert _lending(world, "vb") == children.Lending()
    world.run_to(24)
    world.do("val", _lend())
    _in_force(world)
    assert _lending(world, "va") == _lending(world, "owner-hot") == children.Lending()


def test_a_request_that_breaks_a_rule_when_its_time_comes_is_dropped() -> None:
    world = _world()
    world.do("val", _lend((HALF, "vb")))
    world.do("val", _lend((HALF, "va"), hotkey="vb"))
    executed = world.run_to(9)[-1]
    assert [event.hotkey for event in executed.events if isinstance(event, ChildrenSet)] == [who("va")]
    assert _lending(world, "vb").children == (), "va is its parent by now"
    world = _world()
    world.do("val", _lend((HALF, "vb")))
    world.do("val", RemoveStake(who("va"), SUBNET, Alpha(550 * TAO)))
    _in_force(world)
    assert _lending(world, "va") == children.Lending(), "its stake is gone"
    assert children.REQUEST.find(world.state.view, (who("va"), SUBNET)) is None


def test_one_epoch_decides_a_bounded_number_of_requests_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "CHILDREN_PER_EPOCH_MAX", 1)
    world = _world()
    world.block(world.sign("val", _lend((1, "x"), hotkey="vb")), world.sign("val", _lend((2, "x"))))
    world.run_to(9)
    assert _lending(world, "x").parents == ((1, who("vb")),)
    world.run_to(20)
    assert set(_lending(world, "x").parents) == {(1, who("vb")), (2, who("va"))}
    queue = children.QUEUE.get(world.state.view, SUBNET)
    assert queue.first == queue.next == 2


# --- who --------------------------------------------------------------------------------------------------------------


def test_every_refusal_of_children() -> None:
    world = _world()
    root = _lend((1, "vb"), netuid=NetUid(0))
    assert failed(world, "val", root) == "RegistrationNotPermittedOnRootSubnet"
    assert failed(world, "val", _lend((1, "vb"), netuid=NetUid(9))) == "SubnetNotExists"
    assert failed(world, "val", _lend((1, "vb"), hotkey="nobody")) == "HotKeyAccountNotExists"
    assert failed(world, "alice", _lend((1, "vb"))) == "NonAssociatedColdKey"
    assert failed(world, "val", _lend((1, "vb"), (2, "vb"))) == "DuplicateChild"
    assert failed(world, "val", _lend((1, "vb"), (1, "va"))) == "InvalidChild"
    six = [(1, f"child{n}") for n in range(6)]
    assert failed(world, "val", _lend(*six)) == "TooManyChildren"
    assert failed(world, "val", _lend((HALF, "a"), (HALF, "b"), (2, "c"))) == "ProportionOverflow"
    assert world.do("val", _lend((HALF, "a"), (HALF, "b"), (1, "c"))) == "", "exactly all of it"
    assert failed(world, "val", _lend((1, "a"))) == "TxRateLimitExceeded"
    world.do("alice", TryAssociateHotkey(who("poor")))
    assert failed(world, "alice", _lend((1, "vb"), hotkey="poor")) == "NotEnoughStakeToSetChildkeys"
    assert world.do("alice", _lend(hotkey="poor")) == "", "an empty list needs no stake"
    assert world.do("owner", _lend((1, "vb"), hotkey="owner-hot")) == "", "nor does the subnet owner's hotkey"


def test_children_may_be_changed_again_exactly_after_the_rate_limit() -> None:
    world = _world()
    assert world.do("val", _lend((1, "vb"), netuid=NEW)) == ""
    world.block()
    assert failed(world, "val", _lend((2, "vb"), netuid=NEW)) == "TxRateLimitExceeded"
    assert world.do("val", _lend((2, "vb"), netuid=NEW)) == ""


def test_nobody_is_child_and_parent_of_the_same_hotkey() -> None:
    world = _world()
    assert world.do("val", _lend((1, "vb"), netuid=NEW)) == ""
    assert failed(world, "val", _lend((1, "va"), hotkey="vb", netuid=NEW)) == "ChildParentInconsistency"


def test_a_full_list_of_parents_makes_room_for_who_lends_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "PARENTS_MAX", 1)
    world = _world(replace(PARAMETERS, stake_threshold_rao=0))
    assert world.do("val", _lend((U64_MAX, "x"), hotkey="vb", netuid=NEW)) == ""
    assert failed(world, "val", _lend((U64_MAX, "x"), hotkey="va", netuid=NEW)) == "TooManyParents", "no stake here"
    world.do("bob", AddStake(who("va"), NetUid(0), Rao(TAO)))
    assert world.do("val", _lend((U64_MAX, "x"), hotkey="va", netuid=NEW)) == ""
    assert _lending(world, "x", NEW).parents == ((U64_MAX, who("va")),)
    assert _lending(world, "vb", NEW) == children.Lending(), "both ends of the old link are gone"


def test_a_childs_take_has_bounds_and_rises_slowly() -> None:
    world = _world(childkey_take_min_u16=100)

    def take(value: int, netuid: NetUid = SUBNET) -> SetChildkeyTake:
        return SetChildkeyTake(who("va"), netuid, value)

    assert failed(world, "val", take(100, NetUid(9))) == "SubnetNotExists"
    assert failed(world, "alice", take(100)) == "NonAssociatedColdKey"
    assert failed(world, "val", take(99)) == failed(world, "val", take(11_797)) == "InvalidChildkeyTake"
    executed = world.block(world.sign("val", take(100)))
    assert ChildKeyTakeSet(who("va"), SUBNET, 100) in executed.events
    assert failed(world, "val", take(101)) == "TxChildkeyTakeRateLimitExceeded"
    assert world.do("val", take(100)) == "", "staying is no rise, but it counts as a change"
    world.run_to(world.state.height + 3)
    assert failed(world, "val", take(101)) == "TxChildkeyTakeRateLimitExceeded"
    assert world.do("val", take(11_796)) == ""


# --- what it does -----------------------------------------------------------------------------------------------------


def test_lent_stake_weighs_at_the_child_and_not_at_the_parent() -> None:
    world = _world()
    own_a, own_b = _weight(world, "va"), _weight(world, "vb")
    assert (own_a, own_b) == (600 * TAO, 400 * TAO)
    world.do("val", _lend((U64_MAX // 4, "vb"), (HALF, "elsewhere")))
    _in_force(world)
    own_a = staking.stake_behind(world.state.view, who("va"), SUBNET)
    own_b = staking.stake_behind(world.state.view, who("vb"), SUBNET)
    assert _weight(world, "va") == pytest.approx(own_a / 4, rel=1e-8), "proportions have 32 bits"
    assert _weight(world, "vb") == pytest.approx(own_b + own_a / 4, rel=1e-8)
    assert _weight(world, "elsewhere") == pytest.approx(own_a / 2, rel=1e-8)
    world.do("val", _lend((U64_MAX, "vb")))
    _in_force(world)
    assert _weight(world, "va") < 1000


def test_root_stake_is_lent_too() -> None:
    spec = small_genesis(parameters=PARAMETERS, root_rao=1000 * TAO)
    world = World(spec)
    one = 2**63 - 1

    def weight(name: str) -> int:
        return children.stake_weight_q64(world.state.view, SUBNET, who(name), one) >> 64

    assert weight("va") == pytest.approx(1100 * TAO, rel=1e-6)
    world.do("val", _lend((HALF, "vb")))
    _in_force(world)
    root = staking.stake_behind(world.state.view, who("va"), NetUid(0))
    alpha = staking.stake_behind(world.state.view, who("va"), SUBNET)
    assert weight("va") == pytest.approx(alpha / 2 + root / 4, rel=1e-6)


def _dividends(take_u16: int, owner: str) -> tuple[float, float]:
    """What parent `va` of "val" and its child of `owner` are paid for one epoch, as parts of both, and their due."""
    spec = small_genesis(parameters=replace(PARAMETERS, stake_threshold_rao=TAO))
    stakes = (*spec.stakes[:1], GenesisStake(who(owner), who("child"), SUBNET, Alpha(100 * TAO)))
    world = World(dataclasses.replace(spec, stakes=stakes))
    world.block(
        world.sign(owner, BurnedRegister(SUBNET, who("child"))),
        world.sign("bob", BurnedRegister(SUBNET, who("m"))),
        world.sign(owner, SetChildkeyTake(who("child"), SUBNET, take_u16)),
        world.sign("val", _lend((HALF, "child"))),
    )
    world.run_to(20)
    assert world.do("child", SetWeights(SUBNET, (Uid(4),), (1,), 0)) == ""
    world.run_to(30)
    view = world.state.view
    lent = staking.stake_behind(view, who("va"), SUBNET) / 2
    due = lent / (lent + staking.stake_behind(view, who("child"), SUBNET))
    events = [event for event in world.block().events if isinstance(event, ValidatorPaid)]
    paid = {event.hotkey: event.take_alpha + event.nominators_alpha for event in events}
    return paid[who("va")] / (paid[who("va")] + paid[who("child")]), due


def test_a_childs_dividends_are_shared_with_its_parents_by_what_each_put_in() -> None:
    part, due = _dividends(0, "alice")
    assert part == pytest.approx(due, rel=1e-6)
    assert 0.7 < due < 0.8


def test_a_child_keeps_its_take_of_what_it_earns_for_other_coldkeys_only() -> None:
    part, due = _dividends(6553, "alice")
    assert part == pytest.approx(due * 0.9, rel=1e-4)
    part, due = _dividends(6553, "val")
    assert part == pytest.approx(due, rel=1e-6)


def test_root_validators_lend_to_the_owner_of_a_new_subnet_unless_they_decline() -> None:
    world = _world()
    assert failed(world, "alice", SetAutoParentDelegation(who("va"), False)) == "NonAssociatedColdKey"
    assert world.do("val", SetAutoParentDelegation(who("va"), False)) == ""
    overlay = world.overlay()
    context = Context(overlay, Height(9), who("authority0"), PARAMETERS)
    children.lend_to_owner(context, NEW, [who("va"), who("vb"), who("new-hot")])
    assert children.LENDING.get(overlay, (who("new-hot"), NEW)).parents == ((U64_MAX, who("vb")),)
    assert context.events == [ChildrenSet(who("vb"), NEW, ((U64_MAX, who("new-hot")),))]
    assert world.do("val", SetAutoParentDelegation(who("va"), True)) == ""
    assert not children.NO_AUTO_PARENT.get(world.state.view, who("va"))


def test_a_dissolved_subnet_leaves_no_links_and_no_requests() -> None:
    world = _world()
    world.block(
        world.sign("val", _lend((1, "vb"))),
        world.sign("val", SetChildkeyTake(who("vb"), SUBNET, 5)),
        world.sign("val", _lend((1, "x"), hotkey="vb", netuid=NEW)),
    )
    world.run_to(21)
    world.do("val", _lend((2, "vb")))
    overlay = world.overlay()
    children.forget_subnet(overlay, SUBNET)
    keys = [(who(name), SUBNET) for name in ("va", "vb")]
    for item in (children.LENDING, children.CHILD_KEY, children.REQUEST):
        assert not any(item.has(overlay, key) for key in keys)
    assert children.LISTED.count(overlay, SUBNET) == 0
    assert children.QUEUE.get(overlay, SUBNET) == children.Queue()
    assert children.LENDING.get(overlay, (who("x"), NEW)).parents == ((1, who("vb")),), "other subnets keep theirs"
