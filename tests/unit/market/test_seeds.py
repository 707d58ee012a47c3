"""Seeds nobody can choose: one secret a round, checkable against an end that was published before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market.limits import SEED_ROUNDS
from node.market.rounds import round_at
from node.market.seeds import SeedChain, draw_seed, leads_to, lot_taken, seed_height, walk
from node.primitives.crypto import digest
from node.primitives.types import Hash, Height
from node.subnets.base import Standing
from tests.unit.market.support import NETUID, signer_of

CHAIN = SeedChain(100, digest("test", b"root"))
ME = signer_of("v").public


@given(st.integers(0, SEED_ROUNDS - 1))
def test_every_round_has_one_secret_that_leads_to_the_end(offset: int) -> None:
    number = 100 + offset
    secret = CHAIN.secret(number)
    assert leads_to(secret, number, 100, CHAIN.end)
    assert not leads_to(secret, number + 1, 100, CHAIN.end)
    assert not leads_to(digest("test", secret), number, 100, CHAIN.end)


def test_a_secret_tells_those_before_it_and_none_after_it() -> None:
    assert walk(CHAIN.secret(107), 3) == CHAIN.secret(104)
    assert walk(CHAIN.secret(104), 3) != CHAIN.secret(107)


@pytest.mark.parametrize("number", [99, 100 + SEED_ROUNDS, 10**18])
def test_rounds_beyond_the_chain_are_not_covered_and_cost_nothing_to_refuse(number: int) -> None:
    assert not CHAIN.covers(number)
    assert not leads_to(CHAIN.root, number, 100, CHAIN.end)


def test_the_first_and_the_last_round_are_covered() -> None:
    assert CHAIN.secret(CHAIN.last_round) == CHAIN.root
    assert walk(CHAIN.secret(100), 1) == CHAIN.end


def test_everything_goes_into_the_seed() -> None:
    block, secret = digest("test", b"block"), CHAIN.secret(100)
    base = draw_seed(secret, block, NETUID, 1, ME)
    assert base == draw_seed(secret, block, NETUID, 1, ME)
    others = {
        draw_seed(block, block, NETUID, 1, ME),
        draw_seed(secret, secret, NETUID, 1, ME),
        draw_seed(secret, block, NETUID, 2, ME),
        draw_seed(secret, block, NETUID, 1, signer_of("w").public),
    }
    assert len(others) == 4
    assert base not in others


@given(st.integers(50, 10**6), st.integers(1, 50))
def test_a_rounds_block_comes_before_the_round(height: int, blocks: int) -> None:
    number = round_at(Height(height), blocks, ME)
    assert seed_height(number, blocks, ME) < height
    assert seed_height(number + 1, blocks, ME) - seed_height(number, blocks, ME) <= blocks


def test_lots_fall_as_often_as_promised_and_less_often_on_the_known() -> None:
    requests = [digest("test", n.to_bytes(4, "big")) for n in range(4000)]
    secret = Hash(CHAIN.secret(100))
    new = sum(lot_taken(secret, request, Standing()) for request in requests)
    known = sum(lot_taken(secret, request, Standing(1.0, 50.0)) for request in requests)
    assert 0.22 < new / 4000 < 0.28
    assert 0.035 < known / 4000 < 0.065
