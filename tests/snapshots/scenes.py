"""The screens worth a picture, each reached as a user would reach it, from recorded data and with a frozen clock."""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from typing import Final
from unittest.mock import patch

import msgspec
from textual.pilot import Pilot
from textual.widgets import Static

from node.control.schema import Check, Checkup
from tests.unit.control import fake
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, FrozenClock, until
from tests.unit.tui.fake_chutes import ANSWERS, IDS, ChutesApi
from tui.app import NeurondApp
from tui.chutes import Answer, Output
from tui.options import DEFAULTS, Options
from tui.screens.ask import AskScreen
from tui.screens.chutes import ChutesScreen
from tui.screens.home import HomeScreen
from tui.screens.invite import InviteScreen
from tui.screens.money import MoneyScreen
from tui.screens.role import RoleScreen
from tui.screens.subnets import SubnetsScreen
from tui.screens.trade import TradeScreen
from tui.widgets.candles import Candles
from tui.widgets.line_input import LineInput
from tui.widgets.live_table import LiveTable
from tui.widgets.ticket import Ticket

Act = Callable[[Pilot[object], NeurondApp, FakePort], Awaitable[None]]
_PRICES: Final = tuple(
    int(281_700_000 * (1 + 0.02 * math.sin(each / 9) + 0.008 * math.sin(each / 2.3) + each / 2500))
    for each in range(200)
)

CHECKUP: Final = Checkup(
    False,
    (
        Check("clock", "warn", "1.4 s ahead of the peers", "Set the clock by NTP."),
        Check("ports", "ok", "TCP 4001; HTTP gateway on 8080"),
        Check("reachable", "bad", "no peer could dial back to TCP 4001", "Open the port in the router."),
        Check("peers", "ok", "31 connected, 22 of them dialled by us"),
        Check("chain", "ok", "finalised 1,204, level with the peers"),
        Check("disk", "ok", "1.2 GB used, 68.9 GB are free"),
        Check("keys", "ok", "key files are readable by their owner alone"),
    ),
)


async def settle(pilot: Pilot[object], app: NeurondApp) -> None:
    """Let everything that has been asked for arrive and be painted."""
    for _ in range(4):
        await pilot.pause(0.01)
        app.tick()


async def home(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    model = app.model

    def fed() -> bool:
        parts = (model.metagraph, model.models, model.earnings, model.peers, model.status, model.log, model.subnets)
        return isinstance(app.screen, HomeScreen) and all(parts)

    await until(pilot, app, fed)
    model.charts.clear()
    for price_rao in _PRICES:
        model.set_subnets((recorded.subnet(price_rao), *recorded.other_subnets()))
    patch.object(model, "set_subnets").start()  # what is read from now on would move the chart
    for lag_ms in (1.9, 2.2, 6.0, 3.1, 2.0, 8.5, 2.4):
        model.set_status(msgspec.structs.replace(port.api.now_status, loop_lag_ms=lag_ms))
    await settle(pilot, app)


def key(pressed: str) -> Act:
    """Return the scene behind one key of the home screen."""

    async def act(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
        await home(pilot, app, port)
        await pilot.press(pressed)
        await settle(pilot, app)

    return act


async def ask(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    await key("2")(pilot, app, port)
    screen = app.screen
    if not isinstance(screen, AskScreen):
        raise TypeError("2 opens the ask screen")
    screen.ask("What is a blockchain? Explain it in two sentences.")
    await until(pilot, app, lambda: not screen.turns[0].running)
    port.api.push_tasks(recorded.judged_answer())
    port.api.answer_gate, port.api.answer_gate_at = asyncio.Event(), 20
    screen.ask("And what is it good for?")
    await until(pilot, app, lambda: screen.turns[1].parts == 20)
    screen.turns[1].started_s -= 0.74
    screen.turns[1].first_s = 999.5
    screen.turns[1].version += 1
    await settle(pilot, app)


async def role_refused(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    await key("r")(pilot, app, port)
    await pilot.press("j", "j")
    screen = app.screen
    if not isinstance(screen, RoleScreen):
        raise TypeError("r opens the role dialog")
    await until(pilot, app, lambda: screen._plan is not None and screen._plan.target == "validator")
    await settle(pilot, app)


async def market(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    await key("6")(pilot, app, port)
    await until(pilot, app, lambda: app.model.account is not None and bool(app.screen.query_one(Candles).seen))
    await settle(pilot, app)


async def trade(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    await key("5")(pilot, app, port)
    screen = app.screen
    if not isinstance(screen, TradeScreen):
        raise TypeError("5 opens Stake & swap")
    await until(pilot, app, lambda: bool(screen.query_one(Candles).seen))
    await pilot.press("s")
    await until(pilot, app, lambda: bool(screen.query("#field-amount")))
    screen.query_one("#field-amount", LineInput).value = "4"
    await until(pilot, app, lambda: screen.query_one(Ticket)._quoted.draft is not None)
    await until(
        pilot, app, lambda: bool(screen.query_one(Ticket)._after()) and not screen.query_one("#review").disabled
    )
    await settle(pilot, app)


async def stake_review(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    await market(pilot, app, port)
    app.stake(1, recorded.HOTKEYS[0])
    await until(pilot, app, lambda: isinstance(app.screen, MoneyScreen))
    screen = app.screen
    if not isinstance(screen, MoneyScreen):
        raise TypeError("staking opens its dialog")
    screen.query_one("#field-amount", LineInput).value = "120"
    screen.query_one("#field-tolerance", LineInput).value = "30"
    await until(pilot, app, lambda: screen._draft is not None)
    await pilot.press("enter")
    await settle(pilot, app)


async def palette(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    await home(pilot, app, port)
    await pilot.press("ctrl+p", *"sta")
    await settle(pilot, app)


async def doctor(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    """The other half of the settings: what the doctor found, the worst first."""
    port.api.now_checkup = CHECKUP
    await key("0")(pilot, app, port)
    await pilot.press("d")
    await settle(pilot, app)


async def seat(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    """The page of the second seat, with its validators' words."""
    port.api.why = fake.FakeApi().why  # type: ignore[method-assign]
    await key("4")(pilot, app, port)
    await pilot.press("j", "enter")
    await settle(pilot, app)


def invite(*keys: str) -> Act:
    """Return the dialog of an invite, after `keys`."""

    async def act(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
        await key("P")(pilot, app, port)  # above a screen that stands still
        app.action_invite()
        await until(pilot, app, lambda: isinstance(app.screen, InviteScreen))
        await pilot.press(*keys)
        await settle(pilot, app)

    return act


async def gone(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    await home(pilot, app, port)
    port.api.die()
    app.tick()
    app.clock.s += 12  # type: ignore[attr-defined]  # a frozen clock
    await settle(pilot, app)


async def welcome(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    await until(pilot, app, lambda: app.screen.has_class("-offering"))
    await settle(pilot, app)


def _away() -> FakePort:
    return FakePort(running=False, known="the devnet of this home")


async def chutes(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> None:
    await market(pilot, app, port)
    screen = app.screen
    if not isinstance(screen, SubnetsScreen):
        raise TypeError("6 opens the market")
    screen._open_chutes()
    await until(pilot, app, lambda: bool(app.screen.query(LiveTable)) and len(app.screen.query_one(LiveTable).rows) > 1)
    app.screen.query_one(LiveTable).choose(IDS["magika"])
    page = app.screen
    if not isinstance(page, ChutesScreen):
        raise TypeError("the page of Chutes is open")
    await until(pilot, app, lambda: "20 judged" in str(page.query_one("#detail-words", Static).content))
    answer = msgspec.convert(msgspec.to_builtins(ANSWERS["magika"]), Output)
    page._keep(IDS["magika"], Answer((answer,), 367))
    await settle(pilot, app)


SCENES: Final[dict[str, tuple[Act, Callable[[], FakePort]]]] = {
    "home": (home, FakePort),
    "ask": (ask, FakePort),
    "tasks": (key("3"), FakePort),
    "metagraph": (key("4"), FakePort),
    "peers": (key("P"), FakePort),
    "data": (key("D"), FakePort),
    "seat": (seat, FakePort),
    "trade": (trade, FakePort),
    "subnets": (market, FakePort),
    "chutes": (chutes, lambda: FakePort(api=ChutesApi())),
    "wallet": (key("7"), FakePort),
    "governance": (key("8"), FakePort),
    "stake": (stake_review, FakePort),
    "logs": (key("9"), FakePort),
    "role": (role_refused, FakePort),
    "invite": (invite(), FakePort),
    "qr": (invite("s"), FakePort),
    "quit": (key("Q"), FakePort),
    "help": (key("question_mark"), FakePort),
    "palette": (palette, FakePort),
    "settings": (key("0"), FakePort),
    "doctor": (doctor, FakePort),
    "gone": (gone, FakePort),
    "welcome": (welcome, _away),
}


def picture(
    scene: str, size: tuple[int, int], theme: str = "", *, simplify: bool = False, options: Options = DEFAULTS
) -> str:
    """Return a scene as SVG; the ids in it do not depend on what else was drawn."""
    act, make_port = SCENES[scene]

    async def main() -> str:
        port = make_port()
        app = NeurondApp(port, FrozenClock(), theme=theme or None, utc_offset_s=0, options=options)
        async with app.run_test(size=size) as pilot:
            await act(pilot, app, port)
            return app.export_screenshot(title="neurond", simplify=simplify)

    return re.sub(r"terminal-\d+-", "terminal-", asyncio.run(main()))
