"""Quorums, leaders and slots are integers that everybody computes alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.consensus.authority import AuthoritySet
from node.consensus.errors import BadAuthoritySet
from node.consensus.slots import SlotClock, Timeouts
from node.ledger.header import Authority
from node.primitives.types import AccountId, SetId, Slot
from tests.simulation.chain import make_set


@pytest.mark.parametrize(
    ("count", "quorum", "honest"), [(1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 3, 2), (6, 5, 2), (7, 5, 3), (100, 67, 34)]
)
def test_a_quorum_is_more_than_two_thirds_and_a_third_includes_an_honest_one(
    count: int, quorum: int, honest: int
) -> None:
    authorities = make_set(count)
    assert [authorities.is_quorum(weight) for weight in (quorum - 1, quorum)] == [False, True]
    assert [authorities.includes_honest(weight) for weight in (honest - 1, honest)] == [False, True]


@given(st.lists(st.integers(1, 10**18), min_size=1, max_size=20))
def test_two_quorums_share_more_than_a_third(weights: list[int]) -> None:
    members = [Authority(AccountId(bytes([number]) * 32), weight) for number, weight in enumerate(weights)]
    authorities = AuthoritySet.of(SetId(0), members)
    least = 2 * authorities.total_weight // 3 + 1
    assert authorities.is_quorum(least)
    assert not authorities.is_quorum(least - 1)
    assert 3 * (2 * least - authorities.total_weight) > authorities.total_weight


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
