"""Promises of the settings screen: edits are collected, reviewed, written once; advice that is safe is carried out."""

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from node.control.schema import Check, Checkup
from tests.unit.tui.fake import FakePort, FrozenClock, drive, until
from tui.app import NeurondApp
from tui.options import Options
from tui.screens.settings import SettingsScreen, SettingsTree
from tui.screens.settings_dialogs import FixScreen, ReviewScreen
from tui.widgets.line_input import LineInput


class OwnHome(FakePort):
    """A port whose home is a real folder."""

    folder = Path()
    variables: dict[str, str] = {}  # noqa: RUF012  # a test's own

    @property
    def home(self) -> Path:
        return self.folder

    def environment(self) -> dict[str, str]:
        return self.variables


@pytest.fixture
def port(tmp_path: Path) -> OwnHome:
    found = OwnHome()
    found.folder, found.variables = tmp_path, {}
    return found


async def open_settings(pilot: Pilot[object], app: NeurondApp) -> SettingsScreen:
    await until(pilot, app, lambda: app.is_attached_to_node)
    await pilot.press("0")
    await until(pilot, app, lambda: isinstance(app.screen, SettingsScreen))
    await pilot.pause(0.05)
    screen = app.screen
    assert isinstance(screen, SettingsScreen)
    return screen


async def choose(pilot: Pilot[object], screen: SettingsScreen, key: str) -> None:
    screen.query_one(SettingsTree).move_cursor(screen._leaves[key])
    await pilot.pause(0.02)


def shown(screen: SettingsScreen, where: str = "#setting") -> str:
    return str(screen.query_one(where, Static).content)


def test_edits_are_collected_reviewed_and_written_once(port: OwnHome) -> None:
    async def act(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await open_settings(pilot, app)
        assert "node.role" in shown(screen)
        assert "as last time" in shown(screen)
        await pilot.press("enter")  # a few choices: the first one
        assert screen.pending == {"node.role": "staker"}
        await pilot.press("enter")
        assert screen.pending == {"node.role": "miner"}
        await choose(pilot, screen, "gateway.port")
        await pilot.press("enter")
        line = screen.query_one("#value", LineInput)
        assert line.has_focus
        line.value = "many"
        await pilot.press("enter")
        assert line.has_focus  # refused, and still open
        line.value = "8080"
        await pilot.press("enter")
        assert screen.pending == {"node.role": "miner", "gateway.port": 8080}
        assert not (port.home / "config.toml").exists()
        await pilot.press("w")
        assert isinstance(app.screen, ReviewScreen)
        words = str(app.screen.query_one(".words", Static).content)
        assert "gateway.port  0 → 8080" in words
        assert "node.role, gateway.port: when the node is started again" in words
        await pilot.press("escape")
        assert not (port.home / "config.toml").exists()
        await pilot.press("w", "w")
        await pilot.pause(0.05)
        assert (port.home / "config.toml").read_text() == '[node]\nrole = "miner"\n\n[gateway]\nport = 8080\n'
        assert screen.pending == {}
        assert "file" in shown(screen)

    drive(act, port)


def test_a_change_is_taken_back_and_a_setting_taken_out(port: OwnHome) -> None:
    (port.home / "config.toml").write_text("[node]\nmdns = false\n")

    async def act(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await open_settings(pilot, app)
        await choose(pilot, screen, "window.theme")
        await pilot.press("enter", "z")
        assert screen.pending == {}
        await pilot.press("x")  # not in the file
        assert screen.pending == {}
        await choose(pilot, screen, "node.mdns")
        await pilot.press("x", "w", "w")
        await pilot.pause(0.05)
        assert "mdns" not in (port.home / "config.toml").read_text()

    drive(act, port)


def test_a_file_changed_by_somebody_else_is_not_written_over(port: OwnHome) -> None:
    async def act(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await open_settings(pilot, app)
        await pilot.press("enter", "w")
        (port.home / "config.toml").write_text("# mine\n")
        await pilot.press("w")
        await pilot.pause(0.05)
        assert (port.home / "config.toml").read_text() == "# mine\n"
        assert screen.pending == {"node.role": "staker"}  # kept: it can be written after another look
        await pilot.press("w", "w")
        await pilot.pause(0.05)
        assert "# mine" in (port.home / "config.toml").read_text()
        assert 'role = "staker"' in (port.home / "config.toml").read_text()

    drive(act, port)


def test_a_broken_file_is_told_and_an_environment_that_wins_too(port: OwnHome) -> None:
    (port.home / "config.toml").write_text("[node]\nrole = 5\n")
    port.variables = {"NEUROND_NODE_MDNS": "false"}

    async def act(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await open_settings(pilot, app)
        assert "line 2: node.role must be one of" in shown(screen)
        (port.home / "config.toml").write_text("[node]\n")
        await pilot.press("ctrl+r")
        assert screen.config is not None
        await choose(pilot, screen, "node.mdns")
        assert "NEUROND_NODE_MDNS" in shown(screen)
        await pilot.press("enter", "w")
        assert isinstance(app.screen, ReviewScreen)
        assert "wins over the file" in str(app.screen.query_one(".words", Static).content)

    drive(act, port)


def test_the_doctor_shows_the_worst_first_and_carries_out_what_is_safe(port: OwnHome) -> None:
    key = port.home / "wallets"
    key.mkdir(mode=0o755)
    key.chmod(0o755)
    home = Path("/srv/devnet/node-1")  # what the window is attached to
    port.api.now_checkup = Checkup(
        False,
        (
            Check("disk", "ok", "50 GB free"),
            Check("clock", "warn", "300 ms behind", "Set the clock: `timedatectl set-ntp true`."),
            Check("keys", "bad", "others may read", f"Run: chmod 700 '{home / 'wallets'}'"),
        ),
    )

    async def act(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await open_settings(pilot, app)
        await pilot.press("d")
        doctor = screen.doctor
        await until(pilot, app, lambda: doctor.checkup is not None and doctor.finding is not None)
        assert doctor.finding is not None
        assert doctor.finding.name == "keys"
        app.attached_home = port.home
        port.api.now_checkup = Checkup(True, (Check("keys", "bad", "open", f"Run: chmod 700 '{key}'"),))
        await pilot.press("ctrl+r")
        await until(pilot, app, lambda: doctor.checkup is port.api.now_checkup and not doctor.is_examining)
        await pilot.press("enter")
        assert isinstance(app.screen, FixScreen)
        assert not app.screen.query_one("#run").disabled
        await pilot.press("x")
        await until(pilot, app, lambda: key.stat().st_mode & 0o777 == 0o700)
        await pilot.press("escape")
        assert not screen.has_class("-doctor")

    drive(act, port)


def test_a_window_that_only_reads_writes_nothing(port: OwnHome) -> None:
    async def main() -> None:
        app = NeurondApp(port, FrozenClock(), utc_offset_s=0, options=Options(read_only=True))  # type: ignore[arg-type]
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await open_settings(pilot, app)
            await pilot.press("enter", "w")
            assert app.screen is screen
            assert screen.pending
        assert not (port.home / "config.toml").exists()

    asyncio.run(main())
