"""Byzantine keys as Twins: one key run twice, honestly, on both sides of partitions.

Up to f of 3f + 1 nothing breaks. With f + 1 the network must break: otherwise the adversary is too weak to prove
anything about f.
"""

import pytest

from tests.simulation.checkers import Violation
from tests.simulation.network import Faults
from tests.simulation.world import World

LINKS = Faults(drop_percent=2, duplicate_percent=2)


def run(seed: int, count: int, twins: int) -> World:
    """Split the twins apart, mix everybody, split again, heal."""
    world = World(seed, count, twins=range(twins), faults=LINKS).start()
    world.split_twins(18, 6)
    world.shuffle_partitions(12, 6)
    world.split_twins(12, 6)
    world.heal()
    world.run_slots(20)
    return world


@pytest.mark.parametrize(("count", "twins", "seed"), [(4, 1, 1), (4, 1, 2), (4, 1, 3), (4, 1, 4), (7, 2, 1), (7, 2, 2)])
def test_twins_of_less_than_a_third_break_nothing(count: int, twins: int, seed: int) -> None:
    world = run(seed, count, twins)
    assert max(world.lags()) <= 5
    assert world.watch.convicted == world.watch.guilty  # and nobody else: that would have been a violation


@pytest.mark.parametrize(("count", "twins", "seed"), [(4, 2, 1), (4, 2, 2), (4, 2, 3), (4, 2, 4), (7, 3, 1), (7, 3, 2)])
def test_one_twin_too_many_breaks_safety(count: int, twins: int, seed: int) -> None:
    with pytest.raises(Violation):
        run(seed, count, twins)
