"""The wallet screen: accounts and what keeps them safe, a key that forgets itself, words that are never kept."""

from typing import cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from tests.snapshots.scenes import key, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, FrozenClock, drive, until
from tests.unit.tui.fake_desk import LABELLED, WATCHED, WORDS
from tests.unit.tui.test_money import shown
from tui.app import NeurondApp
from tui.options import Options
from tui.screens.history import HistoryScreen
from tui.screens.password import PasswordScreen
from tui.screens.wallet import WalletScreen
from tui.screens.wallet_tools import BackupScreen, MessageScreen, PaperScreen
from tui.text import tau
from tui.widgets.line_input import LineInput
from tui.widgets.live_table import LiveTable


async def wallet(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> WalletScreen:
    await key("7")(pilot, app, port)
    await until(pilot, app, lambda: "never tested" in shown(app))
    return cast("WalletScreen", app.screen)


async def choose(pilot: Pilot[object], app: NeurondApp, name: str) -> None:
    """Go down to the row of that name."""
    screen = cast("WalletScreen", app.screen)
    await pilot.press("g")
    for _ in range(10):
        if screen.chosen_key == name:
            return
        await pilot.press("j")
    raise AssertionError(f"no row {name}: {screen.chosen_key}")


async def typed(pilot: Pilot[object], app: NeurondApp, line: str, text: str) -> None:
    app.screen.query_one(line, LineInput).value = text
    app.screen.query_one(line, LineInput).focus()
    await pilot.press("enter")
    await settle(pilot, app)


def test_accounts_hotkeys_watched_ones_and_labels_are_told_apart() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await wallet(pilot, app, port)
        table = screen.query_one(LiveTable)
        text = "\n".join(" ".join(cell.text for cell in row.cells) for row in table.rows)
        for words in ("default coldkey", "default/rig-2 hotkey", "cold watched", "watch-only", "exchange label"):
            assert words in text
        await choose(pilot, app, "wallet cold")
        await settle(pilot, app)
        assert WATCHED[:20] in shown(app)

    port = FakePort()
    drive(scenario, port)


def test_a_watched_wallet_signs_nothing_and_says_why() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await wallet(pilot, app, port)
        await choose(pilot, app, "wallet cold")
        await pilot.press("b")
        await settle(pilot, app)
        assert not isinstance(app.screen, BackupScreen)
        assert any("watch-only" in each.message for each in app._notifications)

    port = FakePort()
    drive(scenario, port)


@pytest.mark.parametrize(
    ("words", "outcome", "day"),
    [(WORDS, "bring this wallet back", "2027-01-02"), ("legal winner", "another wallet", "")],
)
def test_a_backup_is_tested_and_the_words_leave_no_trace(words: str, outcome: str, day: str) -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await wallet(pilot, app, port)
        await choose(pilot, app, "wallet default")
        await pilot.press("b")
        await until(pilot, app, lambda: isinstance(app.screen, BackupScreen))
        assert app.screen.query_one("#tool-words", LineInput).password
        await typed(pilot, app, "#tool-words", words)
        await until(pilot, app, lambda: outcome in shown(app))
        assert app.screen.query_one("#tool-words", LineInput).value == ""
        assert words.split()[0] not in shown(app)
        await pilot.press("escape")
        await settle(pilot, app)
        assert port.desk.tested_on == day

    port = FakePort()
    drive(scenario, port)


def test_an_unlocked_key_is_kept_shown_and_forgotten() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await wallet(pilot, app, port)
        clock = cast("FrozenClock", app.clock)
        await pilot.press("u")
        await until(pilot, app, lambda: isinstance(app.screen, PasswordScreen))
        await typed(pilot, app, "#password", "wrong horse")
        await until(pilot, app, lambda: "password is wrong" in shown(app))
        assert app.unlocked_for_s == 0
        await typed(pilot, app, "#password", port.password)
        await until(pilot, app, lambda: app.unlocked_for_s > 0)
        assert port.desk.holding == {recorded.COLDKEY}
        assert "UNLOCKED 10m" in app.lock_words
        assert app.alerts.unlocked_since_s is not None
        clock.s += app.options.auto_lock_s - 1
        app.look_at_key()
        assert port.desk.holding
        clock.s += 2
        app.look_at_key()
        assert (port.desk.holding, app.lock_words, app.alerts.unlocked_since_s) == (set(), "", None)

    port = FakePort(sealed=True)
    drive(scenario, port)


def test_an_unlocked_key_is_told_on_a_window_of_80_columns_as_well() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await wallet(pilot, app, port)
        await app.keep_key(recorded.COLDKEY, port.password)
        await until(pilot, app, lambda: "UNLOCKED 10m 00s, u locks" in shown(app))

    port = FakePort(sealed=True)
    drive(scenario, port, (80, 24))


def test_a_second_press_locks_at_once() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await wallet(pilot, app, port)
        await app.keep_key(recorded.COLDKEY, port.password)
        assert app.unlocked_for_s == app.options.auto_lock_s
        await pilot.press("u")
        await settle(pilot, app)
        assert port.desk.holding == set()

    port = FakePort(sealed=True)
    drive(scenario, port)


def test_with_no_keeping_every_signature_asks() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        app.options = Options(auto_lock_s=0)
        await wallet(pilot, app, port)
        await pilot.press("u")
        await settle(pilot, app)
        assert not isinstance(app.screen, PasswordScreen)
        assert port.desk.holding == set()

    port = FakePort(sealed=True)
    drive(scenario, port)


def test_a_message_is_signed_and_verified() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await wallet(pilot, app, port)
        await choose(pilot, app, "wallet default")
        await pilot.press("M")
        await until(pilot, app, lambda: isinstance(app.screen, MessageScreen))
        app.screen.query_one("#tool-message", LineInput).value = "I am here"
        app.screen.query_one("#sign", Button).press()
        await until(pilot, app, lambda: "Signed" in shown(app))
        assert len(app.screen.query_one("#tool-signature", LineInput).value) == 128

    port = FakePort()
    drive(scenario, port)


def test_a_file_is_read_signed_and_sent() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await wallet(pilot, app, port)
        await pilot.press("o")
        await until(pilot, app, lambda: isinstance(app.screen, PaperScreen))
        go = app.screen.query_one("#go", Button)
        assert go.disabled
        await typed(pilot, app, "#tool-path", "/mnt/stick/payment.tx")
        await until(pilot, app, lambda: "12.5 τ" in shown(app))
        assert LABELLED in shown(app)
        assert not app.screen.query_one("#tool-genesis").display, "it is for the node's own network"
        go.press()
        await until(pilot, app, lambda: "payment.tx.signed" in shown(app))
        assert list(port.desk.saved) == ["/mnt/stick/payment.tx.signed"]
        assert not port.api.submitted

    port = FakePort()
    drive(scenario, port)


def test_a_file_for_a_network_that_nobody_here_has_meant_is_signed_only_for_the_genesis_that_is_typed() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await wallet(pilot, app, port)
        await pilot.press("o")
        await until(pilot, app, lambda: isinstance(app.screen, PaperScreen))
        await typed(pilot, app, "#tool-path", "/mnt/stick/payment.tx")
        await until(pilot, app, lambda: "Nothing was signed for this network here" in shown(app))
        go = app.screen.query_one("#go", Button)
        for genesis in ("cd", "ab" * 32, "cd" * 31 + "ce"):
            app.screen.query_one("#tool-genesis", LineInput).value = genesis
            await settle(pilot, app)
            assert go.disabled, genesis
        assert "another network than the one that you named" in shown(app)
        app.screen.query_one("#tool-genesis", LineInput).value = "0x" + "CD" * 32
        await settle(pilot, app)
        assert not go.disabled
        go.press()
        await until(pilot, app, lambda: "payment.tx.signed" in shown(app))

    port = FakePort()
    port.desk.paper_genesis = "cd" * 32
    drive(scenario, port)


def test_what_is_watched_is_shown_apart_and_is_no_part_of_the_sum() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await wallet(pilot, app, port)
        await until(pilot, app, lambda: len(screen._balances) == 2)
        held = screen._balances[recorded.COLDKEY]
        one = tau(held.balance_rao + held.stakes_value_rao)
        assert f"2 accounts · yours {one} · watched {one}" in str(screen.query_one(LiveTable).border_subtitle)

    port = FakePort()
    drive(scenario, port)


def test_the_history_goes_back_page_by_page_and_is_saved_as_csv() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await wallet(pilot, app, port)
        await choose(pilot, app, "wallet default")
        await pilot.press("i")
        await until(pilot, app, lambda: "searched back to block 1,000" in shown(app))
        await pilot.press("m")
        await until(pilot, app, lambda: "keeps events from block 600" in shown(app))
        await until(pilot, app, lambda: "10.000 τ put in, 0.0000 τ taken out" in shown(app))
        await pilot.press("v")
        await settle(pilot, app)
        await typed(pilot, app, "#prompt", "mine.csv")
        await until(pilot, app, lambda: "mine.csv" in port.desk.saved)
        assert port.desk.saved["mine.csv"].count("\n") == 5
        assert isinstance(app.screen, HistoryScreen)

    port = FakePort()
    drive(scenario, port)


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (20, 5)])
def test_it_fits_small_terminals(size: tuple[int, int]) -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("7")(pilot, app, port)
        for opened in ("i", "o", "n"):
            await pilot.press(opened)
            await settle(pilot, app)
            await pilot.press("escape")
            await settle(pilot, app)

    port = FakePort()
    drive(scenario, port, size=size)
