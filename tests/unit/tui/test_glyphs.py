"""ASCII alone and no colour: every sign has a twin as wide as itself, and nothing is told by colour only."""

import ast
import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual.pilot import Pilot

from tests.snapshots.scenes import home, settle
from tests.unit.tui.fake import FakePort, FrozenClock
from tests.unit.tui.test_attach import shown
from tui import glyphs
from tui.app import NeurondApp
from tui.options import Options, with_terminal
from tui.registry import PLACES

SOURCES = sorted((Path(__file__).resolve().parents[3] / "tui").rglob("*.py"))


def drawn(source: Path) -> set[str]:
    """Every character in the text of a module that is no docstring."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        char
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
        for char in node.value
    }


@pytest.mark.parametrize("source", SOURCES, ids=[each.name for each in SOURCES])
def test_every_sign_that_is_drawn_has_a_twin(source: Path) -> None:
    if source.name != "text.py":  # which names the characters that it refuses
        assert not {char for char in drawn(source) if char.isprintable() and "?" in glyphs.twin(char) and char != "?"}


@settings(max_examples=200, deadline=None)
@given(st.characters(exclude_categories=("Cs",)))
def test_a_twin_takes_as_many_cells_as_its_sign(char: str) -> None:
    assert glyphs.plain(char).isascii()
    assert cell_len(glyphs.plain(char)) == cell_len(char)


def test_what_stands_out_by_its_ground_is_reversed_and_has_no_colour() -> None:
    chosen = glyphs.colourless(Style(color="#000000", bgcolor="#ffffff", bold=True))
    usual = glyphs.colourless(Style(color="#ffffff", bgcolor="#000000"))
    assert chosen.reverse
    assert chosen.bold
    assert chosen.color is None
    assert chosen.bgcolor is None
    assert not usual.reverse


def test_every_screen_is_drawn_with_ascii_alone_and_without_colour_when_asked() -> None:
    async def main() -> None:
        port = FakePort()
        app = NeurondApp(port, FrozenClock(), utc_offset_s=0, options=Options(ascii_only=True, no_colour=True))
        async with app.run_test(size=(140, 40)) as pilot:
            await home(pilot, app, port)
            for place in PLACES:
                app.action_show(place.name)
                await settle(pilot, app)
                assert shown(app).isascii(), place.name
                assert "RUNNING" in shown(app)
                for strip in app.screen._compositor.render_strips():
                    assert not [each for each in strip if each.style and (each.style.color or each.style.bgcolor)]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("environment", "ascii_only", "no_colour"),
    [
        ({}, False, False),
        ({"NO_COLOR": "1"}, False, True),
        ({"NO_COLOR": ""}, False, False),
        ({"TERM": "dumb"}, True, True),
        ({"TERM": "xterm-256color"}, False, False),
    ],
)
def test_the_terminal_decides_what_it_can_show(environment: dict[str, str], ascii_only: bool, no_colour: bool) -> None:
    found = with_terminal(Options(), environment)
    assert (found.ascii_only, found.no_colour) == (ascii_only, no_colour)
    assert with_terminal(Options(ascii_only=True), environment).ascii_only


def test_a_window_without_colours_stays_so_when_the_theme_is_turned() -> None:
    async def main() -> None:
        app = NeurondApp(FakePort(), FrozenClock(), utc_offset_s=0, options=Options(no_colour=True, theme="light"))
        async with app.run_test(size=(80, 24)) as pilot:
            await _turn(pilot)
            assert app.theme == "neurond-plain"

    async def _turn(pilot: Pilot[object]) -> None:
        await pilot.press("t")

    asyncio.run(main())
