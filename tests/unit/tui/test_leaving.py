"""The window outlives whatever a dialog still had to do when it was closed, and ends for true defects alone."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.css.query import NoMatches
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import WorkerFailed

from tests.snapshots.scenes import settle
from tests.unit.tui.fake import FakePort, drive, until
from tui.app import NeurondApp
from tui.screens.base import Dialog

KEYS = ("plus", "minus", "b", "r", "Q")


@contextmanager
def disorder(seed: int, share: float = 0.2, most_s: float = 0.02) -> Iterator[None]:
    """Let some messages of every widget wait a while: the orders that a busy machine brings about, by a seed."""
    dice, straight = random.Random(seed), MessagePump._dispatch_message

    async def late(self: MessagePump, message: Any) -> None:
        if dice.random() < share:
            await asyncio.sleep(dice.random() * most_s)
        await straight(self, message)

    MessagePump._dispatch_message = late  # type: ignore[method-assign]
    try:
        yield
    finally:
        MessagePump._dispatch_message = straight  # type: ignore[method-assign]


class Busy(Dialog[None]):
    """Looks at its own parts for ever, as a preview that comes late does."""

    def compose(self) -> ComposeResult:
        yield Static("x", id="part")

    def on_mount(self) -> None:
        self.run_worker(self._look())

    async def _look(self) -> None:
        while True:
            self.query_one("#part" if self.is_good else "#nowhere")
            await asyncio.sleep(0)

    is_good = True


class Broken(Busy):
    is_good = False


def _shows(app: NeurondApp, screen: Screen[Any]) -> bool:
    return app.screen is screen


def test_a_dialog_that_is_closed_at_work_does_not_end_the_window() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await settle(pilot, app)
        for _ in range(5):
            below = app.screen
            app.push_screen(Busy())
            await until(pilot, app, lambda: isinstance(app.screen, Busy) and app.screen.is_mounted)
            app.pop_screen()
            await until(pilot, app, partial(_shows, app, below))
        assert app.is_running, app._exception

    drive(scenario)


def test_a_part_that_an_open_dialog_lacks_is_a_defect_and_is_told() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await settle(pilot, app)
        app.push_screen(Broken())
        await until(pilot, app, lambda: app._exception is not None)

    with pytest.raises(WorkerFailed) as failed:
        drive(scenario)
    assert isinstance(failed.value.error, NoMatches)


@pytest.mark.parametrize("seed", [1, 2])
def test_whoever_leaves_a_dialog_before_its_preview_is_there_keeps_the_window(seed: int) -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.model.subnets is not None and app.model.account is not None)
        await pilot.press("6")
        dice = random.Random(seed)
        for _ in range(6):
            await pilot.press(dice.choice(KEYS))
            await asyncio.sleep(dice.random() * 0.05)
            await pilot.press("escape")
            assert app.is_running, app._exception

    with disorder(seed):
        drive(scenario, FakePort(), (140, 40))
