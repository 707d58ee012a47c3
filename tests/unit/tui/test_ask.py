"""Asking: the answer streams in, can be stopped, and every failure is a sentence."""

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from node.control.errors import RemoteError
from node.control.schema import AskPart, ErrorView
from tests.snapshots.scenes import key, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.screens.ask import AskScreen
from tui.screens.home import HomeScreen

Talk = Callable[[Pilot[object], NeurondApp, AskScreen], Awaitable[None]]


def asking(port: FakePort, talk: Talk, size: tuple[int, int] = (140, 40)) -> None:
    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("2")(pilot, app, port)
        screen = app.screen
        assert isinstance(screen, AskScreen)
        await talk(pilot, app, screen)

    drive(scenario, port, size)


def test_an_answer_streams_in_and_ends_with_its_facts_and_receipt() -> None:
    port = FakePort()
    port.api.answer_gate, port.api.answer_gate_at = asyncio.Event(), 10

    async def talk(pilot: Pilot[object], app: NeurondApp, screen: AskScreen) -> None:
        await pilot.press(*"why?", "enter")
        await until(pilot, app, lambda: screen.turns[0].parts == 10)
        screen._stream_tick()
        await settle(pilot, app)
        assert "A blockchain is a shared ledger" in shown(app)
        assert recorded.ANSWER[-30:] not in shown(app)
        assert port.api.answer_gate is not None
        port.api.answer_gate.set()
        await until(pilot, app, lambda: screen.turns[0].state == "done")
        await settle(pilot, app)
        words = shown(app)
        for word in ("most of those computers.", "5DAA…TXFy", "32.1 tok/s", "first token 212 ms", "not judged yet"):
            assert word in words, word
        port.api.push_tasks(recorded.judged_answer())
        await until(pilot, app, lambda: "✓ verified 0.97" in shown(app))
        assert [each.content for each in port.api.asked[0]] == ["why?"]

    asking(port, talk)


def test_a_second_question_carries_the_first_as_context_until_a_new_talk() -> None:
    port = FakePort()

    async def talk(pilot: Pilot[object], app: NeurondApp, screen: AskScreen) -> None:
        for number, question in enumerate("ab"):
            await pilot.press(question, "enter")
            await until(pilot, app, lambda n=number: len(screen.turns) > n and screen.turns[n].state == "done")  # type: ignore[misc]
        assert [each.content for each in port.api.asked[1]] == ["a", recorded.ANSWER, "b"]
        await pilot.press("ctrl+n", "c", "enter")
        await until(pilot, app, lambda: len(port.api.asked) == 3)
        assert [each.content for each in port.api.asked[2]] == ["c"]

    asking(port, talk)


def test_esc_stops_the_answer_at_the_node_as_well_and_then_leaves_the_box() -> None:
    port = FakePort()
    port.api.answer_gate, port.api.answer_gate_at = asyncio.Event(), 3

    async def talk(pilot: Pilot[object], app: NeurondApp, screen: AskScreen) -> None:
        await pilot.press("x", "enter")
        await until(pilot, app, lambda: screen.turns[0].parts == 3)
        await pilot.press("escape")
        await until(pilot, app, lambda: screen.turns[0].state == "stopped")
        await settle(pilot, app)
        assert port.api.answers_cancelled == 1
        assert "stopped by you" in shown(app)
        await pilot.press("escape", "1")
        await settle(pilot, app)
        assert isinstance(app.screen, HomeScreen)

    asking(port, talk)


def test_a_refusal_is_shown_as_the_nodes_own_sentence() -> None:
    port = FakePort()
    port.api.answer_gate_at = 0
    port.api.answer_error = RemoteError(ErrorView("no_miner", "No miner serves this model.", "Start one."))

    async def talk(pilot: Pilot[object], app: NeurondApp, screen: AskScreen) -> None:
        await pilot.press("x", "enter")
        await until(pilot, app, lambda: "No miner serves this model. Start one." in shown(app))

    asking(port, talk)


def test_a_node_that_dies_in_the_middle_leaves_what_came_and_says_why() -> None:
    port = FakePort()
    port.api.answer_gate, port.api.answer_gate_at = asyncio.Event(), 6

    async def talk(pilot: Pilot[object], app: NeurondApp, screen: AskScreen) -> None:
        await pilot.press("x", "enter")
        await until(pilot, app, lambda: screen.turns[0].parts == 6)
        port.api.die()
        assert port.api.answer_gate is not None
        port.api.answer_gate.set()
        await until(pilot, app, lambda: screen.turns[0].state == "failed")
        await settle(pilot, app)
        assert "A blockchain is a shared ledger:" in shown(app)
        assert "The daemon closed the connection." in shown(app)

    asking(port, talk)


def test_an_answer_is_never_read_as_markup_or_as_terminal_commands() -> None:
    port = FakePort()
    port.api.answer = [AskPart("[bold]x[/bold] \x1b[2J\x07 [@click=app.quit]y[/] \u202eabc"), *port.api.answer[-1:]]

    async def talk(pilot: Pilot[object], app: NeurondApp, screen: AskScreen) -> None:
        await pilot.press("x", "enter")
        await until(pilot, app, lambda: screen.turns and screen.turns[0].state == "done")  # type: ignore[return-value, arg-type]
        await settle(pilot, app)
        words = shown(app)
        assert "[bold]x[/bold]" in words
        assert "[@click=app.quit]y[/]" in words
        assert not {"\x1b", "\x07", "\u202e"} & set(words)

    asking(port, talk)


def test_pasted_bytes_become_one_bounded_line() -> None:
    port = FakePort()

    async def talk(pilot: Pilot[object], app: NeurondApp, screen: AskScreen) -> None:
        from textual import events

        box = screen.query_one("#question")
        box.post_message(events.Paste("first\nsecond\x00\x1b[31m\r\n" + "\udcff" * 10 + "y" * 50_000))
        await settle(pilot, app)
        value = box.value  # type: ignore[attr-defined]
        assert value.startswith("first second")
        assert len(value) <= 8000
        assert not {"\x00", "\x1b", "\n", "\udcff"} & set(value)

    asking(port, talk)
