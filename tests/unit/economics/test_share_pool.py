"""Shares of a stake."""

import pytest

from node.economics.share_pool import NO_SHARE, Share, SharePool, deposit, distribute, value_of, withdraw
from node.primitives.errors import InvariantBroken
from node.primitives.safefloat import from_int


def test_a_dividend_raises_everybody_alike() -> None:
    first = deposit(SharePool(), NO_SHARE, 1_000)
    second = deposit(first.pool, NO_SHARE, 3_000)
    pool = distribute(second.pool, 400)
    assert (value_of(pool, first.share), value_of(pool, second.share)) == (1_100, 3_300)


def test_a_late_deposit_has_no_part_in_earlier_dividends() -> None:
    first = deposit(SharePool(), NO_SHARE, 1_000)
    second = deposit(distribute(first.pool, 1_000), NO_SHARE, 1_000)
    assert (value_of(second.pool, first.share), value_of(second.pool, second.share)) == (2_000, 1_000)


def test_everything_can_be_withdrawn() -> None:
    first = deposit(SharePool(), NO_SHARE, 1_000)
    second = deposit(distribute(first.pool, 333), NO_SHARE, 77)
    out = withdraw(second.pool, first.share, value_of(second.pool, first.share))
    assert out.share == NO_SHARE
    last = withdraw(out.pool, second.share, value_of(out.pool, second.share))
    assert last.pool.value_rao <= 1


def test_an_emptied_pool_starts_anew() -> None:
    held = deposit(SharePool(), NO_SHARE, 1_000)
    emptied = withdraw(held.pool, held.share, 1_000)
    assert emptied.pool.is_empty
    assert emptied.pool.generation == 1
    assert value_of(deposit(emptied.pool, NO_SHARE, 7).pool, held.share) == 0


def test_a_part_can_be_withdrawn() -> None:
    held = deposit(SharePool(), NO_SHARE, 1_000)
    rest = withdraw(held.pool, held.share, 400)
    assert (rest.pool.value_rao, value_of(rest.pool, rest.share)) == (600, 600)


def test_more_than_a_share_is_worth_cannot_be_taken() -> None:
    held = deposit(SharePool(), NO_SHARE, 1_000)
    with pytest.raises(InvariantBroken):
        withdraw(held.pool, held.share, 1_001)
    with pytest.raises(InvariantBroken):
        withdraw(held.pool, NO_SHARE, 1)


def test_a_share_of_an_older_generation_is_worth_nothing() -> None:
    pool = SharePool(100, from_int(100), generation=2)
    assert value_of(pool, Share(from_int(50), generation=1)) == 0
    grown = deposit(pool, Share(from_int(50), generation=1), 100)
    assert value_of(grown.pool, grown.share) == 100


def test_a_dividend_without_receivers_is_impossible() -> None:
    assert SharePool().is_empty
    with pytest.raises(InvariantBroken):
        distribute(SharePool(), 1)
    assert distribute(SharePool(), 0) == SharePool()


def test_zero_changes_nothing() -> None:
    held = deposit(SharePool(), NO_SHARE, 10)
    assert deposit(held.pool, held.share, 0) == held
    assert withdraw(held.pool, held.share, 0) == held
