"""Getting anywhere in two keys and back again; keys of one's own; a window that changes nothing."""

import asyncio
from pathlib import Path

from textual.pilot import Pilot

from tests.snapshots.scenes import home, settle
from tests.unit.tui.fake import FakePort, FrozenClock, Scenario, drive, until
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.jump import JumpScreen
from tui.options import Options
from tui.screens.home import HomeScreen
from tui.screens.money import MoneyScreen
from tui.screens.role import RoleScreen
from tui.widgets.command_box import CommandBox
from tui.widgets.line_input import LineInput
from tui.widgets.live_table import LiveTable


def name(app: NeurondApp) -> str:
    return getattr(app.screen, "NAME", type(app.screen).__name__)


def drive_with(options: Options, scenario: Scenario, size: tuple[int, int] = (140, 40)) -> None:
    async def main() -> None:
        app = NeurondApp(FakePort(), FrozenClock(), utc_offset_s=0, options=options)
        async with app.run_test(size=size) as pilot:
            await until(pilot, app, lambda: app.model.status is not None and isinstance(app.screen, HomeScreen))
            await scenario(pilot, app)

    asyncio.run(main())


async def go(pilot: Pilot[object], app: NeurondApp, typed: str) -> None:
    """Type a line after `:` and press enter."""
    await pilot.press("colon")
    await until(pilot, app, lambda: bool(app.screen.query("#command")))
    app.screen.query_one("#command", LineInput).value = typed
    await pilot.press("enter")
    await settle(pilot, app)


def test_the_line_goes_to_a_screen_finds_there_and_says_what_it_does_not_know() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        await go(pilot, app, "peers c298")
        assert name(app) == "peers"
        assert len(app.screen.query_one(LiveTable).rows) == 1
        await go(pilot, app, "metagrph")
        assert app.screen.query(CommandBox)
        assert "Did you mean metagraph?" in shown(app)
        await pilot.press("escape")
        await settle(pilot, app)
        assert name(app) == "peers"
        assert not app.screen.query(CommandBox)
        await pilot.press("colon")
        await until(pilot, app, lambda: bool(app.screen.query("#command")))
        await pilot.press("g", "o", "tab")
        assert app.screen.query_one("#command", LineInput).value == "governance "
        await pilot.press("enter")
        await settle(pilot, app)
        assert name(app) == "governance"
        await pilot.press("colon")
        await until(pilot, app, lambda: bool(app.screen.query("#command")))
        await pilot.press("down", "enter")  # what was typed last stands first
        await settle(pilot, app)
        assert name(app) == "governance"
        await go(pilot, app, "theme light")
        assert app.theme == "neurond-light"

    drive(scenario, port)


def test_the_line_opens_a_dialog_of_money_with_what_was_typed_and_sends_nothing() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        await go(pilot, app, "stake 250 on 1")
        assert isinstance(app.screen, MoneyScreen)
        assert app.screen.query_one("#field-amount", LineInput).value == "250"
        assert "Stake on subnet 1" in shown(app)
        assert port.moves == []
        assert port.api.submitted == []
        await pilot.press("escape")
        await settle(pilot, app)
        await go(pilot, app, "stake lots")
        assert "'lots' is no amount" in shown(app)

    drive(scenario, port)


def test_esc_brackets_and_minus_walk_through_the_screens_that_were_shown() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        walk = (("3", "tasks"), ("4", "metagraph"), ("8", "governance"), ("left_square_bracket", "metagraph"),
                ("left_square_bracket", "tasks"), ("right_square_bracket", "metagraph"), ("minus", "tasks"),
                ("minus", "metagraph"))  # fmt: skip
        for pressed, wanted in walk:
            await pilot.press(pressed)
            await settle(pilot, app)
            assert name(app) == wanted, pressed
        app.action_show("home")
        await pilot.press("escape")
        await settle(pilot, app)
        assert name(app) == "metagraph"

    drive(scenario, port)


def test_jumping_puts_a_letter_on_every_pane_and_gives_the_focus() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        await pilot.press("ctrl+o")
        await settle(pilot, app)
        assert isinstance(app.screen, JumpScreen)
        letters = {each.widget.id: each.letter for each in app.screen._found}
        assert {"seats", "peers-pane", "log"} <= set(letters)
        await pilot.press(letters["peers-pane"])
        await settle(pilot, app)
        assert app.focused is not None
        assert app.focused.id == "peers-pane"
        await pilot.press("e")
        await settle(pilot, app)
        assert app.screen.maximized is app.focused
        assert app.focused.size.width > 120
        await pilot.press("escape")
        await settle(pilot, app)
        assert app.screen.maximized is None
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("ctrl+o", "1")  # no pane has this letter: nothing has changed
        await settle(pilot, app)
        assert isinstance(app.screen, HomeScreen)

    drive(scenario, port)


def test_a_held_screen_stays_as_it_is_says_so_and_goes_on_with_all_that_came() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        await pilot.press("p")
        await settle(pilot, app)
        assert "HELD" in shown(app)
        app.model.set_peers(())
        await settle(pilot, app)
        assert "164 ms" in shown(app)
        await pilot.press("p")
        await settle(pilot, app)
        assert "HELD" not in shown(app)
        assert "164 ms" not in shown(app)

    drive(scenario, port)


def test_what_a_pane_shows_can_be_copied_and_the_mouse_given_away() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        app.screen.query_one("#seats").focus()
        await settle(pilot, app)
        app.action_yank()
        assert "5FLS…S59Y" in app.clipboard
        await pilot.press("m")
        assert app.is_mouse_free
        await pilot.press("m")
        assert not app.is_mouse_free

    drive(scenario, port)


def test_keys_of_ones_own_count_and_what_is_wrong_with_the_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "keymap.toml"
    path.write_text('[app]\n"show-tasks" = "f5"\nhelp = "banana"\nhlp = "f9"\n[live-table]\nbottom = "f6"\n')

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: len(app._notifications) > 0)
        told = " ".join(each.message for each in app._notifications)
        assert f"{path}: app.help: 'banana' is no key" in told
        assert "And 1 more" in told
        await pilot.press("f5")
        await settle(pilot, app)
        assert name(app) == "tasks"
        table = app.screen.query_one(LiveTable)
        await pilot.press("f6")
        assert table.chosen is table.rows[-1]
        await pilot.press("1", "3")
        await settle(pilot, app)
        assert name(app) == "home"  # 3 has no meaning any more
        await pilot.press("question_mark")
        await settle(pilot, app)
        assert "f5 Tasks" in str(app.screen.query_one("#help-scroll .words").render())

    drive_with(Options(keymap=path), scenario)


def test_a_read_only_window_shows_everything_and_changes_nothing() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        assert "READ ONLY" in shown(app)
        await pilot.press("r")
        await settle(pilot, app)
        assert not isinstance(app.screen, RoleScreen)
        assert any("read-only" in each.message for each in app._notifications)
        app.stake(1)
        await settle(pilot, app)
        assert not isinstance(app.screen, MoneyScreen)
        await pilot.press("question_mark")
        await settle(pilot, app)
        assert "read-only" in str(app.screen.query_one("#help-scroll .words").render())

    drive_with(Options(read_only=True), scenario)
