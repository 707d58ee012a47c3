"""No two certificates: in one joint instance, across the hand-over, and with each reduction of the model taken away."""

import pytest

from tests.model.explore import explore
from tests.model.machine import Machine, Member, State
from tests.model.report import STATES_MAX, search
from tests.model.rules import Block, Group, Network, Rules

HANDOVER = Network(stakers=Group(3, 1), rounds=(1, 1))


def test_a_joint_instance_never_decides_twice_whatever_stake_does() -> None:
    search(Machine(Network(rounds=(3,)), Rules()), at_least=163_044)


def test_a_joint_instance_never_decides_twice_when_stake_follows_the_rules_too() -> None:
    network = Network(stakers=Group(3, 1), captured=False, rounds=(1,))
    search(Machine(network, Rules()), at_least=59_608)


def test_nodes_in_different_instances_accept_no_conflict_and_no_wrong_set() -> None:
    search(Machine(Network(stakers=Group(3, 1), rounds=(2, 1)), Rules()), at_least=485_595)


def test_the_set_that_the_first_instance_decided_never_decides_the_second_twice() -> None:
    search(Machine(Network(stakers=Group(3, 1), rounds=(3, 2)), Rules(), ordered=True), at_least=275_517)


def test_every_hand_over_really_happens() -> None:
    machine = Machine(HANDOVER, Rules())
    seen = {machine.certified(state) for state in search(machine, at_least=16_989).states}
    after = {(first, machine.places[second[0]].phase.name) for first, second in map(_pair, seen) if first and second}
    assert after == {(Block.ORDINARY, "B"), (Block.ENACT, "C"), (Block.ABORT, "A")}


def _pair(certified: frozenset[tuple[int, Block]]) -> tuple[Block | None, tuple[int, Block] | None]:
    first = next((block for place, block in certified if place == 0), None)
    return first, next((each for each in certified if each[0] != 0), None)


class TwoBlocks(Machine):
    """The same rules in a world without ordinary blocks: small enough for every state of three rounds."""

    def free(self, member: Member, block: Block, round_number: int, quorums: int) -> bool:
        return block is not Block.ORDINARY and super().free(member, block, round_number, quorums)


class Plain(TwoBlocks):
    """The same rules without forgetting and without symmetry; `reduced` does both to a state afterwards."""

    def _canonical(self, state: State, touched: set[int]) -> State:
        return state

    def reduced(self, state: State) -> State:
        return super()._canonical(state, set(range(len(self.places))))


def content(machine: Machine, state: State) -> tuple[int, tuple[Member, ...], tuple[Member, ...]]:
    """Return what a state says, free of the numbers that one machine gave its members."""
    return state[0], tuple(sorted(machine.authorities(state))), tuple(sorted(machine.stakers(state)))


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(Network(authorities=Group(2, 2), rounds=(3,)), id="three rounds"),
        pytest.param(Network(authorities=Group(2, 0), stakers=Group(1, 0), rounds=(1, 1)), id="hand-over"),
    ],
)
def test_forgetting_on_the_way_loses_no_state_and_invents_none(network: Network) -> None:
    """Proofs and locks come into play in the third round; half of the authorities are faulty, to have more of both."""
    plain, machine = Plain(network, Rules()), TwoBlocks(network, Rules())
    full = explore(plain, STATES_MAX, lambda _: None).states
    reduced = {plain.reduced(state) for state in full}
    found = {content(machine, state) for state in explore(machine, STATES_MAX, lambda _: None).states}
    assert {content(plain, state) for state in reduced} == found
    assert len(found) < len(full)


def outcomes(machine: Machine) -> set[frozenset[tuple[int, Block]]]:
    """Return every set of certificates that any run leads to, conflicts included."""
    return {machine.certified(state) for state in explore(machine, STATES_MAX, lambda _: None).states}


@pytest.mark.parametrize("rules", [Rules(), Rules(fallback=True)], ids=["protocol", "mistake"])
def test_the_order_of_the_instances_changes_no_outcome(rules: Rules) -> None:
    network = Network(authorities=Group(2, 0), stakers=Group(2, 0), rounds=(1, 1))
    assert outcomes(Machine(network, rules, ordered=True)) == outcomes(Machine(network, rules))
