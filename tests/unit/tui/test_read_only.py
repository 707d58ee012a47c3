"""A read-only window: no key, button, line or palette entry of any screen changes the node, moves money or opens a key.

The same walk through a window that may change things shows that it finds what changes something.
"""

import asyncio
from typing import Any, Final

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Footer, Input, Static

from node.control.scopes import OPERATING
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakeApi, FakePort, FrozenClock, until
from tui.app import NeurondApp
from tui.command_line import parse
from tui.commands import Actions
from tui.options import Options
from tui.registry import PLACES
from tui.screens.base import Dialog, NodeScreen
from tui.widgets.live_table import LiveTable
from tui.window import READ_ONLY

_PORT: Final = frozenset({"start", "start_devnet", "join", "stop", "sign", "sign_role"})
_DESK: Final = frozenset({"hold", "signer", "watch", "label", "test_words", "sign_message", "sign_paper", "save"})
_TYPED: Final = ("/ip4/192.0.2.7/tcp/4001", f"{recorded.COLDKEY} name", "1h", "right words")
_OF_THE_WINDOW: Final = ("r", "i", "S", "u", "Q")  # the last one may end the window
_TYPED_LINES: Final = (
    "role",
    "invite",
    "stop",
    "restart",
    "keymap",
    "stake 1 on 1",
    "unstake 1",
    "send 1",
    "register 1",
)
_DIALOGS_THAT_CHANGE: Final = ("MoneyScreen", "RoleScreen", "BackupScreen", "ReviewScreen", "PasswordScreen")


class Watched(FakeApi):
    """Notes which methods that change something are called."""

    def __init__(self, reached: set[str]) -> None:
        super().__init__()
        self._reached = reached

    def __getattribute__(self, name: str) -> Any:
        if name in OPERATING and name != "route":  # whose reading is a method of its own
            self._reached.add(name)
        return super().__getattribute__(name)


class WatchedPort(FakePort):
    """Notes which of its methods, and of its desk's, that change something are called."""

    reached: set[str]

    def __getattribute__(self, name: str) -> Any:
        if name in _PORT:
            super().__getattribute__("reached").add(name)
        if name == "desk":
            return _Desk(super().__getattribute__("desk"), super().__getattribute__("reached"))
        return super().__getattribute__(name)


class _Desk:
    def __init__(self, desk: Any, reached: set[str]) -> None:
        self.__dict__.update(_desk=desk, _reached=reached)

    def __getattr__(self, name: str) -> Any:
        if name in _DESK:
            self._reached.add(name)
        return getattr(self._desk, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._desk, name, value)


WHERE_SOMETHING_CHANGES: Final[dict[str, set[str]]] = {
    "peers": {"peer_add", "peer_drop", "peer_ban", "peer_unban"},
    "data": {"data_verify", "data_export"},
    "home": {"RoleScreen", "invite", "stop"},
}
"""What the walk finds from each screen in a window that may change things."""


@pytest.fixture(autouse=True)
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at these windows: nothing is drawn."""
    monkeypatch.setattr(Screen, "_compositor_refresh", lambda _: None)
    monkeypatch.setattr(Footer, "bindings_changed", lambda *_: None)


async def answer(pilot: Pilot[object], app: NeurondApp, reached: set[str]) -> None:
    """Fill in whatever asks, and press every button of it, until nothing asks any more."""
    for _ in range(3):
        dialog = app.screen
        if not isinstance(dialog, Dialog):
            return
        if type(dialog).__name__ in _DIALOGS_THAT_CHANGE:
            reached.add(type(dialog).__name__)
        else:
            await pilot.pause()
            await _answer_one(pilot, app, dialog)
        if app.screen is dialog:
            dialog.dismiss(None)
        await pilot.pause()


async def _answer_one(pilot: Pilot[object], app: NeurondApp, dialog: Dialog[Any]) -> None:
    for text in _TYPED if dialog.query(Input) else ():
        if app.screen is dialog:
            line = dialog.query(Input).first()
            line.value = line.value or text
            await line.action_submit()
            await pilot.pause()
            line.value = ""
    for button in list(dialog.query(Button)):
        if app.screen is dialog and button.id not in ("cancel", "no", "detach"):
            button.press()
            await pilot.pause()


def keys_of(screen: NodeScreen) -> list[str]:
    """Return the keys that the screen's own class declares, and the one that opens a row of it."""
    own = [each for each in type(screen).__dict__["BINDINGS"] if isinstance(each, Binding)]
    return ["enter", *(each.key.split(",")[0] for each in own if each.key != "escape")]


async def try_all(pilot: Pilot[object], app: NeurondApp, place: str, reached: set[str]) -> None:
    """Press every key of a screen and of the window, and answer whatever asks."""
    for key in (*keys_of(await at(pilot, app, place)), *(_OF_THE_WINDOW if place == "home" else ())):
        await at(pilot, app, place)
        await pilot.press(key)
        await answer(pilot, app, reached)


async def at(pilot: Pilot[object], app: NeurondApp, place: str) -> NodeScreen:
    if getattr(app.screen, "NAME", "") != place:
        app.action_show(place)
        await until(pilot, app, lambda: getattr(app.screen, "NAME", "") == place)
    screen = app.screen
    assert isinstance(screen, NodeScreen)
    return screen


def walk(*places: str, read_only: bool) -> dict[str, set[str]]:
    """Return what changes something and was reached, by screen."""
    reached: set[str] = set()
    found: dict[str, set[str]] = {}

    async def main() -> None:
        port = WatchedPort(Watched(reached))
        port.reached = reached
        app = NeurondApp(port, FrozenClock(), utc_offset_s=0, options=Options(read_only=read_only))
        async with app.run_test(size=(140, 40)) as pilot:
            await until(pilot, app, lambda: app.model.account is not None and app.model.proposals is not None)
            for place in places:
                screen = await at(pilot, app, place)
                tables = list(screen.query(LiveTable)) if place != "settings" else []
                await until(pilot, app, lambda tables=tables: all(table.rows for table in tables))  # type: ignore[misc]
                reached.clear()
                await try_all(pilot, app, place, reached)
                found[place] = set(reached)

    asyncio.run(main())
    return {place: names for place, names in found.items() if names}


def test_nothing_that_changes_anything_is_reached_from_any_screen() -> None:
    assert walk(*(each.name for each in PLACES), read_only=True) == {}


def test_the_same_walk_finds_what_changes_something_in_another_window() -> None:
    found = walk(*WHERE_SOMETHING_CHANGES, read_only=False)
    assert found == WHERE_SOMETHING_CHANGES


def test_lines_that_are_typed_and_the_palette_change_nothing_either_and_say_why() -> None:
    reached: set[str] = set()

    async def main() -> None:
        port = WatchedPort(Watched(reached))
        port.reached = reached
        app = NeurondApp(port, FrozenClock(), utc_offset_s=0, options=Options(read_only=True))
        async with app.run_test(size=(140, 40)) as pilot:
            await until(pilot, app, lambda: app.model.account is not None and app.model.status is not None)
            reached.clear()
            for typed in _TYPED_LINES:
                app.obey(parse(typed))
                await pilot.pause()
                await answer(pilot, app, reached)
            told = [each.message for each in app._notifications]
            assert told.count(READ_ONLY) >= 1  # the same words again are one toast
            for name, _, act in Actions(app.screen)._commands():
                if not name.startswith(("Detach", "Theme", "Go ", "Help")):
                    found = act()
                    if asyncio.iscoroutine(found):
                        await found
                    await answer(pilot, app, reached)

    asyncio.run(main())
    assert reached == set()


def test_where_no_node_runs_a_read_only_window_starts_none() -> None:
    reached: set[str] = set()

    async def main() -> None:
        port = WatchedPort(Watched(reached), running=False, known="the node of this home")
        port.reached = reached
        app = NeurondApp(port, FrozenClock(), utc_offset_s=0, options=Options(read_only=True))
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, app, lambda: app.screen.has_class("-offering"))
            welcome = app.screen
            for key in ("s", "d", "n", "r", "w", "j", "enter"):
                await pilot.press(key)
                assert app.screen is welcome
            assert "read-only" in str(welcome.query_one("#failure", Static).render())

    asyncio.run(main())
    assert reached == set()
