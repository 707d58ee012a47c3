"""What every test of the model does with a search: say how many states it saw, and refuse one that saw too few."""

from functools import cache

from tests.model.explore import Result, explore, story
from tests.model.machine import Machine
from tests.model.rules import Network, Rules

STATES_MAX = 700_000  # more would not fit the minute that this directory may take


def search(machine: Machine, at_least: int) -> Result:
    """Explore the whole machine; the states must be at least `at_least` and break no promise."""
    result = explore(machine, STATES_MAX)
    print(f"{len(result.states)} states: {machine.network}")
    assert result.violation is None, f"{result.violation}\n{story(machine, result.way)}"
    assert len(result.states) >= at_least, (
        f"{len(result.states)}: the model explores less than it did, so a step is missing"
    )
    return result


@cache
def _by_the_protocol(network: Network) -> str | None:
    return explore(Machine(network, Rules()), STATES_MAX).violation


def finds(network: Network, rules: Rules) -> str | None:
    """Return the conflict between certificates to which `rules` lead; the protocol's own rules must have none there."""
    assert _by_the_protocol(network) is None, "the control must differ from the protocol by its mistake alone"
    machine = Machine(network, rules)
    result = explore(machine, STATES_MAX, machine.conflict)
    print(f"{result.violation} after {len(result.states)} states\n{story(machine, result.way)}")
    return result.violation
