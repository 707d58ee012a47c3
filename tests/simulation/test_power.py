"""The simulator finds what it is there to find: rules of finality are taken out one by one, and safety must break."""

from collections.abc import Callable

import pytest

from node.consensus import authority, finality, voting
from node.consensus.finality import FinalityMachine
from tests.simulation.campaign import run
from tests.simulation.options import AMBUSHES, CUTS, Options

RUNS_MAX = 40


def without_lock_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Voters prevote whatever is proposed."""
    prevote = FinalityMachine._prevote

    def careless(machine: FinalityMachine, effects: list[finality.FinalityEffect]) -> bool:
        lock, machine.lock = machine.lock, None
        fired = prevote(machine, effects)
        machine.lock = lock if machine.lock is None else machine.lock
        return fired

    monkeypatch.setattr(FinalityMachine, "_prevote", careless)


def without_locks_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that comes back has forgotten what it was locked on."""

    def forgetful(*, lock: object = None, **given: object) -> FinalityMachine:
        return FinalityMachine(**given)  # type: ignore[arg-type]

    monkeypatch.setattr(voting, "FinalityMachine", forgetful)


def with_quorums_of_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than half is taken for a quorum."""
    monkeypatch.setattr(authority, "_exceeds", lambda part, total: total == 0 or 2 * part > total)


def options_of(seed: int, count: int) -> Options:
    """Return half an hour with as many twins as may be, and everything that strikes while votes are cast."""
    return Options(
        seed=seed, mode="safety", count=count, slots=150, twins=(count - 1) // 3, drop_percent=5, delay_ms_mean=400,
        cuts=CUTS, ambushes=AMBUSHES,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("take_out", "count"), [(without_lock_rule, 4), (without_locks_after_a_restart, 4), (with_quorums_of_a_half, 7)]
)
def test_without_a_rule_safety_breaks(
    take_out: Callable[[pytest.MonkeyPatch], None], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_out(monkeypatch)
    found = (run(options_of(seed, count)).violation for seed in range(RUNS_MAX))
    broken = next(filter(None, found), "")
    assert "two certificates" in broken or "another block" in broken or "conflict" in broken


def test_with_all_rules_the_same_runs_break_nothing() -> None:
    for seed in range(6):
        assert run(options_of(seed, 4)).violation == ""
