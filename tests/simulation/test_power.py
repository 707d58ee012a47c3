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


def votes_in_peril(seed: int) -> Options:
    """Return half an hour of everything that strikes while votes are cast."""
    return Options(
        seed=seed, mode="safety", count=4, slots=150, twins=1, drop_percent=5, delay_ms_mean=400, cuts=CUTS,
        ambushes=AMBUSHES,
    )  # fmt: skip


def twins_apart(seed: int) -> Options:
    """Return half an hour of twins, kept apart on links that work."""
    return Options(seed=seed, mode="safety", count=7, slots=150, twins=2)


@pytest.mark.parametrize(
    ("take_out", "options_of"),
    [
        (without_lock_rule, votes_in_peril),
        (without_locks_after_a_restart, votes_in_peril),
        (with_quorums_of_a_half, twins_apart),
    ],
)
def test_without_a_rule_safety_breaks(
    take_out: Callable[[pytest.MonkeyPatch], None],
    options_of: Callable[[int], Options],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_out(monkeypatch)
    found = (run(options_of(seed)).violation for seed in range(RUNS_MAX))
    broken = next(filter(None, found), "")
    assert any(what in broken for what in ("two certificates", "another block", "conflict", "too little weight")), (
        broken
    )


@pytest.mark.parametrize("options_of", [votes_in_peril, twins_apart])
def test_with_all_rules_the_same_runs_break_nothing(options_of: Callable[[int], Options]) -> None:
    for seed in range(4):
        assert run(options_of(seed)).violation == ""
