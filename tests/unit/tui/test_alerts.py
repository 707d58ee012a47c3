"""What needs attention is told once, kept with its times, and ends by itself."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from node.control.schema import NodeStatus, Reachability, StoreStatus
from tests.snapshots.scenes import home, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive
from tests.unit.tui.test_attach import shown
from tui import limits
from tui.alerts import Watch
from tui.app import NeurondApp
from tui.desktop import tell_desktop
from tui.model import Model


class World:
    """A model whose time moves second by second, with a watch over it."""

    def __init__(self) -> None:
        self.model, self.watch = Model(), Watch()
        self.model.greet(recorded.hello(), 1000.0)
        self.s = 1000.0
        self.connected, self.stale = True, False
        self.told: list[str] = []

    def status(self, **changes: object) -> None:
        self.model.set_status(recorded.status(**changes))

    def run(self, seconds: float, each: Callable[[int], None] = lambda _: None) -> None:
        for number in range(int(seconds)):
            self.s += 1
            each(number)
            self.model.observe(self.s, int(1000 * self.s), connected=self.connected, stale=self.stale)
            self.told += [alert.name for alert in self.watch.observe(self.model)]

    def live(self, seconds: float, **changes: object) -> None:
        """A node whose chain goes on, with a status that is otherwise as told."""
        start = int(self.s)

        def block(number: int) -> None:
            height = 2000 + start + number
            self.status(**{"height": height, "finalized_height": height - 2, **changes})

        self.run(seconds, block)


def test_a_healthy_node_raises_nothing() -> None:
    world = World()
    world.live(300)
    assert world.told == []
    assert world.watch.open_count == 0


def test_a_lost_node_is_told_once_and_ends_when_it_is_back() -> None:
    world = World()
    world.live(5)
    world.connected = False
    world.run(2)
    assert world.told == []  # so short a gap heals by itself
    world.run(30)
    assert world.told == ["gone"]
    world.connected = True
    world.live(5)
    assert world.watch.open_count == 0
    (over,) = world.watch.alerts
    assert over.until_ms is not None
    assert over.until_ms > over.since_ms
    world.connected = False
    world.run(10)
    assert world.told == ["gone"]  # it comes and goes: not told again so soon, but it counts
    assert world.watch.open_count == 1


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"peers": 0}, "alone"),
        ({"store": StoreStatus("full", warning="The budget of 10 GB is used up.")}, "disk"),
        ({"reachability": Reachability("unreachable", "3 peers tried.")}, "unreachable"),
        ({"trust_warning": "No checkpoint is set."}, "checkpoint"),
    ],
)
def test_each_condition_of_a_node_is_told_with_a_remedy_or_reason(changes: dict[str, object], name: str) -> None:
    world = World()
    world.live(limits.ALERT_ALONE_S + 2, **changes)
    assert world.told == [name]
    (alert,) = world.watch.alerts
    assert alert.words.endswith(".")


def test_finality_that_stands_still_is_told_and_a_slow_one_is_not() -> None:
    world = World()
    world.live(10)
    final = world.model.status.finalized_height if world.model.status else 0
    world.live(limits.ALERT_STILL_S - 5, finalized_height=final)
    assert world.told == []
    world.live(10, finalized_height=final)
    assert world.told == ["finality"]
    world.live(5)
    assert world.watch.open_count == 0


def test_a_chain_without_new_blocks_is_told() -> None:
    world = World()
    world.live(5)
    world.run(limits.ALERT_STILL_S + 2)
    assert world.told == ["blocks"]


def test_a_falling_score_of_ones_own_answers_is_told_and_that_of_others_is_not() -> None:
    own = recorded.status().hotkey or ""
    for miner, told in ((own, ["score"]), ("5" + "x" * 47, [])):
        world = World()
        first = recorded.tasks()[0]
        tasks = [
            msgspec.structs.replace(
                first, id=str(number), miner=miner, started_ms=number, score=0.9 if number < 10 else 0.4
            )
            for number in range(20)
        ]
        world.model.tasks = {each.id: each for each in tasks}
        world.live(3)
        assert world.told == told


def test_a_coldkey_that_stays_open_is_told() -> None:
    world = World()
    world.watch.unlocked_since_s = world.s
    world.live(limits.ALERT_UNLOCKED_S + 2)
    assert world.told == ["unlocked"]
    world.watch.unlocked_since_s = None
    world.live(2)
    assert world.watch.open_count == 0


def test_the_list_is_bounded_and_what_is_over_can_be_cleared() -> None:
    world = World()
    for _ in range(limits.ALERTS_MAX + 5):
        world.live(1, trust_warning="x.")
        world.live(1)
    assert len(world.watch.alerts) == limits.ALERTS_MAX
    world.watch.forget_ended()
    assert world.watch.alerts == ()


def test_an_alert_is_a_toast_a_count_in_the_status_bar_and_an_entry_of_the_list() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        lonely: NodeStatus = recorded.status(peers=0)
        app.model.set_status(lonely)
        for _ in range(20):
            app.clock.s += 1  # type: ignore[attr-defined]  # a frozen clock
            app.tick()
        await settle(pilot, app)
        assert [each.title for each in app._notifications] == ["No peers"]
        assert "1 alert" in shown(app)
        await pilot.press("a")
        await settle(pilot, app)
        words = shown(app)
        assert "The node hears nobody" in words
        assert "→ On Peers, + adds one" in words
        app.model.set_status(recorded.status())
        app.clock.s += 1  # type: ignore[attr-defined]
        app.tick()
        await settle(pilot, app)
        assert "over" in shown(app)
        await pilot.press("c")
        await settle(pilot, app)
        assert "Nothing needs attention" in shown(app)

    drive(scenario, port)


def test_the_desktop_is_told_in_words_that_no_program_reads_as_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    asyncio.run(tell_desktop("--help", "--urgency\x1b[2J"))
    assert told.read_text().splitlines() == ["--app-name=neurond", "--", "--help", "--urgency [2J"]
    monkeypatch.setenv("PATH", "/nowhere")
    asyncio.run(tell_desktop("a", "b"))
