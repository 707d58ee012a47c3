"""The first run as a person walks it: every way to a node, every wrong answer, back and forth."""

import pytest
from textual.pilot import Pilot

from node.control.setup import Answers, NetworkAnswers, Saved, WalletAnswers
from node.control.setup_views import CheckStep, LanSurvey
from tests.snapshots.scenes import settle
from tests.unit.tui import recorded, test_attach
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.fake_setup import ADDRESS, GENESIS, INVITE, WORDS, bad_check
from tui.app import NeurondApp
from tui.port import PortError
from tui.screens.home import HomeScreen
from tui.screens.welcome import WelcomeScreen
from tui.widgets.line_input import LineInput
from tui.wizard.screen import WizardScreen

PASSWORD = "correct horse battery"


def shown(app: NeurondApp) -> str:
    """All words on the screen, however the lines break."""
    return " ".join(test_attach.shown(app).split())


def away(**changes: object) -> FakePort:
    port = FakePort(running=False)
    for name, value in changes.items():
        setattr(port.setup, name, value)
    return port


async def welcome(pilot: Pilot[object], app: NeurondApp, *keys: str) -> None:
    await until(pilot, app, lambda: app.screen.has_class("-offering"))
    await pilot.press(*keys)
    if keys:
        await until(pilot, app, lambda: isinstance(app.screen, WizardScreen))
        await settle(pilot, app)


async def page(pilot: Pilot[object], app: NeurondApp, name: str) -> WizardScreen:
    await until(pilot, app, lambda: isinstance(app.screen, WizardScreen) and app.screen.page == name)
    await settle(pilot, app)
    screen = app.screen
    if not isinstance(screen, WizardScreen):
        raise TypeError("the wizard is on")
    return screen


def fill(app: NeurondApp, **values: str) -> None:
    for name, value in values.items():
        app.screen.query_one(f"#{name.replace('_', '-')}", LineInput).value = value


async def enter(pilot: Pilot[object], app: NeurondApp, times: int = 1) -> None:
    for _ in range(times):
        await pilot.press("enter")
        await settle(pilot, app)


async def onward(pilot: Pilot[object], app: NeurondApp) -> None:
    """Leave the page forwards, wherever the focus is, once what was typed has been heard."""
    await settle(pilot, app)
    if isinstance(app.screen, WizardScreen):
        app.screen.action_next()
    await settle(pilot, app)


async def sealed(pilot: Pilot[object], app: NeurondApp) -> None:
    """Make a new wallet up to the end of the quiz."""
    await pilot.press("m")
    await page(pilot, app, "seal")
    fill(app, password=PASSWORD, again=PASSWORD)
    app.screen.query_one("#again", LineInput).focus()
    await enter(pilot, app)
    await page(pilot, app, "words")
    await enter(pilot, app)
    screen = await page(pilot, app, "quiz")
    words = WORDS.split()
    fill(app, **{f"word_{place}": words[place - 1] for place in screen.draft.quiz})
    await enter(pilot, app, 3)
    await page(pilot, app, "network")


def test_a_devnet_takes_fewer_than_ten_keys() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "n")
        keys = 1
        for pressed, next_page in (("s", "network"), ("d", "host"), ("enter", "review")):
            await pilot.press(pressed)
            keys += 1
            await page(pilot, app, next_page)
        assert "UNSAFE" in shown(app)
        await pilot.press("enter")
        await until(pilot, app, lambda: isinstance(app.screen, HomeScreen))
        assert keys + 1 < 10
        ((answers, secrets),) = port.setup.carried_out
        assert answers == Answers()
        assert (secrets.password, secrets.words) == (None, "")

    drive(scenario, port)


def test_a_new_wallet_is_made_of_the_words_that_were_shown_and_nothing_is_written_before_the_start() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "n")
        await sealed(pilot, app)
        assert WORDS.split()[0] not in shown(app)
        await pilot.press("d")
        await page(pilot, app, "host")
        await enter(pilot, app)
        await page(pilot, app, "review")
        assert port.setup.carried_out == []
        for saved in port.setup.saves:
            assert PASSWORD not in repr(saved)
            assert not any(word in repr(saved) for word in set(WORDS.split()) - {"year"})
        await enter(pilot, app)
        await until(pilot, app, lambda: isinstance(app.screen, HomeScreen))
        ((answers, secrets),) = port.setup.carried_out
        assert answers.wallet == WalletAnswers("new")
        assert (secrets.password, secrets.words) == (PASSWORD, WORDS)

    drive(scenario, port)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"password": "short", "again": "short"}, "at least 8"),
        ({"password": PASSWORD, "again": PASSWORD + "x"}, "differ"),
        ({"password": "x" * 1025, "again": "x" * 1025}, "at most 1024"),
        ({"password": PASSWORD, "again": PASSWORD, "name": "../up"}, "cannot be a name"),
        ({"password": PASSWORD, "again": PASSWORD, "name": "old"}, "a wallet old in this home already"),
        ({"password": PASSWORD, "again": PASSWORD, "count": "13"}, "12 or 24"),
    ],
)
def test_a_wrong_name_or_password_is_told_on_its_page(values: dict[str, str], word: str) -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "n", "m")
        screen = await page(pilot, app, "seal")
        app.screen.query_one("#password", LineInput).max_length = 2000
        app.screen.query_one("#again", LineInput).max_length = 2000
        fill(app, **values)
        await settle(pilot, app)
        await onward(pilot, app)
        assert word in shown(app)
        assert screen.page == "seal"

    drive(scenario, away(kept=(("old", recorded.COLDKEY),)))


def test_a_wrong_word_of_the_quiz_is_named_by_its_place_and_esc_shows_the_words_again() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "n", "m")
        screen = await page(pilot, app, "seal")
        fill(app, password=PASSWORD, again=PASSWORD)
        await onward(pilot, app)
        await page(pilot, app, "words")
        assert all(word in shown(app) for word in WORDS.split())
        await enter(pilot, app)
        await page(pilot, app, "quiz")
        places = screen.draft.quiz
        fill(app, **{f"word_{place}": "wrong" for place in places})
        await onward(pilot, app)
        assert f"Word {', '.join(map(str, places))} is not" in shown(app)
        assert screen.page == "quiz"
        await pilot.press("escape")
        await page(pilot, app, "words")
        await enter(pilot, app)
        await page(pilot, app, "quiz")
        assert screen.draft.quiz == places, "guessing again must not ask for other words"

    drive(scenario, away())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("legal winner", "12"),
        (WORDS.replace("wave", "xwave"), "Word 5"),
        (" ".join([*WORDS.split()[:-1], "zoo"]), "one is wrong"),
        ("\x00\x1b[31m☃ " * 40, "word"),
    ],
)
def test_words_that_do_not_hold_say_where(typed: str, said: str) -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "r")
        screen = await page(pilot, app, "restore")
        fill(app, phrase=typed)
        await enter(pilot, app)
        assert said in shown(app)
        assert screen.page == "restore"

    drive(scenario, away())


def test_a_restored_wallet_goes_on_with_its_words() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "r")
        await page(pilot, app, "restore")
        fill(app, phrase=f"  {WORDS.upper()}  ")
        await enter(pilot, app)
        await page(pilot, app, "seal")
        fill(app, password=PASSWORD, again=PASSWORD)
        await onward(pilot, app)
        await page(pilot, app, "network")
        await pilot.press("d")
        await page(pilot, app, "host")
        await enter(pilot, app)
        await page(pilot, app, "review")
        await enter(pilot, app)
        await until(pilot, app, lambda: isinstance(app.screen, HomeScreen))
        ((answers, secrets),) = port.setup.carried_out
        assert answers.wallet.do == "restore"
        assert secrets.words.lower() == WORDS

    drive(scenario, port)


def test_a_mistyped_address_is_not_watched_and_a_right_one_cannot_become_a_miner() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "w")
        screen = await page(pilot, app, "watch")
        fill(app, address=recorded.COLDKEY[:-1] + "M")
        await onward(pilot, app)
        assert "checksum does not fit" in shown(app)
        fill(app, address=recorded.COLDKEY)
        await onward(pilot, app)
        await page(pilot, app, "network")
        await pilot.press("d")
        await settle(pilot, app)
        assert "A devnet makes keys of its own" in shown(app)
        await pilot.press("i")
        await page(pilot, app, "invite")
        fill(app, target=INVITE)
        await enter(pilot, app)
        await until(pilot, app, lambda: screen.draft.check is not None)
        await enter(pilot, app)
        await page(pilot, app, "role")
        await pilot.press("m")
        await settle(pilot, app)
        assert "needs a key of this machine" in shown(app)
        await pilot.press("s")
        await page(pilot, app, "host")

    drive(scenario, port)


def test_an_invite_is_tested_live_shown_and_only_then_trusted() -> None:
    port = away(kept=(("old", recorded.COLDKEY),))

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "j")
        screen = await page(pilot, app, "network")
        await pilot.press("i")
        await page(pilot, app, "invite")
        fill(app, target=INVITE)
        await enter(pilot, app)
        await until(pilot, app, lambda: "trusts this network" in shown(app))
        words = shown(app)
        for word in ("dial", "genesis", "version", "lab-net", "5Grwva", "5d 23h" if "5d 23h" in words else "6d"):
            assert word in words, word
        assert screen.page == "invite"
        await enter(pilot, app)
        await page(pilot, app, "role")
        assert "1,000" in shown(app)
        await pilot.press("m")
        await page(pilot, app, "host")
        fill(app, port="4001", disk="2000")
        await onward(pilot, app)
        await page(pilot, app, "review")
        words = shown(app)
        for word in ("miner", "TCP port 4001", "2,000 MB", "neurond join nd1", "old, as it is"):
            assert word in words, word
        await enter(pilot, app)
        await until(pilot, app, lambda: isinstance(app.screen, HomeScreen))
        ((answers, _),) = port.setup.carried_out
        assert (answers.wallet.do, answers.wallet.name) == ("keep", "old")
        assert answers.network == NetworkAnswers("join", INVITE)

    drive(scenario, port)


@pytest.mark.parametrize(
    ("step", "word"),
    [
        (CheckStep("read", False, "It has expired, by this machine's clock.", "Ask for a new invite."), "expired"),
        (CheckStep("read", False, "The home /srv belongs to another network.", "Name another."), "another network"),
        (CheckStep("dial", False, "Nobody answers: /ip4/192.0.2.7/tcp/4001: timed out.", "Ask."), "Nobody answers"),
        (CheckStep("genesis", False, "This is another network: genesis aa…", "Ask."), "another network"),
    ],
)
def test_a_target_that_leads_nowhere_is_never_gone_on_with(step: CheckStep, word: str) -> None:
    port = away(found=bad_check(step))

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "j", "i")
        screen = await page(pilot, app, "invite")
        fill(app, target=INVITE)
        await enter(pilot, app)
        await until(pilot, app, lambda: word in shown(app))
        await enter(pilot, app, 2)
        assert screen.page == "invite"
        assert len(port.setup.checked) > 1, "enter tests again"

    drive(scenario, port)


@pytest.mark.parametrize(("typed", "word"), [("nd1abc", "cut off"), ("hello", "neither"), ("\x00\x07\x1b[2J", "Paste")])
def test_what_cannot_be_an_invite_is_told_before_anybody_is_asked(typed: str, word: str) -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "j", "i")
        await page(pilot, app, "invite")
        app.screen.query_one("#target", LineInput).insert_text_at_cursor("")
        fill(app, target=typed if typed.isprintable() else "")
        await enter(pilot, app)
        assert word in shown(app)
        assert port.setup.checked == []

    drive(scenario, port)


def test_an_address_is_held_to_the_genesis_that_was_shown() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "j", "b")
        screen = await page(pilot, app, "address")
        fill(app, target=ADDRESS)
        await enter(pilot, app)
        await until(pilot, app, lambda: screen.draft.check is not None)
        await settle(pilot, app)
        assert "nobody vouches for it" in shown(app)
        await enter(pilot, app)
        await page(pilot, app, "role")
        assert screen.draft.answers.network == NetworkAnswers("join", ADDRESS, GENESIS)
        await pilot.press("escape")
        await page(pilot, app, "address")
        fill(app, target=ADDRESS[:-1] + "9")
        await settle(pilot, app)
        assert screen.draft.check is None, "another address has not been tested"

    drive(scenario, port)


def test_networks_nearby_are_listed_with_peers_and_latency_and_nobody_is_told_too() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "j", "l")
        screen = await page(pilot, app, "lan")
        await until(pilot, app, lambda: "4 peers, 3 ms" in shown(app))
        port.setup.survey = LanSurvey((), ("192.168.1.2",))
        await pilot.press("f5")
        await until(pilot, app, lambda: "Nobody announces a network on 192.168.1.2" in shown(app))
        port.setup.survey = LanSurvey((), (), "Multicast DNS does not work here: no route.")
        await pilot.press("f5")
        await until(pilot, app, lambda: "does not work here" in shown(app))
        await pilot.press("escape", "l")
        await page(pilot, app, "lan")
        assert screen.draft.answers.network.target == ""

    drive(scenario, port)


def test_a_machine_is_measured_on_the_page_of_roles() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "j", "l")
        await page(pilot, app, "lan")
        await until(pilot, app, lambda: "4 peers" in shown(app))
        await pilot.press("1")
        await page(pilot, app, "role")
        await pilot.press("b")
        await until(pilot, app, lambda: "41.2 tokens/s" in shown(app))
        assert "210.4 GFLOP/s" in shown(app)

    drive(scenario, away(kept=(("old", recorded.COLDKEY),)))


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"port": "70000"}, "1 to 65535"),
        ({"port": "x"}, "1 to 65535"),
        ({"disk": "-1"}, "megabytes"),
        ({"disk": "3"}, "no budget"),
        ({"home": ""}, "Name a folder"),
        ({"home": "/proc/1"}, "cannot be written"),
    ],
)
def test_a_home_port_or_budget_that_cannot_be_is_told(values: dict[str, str], word: str) -> None:
    refused = (CheckStep("home", False, "/proc cannot be written by this user.", "Choose another folder."),)

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        port = app.port
        await welcome(pilot, app, "j", "l")
        await page(pilot, app, "lan")
        await until(pilot, app, lambda: "4 peers" in shown(app))
        await pilot.press("1")
        screen = await page(pilot, app, "role")
        await pilot.press("s")
        await page(pilot, app, "host")
        port.setup.host = refused  # type: ignore[attr-defined]
        fill(app, **values)
        await onward(pilot, app)
        assert word in shown(app)
        assert screen.page == "host"

    drive(scenario, away())


def test_a_start_that_fails_says_so_on_the_review_and_can_be_tried_again() -> None:
    port = away(failure=PortError("The port 4001 is taken.", "Stop what uses it."))

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "n", "s")
        await page(pilot, app, "network")
        await pilot.press("d")
        await page(pilot, app, "host")
        await enter(pilot, app)
        await page(pilot, app, "review")
        await enter(pilot, app)
        await until(pilot, app, lambda: "The port 4001 is taken. Stop what uses it." in shown(app))
        port.setup.failure = None
        await enter(pilot, app)
        await until(pilot, app, lambda: isinstance(app.screen, HomeScreen))

    drive(scenario, port)


def test_esc_goes_back_page_by_page_to_the_welcome_and_keeps_what_was_entered() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "w")
        await page(pilot, app, "watch")
        fill(app, address=recorded.COLDKEY, name="far")
        await onward(pilot, app)
        await page(pilot, app, "network")
        await pilot.press("escape")
        await page(pilot, app, "watch")
        assert recorded.COLDKEY in shown(app)
        assert app.screen.query_one("#name", LineInput).value == "far"
        await pilot.press("escape")
        await until(pilot, app, lambda: isinstance(app.screen, WelcomeScreen))
        assert port.setup.carried_out == []

    drive(scenario, port)


def test_a_setup_that_was_cut_off_goes_on_and_asks_for_secrets_anew() -> None:
    saved = Saved(Answers(WalletAnswers("new", "savings", 24)), "host")

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: "Continue" in shown(app))
        await pilot.press("c")
        screen = await page(pilot, app, "wallet")
        assert "Words that you noted before belong to no wallet" in shown(app)
        await pilot.press("m")
        await page(pilot, app, "seal")
        assert app.screen.query_one("#name", LineInput).value == "savings"
        assert app.screen.query_one("#count", LineInput).value == "24"
        assert screen.draft.words == ""

    drive(scenario, away(was_saved=saved))


def test_attaching_takes_the_home_of_a_node_and_says_when_nobody_answers() -> None:
    port = away(failure=PortError("No node answers in /far.", "Name the home of one that runs."))

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await until(pilot, app, lambda: app.screen.has_class("-offering"))
        await pilot.press("a")
        await settle(pilot, app)
        assert "ssh -N -L" in shown(app)
        fill(app, target="/far")
        await enter(pilot, app)
        await until(pilot, app, lambda: "No node answers in /far." in shown(app))
        port.setup.failure = None
        await enter(pilot, app)
        await until(pilot, app, lambda: isinstance(app.screen, HomeScreen))
        assert port.setup.asked_for == ["/far", "/far"]

    drive(scenario, port)


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24)])
def test_every_page_can_be_walked_on_a_tiny_terminal(size: tuple[int, int]) -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "n")
        await sealed(pilot, app)
        await pilot.press("i")
        screen = await page(pilot, app, "invite")
        fill(app, target=INVITE)
        await enter(pilot, app)
        await until(pilot, app, lambda: screen.draft.check is not None)
        await enter(pilot, app)
        await page(pilot, app, "role")
        await pilot.press("s")
        await page(pilot, app, "host")
        await onward(pilot, app)
        await page(pilot, app, "review")
        await enter(pilot, app)
        await until(pilot, app, lambda: isinstance(app.screen, HomeScreen))

    drive(scenario, away(), size=size)


def test_leaving_at_any_page_carries_nothing_out() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "n")
        await sealed(pilot, app)
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert app.return_value is None
        assert port.setup.carried_out == []

    drive(scenario, port)
