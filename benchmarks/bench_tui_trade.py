"""Prices: what keeping them costs a block, and what drawing them costs the window. CPU time of the process.

Keeping: every final block changes the pools of all subnets (128 of them), and each of their bars of a minute to a day
is written. Drawing: 240 candles on 100 x 18 cells, an impact curve on 28 x 10, and the whole of Stake & swap on
140 x 40 after its prices and its positions have changed.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import msgspec
from textual.app import App, ComposeResult
from textual.widget import Widget

from benchmarks.measure import at_most, best_cpu_s, show, title
from node.consensus.events import Finalised
from node.consensus.slots import SlotClock
from node.control.schema import INTERVAL_S
from node.ledger.pallets import subnets
from node.ledger.transition import Executed
from node.primitives.codec import encode
from node.primitives.limits import SUBNETS_MAX
from node.primitives.types import NetUid
from node.service.chain import Chain
from node.service.prices import PriceBook
from storage.prices import PriceStore
from tests.unit.control.fake_prices import PRICE_RAO, candles
from tests.unit.tui.fake import FakePort, drive, until
from tui.app import NeurondApp
from tui.screens.trade import TradeScreen
from tui.themes import THEMES
from tui.widgets.candles import Candles
from tui.widgets.impact import ImpactCurve, Trade

BLOCKS = 200
ROUNDS = 60
CANDLES_MS, CURVE_MS, SCREEN_MS, BLOCK_MS = 8.0, 4.0, 40.0, 10.0


def blocks(first: int, count: int) -> list[Finalised[Executed]]:
    """Final blocks, twelve seconds apart, each of which changes every pool."""
    found = []
    for height in range(first, first + count):
        changes = {
            subnets.POOL.path(NetUid(netuid)): encode(
                subnets.SubnetPool(10**12 + height * 10**6 + netuid, 4 * 10**12 - height * 10**6)
            )
            for netuid in range(1, SUBNETS_MAX + 1)
        }
        block = SimpleNamespace(header=SimpleNamespace(height=height, slot=height))
        executed = SimpleNamespace(changes=changes, events=())
        found.append(cast("Finalised[Executed]", SimpleNamespace(blocks=(block,), states=(executed,))))
    return found


def keeping() -> float:
    """CPU milliseconds a block."""
    with tempfile.TemporaryDirectory() as folder, PriceStore.open(Path(folder) / "prices.db") as store:
        chain = SimpleNamespace(clock=SlotClock(0, 12_000), genesis_hash=b"g" * 32)
        book = PriceBook(cast("Chain", chain), store)
        book._prices = dict.fromkeys(map(NetUid, range(1, SUBNETS_MAX + 1)), 1)
        store.begin(b"g" * 32)
        first = 1

        def work() -> None:
            nonlocal first
            for final in blocks(first, BLOCKS):
                book.take([final])
            first += BLOCKS

        whole = best_cpu_s(work, 3)
        making = best_cpu_s(lambda: blocks(first, BLOCKS), 3)
        return 1000 * (whole - making) / BLOCKS


class Host(App[None]):
    """A window with nothing but one drawing."""

    def __init__(self, drawing: Widget) -> None:
        super().__init__()
        self.drawing = drawing
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return THEMES[0].variables

    def compose(self) -> ComposeResult:
        yield self.drawing


async def drawing(widget: Widget, change: Callable[[int], None], size: tuple[int, int]) -> float:
    """Median CPU milliseconds from other values to the last strip."""
    app = Host(widget)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        figures = []
        for turn in range(ROUNDS):
            begin = time.process_time()
            change(turn)
            for y in range(widget.size.height):
                widget.render_line(y)
            figures.append(1000 * (time.process_time() - begin))
        return sorted(figures)[ROUNDS // 2]


def repaint() -> tuple[float, float]:
    """Median CPU milliseconds of a tick of the whole screen with other prices, and of one with nothing new."""
    busy: list[float] = []
    idle: list[float] = []

    async def scenario(pilot: object, app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.model.account is not None and app.model.subnets is not None)  # type: ignore[arg-type]
        app.action_show("trade")
        await until(pilot, app, lambda: isinstance(app.screen, TradeScreen) and bool(app.screen.query(Candles)))  # type: ignore[arg-type]
        screen = app.screen
        if not isinstance(screen, TradeScreen):
            raise TypeError("5 opens Stake & swap")
        await until(pilot, app, lambda: bool(screen.query_one(Candles).seen))  # type: ignore[arg-type]
        account = app.model.account
        look = screen.looks._kept["prices 1 15m"]
        if account is None:
            raise TypeError("there are positions")
        for turn in range(ROUNDS):
            look.value = msgspec.structs.replace(look.value, candles=candles(240, "15m", PRICE_RAO + turn))
            stakes = tuple(msgspec.structs.replace(each, value_rao=each.value_rao + turn) for each in account.stakes)
            app.model.set_account(msgspec.structs.replace(account, stakes=stakes))
            busy.append(await _tick(app))
            idle.append(await _tick(app))

    drive(scenario, FakePort(), (140, 40))  # type: ignore[arg-type]
    return sorted(busy)[ROUNDS // 2], sorted(idle)[ROUNDS // 2]


async def _tick(app: NeurondApp) -> float:
    begin = time.process_time()
    app.tick()
    for _ in range(3):
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    return 1000 * (time.process_time() - begin)


def main() -> None:
    """Measure and print."""
    title("Prices: kept by every node, drawn by the window")
    kept = keeping()
    show(f"keeping one block of {SUBNETS_MAX} subnets", f"{kept:.2f} ms", at_most(kept, BLOCK_MS, " ms"))
    chart, step_ms = Candles("…"), INTERVAL_S["15m"] * 1000
    drawn = asyncio.run(
        drawing(chart, lambda turn: chart.show(candles(240, "15m", PRICE_RAO + turn), step_ms), (100, 18))
    )
    show("240 candles on 100 x 18, redrawn", f"{drawn:.2f} ms", at_most(drawn, CANDLES_MS, " ms"))
    curve = ImpactCurve()
    pool = 10**12
    drawn = asyncio.run(
        drawing(curve, lambda turn: curve.show(Trade("buy", pool, pool, 10**9, (turn + 1) * 10**9, 10_000)), (28, 10))
    )
    show("impact curve on 28 x 10, redrawn", f"{drawn:.2f} ms", at_most(drawn, CURVE_MS, " ms"))
    busy, idle = repaint()
    show("Stake & swap, 140 x 40, new prices and positions", f"{busy:.2f} ms", at_most(busy, SCREEN_MS, " ms"))
    show("Stake & swap, 140 x 40, nothing new", f"{idle:.2f} ms")


if __name__ == "__main__":
    main()
