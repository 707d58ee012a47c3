"""The page of Chutes: what is told, what a call takes and gives, and that only an owner changes its own."""

import base64
import json

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from node.control.schema import ErrorView
from tests.snapshots.scenes import settle
from tests.unit.tui import fake_chutes
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.fake_chutes import IDS, ChutesApi
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.chutes import Answer, Card, Chute, Definition, Output, answer_lines, card_lines, catalogue_rows, why_not_called
from tui.options import Options
from tui.screens.chutes import ChutesScreen
from tui.screens.prompt import Confirm, Prompt
from tui.screens.subnets import SubnetsScreen
from tui.widgets.line_input import LineInput
from tui.widgets.live_table import LiveTable


async def opened(pilot: Pilot[object], app: NeurondApp, chute: str) -> None:
    """Open the page from the market and choose a chute on it."""
    await until(pilot, app, lambda: app.model.subnets is not None and app.model.status is not None)
    app.action_show("subnets")
    await until(pilot, app, lambda: isinstance(app.screen, SubnetsScreen))
    screen = app.screen
    assert isinstance(screen, SubnetsScreen)
    screen._open_chutes()
    await until(pilot, app, lambda: isinstance(app.screen, ChutesScreen) and bool(app.screen.query(LiveTable)))
    await until(pilot, app, lambda: len(table(app).rows) == len(IDS))
    table(app).choose(IDS[chute])
    await until(pilot, app, lambda: "limits" in details(app))


def table(app: NeurondApp) -> LiveTable:
    return app.screen.query_one(LiveTable)


def details(app: NeurondApp) -> str:
    return str(app.screen.query_one("#detail-words", Static).content)


async def said(pilot: Pilot[object], app: NeurondApp, text: str) -> None:
    """Answer the line that is asked for."""
    await until(pilot, app, lambda: isinstance(app.screen, Prompt))
    app.screen.query_one("#prompt", LineInput).value = text
    await settle(pilot, app)
    await pilot.press("enter")


def body(api: ChutesApi) -> dict[str, object]:
    (asked,) = api.asked
    (given,) = json.loads(asked[2])["inputs"]
    return dict(given)


def test_the_catalogue_marks_ones_own_and_a_card_tells_all() -> None:
    port = FakePort(api=ChutesApi())

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await opened(pilot, app, "magika")
        assert "5 chutes · 2 warm" in shown(app)
        mine = [row.key for row in table(app).rows if row.mine]
        assert mine == [IDS["all-minilm-l6-v2"]]
        for words in ("2 miners", "20 judged, 95.0 % right", "content: uint8 [bytes]", "10 % of what callers pay"):
            assert words in details(app), words
        await pilot.press("backspace")
        await until(pilot, app, lambda: isinstance(app.screen, SubnetsScreen))

    drive(scenario, port)


CALLS = (
    ("magika", "/srv/you/report.pdf", {"name": "content", "shape": [8192]}, " 97.0 % pdf"),
    ("all-minilm-l6-v2", "a cat", {"name": "texts", "data": ["a cat"]}, "0.25, 0.25"),
    ("terrain-diffusion", "7", {"name": "noise", "shape": [1, 1, 128, 128], "law": "normal", "seed": 7}, "1 picture"),
    ("open-nsfw", "/srv/you/a.png", {"name": "picture", "png": base64.b64encode(b"\x89PNG").decode()}, "0.9, 0.1"),
)


@pytest.mark.parametrize(("chute", "typed", "given", "told"), CALLS, ids=[case[0] for case in CALLS])
def test_a_call_takes_what_a_person_has_and_shows_what_comes_back(
    chute: str, typed: str, given: dict[str, object], told: str
) -> None:
    port = FakePort(api=(api := ChutesApi()))
    port.desk.files = {"/srv/you/report.pdf": bytes(50_000), "/srv/you/a.png": b"\x89PNG"}

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await opened(pilot, app, chute)
        await pilot.press("c")
        await said(pilot, app, typed)
        await until(pilot, app, lambda: told in details(app))
        assert given.items() <= body(api).items()
        assert "367 units of work" in details(app)

    drive(scenario, port)


def test_what_fails_is_told_beside_the_card_and_nothing_is_asked_for_a_file_that_is_not_there() -> None:
    port = FakePort(api=(api := ChutesApi()))
    api.refusal = ErrorView("no_miner", "No miner is online.", "Try again later.")

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await opened(pilot, app, "open-nsfw")
        await pilot.press("c")
        await said(pilot, app, "/nowhere.png")
        await until(pilot, app, lambda: "/nowhere.png cannot be read" in details(app))
        assert api.asked == []
        table(app).choose(IDS["all-minilm-l6-v2"])
        await until(pilot, app, lambda: "texts: text" in details(app))
        await pilot.press("c")
        await said(pilot, app, "a cat")
        await until(pilot, app, lambda: "No miner is online." in details(app))

    drive(scenario, port)


def test_a_picture_of_an_answer_is_saved_once_there_is_one() -> None:
    port = FakePort(api=ChutesApi())

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await opened(pilot, app, "terrain-diffusion")
        await pilot.press("v")
        await settle(pilot, app)
        assert isinstance(app.screen, ChutesScreen), "there is nothing to save yet"
        await pilot.press("c")
        await said(pilot, app, "seven")
        await settle(pilot, app)
        assert "whole number" in shown(app)
        app.screen.query_one("#prompt", LineInput).value = "7"
        await settle(pilot, app)
        await pilot.press("enter")
        await until(pilot, app, lambda: "v saves it" in details(app))
        await pilot.press("v")
        await said(pilot, app, "land.png")
        await until(pilot, app, lambda: "land.png" in port.desk.saved)
        assert port.desk.saved["land.png"] == base64.b64decode(fake_chutes.PNG).hex()

    drive(scenario, port)


def test_only_ones_own_chute_is_priced_or_retired_and_retiring_asks_first() -> None:
    port = FakePort(api=(api := ChutesApi()))

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await opened(pilot, app, "magika")
        await pilot.press("p", "X")
        await settle(pilot, app)
        assert isinstance(app.screen, ChutesScreen)
        table(app).choose(IDS["all-minilm-l6-v2"])
        await until(pilot, app, lambda: "texts: text" in details(app))
        await pilot.press("X")
        await until(pilot, app, lambda: isinstance(app.screen, Confirm))
        await pilot.press("escape")
        await until(pilot, app, lambda: isinstance(app.screen, ChutesScreen))
        assert api.asked == []
        await pilot.press("p")
        await said(pilot, app, "-1")
        await settle(pilot, app)
        assert api.asked == []
        app.screen.query_one("#prompt", LineInput).value = "0.002"
        await settle(pilot, app)
        await pilot.press("enter")
        await until(pilot, app, lambda: bool(api.asked))
        assert api.asked == [("PUT", f"/v1/chutes/{IDS['all-minilm-l6-v2']}", '{"price_rao":2000000}')]

    drive(scenario, port)


def test_a_chute_is_loaded_ahead_and_a_read_only_window_asks_for_nothing() -> None:
    port = FakePort(api=(api := ChutesApi()))

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await opened(pilot, app, "open-nsfw")
        await pilot.press("W")
        await until(pilot, app, lambda: bool(api.asked))
        assert api.asked[0][:2] == ("POST", f"/v1/chutes/{IDS['open-nsfw']}/warmup")
        api.asked.clear()
        app.options = Options(read_only=True)
        for key in ("c", "W", "p", "X"):
            await pilot.press(key)
            await settle(pilot, app)
            assert isinstance(app.screen, ChutesScreen), key
        assert api.asked == []

    drive(scenario, port)


def test_absurd_cards_and_answers_break_nothing() -> None:
    info = Chute("x" * 500, price_rao=10**300, instances=-1, demand=1e300)
    bare = Card(info, Definition("\x1b[31m"))
    assert catalogue_rows([info], "")
    assert card_lines(bare, None)
    assert "--inputs" in why_not_called(bare)
    for shown_as in (None, 5, "text", [[]], [[{"value": "much"}]], [[{"value": 1e308, "label": "\x1b]0;"}]]):
        answer = Answer((Output("o", "FP32", (1,), [1e308, "x", None], shown_as, ("!!!",)),), 10**30)
        assert answer_lines(answer)
        assert answer.picture() is None
