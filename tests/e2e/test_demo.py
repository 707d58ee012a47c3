"""The main job, end to end with real processes: what `make demo` shows with the real model, here with a tiny one."""

import pytest

from node.service import demo

pytestmark = pytest.mark.e2e


@pytest.mark.timeout(240)
def test_a_task_travels_from_the_user_to_rewards_and_back_and_the_network_survives_a_crash(tiny_model: str) -> None:
    told: list[str] = []
    report = demo.run(told.append, lambda step: None, model=tiny_model)
    assert len(report.answers) == len(demo.QUESTIONS) + 1
    assert {row.cheat for row in report.miners} == {"", "altered"}
    assert report.height > 0
