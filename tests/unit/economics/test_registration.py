"""Prices of seats and who loses one."""

from fractions import Fraction

import pytest

from node.economics import registration as reg
from node.economics.registration import PruneCandidate, SubnetPruneCandidate
from node.primitives.fixed import U64_MAX, U64F64

TAO = 10**9


def test_a_registration_raises_the_price_within_its_bounds() -> None:
    assert reg.burn_after_registration(TAO, reg.BURN_INCREASE_DEFAULT_Q64, 1, 100 * TAO) == 1_260_000_000
    assert reg.burn_after_registration(90 * TAO, reg.BURN_INCREASE_DEFAULT_Q64, 1, 100 * TAO) == 100 * TAO
    assert reg.burn_after_registration(TAO, U64F64.one // 2, 1, 100 * TAO) == TAO


@pytest.mark.parametrize("half_life", [1, 2, 7, 360, 36_100])
def test_the_decay_factor_is_the_largest_that_halves(half_life: int) -> None:
    factor = reg.burn_decay_factor(half_life)
    ideal = 2 ** (32 - 1 / half_life)
    assert abs(factor - ideal) <= half_life / 64 + 2  # floored squarings cost a little


def test_the_price_halves_in_a_half_life() -> None:
    price = TAO
    for _ in range(360):
        price = reg.burn_after_block(price, 360, 1, U64_MAX)
    assert abs(Fraction(price, TAO) - Fraction(1, 2)) < Fraction(1, 10**6)
    assert reg.burn_after_block(TAO, 0, 1, U64_MAX) == TAO
    assert reg.burn_after_block(10, 1, 500_000, U64_MAX) == 500_000


def test_the_older_rule_moves_by_the_registrations_of_an_interval() -> None:
    assert reg.adjusted_by_interval(1_000, 6, 2, 0, 1) == 2_000
    assert reg.adjusted_by_interval(1_000, 2, 2, 0, 1) == 1_000
    assert reg.adjusted_by_interval(1_000, 0, 2, 0, 1) == 500
    assert reg.adjusted_by_interval(1_000, 6, 2, U64_MAX // 2, 1) in (1_499, 1_500)
    assert reg.adjusted_by_interval(1_000, 6, 2, 0, 1, 1_200) == 1_200


def test_lock_cost_doubles_and_falls_back() -> None:
    def cost(block: int) -> int:
        return reg.lock_cost(3_000 * TAO, 500, block)

    assert cost(500) == 6_000 * TAO
    assert abs(cost(500 + 50_400) - 4_500 * TAO) < TAO
    assert abs(cost(500 + 100_800) - 3_000 * TAO) < TAO
    assert cost(10**7) == 1_000 * TAO


def test_the_first_subnet_pays_the_last_price_once() -> None:
    assert reg.lock_cost(2_000 * TAO, 0, 0) == 2_000 * TAO


def test_lock_cost_falls_twice_as_fast_after_a_halving() -> None:
    assert reg.lock_cost(TAO, 1, 25_201, min_lock_rao=0, block_emission_rao=TAO // 2) < 1.51 * TAO


def neurons(*pairs: tuple[int, int]) -> list[PruneCandidate]:
    return [PruneCandidate(emission, block) for emission, block in pairs]


def test_the_lowest_emission_goes_then_the_oldest_then_the_lowest_uid() -> None:
    assert reg.neuron_to_prune(neurons((5, 0), (3, 2), (3, 1), (9, 0)), (), 100, 10, 0) == 2
    assert reg.neuron_to_prune(neurons((3, 1), (3, 1)), (), 100, 10, 0) == 0


def test_protected_and_immune_neurons_stay() -> None:
    assert reg.neuron_to_prune(neurons((0, 0), (1, 0), (0, 95)), (0,), 100, 10, 0) == 1
    assert reg.neuron_to_prune(neurons((0, 0)), (0,), 100, 10, 0) is None


def test_immune_neurons_go_when_too_few_others_are_left() -> None:
    assert reg.neuron_to_prune(neurons((0, 0), (7, 95), (8, 99)), (), 100, 10, 1) == 1
    assert reg.neuron_to_prune(neurons((0, 0), (1, 0)), (), 100, 10, 2) is None


def test_the_cheapest_subnet_past_its_immunity_goes() -> None:
    subnets = [SubnetPruneCandidate(1, 9, 0), SubnetPruneCandidate(2, 4, 5), SubnetPruneCandidate(3, 1, 990)]
    assert reg.subnet_to_prune(subnets, 1_000, 100) == 2
    assert reg.subnet_to_prune([SubnetPruneCandidate(2, 4, 9), SubnetPruneCandidate(5, 4, 5)], 1_000, 100) == 5
    assert reg.subnet_to_prune(subnets[2:], 1_000, 100) is None


def test_median_price_ignores_zeros() -> None:
    assert reg.median_price([0, 8, 0, 2]) == 5
    assert reg.median_price([9, 1, 4]) == 4
    assert reg.median_price([0]) == U64F64.one


def test_a_dissolved_subnet_pays_out_every_rao() -> None:
    payouts = reg.dissolve_payouts(100, {b"a": 1, b"b": 1, b"c": 1})
    assert payouts == {b"a": 34, b"b": 33, b"c": 33}
    assert reg.dissolve_payouts(10, {b"small": 1, b"large": 2}) == {b"small": 3, b"large": 7}
    assert reg.dissolve_payouts(11, {b"large": 2, b"small": 1}) == {b"large": 7, b"small": 4}
    assert sum(reg.dissolve_payouts(10**9 + 7, {bytes([i]): i * i + 1 for i in range(50)}).values()) == 10**9 + 7


def test_the_protocols_part_is_not_paid_out() -> None:
    assert reg.dissolve_payouts(100, {b"a": 1}, protocol_alpha_rao=3) == {b"a": 25}
    assert reg.dissolve_payouts(100, {}) == {}
