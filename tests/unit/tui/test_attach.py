"""Opening, attaching, losing the node and getting it back, leaving: the node outlives the window."""

import msgspec
import pytest
from textual.pilot import Pilot

from tests.snapshots.scenes import home, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tui.app import Farewell, NeurondApp, farewell_words
from tui.port import PortError
from tui.screens.home import HomeScreen
from tui.screens.quit import QuitScreen
from tui.screens.welcome import WelcomeScreen
from tui.widgets.status_bar import state_of


def shown(app: NeurondApp) -> str:
    """All text that is on the screen."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines[:height])[: (width + 1) * height]


def state(app: NeurondApp) -> str:
    return state_of(app.model).plain


def test_a_running_node_is_attached_to_at_once() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        assert isinstance(app.screen, HomeScreen)
        words = shown(app)
        for word in ("RUNNING", "miner uid 2", "1,204", "devnet-7f3a", "4 peers", "5FLS…S59Y", "+79.240 α"):
            assert word in words, word

    drive(scenario, port)


def test_without_a_node_the_window_offers_what_can_be_done() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.screen.has_class("-offering"))
        words = shown(app)
        assert "Devnet here" in words
        assert "Join a network" in words
        assert "Start again" not in words

    drive(scenario, FakePort(running=False))


@pytest.mark.parametrize(("pressed", "began"), [("d", "devnet"), ("s", "again")])
def test_one_key_starts_and_leads_to_home(pressed: str, began: str) -> None:
    port = FakePort(running=False, known="the devnet of this home")

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.screen.has_class("-offering"))
        await pilot.press(pressed)
        await until(pilot, app, lambda: isinstance(app.screen, HomeScreen))
        assert port.started == [began]

    drive(scenario, port)


def test_a_start_that_fails_says_so_with_its_remedy_and_offers_again() -> None:
    port = FakePort(running=False, failure=PortError("The port 4001 is taken.", "Stop what uses it."))

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.screen.has_class("-offering"))
        await pilot.press("d")
        await until(pilot, app, lambda: "The port 4001 is taken. Stop what uses it." in shown(app))
        assert isinstance(app.screen, WelcomeScreen)
        port.failure = None
        await pilot.press("d")
        await until(pilot, app, lambda: isinstance(app.screen, HomeScreen))

    drive(scenario, port)


def test_a_lost_node_keeps_its_last_values_dims_them_and_can_be_started_again() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        port.api.die()
        app.tick()
        app.clock.s += 12  # type: ignore[attr-defined]
        await settle(pilot, app)
        words = shown(app)
        assert "NODE GONE 12s" in words
        assert "S starts it again" in words
        assert "1,204" in words
        assert app.screen.has_class("-old")
        await pilot.press("S")
        await until(pilot, app, lambda: state(app) == "● RUNNING")
        await settle(pilot, app)
        assert port.started == ["again"]
        assert not app.screen.has_class("-old")
        port.api.push_status(recorded.status(1300))
        await until(pilot, app, lambda: "1,300" in shown(app))

    drive(scenario, port)


def test_a_silent_node_is_marked_with_the_age_of_its_values() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        port.api.silent = True
        app.tick()
        app.clock.s += 7  # type: ignore[attr-defined]
        await settle(pilot, app)
        assert "SILENT 7s" in shown(app)
        assert "values may be old" in shown(app)

    drive(scenario, port)


def test_q_detaches_and_never_stops_the_node() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        await pilot.press("q")
        await pilot.pause()
        assert app.return_value == Farewell("running", 4121, app.attached_home)
        assert port.stopped == []

    drive(scenario, port)
    words = farewell_words(Farewell("running", 4121, port.home))
    assert words.startswith("node keeps running, pid 4121")


@pytest.mark.parametrize(("keys", "left"), [(["enter"], "running"), (["s"], "stopped"), (["escape"], None)])
def test_capital_q_asks_and_its_first_answer_is_to_detach(keys: list[str], left: str | None) -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        await pilot.press("Q")
        await settle(pilot, app)
        assert isinstance(app.screen, QuitScreen)
        await pilot.press(*keys)
        if left is None:
            await settle(pilot, app)
            assert isinstance(app.screen, HomeScreen)
            assert app.return_value is None
        else:
            await until(pilot, app, lambda: app.return_value is not None)
            assert app.return_value is not None
            assert app.return_value.node == left
        assert bool(port.stopped) == (left == "stopped")

    drive(scenario, port)


def test_leaving_names_the_process_that_runs_now_and_not_the_one_before_a_restart() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        port.api.push_status(msgspec.structs.replace(port.api.now_status, pid=5200))
        await until(pilot, app, lambda: app.model.status is not None and app.model.status.pid == 5200)
        await pilot.press("Q")
        await settle(pilot, app)
        assert "the node (process 5200) keeps running" in shown(app)
        await pilot.press("enter")
        await until(pilot, app, lambda: app.return_value is not None)
        assert app.return_value == Farewell("running", 5200, app.attached_home)

    drive(scenario, port)


def test_of_a_node_that_is_gone_leaving_does_not_say_that_it_keeps_running() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        port.api.die()
        await until(pilot, app, lambda: app.model.link == "gone")
        await pilot.press("Q")
        await settle(pilot, app)
        assert "keeps running" not in shown(app)
        assert "does not answer" in shown(app)

    drive(scenario, port)


def test_two_windows_on_one_node_do_not_disturb_each_other() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        second = NeurondApp(port, app.clock, utc_offset_s=0)
        async with second.run_test(size=(80, 24)) as other:
            await until(other, second, lambda: second.model.status is not None)
            second.action_detach()
        port.api.push_status(recorded.status(1400))
        await until(pilot, app, lambda: app.model.status is not None and app.model.status.height == 1400)

    drive(scenario, port)
