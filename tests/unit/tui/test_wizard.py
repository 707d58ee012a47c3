"""The first run as a person walks it: every way to a node, every wrong answer, back and forth."""

from textual.pilot import Pilot
from textual.widgets import Static

from node.control.setup import Answers, NetworkAnswers, Saved, WalletAnswers
from node.control.setup_run import Secrets
from node.control.setup_views import CheckStep, LanSurvey
from tests.snapshots.scenes import settle
from tests.unit.tui import recorded, test_attach
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.fake_setup import ADDRESS, GENESIS, INVITE, WORDS, WORDS_24, bad_check
from tui.app import NeurondApp
from tui.port import PortError
from tui.screens.home import HomeScreen
from tui.screens.welcome import WelcomeScreen
from tui.widgets.line_input import LineInput
from tui.widgets.tick import Tick
from tui.wizard.flow import Draft, Page, begin
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


async def at(pilot: Pilot[object], app: NeurondApp, name: Page, draft: Draft) -> WizardScreen:
    """Open the wizard on one of its pages, with what the pages before it left behind; the walk there costs seconds."""
    await until(pilot, app, lambda: app.screen.has_class("-offering"))
    kept = app.port.setup.wallets()
    app.switch_screen(WizardScreen(draft, name, kept))
    return await page(pilot, app, name)


def making_keys() -> Draft:
    draft = begin("new")
    draft.set_wallet(do="new")
    return draft


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


def fault(app: NeurondApp) -> str:
    """What the page says is wrong, and nothing else that is on the screen."""
    return str(app.screen.query_one("#failure", Static).render())


async def carried_out(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> tuple[Answers, Secrets]:
    """Press enter on the review; return what the one start was given."""
    await pilot.press("enter")
    await until(pilot, app, lambda: bool(port.setup.carried_out))
    (found,) = port.setup.carried_out
    return found


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
        answers, secrets = await carried_out(pilot, app, port)
        assert answers.wallet == WalletAnswers("new")
        assert (secrets.password, secrets.words) == (PASSWORD, WORDS)

    drive(scenario, port)


WRONG_SEALS = (
    ({"password": "short", "again": "short"}, "at least 8"),
    ({"again": PASSWORD + "x"}, "differ"),
    ({"password": "x" * 1025, "again": "x" * 1025}, "at most 1024"),
    ({"name": "../up"}, "cannot be a name"),
    ({"name": "old"}, "a wallet old in this home already"),
    ({"count": "13"}, "12 or 24"),
)


def test_a_wrong_name_or_password_is_told_on_its_page() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await at(pilot, app, "seal", making_keys())
        right = {"name": "new", "count": "12", "password": PASSWORD, "again": PASSWORD}
        app.screen.query_one("#password", LineInput).max_length = 2000
        app.screen.query_one("#again", LineInput).max_length = 2000
        for values, word in WRONG_SEALS:
            fill(app, **right | values)
            await onward(pilot, app)
            assert word in fault(app), values
            assert screen.page == "seal", values
        fill(app, **right)
        await onward(pilot, app)
        await page(pilot, app, "words")

    drive(scenario, away(kept=(("old", recorded.COLDKEY),)))


def test_a_wrong_word_of_the_quiz_is_named_by_its_place_and_esc_shows_the_words_again() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await at(pilot, app, "seal", making_keys())
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


def test_words_of_another_number_are_asked_for_by_places_that_they_have() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await at(pilot, app, "quiz", making_keys())
        screen.draft.words, screen.draft.quiz = WORDS_24, (3, 12, 20)
        await pilot.press("escape", "escape")
        await page(pilot, app, "seal")
        fill(app, count="12", password=PASSWORD, again=PASSWORD)
        await onward(pilot, app)
        await page(pilot, app, "words")
        await enter(pilot, app)
        await page(pilot, app, "quiz")
        assert all(place <= 12 for place in screen.draft.quiz)
        fill(app, **{f"word_{place}": WORDS.split()[place - 1] for place in screen.draft.quiz})
        await onward(pilot, app)
        await page(pilot, app, "network")

    drive(scenario, port)


WRONG_WORDS = (
    ("legal winner", "12"),
    (WORDS.replace("wave", "xwave"), "Word 5"),
    (" ".join([*WORDS.split()[:-1], "zoo"]), "one is wrong"),
    ("\x00\x1b[31m☃ " * 40, "word"),
)


def test_words_that_do_not_hold_say_where() -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await welcome(pilot, app, "r")
        screen = await page(pilot, app, "restore")
        for typed, said in WRONG_WORDS:
            fill(app, phrase=typed)
            await enter(pilot, app)
            assert said in fault(app), typed
            assert screen.page == "restore", typed

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
        answers, secrets = await carried_out(pilot, app, port)
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
        answers, _ = await carried_out(pilot, app, port)
        assert (answers.wallet.do, answers.wallet.name) == ("keep", "old")
        assert answers.network == NetworkAnswers("join", INVITE)

    drive(scenario, port)


BAD_TARGETS = (
    (CheckStep("read", False, "It has expired, by this machine's clock.", "Ask for a new invite."), "expired"),
    (CheckStep("read", False, "The home /srv belongs to another one.", "Name another."), "belongs to another"),
    (CheckStep("dial", False, "Nobody answers: /ip4/192.0.2.7/tcp/4001: timed out.", "Ask."), "Nobody answers"),
    (CheckStep("genesis", False, "This is another network: genesis aa…", "Ask."), "another network"),
)


def test_a_target_that_leads_nowhere_is_never_gone_on_with() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        screen = await at(pilot, app, "invite", begin("join"))
        fill(app, target=INVITE)
        for step, word in BAD_TARGETS:
            port.setup.found = bad_check(step)
            tests = len(port.setup.checked)
            await enter(pilot, app)
            await until(pilot, app, lambda word=word: word in shown(app))  # type: ignore[misc]
            await enter(pilot, app)
            assert screen.page == "invite", word
            assert len(port.setup.checked) == tests + 2, "enter tests again"

    drive(scenario, port)


BAD_INVITES = (("nd1abc", "cut off"), ("hello", "neither"), ("\x00\x07\x1b[2J", "Paste"))


def test_what_cannot_be_an_invite_is_told_before_anybody_is_asked() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await at(pilot, app, "invite", begin("join"))
        for typed, word in BAD_INVITES:
            fill(app, target=typed if typed.isprintable() else "")
            await enter(pilot, app)
            assert word in fault(app), typed
        assert port.setup.checked == []

    drive(scenario, port)


def test_an_address_is_held_to_the_genesis_that_was_shown() -> None:
    port = away()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        draft = begin("join")
        draft.door = "address"
        screen = await at(pilot, app, "address", draft)
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
        await at(pilot, app, "role", begin("join", "old"))
        await pilot.press("b")
        await until(pilot, app, lambda: "41.2 tokens/s" in shown(app))
        assert "210.4 GFLOP/s" in shown(app)

    drive(scenario, away(kept=(("old", recorded.COLDKEY),)))


BAD_HOSTS = (
    ({"port": "70000"}, "1 to 65535"),
    ({"disk": "-1"}, "in megabytes, or 0"),
    ({"port": "x"}, "1 to 65535"),
    ({"disk": "3"}, "no budget"),
    ({"home": ""}, "Name a folder"),
    ({"home": "/proc/1"}, "cannot be written"),
)


def test_a_home_port_or_budget_that_cannot_be_is_told() -> None:
    refused = (CheckStep("home", False, "/proc cannot be written by this user.", "Choose another folder."),)
    port = away(host=refused)

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        draft = begin("join")
        draft.set_network("join", ADDRESS, GENESIS)
        screen = await at(pilot, app, "host", draft)
        for values, word in BAD_HOSTS:
            fill(app, **{"home": "/srv/neurond", "port": "0", "disk": "0"} | values)
            await onward(pilot, app)
            assert word in fault(app), values
            assert screen.page == "host", values

    drive(scenario, port)


def test_a_start_at_login_is_asked_for_on_the_page_of_the_host_and_what_failed_of_it_is_told() -> None:
    port = away(note="The node runs, but it will not start at login.")

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        draft = begin("join")
        draft.set_network("join", ADDRESS, GENESIS)
        await at(pilot, app, "host", draft)
        app.screen.query_one("#login", Tick).focus()
        await pilot.press("space")
        await onward(pilot, app)
        await page(pilot, app, "review")
        assert "service install --no-start" in shown(app)
        answers, _ = await carried_out(pilot, app, port)
        assert answers.host.at_login
        await until(
            pilot, app, lambda: "will not start at login" in "".join(each.message for each in app._notifications)
        )

    drive(scenario, port)


def test_whether_others_reach_the_port_is_told_on_the_review_and_holds_nobody_up() -> None:
    port = away(reach=CheckStep("reach", None, "1 peer could not dial back; let TCP port 4001 through the router."))

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        draft = begin("join")
        draft.set_network("join", ADDRESS, GENESIS)
        await at(pilot, app, "host", draft)
        fill(app, port="4001")
        await onward(pilot, app)
        await page(pilot, app, "review")
        assert "reached · 1 peer could not dial back" in shown(app)
        await pilot.press("escape")
        await page(pilot, app, "host")
        fill(app, port="0")
        await onward(pilot, app)
        await page(pilot, app, "review")
        assert "dial back" not in shown(app), "another port was not tested"

    drive(scenario, port)


def test_a_start_that_fails_says_so_on_the_review_and_can_be_tried_again() -> None:
    port = away(failure=PortError("The port 4001 is taken.", "Stop what uses it."))

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await at(pilot, app, "review", begin("new"))
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


def test_every_page_can_be_walked_on_a_tiny_terminal() -> None:
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

    drive(scenario, away(), size=(20, 5))


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
