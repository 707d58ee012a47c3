"""What the node tells of itself stays true when a role ends."""

from dataclasses import replace

from node.market.tasks import TaskView
from node.primitives.types import AccountId
from node.service.telling import TaskKey, abandoned

OPEN = TaskView("01", "challenge", AccountId(b"m" * 32), "waiting", 5)
KEY: TaskKey = (OPEN.id, OPEN.miner)


def test_a_task_that_its_role_left_open_is_told_as_failed() -> None:
    (told,) = abandoned({KEY: OPEN}, {})
    assert (told.state, told.code) == ("failed", "CANCELLED")


def test_finished_and_present_tasks_are_left_alone() -> None:
    assert not abandoned({KEY: replace(OPEN, state="done")}, {})
    assert not abandoned({KEY: OPEN}, {KEY: OPEN})
