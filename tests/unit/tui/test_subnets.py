"""The market and the page of a subnet: its price, what it is for, and buying and selling from there."""

import pytest
from textual.pilot import Pilot

from node.control.views.journals import OfferBoard
from tests.snapshots.scenes import settle
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.application import app_of, offer_words, words
from tui.screens.money import MoneyScreen
from tui.screens.subnets import SubnetsScreen
from tui.screens.trade import TradeScreen
from tui.widgets.candles import Candles
from tui.widgets.live_table import LiveTable


@pytest.mark.parametrize(
    ("netuid", "name", "app"),
    [
        (1, "nineteen", "nineteen"), (3, "Data Universe", "data_universe"), (64, "", "chutes"), (2, "CHUTES", "chutes"),
        (7, "something", None),
    ],
)  # fmt: skip
def test_an_application_is_known_by_its_name_or_its_home_seat(netuid: int, name: str, app: str | None) -> None:
    assert app_of(netuid, name) == app


def plain(lines: list[object]) -> str:
    return "\n".join(line.plain for line in lines)  # type: ignore[attr-defined]


def test_doors_are_told_in_words() -> None:
    chutes = '[{"name":"edges","kind":"tensor","instances":2,"calls":3,"p50_ms":40,"new":"field"}]'
    assert "edges" in plain([*words("chutes", [chutes])])
    assert "warm at 2" in plain([*words("chutes", [chutes])])
    stats = '{"rows_here":12,"labels":1,"network_rows":90,"network_bytes":5000,"network_miners":2,"paused":"disk full"}'
    told = plain([*words("data_universe", [stats, '{"jobs":[{"label":"#tao","weight":2.5}]}'])])
    for word in ("12 of 1 label", "90 rows", "disk full", "#tao", "weight 2.5"):
        assert word in told, word


@pytest.mark.parametrize("body", ["", "[", "{}", '[{"name":5}]', "[1]", '{"rows_here":"many"}', "[" * 5000, "\x00"])
def test_what_a_door_says_in_another_form_is_told_and_never_shown(body: str) -> None:
    for app, bodies in (("chutes", [body]), ("data_universe", [body, body])):
        assert words(app, bodies), app  # type: ignore[arg-type]
    assert "does not know" in plain([*words("chutes", ["{}"])])


def test_no_offers_are_no_prices() -> None:
    assert "Nobody asks for money" in plain([*offer_words(OfferBoard(1, 5, (), (), (), 1, ""))])


def test_enter_opens_the_page_of_a_subnet_and_esc_leaves_it() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.model.subnets is not None and app.model.account is not None)
        app.action_show("subnets")
        await until(pilot, app, lambda: isinstance(app.screen, SubnetsScreen) and bool(app.screen.query(Candles)))
        screen = app.screen
        assert isinstance(screen, SubnetsScreen)
        await until(pilot, app, lambda: "-3.79 %" in shown(app))
        table = screen.query_one(LiveTable)
        assert next(row.key for row in table.rows) == "1", "by market cap"
        table.choose("2")
        await pilot.press("enter")
        await until(pilot, app, lambda: "edges" in shown(app) and "Chutes" in shown(app))
        assert "high, low" in shown(app)
        await pilot.press("plus")
        await until(pilot, app, lambda: isinstance(app.screen, MoneyScreen))
        await pilot.press("escape")
        await until(pilot, app, lambda: app.screen is screen)
        await pilot.press("escape")
        await until(pilot, app, lambda: not screen.has_class("-detail"))
        await settle(pilot, app)
        assert table.region.area, "the table is back"
        await pilot.press("x")
        await until(pilot, app, lambda: isinstance(app.screen, TradeScreen) and app.screen.place is not None)
        trade = app.screen
        assert isinstance(trade, TradeScreen)
        await until(pilot, app, lambda: trade.place is not None and trade.place.netuid == 2)

    drive(scenario, FakePort(), (140, 40))
