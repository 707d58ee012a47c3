"""That a soak would notice what it looks for: things that grow, chains that differ, blocks that are gone."""

import random

import pytest

from tests.soak.fleet import disagreements
from tests.soak.series import SAMPLES_MIN, Sample, growth, line_through
from tests.soak.usage import tasks_in

MB = 1_000_000


def life(rise_per_s: float, *, noise: float = 2 * MB, seconds: int = 1800, filling_s: int = 300) -> list[Sample]:
    """A process that fills caches of 20 MB at first, then grows steadily, with an allocator's noise."""
    chance = random.Random(4)
    return [
        Sample(
            at_s, 0, int(100 * MB + 20 * MB * min(1.0, at_s / filling_s) + rise_per_s * at_s + chance.gauss(0, noise)),
            40 + chance.randrange(6), 20, None,
        )
        for at_s in range(0, seconds, 10)
    ]  # fmt: skip


def test_memory_that_wavers_about_a_level_is_flat() -> None:
    found = growth(life(0.0), "uss", 6.0 * MB)
    assert found is not None
    assert found.is_flat
    assert found.middle == pytest.approx(120 * MB, rel=0.02)


def test_memory_that_grows_by_an_eighth_in_a_quarter_of_an_hour_is_not() -> None:
    found = growth(life(15 * MB / 900), "uss", 6.0 * MB)
    assert found is not None
    assert not found.is_flat


def test_one_open_file_lost_a_kill_is_noticed() -> None:
    leaking = [
        Sample(each.at_s, 0, 0, each.fds + int(each.at_s // 20), 20, 90 + int(each.at_s // 20)) for each in life(0.0)
    ]
    for what, allowed in (("fds", 4.0), ("tasks", 12.0)):
        found = growth(leaking, what, allowed)
        assert found is not None
        assert not found.is_flat
    steady = growth(life(0.0), "fds", 4.0)
    assert steady is not None
    assert steady.is_flat


def test_too_few_samples_are_not_judged() -> None:
    assert growth(life(0.0, seconds=10 * (SAMPLES_MIN - 1)), "uss", 1.0) is None
    assert growth(life(0.0), "tasks", 1.0) is None
    assert growth([], "uss", 1.0) is None


def test_a_line_through_exact_points_is_that_line() -> None:
    line = line_through([(float(x), 3.0 + 2.0 * x) for x in range(10)])
    assert line.slope == pytest.approx(2.0)
    assert line.error == pytest.approx(0.0, abs=1e-9)
    assert line.rise == pytest.approx(18.0)


def test_other_missing_and_lost_final_blocks_are_told() -> None:
    called = {1: "aa", 2: "bb"}
    assert list(disagreements({"a": ["00", "aa", "bb"], "b": ["00", "aa"]}, called)) == []
    assert "two final blocks at height 2" in " ".join(
        disagreements({"a": ["00", "aa", "bb"], "b": ["00", "aa", "cc"]}, {})
    )
    assert "another block at height 2" in " ".join(disagreements({"a": ["00", "aa", "cc"]}, called))
    assert "height 1 is missing at b" in " ".join(disagreements({"a": ["00", "aa"], "b": ["00", "", "bb"]}, {}))
    assert "lost: height 2" in " ".join(disagreements({"a": ["00", "aa"]}, called))


def test_the_number_of_tasks_is_read_from_the_metrics() -> None:
    assert tasks_in("# HELP neurond_loop_tasks Tasks.\n# TYPE neurond_loop_tasks gauge\nneurond_loop_tasks 97\n") == 97
    assert tasks_in("neurond_uptime_seconds 1.0\n") is None
