"""Getting around: digits, help, palette, themes, tiny terminals, absurd values."""

from typing import get_args

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from node.control.schema import SyncProgress
from tests.snapshots.scenes import home, key, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.registry import PLACES
from tui.screens.base import NodeScreen
from tui.screens.help import HelpScreen
from tui.screens.home import HomeScreen
from tui.screens.invite import InviteScreen
from tui.themes import THEMES, TONES, Tone


def test_every_digit_opens_its_screen_and_every_screen_has_content() -> None:
    port = FakePort()
    content = {"home": "Neurons", "ask": "❯", "tasks": "What is a blockchain?", "metagraph": "★ this node",
               "peers": "12D3…YwqW4x", "subnets": "market cap", "wallet": "never tested", "governance": "schedule_pos",
               "logs": "imported block"}  # fmt: skip

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        for tab in PLACES:
            if tab.name != "ask":
                await pilot.press(tab.key)
                await settle(pilot, app)
                assert isinstance(app.screen, NodeScreen)
                assert tab.name == app.screen.NAME
                assert content.get(tab.name, tab.title) in shown(app), tab.name
                assert "● RUNNING" in shown(app)

    drive(scenario, port)


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (250, 70)])
def test_no_size_of_the_terminal_breaks_a_screen(size: tuple[int, int]) -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        for tab in PLACES:
            app.action_show(tab.name)
            await settle(pilot, app)
        await pilot.resize_terminal(140, 40)
        await pilot.resize_terminal(*size)
        await settle(pilot, app)
        assert "RUNNING" in shown(app)

    drive(scenario, port, size)


def test_absurd_values_are_shown_and_never_break_the_window() -> None:
    port = FakePort()
    api, huge = port.api, 10**300
    name = "[red]" + "漢\u202e\x1b[2J" * 3000
    api.now_status = recorded.status(
        network=name, finalized_height=huge, peers=-3, uptime_s=-1e300, loop_lag_ms=1e300, stake_rao=-huge,
        balance_rao=huge, version=name, gateway_url=name, slot_ms=0,
    )  # fmt: skip
    api.now_peers = tuple(
        msgspec.structs.replace(each, agent=name, latency_ms=-1e300, height=-huge, peer_id=name + each.peer_id)
        for each in recorded.peers()
    )
    neurons = tuple(
        msgspec.structs.replace(each, hotkey=name + str(each.uid), stake_rao=huge, incentive_u16=-5, last_update=huge)
        for each in recorded.metagraph().neurons
    )
    api.now_metagraph = msgspec.structs.replace(recorded.metagraph(), neurons=neurons)
    api.now_tasks = tuple(
        msgspec.structs.replace(each, preview=name, latency_ms=0.0, tokens=-huge, score=1e300, started_ms=-huge)
        for each in recorded.tasks()
    )
    api.now_log = tuple(msgspec.structs.replace(each, message=name, time_ms=huge) for each in recorded.log_lines())
    api.subnet_prices = [huge, -huge, 0]

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.model.metagraph is not None)
        for tab in PLACES:
            app.action_show(tab.name)
            await settle(pilot, app)
            assert not {"\x1b", "\u202e"} & set(shown(app))

    drive(scenario, port)


def test_a_snapshot_on_its_way_is_shown_by_its_rows_with_rate_and_time_left() -> None:
    port = FakePort()
    sync = SyncProgress(True, 0, 12_000, eta_s=15.0, source_peers=2, rows=50, rows_total=200, rows_per_s=10.0)
    port.api.now_status = recorded.status(state="syncing", sync=sync)

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: "10 rows/s" in shown(app))
        assert "25" in shown(app)
        assert "15s" in shown(app)

    drive(scenario, port)


def test_a_slot_of_half_a_second_is_not_none() -> None:
    port = FakePort()
    port.api.now_status = recorded.status(slot_ms=500)

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: "every 0.5s" in shown(app))

    drive(scenario, port)


def test_help_names_every_key_of_what_has_the_focus() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        await pilot.press("question_mark")
        await settle(pilot, app)
        assert isinstance(app.screen, HelpScreen)
        words = shown(app)
        for word in ("(live table)", "Half a page down", "Sort the other way round", "Filter", "keeps running"):
            assert word in words, word
        await pilot.press("escape")
        await settle(pilot, app)
        assert not isinstance(app.screen, HelpScreen)

    drive(scenario, port, (140, 110))


def test_the_palette_does_what_it_says() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        await pilot.press("ctrl+p", *"metagraph")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, app, lambda: getattr(app.screen, "NAME", "") == "metagraph")

    drive(scenario, port)


def test_a_filter_narrows_a_table_and_esc_shows_all() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("3")(pilot, app, port)
        await pilot.press("slash", *"haiku", "enter")
        await settle(pilot, app)
        assert "Name three rivers" not in shown(app)
        assert "Write a haiku" in shown(app)
        await pilot.press("escape")
        await settle(pilot, app)
        assert "Name three rivers" in shown(app)

    drive(scenario, port)


def test_the_debug_level_is_asked_of_the_node_only_when_wanted() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("9")(pilot, app, port)
        assert "ping" not in shown(app)
        await pilot.press("v", "v", "v")
        await until(pilot, app, lambda: "ping 12D3" in shown(app))
        assert port.api.log_levels == ["info", "debug"]

    drive(scenario, port)


def test_c_copies_what_is_shown_as_a_command() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        await pilot.press("C")
        assert app.clipboard == "neurond peers list --home /srv/devnet/node-1"

    drive(scenario, port)


def test_i_copies_an_invite() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        await pilot.press("i")
        await until(pilot, app, lambda: app.clipboard.startswith("nd1"))
        await until(pilot, app, lambda: isinstance(app.screen, InviteScreen))
        app.copy_to_clipboard("")
        await pilot.press("c")
        assert app.clipboard.startswith("nd1")
        await pilot.press("escape")
        assert isinstance(app.screen, HomeScreen)

    drive(scenario, port)


def test_the_qr_code_of_an_invite_is_shown_where_it_fits_and_otherwise_that_is_said() -> None:
    def shown(app: NeurondApp) -> str:
        return str(app.screen.query_one("#invite-words", Static).content)

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        await pilot.press("i")
        await until(pilot, app, lambda: isinstance(app.screen, InviteScreen))
        assert "leads to" in shown(app)
        await pilot.press("s")
        fits = app.size.height >= 40
        assert ("█" in shown(app)) == fits
        await pilot.press("s")
        assert "leads to" in shown(app)

    for size in ((80, 24), (140, 40)):
        port = FakePort()
        drive(scenario, port, size)


def test_a_hidden_screen_is_not_painted() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        hidden = app.get_screen("home")
        painted: list[object] = []
        hidden.paint = painted.append  # type: ignore[attr-defined]
        await settle(pilot, app)
        assert painted == []

    drive(scenario, port)


def test_every_theme_defines_every_colour_that_is_used() -> None:
    names = [set(theme.variables) for theme in THEMES]
    needed = {"text-muted", "text-success", "text-warning", "text-error", "text-accent", "text-secondary", "frame",
              "frame-focus", "selected", "selected-focus"}  # fmt: skip
    assert all(needed <= each for each in names)
    assert set(TONES) == set(get_args(Tone))
