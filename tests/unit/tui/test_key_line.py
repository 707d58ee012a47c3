"""The last line names the keys that count and can be clicked; and what another screen costs stays out of a switch."""

import pytest
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Footer

from tests.snapshots.scenes import home, settle
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.test_navigation import drive_with
from tests.unit.tui.test_warming import warm
from tui.app import NeurondApp
from tui.options import Options
from tui.screens.home import HomeScreen
from tui.widgets.key_line import KeyLine
from tui.widgets.line_input import LineInput
from tui.widgets.live_table import LiveTable


def line(app: NeurondApp) -> str:
    """The last line as it is drawn."""
    widget = app.screen.query_one(KeyLine)
    return "".join(strip.text for strip in widget.render_lines(widget.size.region))


def test_it_names_the_keys_of_the_focus_and_a_click_presses_them() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        assert "r Role" in line(app)
        assert "s Sort" not in line(app)
        app.screen.query_one("#seats", LiveTable).focus()
        await settle(pilot, app)
        assert "s Sort" in line(app)  # what only the table can do
        await pilot.click(KeyLine, offset=(line(app).index("Ask"), 0))
        await settle(pilot, app)
        assert getattr(app.screen, "NAME", "") == "ask"

    drive(scenario, port)


def test_while_a_line_takes_letters_no_letter_is_named_that_would_be_typed_into_it() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        assert " q Detach" in line(app)
        assert " ? Help" in line(app)
        await pilot.press("2")
        await until(pilot, app, lambda: isinstance(app.focused, LineInput))
        await settle(pilot, app)
        assert " ^q Detach f1 Help" in line(app)
        await pilot.press("f1")
        await until(pilot, app, lambda: "Help" in type(app.screen).__name__)

    drive(scenario, port)


def test_a_key_that_cannot_be_used_is_dim_and_a_click_on_it_does_nothing() -> None:
    port = FakePort()
    bells: list[None] = []

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        app.bell = lambda: bells.append(None)  # type: ignore[method-assign]
        at = line(app).index("r Role")
        assert [each.dim for each in app.screen.query_one(KeyLine).shown if each.words == "Role"] == [True]
        await pilot.click(KeyLine, offset=(at, 0))
        await settle(pilot, app)
        assert isinstance(app.screen, HomeScreen)
        assert bells

    drive_with(Options(read_only=True), scenario)


def test_between_screens_that_were_seen_no_style_is_matched_and_no_widget_made(monkeypatch: pytest.MonkeyPatch) -> None:
    port = FakePort()
    done = {"styled": 0, "made": 0}

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        warm(app, monkeypatch)
        for key in "313":
            await pilot.press(key)
            await settle(pilot, app)
        apply, made = Stylesheet.apply, Widget.__init__

        def counted_apply(*words: object, **named: object) -> None:
            done["styled"] += 1
            apply(*words, **named)  # type: ignore[arg-type]

        def counted_made(*words: object, **named: object) -> None:
            done["made"] += 1
            made(*words, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(Stylesheet, "apply", counted_apply)
        monkeypatch.setattr(Widget, "__init__", counted_made)
        await pilot.press("1")
        await settle(pilot, app)
        assert isinstance(app.screen, HomeScreen)
        assert not app.screen.query(Footer)

    drive(scenario, port)
    assert done["made"] == 0
    assert done["styled"] <= 2


def test_a_screen_that_was_away_when_the_colours_changed_comes_back_in_the_new_ones() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        for key in "313":
            await pilot.press(key)
            await settle(pilot, app)
        before = app.get_screen("home").styles.background
        app.use_theme("neurond-light")
        await settle(pilot, app)
        await pilot.press("1")
        await settle(pilot, app)
        assert app.screen.styles.background == app.get_screen("tasks").styles.background != before

    drive(scenario, port)
