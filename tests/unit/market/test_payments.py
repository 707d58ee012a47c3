"""The rules of paying, by search: nobody pays more than the price, nobody serves much unpaid, no sum is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market.budget import Budget, Limits, day_of
from node.market.channels import ChannelInfo, carefully, problem_of, usable
from node.market.errors import OverClaimed, SpendingLimit
from node.market.limits import CHANNEL_MARGIN_BLOCKS
from node.market.offers import COMPLETION_UNIT, PROMPT_UNIT, make_offer
from node.market.payments import (
    COUNT_MAX,
    FREE,
    Meter,
    Tariff,
    batch_rao,
    check_ceiling,
    is_due,
    may_send,
    step_rao,
    tariff_of,
)
from node.primitives.types import AccountId, Hash, Height, NetUid, Rao
from node.subnets.base import Code, Spec, Usage
from tests.unit.market.money import Essays, Word

PRICES = st.integers(0, 10**13)
COUNTS = st.integers(0, 10**6)
TARIFFS = st.builds(Tariff, PRICES, PRICES, PRICES)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS)
SPEC = Spec("essays", "Essays", 1, NetUid(7), (), unit="page")


@given(TARIFFS, USAGES)
def test_a_cost_is_rounded_up_once_and_by_less_than_a_rao(tariff: Tariff, usage: Usage) -> None:
    exact = (
        usage.prompt_tokens * tariff.prompt_rao
        + usage.completion_tokens * tariff.completion_rao
        + usage.units * tariff.unit_rao
    )
    assert 0 <= tariff.cost_rao(usage) * 1_000_000 - exact < 1_000_000


@given(TARIFFS, USAGES, USAGES)
def test_more_usage_never_costs_less_and_parts_never_cost_less_than_the_whole(
    tariff: Tariff, one: Usage, two: Usage
) -> None:
    both = Usage(
        one.prompt_tokens + two.prompt_tokens, one.completion_tokens + two.completion_tokens, one.units + two.units
    )
    assert tariff.cost_rao(one) <= tariff.cost_rao(both) <= tariff.cost_rao(one) + tariff.cost_rao(two)


@pytest.mark.parametrize("usage", [Usage(-1, 0, 0), Usage(0, COUNT_MAX + 1, 0), Usage(0, 0, COUNT_MAX)])
def test_a_usage_beyond_all_there_is_has_no_cost(usage: Usage) -> None:
    with pytest.raises(OverClaimed):
        Tariff(1, 1, 10**13).cost_rao(usage)


def test_a_tariff_is_what_the_offer_says_for_the_model_and_the_subnets_unit() -> None:
    prices = {PROMPT_UNIT: 5, COMPLETION_UNIT: 7, "big/completion_tokens": 70, "page": 9}
    offer = make_offer(prices, valid_until=Height(1), concurrency=1)
    assert tariff_of(offer, SPEC) == Tariff(5, 7, 9)
    assert tariff_of(offer, SPEC, "big") == Tariff(5, 70, 9)
    assert tariff_of(None, SPEC) == FREE
    assert FREE.free
    assert not Tariff(0, 0, 1).free


@given(TARIFFS, st.lists(st.integers(1, 200), max_size=60), st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_miner_is_never_owed_more_than_a_batch_or_a_step_and_a_part_and_nobody_waits_for_ever(
    tariff: Tariff, parts: list[int], prompt: int, luck: object
) -> None:
    sent = received = paid = signed = largest = 0
    usages = [Usage(0, sum(parts[: n + 1])) for n in range(len(parts))]
    if usages:
        usages[-1] = Usage(prompt, usages[-1].completion_tokens)
    while sent < len(usages):
        due = tariff.cost_rao(usages[sent - 1]) if sent else 0
        after = tariff.cost_rao(usages[sent])
        if may_send(tariff, due_rao=due, next_rao=after, paid_rao=paid):
            largest = max(largest, after - due)
            sent += 1
            assert after - paid <= max(batch_rao(tariff), step_rao(tariff) + largest)
            if luck.random() < 0.5:  # type: ignore[attr-defined]  # the parts may be on their way for a while
                continue
        else:
            received = sent  # everything that was sent arrives at last
            owed = tariff.cost_rao(usages[received - 1])
            assert is_due(tariff, due_rao=owed, paid_rao=signed) or paid < signed
        received = sent
        owed = tariff.cost_rao(usages[received - 1])
        if is_due(tariff, due_rao=owed, paid_rao=signed):
            signed = owed
        assert signed <= owed
        paid = signed


def test_what_is_claimed_is_compared_with_what_came() -> None:
    meter = Meter(Essays(), Tariff(1_000_000, 2_000_000))
    for index in range(3):
        meter.add(Word(index, index == 2, Usage(4, 3) if index == 2 else Usage()))
    assert meter.settle(Usage(4, 3), Usage(5, 5)) == 10
    assert meter.settle(Usage(4, 2), None) == 8
    for claimed, ceiling in ((Usage(4, 4), None), (Usage(4, 3, 1), None), (Usage(6, 3), Usage(5, 5))):
        with pytest.raises(OverClaimed):
            meter.settle(claimed, ceiling)


@pytest.mark.parametrize("usage", [Usage(2, 0, 0), Usage(0, 2, 0), Usage(0, 0, 2)])
def test_each_count_has_its_ceiling(usage: Usage) -> None:
    check_ceiling(usage, None)
    check_ceiling(usage, Usage(2, 2, 2))
    with pytest.raises(OverClaimed):
        check_ceiling(usage, Usage(1, 1, 1))


# --- budget ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100)), max_size=30))
def test_what_is_spent_and_set_aside_never_passes_the_limit_of_the_day(calls: list[tuple[int, int]]) -> None:
    budget = Budget(Limits(1000, 1000, 0))
    for most, percent in calls:
        if budget.used_rao + most > 1000:
            with pytest.raises(SpendingLimit):
                budget.reserve(most, 0)
            continue
        budget.reserve(most, 0)
        budget.release(most)
        budget.spend(most * percent // 100, 0)
        assert budget.used_rao + budget.reserved_rao <= 1000
    assert budget.reserved_rao == 0


def test_a_new_day_begins_with_nothing_spent_and_a_clock_that_goes_back_begins_none() -> None:
    noon, day_ms = 43_200_000, 86_400_000
    budget = Budget(Limits(0, 100, 0), day_of(noon), 90)
    assert budget.left_rao(noon) == 10
    assert budget.left_rao(noon + day_ms) == 100
    budget.spend(40, noon + day_ms)
    assert budget.left_rao(noon) == 60


@pytest.mark.parametrize("limits", [Limits(-1, 0, 0), Limits(0, 2**63, 0)])
def test_limits_are_amounts(limits: Limits) -> None:
    assert not limits.ok()
    assert Limits(1, 2, 3).ok()


# --- channels -------------------------------------------------------------------------------------------------------

A, B = AccountId(bytes([1]) * 32), AccountId(bytes([2]) * 32)
OPEN = ChannelInfo(Hash(bytes(32)), A, B, Rao(100), Rao(10), Height(1000), None)


def test_of_two_blocks_the_payee_believes_the_worse_one() -> None:
    other = ChannelInfo(OPEN.channel, A, B, Rao(90), Rao(20), Height(900), Height(500))
    assert carefully(OPEN, other) == carefully(other, OPEN) == other
    assert carefully(None, OPEN) is None
    assert carefully(OPEN, None) is None


def test_a_channel_is_left_before_its_end_first_by_the_payer() -> None:
    late = Height(1000 - CHANNEL_MARGIN_BLOCKS)
    assert problem_of(OPEN, A, B, late) == ""
    assert "ends at block 1000" in problem_of(OPEN, A, B, Height(late + 1))
    assert not usable(OPEN, B, late)
    assert usable(OPEN, B, Height(late - CHANNEL_MARGIN_BLOCKS))
    assert not usable(OPEN, A, Height(0))
    assert "no such channel" in problem_of(None, A, B, Height(0))


def test_unpaid_is_a_code_of_its_own() -> None:
    assert Code(30) is Code.UNPAID
