"""The way from authorities over a joint phase to stake, its guards, the way back, and who leads slots meanwhile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.ledger import network_queries as network
from node.ledger import queries
from node.ledger.calls import (
    AbortPos,
    BondAuthority,
    SchedulePos,
    SetAuthorities,
    ShadowVote,
    UnbondAuthority,
    VoteAbortPos,
)
from node.ledger.events import AuthoritiesIdle, PosAborted, PosPostponed
from node.ledger.pallets import authority, pos, turns
from node.ledger.pallets.authority import is_small_change
from node.ledger.phases import PosPhase, authorities_of, is_abort, phase_of, stake_of
from node.primitives.limits import IDLE_MISSED_SLOTS
from node.primitives.types import AccountId, Hash, Rao, Slot
from tests.unit.ledger.council import council_genesis, decide, outcome
from tests.unit.ledger.refusals import refused
from tests.unit.ledger.root import Scratch
from tests.unit.ledger.world import TAO, World, who

VALIDATORS = ("authority0", "authority1", "va", "vb")
EPOCH = 10


def _pos(activation: int = 4, joint: int = 14, validators: int = 3, **guards: int) -> SchedulePos:
    return SchedulePos(
        activation, joint, validators, guards.get("bonded", 0), guards.get("weight", 600_000),
        guards.get("participation", 800_000),
    )  # fmt: skip


def _to_slot(world: World, slot: int) -> None:
    while world.state.slot < slot:
        world.block()


def _shadows(world: World, names: tuple[str, ...] = VALIDATORS) -> None:
    head = world.state
    world.block(*(world.sign(name, ShadowVote(head.height - 1, _hash_at(world, head.height - 1))) for name in names))


def _hash_at(world: World, height: int) -> Hash:
    found = queries.block_hash(world.state.view, height)
    assert found is not None
    return found


def _world(schedule: SchedulePos | None = None, *, bonds: tuple[int, ...] = (100, 100, 100, 100)) -> World:
    world = World(council_genesis(authorities=4, epoch_slots=EPOCH))
    for name, amount in zip(VALIDATORS, bonds, strict=True):
        assert world.do("val", BondAuthority(who(name), Rao(max(amount, 10) * TAO))) == ""
        if amount < 10:
            assert world.do("val", UnbondAuthority(who(name), Rao((10 - amount) * TAO))) == ""
    assert outcome(decide(world, schedule or _pos())) == ""
    return world


def _phase(world: World) -> PosPhase:
    return phase_of(queries.authority_set(world.state.view).members)


def _to_joint(world: World) -> None:
    """Shadow votes in every epoch until the joint set decides."""
    for _ in range(12):
        if _phase(world) is PosPhase.JOINT:
            return
        _shadows(world)
        _to_slot(world, (world.state.slot // EPOCH + 1) * EPOCH)
    raise AssertionError("the joint phase never came")


# --- forwards --------------------------------------------------------------------------------------------------------


def test_authorities_then_both_then_stake() -> None:
    world = _world()
    _to_joint(world)
    joint = queries.authority_set(world.state.view)
    assert network.authority_epoch(world.state.view) == 4
    assert stake_of(joint.members) == {who(name): 100 * TAO for name in VALIDATORS}
    assert len(authorities_of(joint.members)) == 4
    assert len(joint.members) == 6
    _to_slot(world, 179)
    assert _phase(world) is PosPhase.JOINT
    _to_slot(world, 181)
    stake = queries.authority_set(world.state.view)
    assert _phase(world) is PosPhase.STAKE
    assert stake.set_id == joint.set_id + 1
    assert {member.account for member in stake.members} == {who(name) for name in VALIDATORS}


def test_every_set_is_decided_announced_and_enacted_in_three_epochs_that_follow() -> None:
    world = _world()
    _to_joint(world)
    listed = [block.header for block in world.blocks if block.header.next_set]
    assert [header.slot for header in listed] == [30, 40]
    assert listed[0].next_set == listed[1].next_set == queries.authority_set(world.state.view).members
    assert {header.set_id for header in listed} == {0}


@pytest.mark.parametrize(
    ("schedule", "bonds", "shadows", "guard"),
    [
        (_pos(validators=5), (100, 100, 100, 100), VALIDATORS, b"validators"),
        (_pos(validators=4), (100, 100, 100, 9), VALIDATORS, b"validators"),
        (_pos(bonded=900_000), (100, 100, 100, 100), VALIDATORS, b"bonded"),
        (_pos(weight=300_000), (300, 100, 100, 100), VALIDATORS, b"weight"),
        (_pos(), (100, 100, 100, 100), VALIDATORS[:3], b"participation"),
    ],
)
def test_a_guard_that_does_not_hold_keeps_authorities_alone_and_is_tried_every_epoch(
    schedule: SchedulePos, bonds: tuple[int, ...], shadows: tuple[str, ...], guard: bytes
) -> None:
    world = _world(schedule, bonds=bonds)
    for _ in range(6):
        able = [name for name, bond in zip(VALIDATORS, bonds, strict=True) if name in shadows and bond >= 10]
        _shadows(world, tuple(able))
        _to_slot(world, (world.state.slot // EPOCH + 1) * EPOCH - 1)
        began = world.block()
        epoch = network.authority_epoch(world.state.view)
        postponed = [event for event in began.events if isinstance(event, PosPostponed)]
        assert postponed == ([PosPostponed(guard)] if epoch >= 2 else [])
    assert _phase(world) is PosPhase.AUTHORITIES


def test_stake_alone_comes_only_when_the_guards_hold_again() -> None:
    world = _world(_pos(weight=400_000))
    _to_joint(world)
    assert world.do("val", BondAuthority(who("va"), Rao(900 * TAO))) == ""
    _to_slot(world, 200)
    assert _phase(world) is PosPhase.JOINT
    assert world.do("val", UnbondAuthority(who("va"), Rao(900 * TAO))) == ""
    _to_slot(world, 300)
    assert _phase(world) is PosPhase.STAKE


def test_bonds_move_the_set_of_stake_and_authorities_no_longer_do() -> None:
    world = _world()
    _to_joint(world)
    _to_slot(world, 185)
    assert _phase(world) is PosPhase.STAKE
    assert Scratch(world).decide(SetAuthorities(((who("x"), 1), *((who(n), 1) for n in ())))) == "StakeDecides"
    assert Scratch(world).decide(AbortPos()) == "PosAbortTooLate"
    assert refused(world, "authority0", VoteAbortPos()) == "PosAbortTooLate"
    assert world.do("val", BondAuthority(who("va"), Rao(50 * TAO))) == ""
    _to_slot(world, 225)
    stakes = stake_of(queries.authority_set(world.state.view).members)
    assert stakes[who("va")] == 150 * TAO


def test_authorities_change_in_the_joint_phase_and_validators_keep_their_stake() -> None:
    world = _world()
    _to_joint(world)
    before = queries.authority_set(world.state.view)
    names = sorted(who(name) for name in ("authority0", "authority1", "authority2", "newcomer"))
    assert outcome(decide(world, SetAuthorities(tuple((name, 1) for name in names)))) == ""
    _to_slot(world, world.state.slot + 25)
    after = queries.authority_set(world.state.view).members
    assert set(authorities_of(after)) == set(names)
    assert stake_of(after) == stake_of(before.members)


# --- back ------------------------------------------------------------------------------------------------------------


def test_an_abort_in_the_joint_phase_is_enacted_by_the_very_next_block() -> None:
    world = _world()
    _to_joint(world)
    joint = queries.authority_set(world.state.view)
    assert outcome(decide(world, AbortPos())) == ""
    world.block(enact=False)
    header = world.blocks[-1].header
    assert header.set_id == joint.set_id
    assert authorities_of(header.next_set) == authorities_of(joint.members)
    assert is_abort(header, joint.members)
    assert _phase(world) is PosPhase.AUTHORITIES
    assert network.pos_schedule(world.state.view) is None
    _to_slot(world, world.state.slot + 40)
    assert _phase(world) is PosPhase.AUTHORITIES


def test_two_thirds_of_the_authorities_abort_without_any_proposal() -> None:
    world = _world()
    _to_joint(world)
    for name in ("authority0", "authority1"):
        assert world.do(name, VoteAbortPos()) == ""
        assert _phase(world) is PosPhase.JOINT
    assert refused(world, "authority0", VoteAbortPos()) == "DuplicateVote"
    assert refused(world, "va", VoteAbortPos()) == "NotAuthority"
    aborting = world.block(world.sign("authority2", VoteAbortPos()))
    assert PosAborted() in aborting.events
    world.block()
    assert _phase(world) is PosPhase.AUTHORITIES


def test_an_abort_before_the_joint_phase_withdraws_the_set_that_waits() -> None:
    world = _world()
    while not authority.SCHEDULED.get(world.state.view).announced_height:
        _shadows(world)
        _to_slot(world, (world.state.slot // EPOCH + 1) * EPOCH)
    assert outcome(decide(world, AbortPos())) == ""
    assert network.authority_schedule(world.state.view) is None
    _to_slot(world, world.state.slot + 40)
    assert _phase(world) is PosPhase.AUTHORITIES


def test_an_ordinary_change_is_no_abort() -> None:
    world = _world()
    _to_joint(world)
    members = queries.authority_set(world.state.view).members
    for block in world.blocks:
        assert not is_abort(block.header, members) or block.header.next_set == ()


# --- the schedule and shadow votes -----------------------------------------------------------------------------------


def test_proof_of_stake_is_scheduled_with_notice_and_a_joint_phase() -> None:
    world = World(council_genesis())
    assert world.do("alice", _pos()) == "BadOrigin"
    assert world.do("alice", AbortPos()) == "BadOrigin"
    state = Scratch(world)
    assert state.decide(AbortPos()) == "PosNotScheduled"
    assert state.decide(_pos(activation=2)) == "PosScheduleTooEarly"
    assert state.decide(_pos(joint=13)) == "PosJointPhaseTooShort"
    assert state.decide(_pos(activation=3)) == ""
    assert state.decide(_pos()) == "PosAlreadyScheduled"
    schedule = network.pos_schedule(state.state)
    assert schedule is not None
    assert (schedule.activation_epoch, schedule.stake_epoch, schedule.validators_min) == (3, 17, 3)
    assert state.decide(AbortPos()) == ""
    assert PosAborted() in state.events
    assert network.pos_schedule(state.state) is None


def test_a_shadow_vote_is_of_a_validator_on_this_chain_once_an_epoch_while_a_date_is_set() -> None:
    world = World(council_genesis(authorities=4, epoch_slots=EPOCH))
    assert refused(world, "va", ShadowVote(0, world.genesis_hash)) == "PosNotScheduled"
    world = _world()
    good = ShadowVote(0, world.genesis_hash)
    assert refused(world, "alice", good) == "NotValidator"
    assert refused(world, "va", ShadowVote(0, Hash(bytes(32)))) == "ShadowVoteElsewhere"
    assert refused(world, "va", ShadowVote(world.state.height + 5, world.genesis_hash)) == "ShadowVoteElsewhere"
    assert world.do("va", good) == ""
    assert refused(world, "va", good) == "DuplicateVote"
    _to_slot(world, 11)
    assert world.do("va", good) == ""


STAKES = st.dictionaries(st.sampled_from([AccountId(bytes([n]) * 32) for n in range(6)]), st.integers(10**6, 10**15))


@given(STAKES.filter(bool), STAKES.filter(bool))
def test_a_set_of_stake_moves_by_at_most_a_third_and_arrives(before: pos.Stakes, target: pos.Stakes) -> None:
    after = pos.towards(before, target)
    assert after == target or is_small_change(before, after)
    assert min(after.values()) > 0
    for account in before.keys() | target.keys():
        low, high = sorted((before.get(account, 0), target.get(account, 0)))
        assert low <= after.get(account, 0) <= high
    for _ in range(400):
        after = pos.towards(after, target)
    assert after == target


# --- turns -----------------------------------------------------------------------------------------------------------


def _leaders(world: World, slots: range) -> set[AccountId]:
    return {turns.leader(world.state.view, Slot(slot)) for slot in slots}


def test_who_misses_eight_slots_of_an_epoch_leads_none_of_the_next_and_is_tried_again_in_the_one_after() -> None:
    epoch = 4 * (IDLE_MISSED_SLOTS + 1)
    world = World(council_genesis(authorities=4, epoch_slots=epoch))
    absent = turns.leader(world.state.view, Slot(3))

    def run_to(end: int) -> None:
        slot = world.state.slot
        for following in range(slot + 1, end):
            if turns.leader(world.state.view, Slot(following)) != absent:
                world.block(slots=following - world.state.slot)

    run_to(epoch)
    began = world.block(slots=epoch - world.state.slot)
    assert AuthoritiesIdle((absent,), Slot(2 * epoch)) in began.events
    assert absent not in _leaders(world, range(epoch + 1, 2 * epoch))
    assert absent in _leaders(world, range(2 * epoch, 2 * epoch + 4))
    run_to(2 * epoch)
    world.block(slots=2 * epoch - world.state.slot)
    assert queries.authority_set(world.state.view).idle == ()
    assert absent in _leaders(world, range(2 * epoch + 1, 2 * epoch + 5))


def test_a_chain_that_slept_for_epochs_goes_on_with_everybody() -> None:
    world = World(council_genesis(authorities=4, epoch_slots=EPOCH))
    world.block()
    world.block(slots=100_000)
    assert len(_leaders(world, range(world.state.slot + 1, world.state.slot + 5))) == 4
