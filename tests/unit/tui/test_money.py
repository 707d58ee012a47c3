"""Moving money from the window: shown before it is signed, signed here, withdrawn while the countdown runs."""

import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from node.control.actions import StakeIntent, TransferIntent, UnstakeIntent
from node.control.errors import ActionRefused, BadAmount, ConnectionLost, NotRunning, RequestTimeout
from node.control.schema import ErrorView, Quote, Submitted, TransactionStatus
from node.ledger.calls import AddStakeLimit, RemoveStakeLimit, Transfer, Vote
from node.primitives.errors import ControlError
from tests.snapshots.scenes import key, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.test_attach import shown
from tui import limits
from tui.app import NeurondApp
from tui.money_form import Form, SendForm, StakeForm, UnstakeForm, tolerance_ppm
from tui.screens.money import MoneyScreen
from tui.screens.password import PasswordScreen
from tui.widgets.line_input import LineInput

Use = Callable[[Pilot[object], NeurondApp, MoneyScreen], Awaitable[None]]
STAKE = StakeForm(1, recorded.HOTKEYS[0])
TO = recorded.HOTKEYS[3]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOLD_STEP_S", 0.02)
    monkeypatch.setattr(limits, "DRAFT_PAUSE_S", 0.0)


def moving(form: Form, use: Use, port: FakePort | None = None, size: tuple[int, int] = (80, 24)) -> FakePort:
    used = port or FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await attached(pilot, app)
        app.move(form)
        await until(pilot, app, lambda: isinstance(app.screen, MoneyScreen))
        screen = app.screen
        assert isinstance(screen, MoneyScreen)
        await use(pilot, app, screen)

    drive(scenario, used, size)
    return used


async def attached(pilot: Pilot[object], app: NeurondApp) -> None:
    await until(pilot, app, lambda: app.model.status is not None and app.model.account is not None)


async def fill(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen, **values: str) -> None:
    for name, value in values.items():
        screen.query_one(f"#field-{name}", LineInput).value = value
    await until(pilot, app, lambda: screen._draft is not None or bool(screen._problem))
    await settle(pilot, app)


async def go_on(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
    """Press the button that goes on, once it can be pressed."""
    button = screen.query_one("#go", Button)
    await until(pilot, app, lambda: not button.disabled)
    button.press()
    await settle(pilot, app)


def test_a_stake_is_shown_with_price_impact_and_limit_before_anything_is_signed() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, amount="4")
        words = shown(app)
        for word in ("Stake 4 τ on subnet 1", "price impact", "price limit", "fee", "balance afterwards"):
            assert word in words, word
        assert not screen.query_one("#go", Button).disabled

    port = moving(STAKE, use)
    assert port.moves == []
    assert port.api.submitted == []


def test_it_is_signed_here_held_sent_and_followed_to_its_block() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, amount="4")
        await go_on(pilot, app, screen)
        await settle(pilot, app)
        assert port.moves == [], "reviewing signs nothing"
        await go_on(pilot, app, screen)
        await until(pilot, app, lambda: "final in block 1,206" in shown(app))
        await pilot.press("escape")
        await until(pilot, app, lambda: not isinstance(app.screen, MoneyScreen))

    port = FakePort()
    moving(STAKE, use, port)
    (draft,) = port.moves
    assert isinstance(draft.call, AddStakeLimit)
    assert (draft.call.amount_rao, draft.call.netuid) == (4 * 10**9, 1)
    assert draft.call.limit_price == recorded.quote("stake", 1, 1).price_before_rao * 101 // 100
    assert port.api.submitted == [b"signed"]


def test_escape_in_the_countdown_withdraws_what_was_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOLD_STEP_S", 30.0)

    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, amount="4")
        await go_on(pilot, app, screen)
        await settle(pilot, app)
        await go_on(pilot, app, screen)
        await until(pilot, app, lambda: screen._phase == "hold")
        assert "sent in 5 s" in shown(app)
        await pilot.press("escape")
        await settle(pilot, app)
        assert screen._phase == "review"
        assert isinstance(app.screen, MoneyScreen)

    port = moving(STAKE, use)
    assert len(port.moves) == 1
    assert port.api.submitted == [], "nothing has left the window"


def test_the_key_that_withdraws_is_said_in_full_after_a_password_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOLD_STEP_S", 30.0)

    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, to=TO, amount="150")
        await go_on(pilot, app, screen)
        await pilot.press(*"150", "enter")
        await until(pilot, app, lambda: isinstance(app.screen, PasswordScreen))
        await pilot.press(*port.password, "enter")
        await until(pilot, app, lambda: screen._phase == "hold")
        await settle(pilot, app)
        assert "Withdraw (esc)" in shown(app)

    port = FakePort(sealed=True)
    moving(SendForm(), use, port)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (RequestTimeout("The node did not answer in time."), "may have been sent"),
        (ConnectionLost("The node closed the connection."), "may have been sent"),
        (NotRunning("The connection to the node is down."), "not sent"),
    ],
)
def test_what_a_node_took_without_an_answer_is_not_called_unsent(error: ControlError, word: str) -> None:
    """Whoever reads "not sent" pays again."""

    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, to=TO, amount="4")
        await go_on(pilot, app, screen)
        await go_on(pilot, app, screen)
        await until(pilot, app, lambda: screen._phase == "sent" and not screen._busy)
        await settle(pilot, app)
        words = shown(app)
        assert word in words
        assert ("not sent" in words) == (word == "not sent")
        assert str(error).split(".")[0] in words

    async def submit(raw: bytes) -> Submitted:
        raise error

    port = FakePort()
    port.api.tx_submit = submit  # type: ignore[method-assign]
    moving(SendForm(), use, port)


def test_a_transaction_in_a_block_is_told_with_its_block_once() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, to=TO, amount="4")
        await go_on(pilot, app, screen)
        await go_on(pilot, app, screen)
        await until(pilot, app, lambda: "… in block 1,207, not final yet" in shown(app))

    port = FakePort()
    port.api.transaction_states = [TransactionStatus("ef" * 32, "in_block", 1207)]
    moving(SendForm(), use, port)


def test_a_large_sum_is_typed_once_more() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, to=TO, amount="150")
        await go_on(pilot, app, screen)
        await settle(pilot, app)
        go, typed = screen.query_one("#go", Button), screen.query_one("#typed", LineInput)
        for wrong in ("", "15", "150.1", "lots"):
            typed.value = wrong
            await settle(pilot, app)
            assert go.disabled, wrong
        typed.value = "150.0"
        await settle(pilot, app)
        assert not go.disabled

    port = moving(SendForm(), use)
    assert port.moves == []


def test_what_would_fail_cannot_be_signed_and_says_why() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        for values, reason in (
            ({"to": TO, "amount": "99999"}, "are missing: the balance is"),
            ({"to": TO, "amount": "-1"}, "is no amount"),
            ({"to": TO, "amount": "0.0000000001"}, "more than 9 digits"),
            ({"to": TO[:-1] + "z", "amount": "1"}, "checksum"),
            ({"to": "hello", "amount": "1"}, "is no address"),
            ({"to": recorded.COLDKEY, "amount": "1"}, "the same account"),
        ):
            screen._draft, screen._problem = None, ""
            await fill(pilot, app, screen, **values)
            await until(pilot, app, lambda reason=reason: reason in shown(app))  # type: ignore[misc]
            assert screen.query_one("#go", Button).disabled, values
            await pilot.press("enter")
            assert screen._phase == "edit"

    assert moving(SendForm(), use).moves == []


def test_a_move_beyond_the_price_limit_is_refused_before_it_is_signed() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, amount="50", tolerance="1")
        assert "beyond the limit" in shown(app)
        assert screen.query_one("#go", Button).disabled
        await fill(pilot, app, screen, tolerance="12")
        await until(pilot, app, lambda: not screen.query_one("#go", Button).disabled)

    moving(STAKE, use)


def test_the_password_is_asked_for_and_a_wrong_one_again() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, amount="4")
        await go_on(pilot, app, screen)
        await settle(pilot, app)
        await go_on(pilot, app, screen)
        await until(pilot, app, lambda: isinstance(app.screen, PasswordScreen))
        await pilot.press(*"wrong", "enter")
        await until(pilot, app, lambda: isinstance(app.screen, PasswordScreen) and "password is wrong" in shown(app))
        assert port.moves == []
        await pilot.press("escape")
        await settle(pilot, app)
        assert screen._phase == "review", "turning back at the password goes back to the review"

    port = FakePort(sealed=True)
    moving(STAKE, use, port)
    assert port.api.submitted == []


def test_a_refused_transaction_says_the_chains_reason() -> None:
    port = FakePort()
    why = ErrorView("slippage_too_high", "The whole amount does not fit.", "Use a smaller amount.")
    port.api.transaction_states = [TransactionStatus("ef" * 32, "failed", 1207, error=why)]

    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, amount="4")
        await go_on(pilot, app, screen)
        await settle(pilot, app)
        await go_on(pilot, app, screen)
        await until(pilot, app, lambda: "does not fit" in shown(app))

    moving(STAKE, use, port)


def test_a_review_is_asked_for_again_when_the_chain_goes_on() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, amount="4")
        await go_on(pilot, app, screen)
        await settle(pilot, app)
        asked = port.api.quoted
        app.model.set_status(msgspec.structs.replace(port.api.now_status, height=1204 + limits.REQUOTE_BLOCKS))
        await until(pilot, app, lambda: port.api.quoted == asked + 1)

    port = FakePort()
    moving(STAKE, use, port)


def test_what_could_not_be_previewed_is_asked_for_again_when_the_chain_goes_on() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, amount="4")
        assert "connection to the node is down" in shown(app)
        vars(port.api).pop("quote_stake")  # it answers again
        app.model.set_status(msgspec.structs.replace(port.api.now_status, height=1204 + limits.REQUOTE_BLOCKS))
        await until(pilot, app, lambda: not screen.query_one("#go", Button).disabled)
        await settle(pilot, app)
        assert "connection to the node is down" not in shown(app)

    port = FakePort()
    vars(port.api)["quote_stake"] = down
    moving(STAKE, use, port)


async def down(netuid: int, amount_rao: int) -> Quote:
    raise NotRunning("The connection to the node is down.")


def test_a_copied_command_keeps_what_was_typed_in_one_word_each() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        app.attached_home = Path("/tmp/my node")
        await fill(pilot, app, screen, to=f"{TO}; echo $HOME", amount="12 τ")
        await pilot.press("ctrl+y")
        await until(pilot, app, lambda: app.clipboard != "")
        assert shlex.split(app.clipboard) == [
            "neurond", "wallet", "transfer", f"{TO}; echo $HOME", "12 τ", "--home", "/tmp/my node"
        ]  # fmt: skip

    moving(SendForm(), use)


@pytest.mark.parametrize(
    ("form", "typed"),
    [
        (SendForm(), {"to": TO, "amount": "5 alpha"}),
        (STAKE, {"hotkey": TO, "amount": "5α", "tolerance": "1"}),
        (UnstakeForm(1, TO, 9 * 10**9), {"amount": "5 tao", "tolerance": "1"}),
        (UnstakeForm(0, TO, 9 * 10**9), {"amount": "5 alpha", "tolerance": "1"}),
    ],
)
def test_an_amount_in_the_other_unit_is_refused(form: Form, typed: dict[str, str]) -> None:
    with pytest.raises(BadAmount, match="not counted in"):
        form.intent(typed)
    assert form.intent({**typed, "amount": "5"})


def test_unstaking_all_takes_exactly_what_is_held() -> None:
    held = recorded.stakes()[0].stake_alpha

    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, amount="all", tolerance="40")
        draft = screen._draft
        assert draft is not None
        assert isinstance(draft.call, RemoveStakeLimit)
        assert draft.call.amount_alpha == held
        assert screen._typed == held

    moving(UnstakeForm(1, recorded.HOTKEYS[0], held), use)


def test_a_node_that_is_gone_ends_in_a_sentence_not_in_a_crash() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        port.api.die()
        screen.query_one("#field-to", LineInput).value = TO
        screen.query_one("#field-amount", LineInput).value = "1"
        await until(pilot, app, lambda: bool(screen._problem))
        assert "No node answers" in shown(app)

    port = FakePort()
    moving(SendForm(), use, port)


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (20, 5)])
def test_it_fits_small_terminals(size: tuple[int, int]) -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, amount="4")

    moving(STAKE, use, size=size)


def test_the_wallet_and_the_market_lead_to_the_right_forms() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("7")(pilot, app, port)
        await until(pilot, app, lambda: "never tested" in shown(app))
        for pressed, title in (("x", "Send τ"), ("plus", "Stake on subnet 1")):
            await pilot.press(pressed)
            await until(pilot, app, lambda: isinstance(app.screen, MoneyScreen))
            assert isinstance(app.screen, MoneyScreen)
            assert app.screen._form.title == title
            await pilot.press("escape")
            await until(pilot, app, lambda: not isinstance(app.screen, MoneyScreen))
        await pilot.press("6")
        await settle(pilot, app)
        for pressed, title in (("plus", "Stake on subnet 1"), ("b", "Register on subnet 1")):
            await pilot.press(pressed)
            await until(pilot, app, lambda: isinstance(app.screen, MoneyScreen))
            assert isinstance(app.screen, MoneyScreen)
            assert app.screen._form.title == title
            await pilot.press("escape")
            await until(pilot, app, lambda: not isinstance(app.screen, MoneyScreen))

    port = FakePort()
    drive(scenario, port)


def test_without_a_coldkey_nothing_opens_and_the_reason_is_said() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.model.status is not None)
        app.send()
        await settle(pilot, app)
        assert not isinstance(app.screen, MoneyScreen)

    port = FakePort()
    port.api.now_status = recorded.status(coldkey=None)
    drive(scenario, port)


# --- forms ------------------------------------------------------------------------------------------------------------


def test_forms_say_the_same_as_commands() -> None:
    assert SendForm().command({"to": TO, "amount": "1"}) == f"wallet transfer {TO} 1"
    stake = STAKE.command({"hotkey": recorded.HOTKEYS[0], "amount": "5", "tolerance": "1"})
    assert stake == f"stake add 5 --netuid 1 --hotkey {recorded.HOTKEYS[0]} --tolerance 1"


def test_forms_make_intents() -> None:
    assert SendForm().intent({"to": f" {TO} ", "amount": "1.5"}) == TransferIntent(TO, 1_500_000_000)
    staked = STAKE.intent({"hotkey": recorded.HOTKEYS[1], "amount": "2", "tolerance": "0.5 %"})
    assert staked == StakeIntent(1, recorded.HOTKEYS[1], 2 * 10**9, 5_000)
    taken = UnstakeForm(2, recorded.HOTKEYS[1], 77).intent({"amount": "all", "tolerance": "1"})
    assert taken == UnstakeIntent(2, recorded.HOTKEYS[1], 77, 10_000)
    with pytest.raises(ActionRefused):
        SendForm().intent({"to": "nobody", "amount": "1"})


@pytest.mark.parametrize("text", ["", "x", "nan", "NaN", "-1", "51", "inf", "1e9", "1,5", "%"])
def test_a_limit_that_is_no_per_cent_is_refused(text: str) -> None:
    with pytest.raises(BadAmount):
        tolerance_ppm(text)


def test_limits_are_exact() -> None:
    texts = ("0", "1", "0.5", "50", "1 %", "0.0001")
    assert [tolerance_ppm(text) for text in texts] == [0, 10_000, 5_000, 500_000, 10_000, 1]


def test_a_transfer_pays_what_was_typed() -> None:
    async def use(pilot: Pilot[object], app: NeurondApp, screen: MoneyScreen) -> None:
        await fill(pilot, app, screen, to=TO, amount="12.345678901")
        draft = screen._draft
        assert draft is not None
        assert isinstance(draft.call, Transfer)
        assert draft.call.amount_rao == 12_345_678_901

    moving(SendForm(), use)


def test_a_vote_goes_by_the_same_dialog_and_says_what_the_chain_would_say() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await attached(pilot, app)
        await pilot.press("8")
        await until(pilot, app, lambda: "schedule_pos" in shown(app))
        await pilot.press("f")
        await until(pilot, app, lambda: isinstance(app.screen, MoneyScreen))
        screen = app.screen
        assert isinstance(screen, MoneyScreen)
        await until(pilot, app, lambda: screen._draft is not None)
        await settle(pilot, app)
        assert "Vote for proposal 4" in shown(app)
        await go_on(pilot, app, screen)
        await settle(pilot, app)
        await go_on(pilot, app, screen)
        await until(pilot, app, lambda: "final in block" in shown(app))
        await pilot.press("escape")
        await until(pilot, app, lambda: not isinstance(app.screen, MoneyScreen))
        port.api.preview_error = ErrorView("not_senator", "This hotkey has no seat in the Senate.")
        await pilot.press("c")
        await until(pilot, app, lambda: isinstance(app.screen, MoneyScreen) and "no seat in the Senate" in shown(app))
        assert app.screen.query_one("#go", Button).disabled

    port = FakePort()
    drive(scenario, port, (100, 30))
    (draft,) = port.moves
    assert isinstance(draft.call, Vote)
    assert (draft.call.index, draft.call.approve) == (4, True)
