"""What a new node has still to reach: told in its order, with the key that helps, and gone when it is reached."""

import pytest
from textual.pilot import Pilot

from node.control.schema import SyncProgress
from tests.snapshots.scenes import home, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.limits import CHECKLIST_FOR_S
from tui.model import Model
from tui.widgets.checklist import Checklist, checklist


def model_of(**changes: object) -> Model:
    model = Model()
    model.set_status(recorded.status(**changes))  # type: ignore[arg-type]
    return model


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"peers": 0}, "connected"),
        ({"sync": SyncProgress(True, 1, 9)}, "synced"),
        ({"balance_rao": 0, "stake_rao": 0}, "funded"),
        ({"uid": None}, "registered"),
        ({"role": "staker", "stake_rao": 0}, "staked"),
        ({}, "first reward"),
    ],
)
def test_the_first_thing_that_is_missing_is_named(changes: dict[str, object], missing: str) -> None:
    assert next(name for name, done in checklist(model_of(**changes)) if not done) == missing


def test_a_node_without_keys_has_only_to_follow() -> None:
    assert checklist(model_of(coldkey=None, hotkey=None)) == (("connected", True), ("synced", True))
    assert checklist(Model()) == ()


def test_the_line_is_seen_while_something_is_missing_and_gone_when_nothing_is_or_after_a_day() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        line = app.screen.query_one(Checklist)
        assert not line.display, "a node that earns has nothing left to reach"
        port.api.push_status(recorded.status(uid=None))
        await until(pilot, app, lambda: line.display)
        await settle(pilot, app)
        assert "○ registered" in shown(app)
        port.api.push_status(recorded.status(uid=None, uptime_s=CHECKLIST_FOR_S + 1.0))
        await until(pilot, app, lambda: not line.display)

    drive(scenario, port)
