"""Sparse matrices: which cells survive."""

from node.economics.yuma import vector
from node.primitives.fixed import I32F32
from tests.reference.yuma import matrix

ONE = I32F32.one


def test_a_positive_cell_clipped_to_zero_disappears_and_a_zero_stays() -> None:
    assert matrix.column_clip([{0: 5, 1: 0, 2: 9}], [0, 0, 4]) == [{1: 0, 2: 4}]


def test_interpolation_returns_its_ends_as_they_are_and_drops_zeros_between() -> None:
    low, high = [{0: 8, 1: 0}], [{0: 4}]
    assert matrix.interpolate(low, high, 0) is low
    assert matrix.interpolate(low, high, ONE) is high
    assert matrix.interpolate(low, high, ONE // 2) == [{0: 6}]


def test_a_moving_average_covers_the_cells_of_both() -> None:
    assert matrix.moving_average([{0: 10}], [{1: 10}], ONE // 2) == [{0: 5, 1: 5}]
    assert matrix.moving_average([{0: 0}], [{}], ONE // 2) == [{}]


def test_a_moving_average_by_cell_covers_new_cells_only_and_stops_at_one() -> None:
    moved = matrix.moving_average_by_cell([{0: 10, 1: 9 * ONE}], [{0: 30, 2: 50}], lambda j, new, old: ONE // 2)
    assert moved == [{0: 20, 1: ONE}]


def test_empty_sums_leave_rows_and_columns_alone() -> None:
    assert matrix.row_normalize([{0: 0}, {}]) == [{0: 0}, {}]
    assert matrix.column_normalize([{0: 0, 1: 3}], 2) == [{0: 0, 1: ONE}]
    assert vector.normalize([0, 0]) == [0, 0]


def test_stored_weights_have_the_largest_at_the_maximum() -> None:
    assert vector.u16_max_upscale([1, 2, 0]) == (32_768, 65_535, 0)
    assert vector.u16_max_upscale([40_000, 20_000]) == (65_535, 32_767)
    assert vector.u16_max_upscale([0, 0]) == (0, 0)


def test_the_weight_limit_compares_shares() -> None:
    assert vector.is_max_weight_limited([1, 1], 32_768)
    assert not vector.is_max_weight_limited([1, 2], 32_768)
    assert vector.is_max_weight_limited([5], 65_535)
