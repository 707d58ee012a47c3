"""Mistakes that must fork the model. A model in which one of them is harmless proves nothing about the rules."""

from dataclasses import replace

import pytest

from tests.model.explore import explore
from tests.model.machine import Machine
from tests.model.report import STATES_MAX, finds
from tests.model.rules import Group, Kind, Network, Phase, Rules

CAPTURED = Network(rounds=(2,))
HONEST_STAKE = Network(stakers=Group(3, 1), captured=False, rounds=(1,))
NOBODY_FAULTY = Network(authorities=Group(2, 0), stakers=Group(2, 0), captured=False, rounds=(1, 1))


@pytest.mark.parametrize("first", [Phase.A, Phase.B])
def test_one_faulty_authority_too_many_forks(first: Phase) -> None:
    machine = Machine(replace(CAPTURED, authorities=Group(2, 2), first=first), Rules())
    assert explore(machine, STATES_MAX).violation == "two certificates in instance 1"


def test_a_third_of_faulty_stake_forks_proof_of_stake() -> None:
    machine = Machine(Network(stakers=Group(2, 2), first=Phase.C, rounds=(1,)), Rules())
    assert explore(machine, STATES_MAX).violation == "two certificates in instance 1"


@pytest.mark.parametrize(
    ("network", "mistake"),
    [
        pytest.param(CAPTURED, Rules(locks=False), id="without locks"),
        pytest.param(CAPTURED, Rules(needs_abort=Kind.STAKE), id="abort by stake alone"),
        pytest.param(CAPTURED, Rules(abort_parts=(3, 1)), id="abort by half of the authorities"),
        pytest.param(CAPTURED, Rules(needs_ordinary=Kind.STAKE), id="joint block by captured stake alone"),
        pytest.param(HONEST_STAKE, Rules(needs_ordinary=Kind.STAKE), id="joint block by honest stake alone"),
        pytest.param(HONEST_STAKE, Rules(needs_enact=Kind.STAKE), id="a block counted by the set that it enacts"),
    ],
)
def test_a_mistake_in_one_instance_decides_it_twice(network: Network, mistake: Rules) -> None:
    assert finds(network, mistake) == "two certificates in instance 1"


def test_a_fall_back_from_stake_to_authorities_by_time_out_finalises_both_sides_of_a_partition() -> None:
    assert finds(NOBODY_FAULTY, Rules(fallback=True)) == "two certificates in instance 2"


def test_the_fall_back_makes_nodes_accept_certificates_of_a_wrong_set() -> None:
    result = explore(Machine(NOBODY_FAULTY, Rules(fallback=True)), STATES_MAX)
    assert result.violation == "a certificate of a wrong set accepted"
