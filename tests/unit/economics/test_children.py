"""Lent stake and the dividends it brings."""

from node.economics.children import ParentStake, inherited_stake, split_dividend, total_stake_weight
from node.primitives.fixed import I64F64, U64_MAX

HALF = U64_MAX // 2


def test_lending_everything_leaves_nothing() -> None:
    assert inherited_stake(10**15, [U64_MAX], []) == 0


def test_what_a_parent_lends_arrives_at_the_child() -> None:
    assert inherited_stake(500, [], [(U64_MAX, 10**15), (0, 7)]) == 500 + 10**15


def test_no_stake_is_created_by_lending() -> None:
    own = 10**15 + 1
    third = U64_MAX // 3
    children = [inherited_stake(0, [], [(third, own)]) for _ in range(3)]
    assert own - 3 <= inherited_stake(own, [third] * 3, []) + sum(children) <= own


def test_root_stake_counts_by_its_weight() -> None:
    assert total_stake_weight(100, 40, U64_MAX) == I64F64.from_int(140)
    assert total_stake_weight(100, 40, 0) == I64F64.from_int(100)


def test_a_dividend_is_divided_by_the_stake_put_in() -> None:
    parent = ParentStake(U64_MAX, 300, 0)
    shares = split_dividend(4_000, 100, 0, [], [parent], 0, 0)
    assert (shares.parents_rao, shares.hotkey_rao) == ((3_000,), 1_000)


def test_stake_lent_away_earns_nothing_here() -> None:
    parent = ParentStake(U64_MAX, 100, 0)
    shares = split_dividend(3_000, 100, 0, [HALF], [parent], 0, 0)
    assert abs(shares.parents_rao[0] - 2_000) <= 40  # own 50 is floored from 49.99…


def test_the_childs_own_weight_counts_in_whole_rao() -> None:
    """0.99… of a rao of its own counts as nothing beside a parent, so the parent gets everything."""
    shares = split_dividend(1_000_000, 2, 0, [HALF], [ParentStake(U64_MAX, 1, 0)], 0, 0)
    assert (shares.parents_rao, shares.hotkey_rao) == ((500_000,), 500_000)
    alone = split_dividend(1_000_000, 1, 0, [U64_MAX // 4], [ParentStake(U64_MAX, 1, 0)], 0, 0)
    assert alone.parents_rao == (1_000_000,)


def test_the_child_takes_its_part_only_from_strangers() -> None:
    stranger, sibling = ParentStake(U64_MAX, 100, 0), ParentStake(U64_MAX, 100, 0, same_owner=True)
    shares = split_dividend(2_000, 0, 0, [], [stranger, sibling], 65_535, 0)
    assert shares.parents_rao == (0, 1_000)
    assert shares.hotkey_rao == 1_000


def test_the_burn_rate_takes_before_the_parent() -> None:
    shares = split_dividend(1_000, 0, 0, [], [ParentStake(U64_MAX, 100, 0)], 0, 0, U64_MAX)
    assert (shares.parents_rao, shares.burned_rao) == ((0,), 1_000)


def test_root_stake_of_a_parent_counts_by_its_weight() -> None:
    shares = split_dividend(1_000, 100, 0, [], [ParentStake(U64_MAX, 0, 100)], 0, U64_MAX)
    assert shares.parents_rao == (500,)
