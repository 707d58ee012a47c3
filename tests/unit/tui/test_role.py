"""Switching roles: the plan is read first, Cancel has the focus, the key signs here."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from textual.pilot import Pilot
from textual.widgets import Button

from node.control.errors import RemoteError
from node.control.schema import ErrorView
from node.ledger.calls import BurnedRegister, Call
from node.primitives.address import from_ss58
from node.primitives.codec import encode
from tests.snapshots.scenes import key, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.screens.home import HomeScreen
from tui.screens.password import PasswordScreen
from tui.screens.role import RoleScreen

Use = Callable[[Pilot[object], NeurondApp, RoleScreen], Awaitable[None]]


def switching(port: FakePort, use: Use, size: tuple[int, int] = (140, 40)) -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("r")(pilot, app, port)
        screen = app.screen
        assert isinstance(screen, RoleScreen)
        await use(pilot, app, screen)

    drive(scenario, port, size)


def staker_who_must_register(**changes: object) -> FakePort:
    """A node that becomes a miner by one registration."""
    port = FakePort(**changes)  # type: ignore[arg-type]
    port.api.now_status = recorded.status(role="staker", uid=None)
    call: Call = BurnedRegister(netuid=1, hotkey=from_ss58(recorded.HOTKEYS[2]))
    port.api.plan_call = encode(call)
    return port


def test_the_plan_is_shown_and_cancel_has_the_focus() -> None:
    port = FakePort()

    async def use(pilot: Pilot[object], app: NeurondApp, screen: RoleScreen) -> None:
        await until(pilot, app, lambda: "miner → staker" in shown(app))
        words = shown(app)
        for word in ("− miner", "− model runtime", "1m 30s", "no transaction, no fee"):
            assert word in words, word
        await pilot.press("enter")
        await settle(pilot, app)
        assert isinstance(app.screen, HomeScreen)
        assert port.api.applied == []

    switching(port, use)


def test_a_role_that_is_short_of_something_cannot_be_taken_and_says_why() -> None:
    port = FakePort()

    async def use(pilot: Pilot[object], app: NeurondApp, screen: RoleScreen) -> None:
        await pilot.press("j", "j")
        await until(pilot, app, lambda: "miner → validator" in shown(app))
        words = shown(app)
        assert "stake: 250 τ of 1,000 τ" in words
        assert "neurond stake add 750" in words
        assert "stake is short" in words
        assert screen.query_one("#switch", Button).disabled

    switching(port, use)


def test_a_switch_without_transactions_is_applied_and_followed_to_its_end() -> None:
    port = FakePort()

    async def use(pilot: Pilot[object], app: NeurondApp, screen: RoleScreen) -> None:
        await until(pilot, app, lambda: not screen.query_one("#switch", Button).disabled)
        await pilot.press("tab", "enter")
        await until(pilot, app, lambda: port.api.applied == [("staker", ())])
        await until(pilot, app, lambda: "1/3 steps" in shown(app))
        port.api.push_job(recorded.role_job("done", 3))
        await until(pilot, app, lambda: "The services of the new role are running" in shown(app), 3000)

    switching(port, use)


def test_a_sealed_key_is_asked_for_until_the_password_is_right() -> None:
    port = staker_who_must_register(sealed=True)

    async def use(pilot: Pilot[object], app: NeurondApp, screen: RoleScreen) -> None:
        await until(pilot, app, lambda: not screen.query_one("#switch", Button).disabled)
        words = shown(app)
        assert "Register on subnet 1" in words
        assert "costs 0.1000 τ" in words
        await pilot.press("tab", "enter")
        await until(pilot, app, lambda: isinstance(app.screen, PasswordScreen))
        await pilot.press(*"wrong", "enter")
        await until(pilot, app, lambda: "The password is wrong" in shown(app))
        assert port.api.applied == []
        app.screen.query_one("#password").value = "correct horse"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, app, lambda: port.api.applied == [("miner", (b"signed",))])

    switching(port, use)


def test_turning_back_at_the_password_changes_nothing() -> None:
    port = staker_who_must_register(sealed=True)

    async def use(pilot: Pilot[object], app: NeurondApp, screen: RoleScreen) -> None:
        await until(pilot, app, lambda: not screen.query_one("#switch", Button).disabled)
        await pilot.press("tab", "enter")
        await until(pilot, app, lambda: isinstance(app.screen, PasswordScreen))
        await pilot.press("escape")
        await until(pilot, app, lambda: app.screen is screen)
        assert port.api.applied == []
        assert port.signed == []

    switching(port, use)


def test_a_node_that_slips_in_another_transaction_gets_no_signature() -> None:
    port = staker_who_must_register()
    port.api.plan_call = b"\x00not a registration"

    async def use(pilot: Pilot[object], app: NeurondApp, screen: RoleScreen) -> None:
        await until(pilot, app, lambda: "asks to sign something" in shown(app))
        assert screen.query_one("#switch", Button).disabled

    switching(port, use)


def test_a_failed_job_says_that_the_old_role_stays() -> None:
    port = FakePort()

    async def use(pilot: Pilot[object], app: NeurondApp, screen: RoleScreen) -> None:
        await until(pilot, app, lambda: not screen.query_one("#switch", Button).disabled)
        await pilot.press("tab", "enter")
        await until(pilot, app, lambda: bool(port.api.applied))
        error = ErrorView("drain_timeout", "A task did not finish in time.", "Try again.")
        port.api.push_job(msgspec.structs.replace(recorded.role_job("failed", 1), error=error))
        await until(pilot, app, lambda: "A task did not finish in time. Try again." in shown(app), 3000)
        assert "went back to its old role" in shown(app)

    switching(port, use)


def test_a_refused_plan_is_a_sentence() -> None:
    port = FakePort()
    port.api.plan_error = RemoteError(ErrorView("syncing", "The node is still syncing.", "Wait until it is done."))

    async def use(pilot: Pilot[object], app: NeurondApp, screen: RoleScreen) -> None:
        await until(pilot, app, lambda: "The node is still syncing. Wait until it is done." in shown(app))
        await asyncio.sleep(0)

    switching(port, use)
