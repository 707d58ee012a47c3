"""Breadth-first search through every reachable state; the first broken promise is found on a shortest way.

The search knows nothing of votes: it must never skip a state that the machine names.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.model.machine import Machine, State


class TooLarge(Exception):
    """The configuration has more states than the test allows: it proves nothing and is no longer small."""


@dataclass(frozen=True)
class Result:
    """What a search saw. `way` leads from the initial state to the broken promise; it is empty when there is none."""

    states: list[State]
    violation: str | None
    way: list[State]


def explore(machine: Machine, states_max: int, broken: Callable[[State], str | None] | None = None) -> Result:
    """Visit every reachable state, or stop at the first one that breaks a promise: `broken`, else any of the machine's.

    Raises:
        TooLarge: more than `states_max` states.
    """
    check = broken or machine.violation
    before: dict[State, State | None] = {machine.initial(): None}
    order = [machine.initial()]
    for state in order:
        if (violation := check(state)) is not None:
            return Result(order, violation, _way(before, state))
        for following in machine.successors(state):
            if following not in before:
                before[following] = state
                order.append(following)
        if len(order) > states_max:
            raise TooLarge(f"more than {states_max} states")
    return Result(order, None, [])


def _way(before: dict[State, State | None], end: State) -> list[State]:
    way = [end]
    while (previous := before[way[-1]]) is not None:
        way.append(previous)
    return way[::-1]


def story(machine: Machine, way: list[State]) -> str:
    """Return the way in words, one state a line: where every correct member stands and what it is locked on."""
    lines = []
    for state in way:
        seats = [("authority", each) for each in machine.authorities(state)]
        seats += [("staker", each) for each in machine.stakers(state)]
        words = []
        for kind, member in seats:
            place = machine.places[member.place]
            lock = f", locked on {member.lock.name} in {member.lock_round}" if member.lock else ""
            said = ("", ", prevoted")[member.position % 2]
            where = f"instance {place.instance} set {place.phase.name} round {member.position // 2}"
            words.append(f"{kind} in {where}{said}{lock}")
        lines.append("; ".join(words))
    return "\n".join(lines)
