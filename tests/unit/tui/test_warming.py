"""What other screens need is there before they are asked for, and they look as if it had come with them."""

import pytest
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

from tests.snapshots.scenes import home, settle
from tests.unit.tui.fake import FakePort, drive
from tui.app import NeurondApp
from tui.registry import PLACES
from tui.warming import Warming


def warm(app: NeurondApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take all steps at once."""
    more, frozen = [True], list[bool]()
    monkeypatch.setattr(Warming, "begin", lambda _: more.append(True))
    monkeypatch.setattr("gc.freeze", lambda: frozen.append(True))  # here other tests follow
    warming = Warming(app)
    while more:
        more.clear()
        assert not frozen, "what comes later would be looked through again and again"
        warming.step()
    assert frozen


def test_a_screen_that_is_shown_for_the_first_time_has_no_rules_parsed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    port = FakePort()
    parsed: list[None] = []

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        warm(app, monkeypatch)
        monkeypatch.setattr(Stylesheet, "reparse", lambda _: parsed.append(None))
        for place in PLACES:
            app.action_show(place.name)
            await settle(pilot, app)
            assert getattr(app.screen, "NAME", "") == place.name
        assert not parsed
        await app.run_action("help")  # a dialog with rules of its own
        await settle(pilot, app)
        assert type(app.screen).__name__ == "HelpScreen"
        assert not parsed

    drive(scenario, port)


def test_a_screens_own_rules_still_count_more_than_those_it_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        warm(app, monkeypatch)
        app.action_show("subnets")
        await settle(pilot, app)
        height = app.screen.query_one("#chart").styles.height
        assert height is not None
        assert height.value == 14  # its own; what it shares with other tables says 10

    drive(scenario, port)
