"""Claims of root dividends."""

import pytest

from node.economics import root_claim
from node.primitives.errors import InvariantBroken


def test_a_dividend_is_owed_in_proportion_to_root_stake() -> None:
    rate = root_claim.rate_increase(500, 1_000)
    assert root_claim.claimable(rate, 300, 0) == 150


def test_new_stake_earns_nothing_retroactively() -> None:
    rate = root_claim.rate_increase(500, 1_000)
    claimed = root_claim.claimed_by_stake(rate, 200)
    assert root_claim.claimable(rate, 200, claimed) == 0
    assert root_claim.claimable(2 * rate, 200, claimed) == 100
    assert root_claim.claimable(rate, 100, claimed) == 0


def test_a_dividend_above_the_root_stake_raises_no_rate() -> None:
    assert root_claim.rate_increase(1_001, 1_000) == 0
    assert root_claim.rate_increase(1, 0) == 0


def test_draws_are_ordered_distinct_and_inside() -> None:
    block_hash = bytes(range(7, 39))
    drawn = root_claim.claim_indices(block_hash, 20, 13)
    assert list(drawn) == sorted(set(drawn))
    assert all(0 <= index < 13 for index in drawn)
    assert root_claim.claim_indices(block_hash, 5, 0) == ()
    with pytest.raises(InvariantBroken):
        root_claim.claim_indices(b"short", 5, 3)
