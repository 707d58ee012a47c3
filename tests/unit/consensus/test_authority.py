"""Quorums, leaders and slots are integers that everybody computes alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.consensus.authority import AuthoritySet, Power
from node.consensus.errors import BadAuthoritySet
from node.consensus.slots import SlotClock, Timeouts
from node.ledger.header import Authority
from node.ledger.phases import PosPhase
from node.primitives.types import AccountId, SetId, Slot
from tests.simulation.chain import make_set


@pytest.mark.parametrize(
    ("count", "quorum", "honest"), [(1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 3, 2), (6, 5, 2), (7, 5, 3), (100, 67, 34)]
)
def test_a_quorum_is_more_than_two_thirds_and_a_third_includes_an_honest_one(
    count: int, quorum: int, honest: int
) -> None:
    authorities = make_set(count)
    assert [authorities.is_quorum(Power(weight)) for weight in (quorum - 1, quorum)] == [False, True]
    assert [authorities.includes_honest(Power(weight)) for weight in (honest - 1, honest)] == [False, True]


@given(st.lists(st.integers(1, 10**18), min_size=1, max_size=20))
def test_two_quorums_share_more_than_a_third(weights: list[int]) -> None:
    members = [Authority(AccountId(bytes([number]) * 32), weight) for number, weight in enumerate(weights)]
    authorities = AuthoritySet.of(SetId(0), members)
    total = authorities.total.weight
    least = 2 * total // 3 + 1
    assert authorities.is_quorum(Power(least))
    assert not authorities.is_quorum(Power(least - 1))
    assert 3 * (2 * least - total) > total


def _joint(*members: tuple[int, int]) -> AuthoritySet:
    """Members a, b, … with (weight, stake)."""
    return AuthoritySet.of(
        SetId(3), (Authority(AccountId(bytes([97 + i]) * 32), *powers) for i, powers in enumerate(members))
    )


def test_a_joint_set_needs_two_thirds_of_each_kind_and_an_abort_block_of_authorities_only() -> None:
    joint = _joint((1, 0), (1, 0), (1, 5), (1, 0), (0, 10))
    assert joint.phase is PosPhase.JOINT
    assert joint.is_quorum(Power(3, 11))
    assert not joint.is_quorum(Power(3, 10))
    assert not joint.is_quorum(Power(2, 15))
    assert joint.is_quorum(Power(3, 0), abort=True)
    assert not joint.is_quorum(Power(2, 15), abort=True)
    assert joint.is_authority_quorum(Power(3, 0))
    assert joint.includes_honest(Power(2, 0))
    assert not joint.includes_honest(Power(1, 15))


def test_a_set_of_stake_alone_decides_by_stake() -> None:
    stake = _joint((0, 5), (0, 10), (0, 15))
    assert stake.phase is PosPhase.STAKE
    assert stake.is_quorum(Power(0, 21))
    assert not stake.is_quorum(Power(0, 20))
    assert not stake.is_authority_quorum(Power(9, 20))


def test_validators_lead_as_often_as_their_stake_says_and_authorities_in_turn() -> None:
    stake = _joint((0, 1), (0, 2), (0, 5))
    led = [stake.slot_leader(Slot(slot))[0] - 97 for slot in range(800)]
    assert [led.count(who) for who in range(3)] == [100, 200, 500]
    joint = _joint((1, 0), (1, 7), (0, 90))
    assert {joint.slot_leader(Slot(slot))[0] for slot in range(20)} == {97, 98}


def test_who_is_off_duty_leads_nothing_unless_nobody_else_could() -> None:
    keys = [member.account for member in make_set(4).members]
    members = make_set(4).members
    idle = AuthoritySet(SetId(0), members, disabled=(keys[0],), idle=(keys[1],), idle_until=Slot(10))
    assert {idle.slot_leader(Slot(slot)) for slot in range(10)} == {keys[2], keys[3]}
    assert {idle.slot_leader(Slot(slot)) for slot in range(10, 20)} == set(keys[1:])
    assert {idle.proposer(1, place) for place in range(9)} == set(keys[1:])
    nobody = AuthoritySet(SetId(0), members, disabled=tuple(keys))
    assert {nobody.slot_leader(Slot(slot)) for slot in range(4)} == set(keys)


@given(st.integers(0, 40), st.integers(0, 30), st.sets(st.integers(0, 3)), st.sets(st.integers(0, 3)))
def test_the_next_own_slot_is_the_first_that_one_leads(
    first: int, until: int, disabled: set[int], idle: set[int]
) -> None:
    members = make_set(4).members
    keys = [member.account for member in members]
    authorities = AuthoritySet(
        SetId(0), members, tuple(keys[i] for i in sorted(disabled)), tuple(keys[i] for i in sorted(idle)), Slot(until)
    )
    for key in keys:
        led = [slot for slot in range(first, first + 80) if authorities.slot_leader(Slot(slot)) == key]
        assert authorities.next_led_by(key, Slot(first)) == (led[0] if led else None)


def test_every_member_leads_one_slot_and_proposes_one_round_in_turn() -> None:
    authorities = make_set(5)
    assert len({authorities.slot_leader(Slot(slot)) for slot in range(7, 12)}) == 5
    assert len({authorities.proposer(3, round_number) for round_number in range(5)}) == 5
    assert authorities.proposer(3, 1) == authorities.proposer(4, 0)


@pytest.mark.parametrize("weights", [{}, {b"a": 0}, {b"a": -1}])
def test_a_set_without_weight_is_refused(weights: dict[bytes, int]) -> None:
    with pytest.raises(BadAuthoritySet):
        AuthoritySet.of(SetId(0), (Authority(AccountId(key * 32), weight) for key, weight in weights.items()))


def test_a_repeated_or_unsorted_member_is_refused() -> None:
    one, two = Authority(AccountId(b"a" * 32), 1), Authority(AccountId(b"b" * 32), 1)
    with pytest.raises(BadAuthoritySet):
        AuthoritySet(SetId(0), (two, one))
    with pytest.raises(BadAuthoritySet):
        AuthoritySet.of(SetId(0), (one, one))


@given(st.integers(-(10**6), 10**15), st.integers(1, 60_000))
def test_every_moment_lies_in_its_slot(now_ms: int, slot_ms: int) -> None:
    clock = SlotClock(1_000_000, slot_ms)
    slot = clock.slot_at(now_ms)
    assert clock.start_ms_of(slot) <= now_ms < clock.start_ms_of(Slot(slot + 1))


def test_timeouts_follow_the_slot_and_grow_by_round_up_to_a_bound() -> None:
    assert Timeouts.for_slot(1000) == Timeouts(300, 150, 50)
    assert Timeouts.for_slot(12_000) == Timeouts(3000, 1000, 500)
    assert Timeouts.for_slot(1000).proposal_wait_ms(2) == 400
    assert Timeouts.for_slot(1000).vote_wait_ms(10**9) == 150 + 60 * 50
