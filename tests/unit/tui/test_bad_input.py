"""What people and terminals do by accident: binary in the clipboard, two windows on one node, a window of no size."""

import asyncio
import os
from threading import Thread

import pytest
from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.pilot import Pilot

from tests.snapshots.scenes import home, settle
from tests.unit.tui.fake import FakePort, FrozenClock, drive, until
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.limits import COMMAND_CHARS_MAX, FILTER_CHARS_MAX
from tui.options import Options
from tui.port import PortError
from tui.registry import PLACES
from tui.screens.quit import QuitScreen
from tui.widgets.line_input import LineInput

BINARY = "\x00\x1b[2J\x07" + bytes(range(256)).decode("latin-1") * 40 + "\u202e\ud800\n\r\t"

BAD = {chr(code) for code in (*range(32), *range(0x7F, 0xA0), *range(0xD800, 0xE000), 0x202E)}


@pytest.mark.parametrize(
    ("keys", "line", "bound"),
    [
        (("colon",), "#command", COMMAND_CHARS_MAX),
        (("P", "slash"), "#filter", FILTER_CHARS_MAX),
        (("2",), "#question", 8000),
    ],
)
def test_pasted_binary_becomes_bounded_printable_text(keys: tuple[str, ...], line: str, bound: int) -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        await pilot.press(*keys)
        await until(pilot, app, lambda: app.focused is not None and f"#{app.focused.id}" == line)
        app.post_message(events.Paste(BINARY))
        field = app.screen.query_one(line, LineInput)
        await until(pilot, app, lambda: field.value != "")
        assert len(field.value) <= bound
        assert not [
            char for char in field.value if ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000
        ]
        assert "\u202e" not in field.value
        await settle(pilot, app)
        assert "RUNNING" in shown(app)

    drive(scenario, port)


def test_bytes_that_are_no_text_do_not_end_the_reading_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A binary file in the clipboard, or a key of a terminal that is not set to UTF-8."""
    heard: list[str] = []

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        driver = app.get_driver_class()(app, mouse=False)
        assert isinstance(driver, LinuxDriver)
        monkeypatch.setattr(driver, "process_message", lambda message: heard.append(str(message)))
        driver.fileno, writing = os.pipe()
        reading = Thread(target=driver.run_input_thread)
        reading.start()
        os.write(writing, b"a\xe9\xff" + b"\x1b[200~\xc6\xfe\x00\x1b[201~" + b"z")
        await until(pilot, app, lambda: any("'z'" in each for each in heard) or not reading.is_alive())
        driver.exit_event.set()
        os.close(writing)
        await asyncio.to_thread(reading.join)
        os.close(driver.fileno)

    drive(scenario, FakePort(running=False))
    assert any("'z'" in each for each in heard)
    assert any(each.startswith("Paste") for each in heard)


def test_two_windows_that_stop_the_node_at_once_both_end_well() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        second = NeurondApp(port, app.clock, utc_offset_s=0)
        async with second.run_test(size=(80, 24)) as other:
            await home(other, second, port)
            for each, window in ((pilot, app), (other, second)):
                await each.press("Q")
                await until(each, window, lambda window=window: isinstance(window.screen, QuitScreen))  # type: ignore[misc]
            await pilot.press("s")
            await until(pilot, app, lambda: app.return_value is not None)
            port.stop = _nobody  # type: ignore[method-assign]  # the first window has stopped it
            await other.press("s")
            await until(other, second, lambda: len(second._notifications) > 1)
            assert any("No node runs" in note.message for note in second._notifications)
            assert second.return_value is None

    drive(scenario, port)
    assert len(port.stopped) == 1


def _nobody(*_: object) -> None:
    raise PortError("No node runs in this home.", "Nothing is left to stop.")


def test_a_window_of_20_by_5_shows_a_pane_and_the_state_on_every_screen_in_ascii_too() -> None:
    async def main() -> None:
        port = FakePort()
        app = NeurondApp(port, FrozenClock(), utc_offset_s=0, options=Options(ascii_only=True))
        async with app.run_test(size=(20, 5)) as pilot:
            await home(pilot, app, port)
            for place in PLACES:
                app.action_show(place.name)
                await settle(pilot, app)
                assert "RUNNING" in shown(app), place.name
                assert shown(app).isascii(), place.name
            for pressed in ("colon", "escape", "ctrl+o", "escape", "question_mark", "escape", "a", "escape", "Q"):
                await pilot.press(pressed)
                await settle(pilot, app)

    asyncio.run(main())
