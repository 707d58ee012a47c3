"""From authorities to stake: each phase decides by its own quorum, and the way back needs no validator."""

import pytest

from node.ledger.phases import PosPhase
from tests.simulation.network import Faults
from tests.simulation.world import World

LINKS = Faults(drop_percent=2, delay_ms_mean=40)


NEVER = 1 << 30


def world_of(seed: int, abort_from: int = NEVER) -> World:
    """Return a network of four authorities and two validators that moves to stake, a set every four blocks."""
    return World(
        seed, 4, epoch_blocks=4, handover=True, validators=2, faults=LINKS, abort_from=abort_from
    ).start()  # fmt: skip


def phase_of(world: World) -> PosPhase:
    return world.nodes["a0"].disk.anchor.state.authorities.phase


def until(world: World, phase: PosPhase, slots: int = 200) -> None:
    """Run until the deciding set is of this phase."""
    for _ in range(slots):
        if phase_of(world) is phase:
            return
        world.run_slots(1)
    raise AssertionError(f"{phase.name} was not reached in {slots} slots")


def test_the_chain_moves_to_stake_and_stays_there() -> None:
    world = world_of(1)
    until(world, PosPhase.JOINT)
    until(world, PosPhase.STAKE)
    world.run_slots(60)
    assert phase_of(world) is PosPhase.STAKE
    assert max(world.lags()) <= 3
    assert world.watch.seen["stake alone decided on a set"] > 0


@pytest.mark.parametrize("silent", [("v0", "v1"), ("a0", "a1")])
def test_in_the_joint_phase_nothing_is_final_without_either_kind(silent: tuple[str, str]) -> None:
    """Two of four authorities, or validators with two fifths of the stake, can halt finality and lose nothing by it."""
    world = world_of(2)
    until(world, PosPhase.JOINT)
    for name in silent:
        world.nodes[name].stop()
    world.run_slots(2)
    before = max(world.finalised_heights())
    world.run_slots(20)
    assert max(world.finalised_heights()) == before
    for name in silent:
        world.nodes[name].start()
    world.run_slots(20)
    assert min(world.finalised_heights()) > before
    assert max(world.lags()) <= 3


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_authorities_take_the_joint_phase_back_when_validators_stay_away(seed: int) -> None:
    world = world_of(seed, abort_from=60)
    until(world, PosPhase.JOINT)
    for name in world.validators:
        world.nodes[name].stop()
    world.run_slots(2)
    before = max(world.finalised_heights())
    while max(node.engine.head.height for node in world.honest) < 60:
        assert max(world.finalised_heights()) == before
        world.run_slots(1)
    until(world, PosPhase.AUTHORITIES, 40)  # rounds have grown long by now
    world.run_slots(10)
    assert world.watch.seen["the joint phase taken back"] > 0
    assert min(world.finalised_heights()) >= 60
