"""Promises of the window on a recording: it looks as it did, time is in its hand, and nothing can be changed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec
import pytest
from textual.pilot import Pilot

from node.control.events import LogEvent, StatusEvent, TasksEvent
from node.control.recording import Entry, Header
from node.control.replay import Player, Tape
from node.control.schema import LogLine
from tests.unit.tui import recorded
from tests.unit.tui.fake import until
from tui.port import PortError
from tui.replay import ReplayApp, ReplayPort
from tui.widgets.status_bar import StatusBar

RAW = msgspec.Raw


def raw(value: object) -> RAW:
    return RAW(msgspec.json.encode(value))


def tape() -> Tape:
    """A minute and a half: block 1204, block 1213 after 45 s, 1222 at the end."""
    entries = [Entry(0, "hello", data=raw(recorded.hello()))]
    for second in range(0, 91, 5):
        status = recorded.status(1204 + second // 5)
        line = LogLine(second + 1, recorded.NOW_MS, "info", "chain", f"second {second} of the recording")
        entries.append(Entry(1000 * second, "event", data=raw(StatusEvent(second + 1, status))))
        entries.append(Entry(1000 * second, "event", data=raw(LogEvent(second + 1, (line,), snapshot=second == 0))))
        if second == 0:
            entries.append(Entry(0, "event", data=raw(TasksEvent(1, recorded.tasks(), snapshot=True))))
            entries.append(Entry(0, "answer", "peers", RAW(b"{}"), raw(recorded.peers())))
            entries.append(Entry(0, "answer", "subnets", RAW(b"{}"), raw((recorded.subnet(),))))
            entries.append(Entry(0, "answer", "metagraph", RAW(b'{"netuid":1}'), raw(recorded.metagraph())))
    return Tape(Header(1, 1, "0.1.0", recorded.NOW_MS), entries)


def play(at_ms: int, scenario: Callable[[Pilot[object], ReplayApp], Awaitable[None]]) -> None:
    """Run a scenario in a window that is held at `at_ms`, once it shows the recording."""

    async def main() -> None:
        player = Player(tape(), lambda: 0.0, at_ms=at_ms)
        player.pause()
        app = ReplayApp(player, utc_offset_s=0)
        async with app.run_test(size=(140, 40)) as pilot:
            hand = cast("Pilot[object]", pilot)
            await until(hand, app, lambda: app.model.status is not None and app.model.metagraph is not None)
            app.tick()
            await pilot.pause()
            await scenario(hand, app)

    asyncio.run(main())


def bar(app: ReplayApp) -> str:
    return str(app.screen.query_one(StatusBar).render())


def test_it_opens_on_the_recording_and_says_that_it_is_one() -> None:
    async def scenario(_: Pilot[object], app: ReplayApp) -> None:
        assert app.model.status is not None
        assert app.model.status.height == 1213
        assert app.model.peers == recorded.peers()
        assert "REPLAY 45s of 1m 30s PAUSED" in bar(app)
        assert app.clock.now_ms() == recorded.NOW_MS + 45_000

    play(45_000, scenario)


def test_keys_move_hold_and_hasten_it() -> None:
    async def scenario(pilot: Pilot[object], app: ReplayApp) -> None:
        await pilot.press("full_stop")
        assert app.player.at_ms == 55_000
        await pilot.press("less_than_sign")
        assert app.player.at_ms == 0
        await until(pilot, app, lambda: app.model.status is not None)
        assert app.model.status is not None
        assert app.model.status.height == 1204, "what had not happened yet is forgotten"
        await pilot.press("plus")
        assert app.player.speed == 2.0
        await pilot.press("underscore", "underscore")
        assert app.player.speed == 0.5
        await pilot.press("p")
        assert not app.player.paused

    play(45_000, scenario)


def test_nothing_can_be_changed_and_the_reason_is_the_replay() -> None:
    async def scenario(pilot: Pilot[object], app: ReplayApp) -> None:
        await pilot.press("r")
        await pilot.pause()
        assert "replay" in app.why_not("role").lower()
        assert type(app.screen).__name__ == "HomeScreen"
        assert "replay" in app.read_only_words.lower()
        with pytest.raises(PortError, match="replay"):
            app.port.stop(app.port.home, lambda _: None)

    play(0, scenario)
    port = ReplayPort(Player(tape(), lambda: 0.0))
    for name in ("start", "start_devnet", "join", "sign", "needs_password", "sign_role", "anything_new"):
        with pytest.raises(PortError, match="replay"):
            getattr(port, name)()
