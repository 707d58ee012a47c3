"""Stake & swap: what is chosen is shown and quoted while it is typed, and only the review's dialog signs."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from node.ledger.calls import MoveStake, SwapStakeLimit, TransferStake
from tests.snapshots.scenes import settle
from tests.unit.control.fake_prices import PRICE_RAO, candles
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.fake_desk import LABELLED
from tests.unit.tui.test_attach import shown
from tests.unit.tui.test_money import down
from tui import limits
from tui.app import NeurondApp
from tui.screens.money import MoneyScreen
from tui.screens.trade import PositionTable, TradeScreen
from tui.widgets.candles import Candles
from tui.widgets.line_input import LineInput
from tui.widgets.price_chart import PriceChart
from tui.widgets.ticket import Ticket

Use = Callable[[Pilot[object], NeurondApp, TradeScreen], Awaitable[None]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOLD_STEP_S", 0.02)
    monkeypatch.setattr(limits, "DRAFT_PAUSE_S", 0.0)


def trading(use: Use, port: FakePort | None = None, size: tuple[int, int] = (140, 40)) -> FakePort:
    used = port or FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.model.account is not None and app.model.subnets is not None)
        app.action_show("trade")
        await until(pilot, app, lambda: isinstance(app.screen, TradeScreen) and bool(app.screen.query(Candles)))
        screen = app.screen
        assert isinstance(screen, TradeScreen)
        await until(pilot, app, lambda: bool(screen.query_one(Candles).seen))
        await use(pilot, app, screen)

    drive(scenario, used, size)
    return used


async def fill(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen, **values: str) -> Ticket:
    ticket = screen.query_one(Ticket)
    for name, value in values.items():
        await until(pilot, app, lambda name=name: bool(screen.query(f"#field-{name}")))  # type: ignore[misc]
        screen.query_one(f"#field-{name}", LineInput).value = value
    await settle(pilot, app)
    await until(pilot, app, lambda: ticket._quoted.draft is not None or bool(ticket._quoted.problem))
    await settle(pilot, app)
    return ticket


def test_positions_come_first_with_value_and_the_days_change() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        await settle(pilot, app)
        keys = [row.key for row in screen.query_one(PositionTable).rows]
        assert [key.split(":")[0] for key in keys] == ["1", "0", "2", "3"]
        words = shown(app)
        for word in ("600.000 α", "169.020 τ", "+2.29 %", "-3.79 %", "free", "Ticket · subnet 1"):
            assert word in words, word

    trading(use)


def test_a_swap_is_quoted_while_it_is_typed_and_the_review_signs_the_same() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        await pilot.press("w")
        ticket = await fill(pilot, app, screen, amount="5", netuid="2")
        words = shown(app)
        for word in ("price on 1", "price on 2", "rate limit", "after · subnet"):
            assert word in words, word
        assert not screen.query_one("#review", Button).disabled
        assert "stake swap 5 --netuid 1 --to-netuid 2" in ticket.command()
        ticket.review()
        await until(pilot, app, lambda: isinstance(app.screen, MoneyScreen) and app.screen._phase == "review")
        dialog = app.screen
        assert isinstance(dialog, MoneyScreen)
        assert port.moves == [], "nothing was signed yet"
        button = dialog.query_one("#go", Button)
        await until(pilot, app, lambda: not button.disabled)
        button.press()
        await until(pilot, app, lambda: "final in block 1,206" in shown(app))

    port = FakePort()
    trading(use, port)
    [draft] = port.moves
    assert isinstance(draft.call, SwapStakeLimit)
    assert (draft.call.amount_alpha, draft.call.destination_netuid) == (5 * 10**9, 2)
    assert draft.call.limit_price > 0
    assert port.api.submitted == [b"signed"]


def test_a_move_and_a_gift_may_go_to_another_subnet_with_impact_limit_and_the_same_command() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        for mode, field, to, kind in (
            ("v", "hotkey", recorded.HOTKEYS[1], MoveStake),
            ("x", "to", LABELLED, TransferStake),
        ):
            screen.query_one(PositionTable).focus()
            await pilot.press(mode)
            ticket = await fill(pilot, app, screen, amount="5", netuid="2", tolerance="0.7", **{field: to})
            words = " ".join(shown(app).split())
            for word in ("price on 1", "price on 2", "The chain takes no limit"):
                assert word in words, (mode, word)
            assert "--to-netuid 2 --tolerance 0.7" in ticket.command()
            draft = ticket._quoted.draft
            assert draft is not None
            assert isinstance(draft.call, kind)
            assert (draft.call.origin_netuid, draft.call.destination_netuid) == (1, 2)
            assert ticket._trade() is not None
            await fill(pilot, app, screen, netuid="1")
            assert "--to-netuid" not in ticket.command()
            assert ticket._trade() is None

    trading(use)


REFUSED: tuple[tuple[str, dict[str, str], str], ...] = (
    ("s", {"amount": "-1"}, "is no amount"),
    ("s", {"amount": "0.1234567891"}, "more than 9 digits"),
    ("s", {"amount": "99999", "tolerance": "50"}, "beyond the limit"),
    ("u", {"amount": "601", "tolerance": "50"}, "Only 600 α are staked there"),
    ("w", {"amount": "1", "netuid": "1"}, "Origin and destination are the same"),
    ("w", {"amount": "1", "netuid": "x"}, "no number of a subnet"),
    ("v", {"amount": "1", "hotkey": recorded.HOTKEYS[0]}, "Origin and destination are the same"),
    ("x", {"amount": "1", "to": "hello"}, "is no address"),
    ("x", {"amount": "1", "to": recorded.COLDKEY}, "same account"),
)


def test_what_cannot_be_says_why_and_cannot_be_reviewed() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        ticket = screen.query_one(Ticket)
        for mode, values, reason in REFUSED:
            screen.query_one(PositionTable).focus()
            await pilot.press(mode)
            await fill(pilot, app, screen, **values)
            await until(pilot, app, lambda reason=reason: reason in " ".join(shown(app).split()))  # type: ignore[misc]
            assert screen.query_one("#review", Button).disabled, reason
            ticket.review()
            await settle(pilot, app)
            assert not isinstance(app.screen, MoneyScreen), reason

    assert trading(use).moves == []


def test_where_one_has_nothing_only_staking_is_possible() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        screen.open_with("3")
        await settle(pilot, app)
        await pilot.press("u")
        await until(pilot, app, lambda: "You have no stake there" in shown(app))
        screen.query_one(PositionTable).focus()
        await pilot.press("s")
        ticket = await fill(pilot, app, screen, amount="0.5")
        assert ticket._quoted.draft is not None

    trading(use)


def test_a_quote_is_asked_for_again_when_the_chain_has_gone_on() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        await fill(pilot, app, screen, amount="4")
        before = port.api.quoted
        status = port.api.now_status
        port.api.push_status(msgspec.structs.replace(status, height=status.height + limits.REQUOTE_BLOCKS))
        await until(pilot, app, lambda: port.api.quoted > before)

    port = FakePort()
    trading(use, port)


def test_a_quote_that_failed_is_asked_for_again_when_the_chain_has_gone_on() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        await fill(pilot, app, screen, amount="4")
        await until(pilot, app, lambda: "connection to the node is down" in shown(app))
        vars(port.api).pop("quote_stake")
        status = port.api.now_status
        port.api.push_status(msgspec.structs.replace(status, height=status.height + limits.REQUOTE_BLOCKS))
        await until(pilot, app, lambda: not screen.query_one("#review", Button).disabled)
        assert "connection to the node is down" not in shown(app)

    port = FakePort()
    vars(port.api)["quote_stake"] = down
    trading(use, port)


def test_what_is_typed_stays_while_the_position_changes_its_worth() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        await fill(pilot, app, screen, amount="4")
        account = app.model.account
        assert account is not None
        first, *rest = account.stakes
        grown = msgspec.structs.replace(first, stake_alpha=first.stake_alpha + 5, value_rao=first.value_rao + 5)
        app.model.set_account(msgspec.structs.replace(account, stakes=(grown, *rest)))
        await settle(pilot, app)
        assert screen.query_one("#field-amount", LineInput).value == "4"

    trading(use)


def test_the_interval_changes_and_panning_fetches_older_candles() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        await pilot.press("i")
        chart = screen.query_one(PriceChart)
        await until(pilot, app, lambda: chart.interval == "1h" and bool(chart.candles.seen))
        assert "[1h]" in shown(app)
        assert len(chart.candles._candles) == limits.CANDLES_ASKED
        last = chart.candles.seen[-1]
        chart.candles.focus()
        await pilot.press("home")
        await until(pilot, app, lambda: len(chart.candles._candles) == port.api.candles_kept)
        assert chart.candles.seen[-1].start_ms < last.start_ms
        await pilot.press("end")
        await settle(pilot, app)
        assert chart.candles.seen[-1] == last

    port = FakePort()
    trading(use, port)


def test_on_a_narrow_terminal_one_pane_is_seen_at_a_time() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        async def see(wanted: str) -> None:
            panes = {"positions": "#positions", "chart": "#chart", "ticket": "#ticket"}
            await settle(pilot, app)
            seen = {name for name, query in panes.items() if screen.query_one(query).region.area}
            assert seen == {wanted}

        await see("positions")
        await pilot.press("o")
        await see("chart")
        await pilot.press("o")
        await see("ticket")
        await pilot.press("escape")
        await see("positions")
        await pilot.press("v")
        await see("ticket")

    trading(use, size=(80, 24))


def test_without_a_coldkey_the_ticket_says_how_to_get_one() -> None:
    port = FakePort()
    port.api.now_status = msgspec.structs.replace(port.api.now_status, coldkey=None)

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.model.subnets is not None and app.model.status is not None)
        app.action_show("trade")
        await until(pilot, app, lambda: "This node knows no coldkey" in shown(app))

    drive(scenario, port, (140, 40))


def test_the_last_candle_is_told_in_words() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: TradeScreen) -> None:
        await settle(pilot, app)
        last = candles(1, "15m", PRICE_RAO)[0]
        subtitle = str(screen.query_one(PriceChart).border_subtitle)
        assert f"C {last.close_rao / 1e9:.4f}" in subtitle
        assert "▲" in subtitle or "▼" in subtitle

    trading(use)
