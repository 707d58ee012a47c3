"""Safety and liveness of the real engine under losses, partitions and crashes."""

import pytest

from tests.simulation.network import Faults
from tests.simulation.world import World

CALM = Faults()


def chaos(seed: int, count: int) -> World:
    """Three spells of partitions and crashes with lossy links and skewed clocks, then a heal."""
    faults = Faults(drop_percent=2, duplicate_percent=5, delay_ms_mean=40)
    world = World(seed, count, followers=1, skew_ms=100, faults=faults).start()
    for _ in range(3):
        world.shuffle_partitions(15, 5)
        names = list(world.nodes)
        world.kernel.random.shuffle(names)
        world.crash_and_restart(names[: world.kernel.random.randrange(len(names) + 1)], 3)
        world.run_slots(5)
    world.heal()
    return world


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_every_block_is_final_within_its_slot_on_a_calm_network(count: int) -> None:
    world = World(1, count, followers=1, faults=CALM).start()
    world.run_slots(30)
    assert min(world.finalised_heights()) >= 28
    assert max(world.lags()) <= 1
    for trouble in ("penalty", "a later round", "reorganisation"):
        assert world.watch.seen[trouble] == 0


@pytest.mark.parametrize(("count", "seed"), [(1, 1), (2, 1), (2, 2), (3, 1), (4, 1), (4, 2), (4, 3), (7, 1), (7, 2)])
def test_no_two_certificates_conflict_and_finality_returns_within_twenty_slots(count: int, seed: int) -> None:
    world = chaos(seed, count)
    before = max(world.finalised_heights())
    world.run_slots(20)
    assert min(world.finalised_heights()) > before
    assert max(world.lags()) <= 3
    assert world.watch.seen["penalty"] == 0


def test_all_nodes_may_crash_at_once_and_go_on_without_double_votes() -> None:
    world = World(3, 4, faults=Faults(delay_ms_mean=60)).start()
    for _ in range(4):
        world.run_slots(5)
        world.kernel.run_until(world.kernel.now_ms + world.kernel.random.randrange(1000))
        world.crash_and_restart(list(world.nodes), 1)
    world.run_slots(20)
    assert max(world.lags()) <= 3


def test_without_a_quorum_the_chain_grows_nothing_is_final_and_nothing_is_lost() -> None:
    world = World(4, 4, faults=CALM).start()
    world.run_slots(10)
    before = world.finalised_heights()
    for name in ("a0", "a1"):
        world.nodes[name].stop()
    world.run_slots(40)
    engine = world.nodes["a2"].engine
    assert world.finalised_heights() == [max(before)] * 2
    assert engine.head.height >= max(before) + 18
    world.nodes["a0"].start()
    world.run_slots(20)
    assert max(world.lags()) <= 2  # the dead authority leaves its slots empty
    assert min(world.finalised_heights()) >= engine.head.height - 1


def test_production_backs_off_beyond_the_cap_and_the_whole_suffix_is_finalised_at_once() -> None:
    world = World(4, 2, faults=CALM).start()
    world.run_slots(4)
    world.nodes["a1"].stop()
    world.run_slots(2 * 256 + 400)
    node = world.nodes["a0"]
    assert 256 <= node.engine.unfinalised_count < 300
    assert node.disk.unfinalised[node.engine.head.hash].transactions == ()
    assert world.watch.seen["production backed off"] > 0
    world.nodes["a1"].start()
    world.run_slots(20)
    assert max(world.lags()) <= 3


def test_a_node_that_joins_late_catches_up_by_certificates() -> None:
    world = World(6, 4, followers=1, faults=CALM)
    late = world.nodes["f0"]
    for node in world.nodes.values():
        if node is not late:
            node.start()
    world.run_slots(300)
    late.start()
    world.run_slots(3)
    assert max(world.lags()) <= 2
    assert len(late.finalised_at_ms) < 30  # in stretches, not block by block
