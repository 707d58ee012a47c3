"""Locks never bar a decision for good, with one exception that is counted here: stake that falls silent half-way."""

from dataclasses import replace
from functools import cache

import pytest

from tests.model.explore import Result
from tests.model.liveness import Stake, decides, offers
from tests.model.machine import Machine, State
from tests.model.report import search
from tests.model.rules import Group, Kind, Network, Phase, Rules

CAPTURED = Network(rounds=(2,))
HONEST_STAKE = Network(stakers=Group(3, 1), captured=False, rounds=(1,))
NEVER_THERE = Network(stakers=Group(0, 0), rounds=(2,))


@cache
def searched(network: Network, rules: Rules, at_least: int) -> tuple[Machine, Result]:
    machine = Machine(network, rules, liveness=True)
    return machine, search(machine, at_least)


def stuck(machine: Machine, result: Result, stake: Stake) -> list[State]:
    return [state for state in result.states if not decides(machine, state, stake)]


@pytest.mark.parametrize(("network", "at_least"), [(CAPTURED, 9_223), (HONEST_STAKE, 59_653)])
@pytest.mark.parametrize("rules", [Rules(), Rules(consent=True)], ids=["joint", "consent"])
def test_every_state_decides_once_stake_answers(network: Network, at_least: int, rules: Rules) -> None:
    machine, result = searched(network, rules, at_least)
    assert stuck(machine, result, Stake.ANSWERS) == []


def test_authorities_abort_from_every_state_when_stake_never_voted() -> None:
    machine, result = searched(replace(NEVER_THERE, rounds=(3,)), Rules(), 109_527)
    assert stuck(machine, result, Stake.SILENT) == []


@pytest.mark.parametrize(("network", "at_least"), [(CAPTURED, 9_223), (HONEST_STAKE, 59_653)])
def test_stake_that_falls_silent_after_a_joint_block_has_prevotes_holds_the_instance(
    network: Network, at_least: int
) -> None:
    """The limit of the joint rule, exactly: nothing else is stuck, and all of it decides once stake is back."""
    machine, result = searched(network, Rules(), at_least)
    waiting = [
        state
        for state in result.states
        if any(Kind.STAKE in Rules().needs(Phase.B, offer.block) for offer in offers(machine, state, Stake.SILENT))
    ]
    assert stuck(machine, result, Stake.SILENT) == waiting
    assert 0 < len(waiting) < len(result.states)


@pytest.mark.parametrize(("network", "at_least"), [(CAPTURED, 9_223), (HONEST_STAKE, 59_653)])
def test_consent_by_prevotes_leaves_no_state_that_silent_stake_can_hold(network: Network, at_least: int) -> None:
    machine, result = searched(network, Rules(consent=True), at_least)
    assert stuck(machine, result, Stake.SILENT) == []


def test_waits_that_ask_for_a_quorum_of_stake_never_end_without_it() -> None:
    machine, result = searched(NEVER_THERE, Rules(timers=Kind.BOTH), 5_685)
    assert stuck(machine, result, Stake.SILENT) == result.states


def test_hostile_stake_holds_nothing_up_as_long_as_it_pulls_nobody_into_later_rounds() -> None:
    machine, result = searched(CAPTURED, Rules(consent=True), 9_223)
    assert stuck(machine, result, Stake.HOSTILE) == []
    machine, result = searched(CAPTURED, Rules(consent=True, skips=Kind.BOTH), 9_223)
    assert stuck(machine, result, Stake.HOSTILE) == result.states


def test_a_proposed_descendant_of_the_abort_block_cannot_replace_it() -> None:
    machine, result = searched(NEVER_THERE, Rules(proposes_abort=False), 5_685)
    assert machine.initial() in stuck(machine, result, Stake.SILENT)


def test_a_second_silent_authority_stops_finality() -> None:
    machine = Machine(Network(authorities=Group(2, 2), stakers=Group(0, 0), rounds=(1,)), Rules(), liveness=True)
    assert not decides(machine, machine.initial(), Stake.SILENT)
