"""Emission of a block: halving, shares, injection, split, moving price."""

from fractions import Fraction

import pytest

from node.economics import emission
from node.economics.emission import SUPPLY_CAP_RAO, EmittingSubnet
from node.primitives.fixed import I96F32, U64_MAX, U64F64, U96F32

TAO = 10**9


@pytest.mark.parametrize("halvings", range(8))
def test_emission_halves_exactly_when_half_of_the_rest_is_issued(halvings: int) -> None:
    threshold = SUPPLY_CAP_RAO - SUPPLY_CAP_RAO // 2**halvings
    assert emission.block_emission(threshold) == TAO >> halvings
    if halvings:
        assert emission.block_emission(threshold - 1) == TAO >> (halvings - 1)


def test_nothing_is_emitted_at_the_cap() -> None:
    assert emission.block_emission(SUPPLY_CAP_RAO) == 0
    assert emission.block_emission(SUPPLY_CAP_RAO + 1) == 0
    assert emission.block_emission(SUPPLY_CAP_RAO - 1) == 0


def test_shares_follow_moving_prices() -> None:
    shares = emission.subnet_tao_shares([EmittingSubnet(I96F32.from_int(price)) for price in (1, 3)])
    assert shares == (U64F64.one // 4, 3 * U64F64.one // 4)


def test_withheld_miner_emission_lowers_a_share() -> None:
    half = I96F32.one // 2
    shares = emission.subnet_tao_shares([EmittingSubnet(half), EmittingSubnet(half, miner_burned_q32=half)])
    assert abs(Fraction(shares[0], U64F64.one) - Fraction(2, 3)) < Fraction(1, 2**60)


def test_shares_fall_back_to_prices_when_everybody_withholds_everything() -> None:
    burned = EmittingSubnet(I96F32.one, miner_burned_q32=I96F32.one)
    assert emission.subnet_tao_shares([burned, burned]) == (U64F64.one // 2, U64F64.one // 2)


def test_a_disabled_subnet_gets_no_tao_and_the_others_share_all() -> None:
    shares = emission.subnet_tao_shares(
        [EmittingSubnet(I96F32.one), EmittingSubnet(I96F32.one, emission_enabled=False)]
    )
    assert shares == (U64F64.one, 0)


def test_no_price_means_no_tao() -> None:
    assert emission.subnet_tao_shares([EmittingSubnet(0), EmittingSubnet(0)]) == (0, 0)
    assert emission.subnet_tao_shares([]) == ()


def test_the_subnets_never_get_more_than_the_block_emission() -> None:
    shares = emission.subnet_tao_shares([EmittingSubnet(price) for price in (1, 7, 12_345, 10**12, 3)])
    assert sum(emission.subnet_tao_emissions(TAO, shares)) <= U96F32.from_int(TAO)


def test_root_proportion_weighs_root_tao() -> None:
    assert emission.root_proportion(100, U64_MAX, 300) == U96F32.one // 4
    assert emission.root_proportion(0, U64_MAX, 300) == 0
    assert emission.root_proportion(0, U64_MAX, 0) == 0


def test_injection_is_capped_by_roots_part_and_the_rest_buys() -> None:
    terms = emission.pool_terms(U96F32.from_int(800), 2 * U64F64.one, U96F32.one // 4, 1_000)
    assert (terms.alpha_in_rao, terms.tao_in_rao, terms.excess_tao_rao, terms.alpha_out_rao) == (250, 500, 300, 1_000)


def test_small_injection_keeps_the_price_and_buys_nothing() -> None:
    terms = emission.pool_terms(U96F32.from_int(100), 2 * U64F64.one, U96F32.one, 1_000)
    assert (terms.alpha_in_rao, terms.tao_in_rao, terms.excess_tao_rao) == (50, 100, 0)


def test_without_a_price_tao_is_injected_alone() -> None:
    terms = emission.pool_terms(U96F32.from_int(100), 0, U96F32.one, 1_000)
    assert (terms.alpha_in_rao, terms.tao_in_rao, terms.excess_tao_rao) == (0, 100, 0)


def test_split_is_18_41_41_and_loses_only_dust() -> None:
    split = emission.split_alpha_out(TAO, emission.OWNER_CUT_DEFAULT_U16, U96F32.one // 2, True)
    assert split.owner_rao == TAO * 11_796 // 65_535 - 0
    parts = split.owner_rao + split.server_rao + split.validator_rao + split.root_rao
    assert 0 <= TAO - parts <= 4
    assert abs(split.server_rao - (split.validator_rao + split.root_rao)) <= 2
    assert abs(split.root_rao - split.validator_rao) <= 2


def test_root_part_is_recycled_while_root_dividends_are_off() -> None:
    on = emission.split_alpha_out(TAO, 0, U96F32.one // 2, True)
    off = emission.split_alpha_out(TAO, 0, U96F32.one // 2, False)
    assert (off.root_rao, off.recycled_rao) == (0, on.root_rao)
    assert off.validator_rao == on.validator_rao


def test_moving_price_approaches_the_spot_price_and_counts_it_at_most_as_one() -> None:
    price = 0
    for _ in range(60):
        price = emission.moving_price(price, 5 * U64F64.one, 1_000, 1_000, I96F32.one // 2)
    assert Fraction(999, 1000) < Fraction(price, I96F32.one) <= 1


def test_moving_price_is_slow_at_the_start() -> None:
    young = emission.moving_price(0, U64F64.one, 1, 1_000, I96F32.one)
    old = emission.moving_price(0, U64F64.one, 10**6, 1_000, I96F32.one)
    assert young == I96F32.one // 1_001
    assert old > 900 * young


def test_mechanisms_share_all_of_an_emission() -> None:
    assert emission.split_between_mechanisms(10, 3, None) == (4, 3, 3)
    assert sum(emission.split_between_mechanisms(1_001, 2, (13_107, 52_428))) == 1_001
