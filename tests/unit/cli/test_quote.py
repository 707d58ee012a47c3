"""`neurond quote`: words become a picture, by the network or without a node, and what shows nothing is refused."""

import base64
from pathlib import Path

import msgspec
import numpy as np
import pytest

from node.commands.quote import first_sentence
from node.commands.quote_font import CAP, DESCENT, LINE, draws, glyph, width_of
from node.commands.quote_image import BLOCK_HIGH, BLOCK_WIDE, CAPS_PX, THEMES, fitted, quote_picture, wrapped
from node.subnets.chutes.house import demo_chutes
from node.subnets.chutes.png import decode_png, encode_png
from node.subnets.chutes.requests import InferOutput, InferReply
from node.subnets.chutes.shop import ChuteCard
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_chutes import Doors, info
from tests.unit.control.fake import Served

TERRAIN = demo_chutes()[2]
LATIN = "".join(map(chr, [*range(33, 127), *range(0xC0, 0xD0), *range(0xD1, 0xD7), *range(0xE0, 0xF0), 0x141, 0x142]))


def test_a_quote_needs_no_node_and_the_same_words_give_the_same_bytes(run: Run, tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for path in (one, two):
        done = run("quote", "Measure twice.", "--author", "A B", "--size", "400x300", "-o", str(path), "--json")
        assert done.code == 0, done.err
    assert done.json()["text"] == "Measure twice."
    assert one.read_bytes() == two.read_bytes()
    assert decode_png(one.read_bytes()).shape == (300, 400, 3)
    again = run("quote", "Other words.", "-o", str(one))
    assert again.code == 1
    assert "exists already" in again.err


def test_words_and_picture_by_the_network(run: Run, node: Served, tmp_path: Path) -> None:
    node.api.parts = ("“Patience is", " a plant.” More of it ", "follows here.")
    grey = np.full((8, 8, 1), 200, np.uint8)
    output = InferOutput(
        name="denoised", datatype="UINT8", shape=(1, 1, 8, 8), png=(base64.b64encode(encode_png(grey)).decode(),)
    )
    reply = InferReply(model_name="terrain-diffusion", model_version="1", outputs=(output,), units=1)
    found = info(TERRAIN)
    card = ChuteCard(info=found, chute=TERRAIN, warm=())
    doors = Doors(node, {
        ("GET", "/v1/chutes"): [info(TERRAIN, id="0d" * 32, instances=0), found],
        ("GET", f"/v1/chutes/{found.id}"): card, ("POST", f"/v1/chutes/{found.id}/infer"): reply,
    })  # fmt: skip
    out = tmp_path / "x.png"
    done = run(
        "quote", "--ask", "patience", "--picture", "auto", "--seed", "7", "--size", "320x240", "-o", str(out), "--json"
    )
    assert done.code == 0, done.err
    assert done.json()["text"] == "Patience is a plant."
    assert done.json()["picture_by"] == "terrain-diffusion"
    assert msgspec.json.decode(doors.asked[-1][3])["inputs"][0]["seed"] == 7
    corner = decode_png(out.read_bytes())[0, 0]
    assert corner.tolist() == [84, 84, 84]  # 200, darkened


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "either TEXT or --ask"),
        (("a", "--ask", "b"), "either TEXT or --ask"),
        (("\u200b\u200d \u202e",), "at least one letter"),
        (("x" * 601,), "at most 600"),
        (("道可道,非常道",), "Latin letters"),
        (("a", "--size", "10x10"), "200 to 2048"),
        (("a", "--size", "huge"), "is not like"),
        (("a", "--theme", "pink"), "night"),
        (("a", "-o", "nowhere/x.png"), "no folder"),
    ],
)
def test_what_cannot_become_a_quote_is_refused_in_a_sentence(
    arguments: tuple[str, ...], words: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("quote", *arguments)
    assert done.code != 0
    assert words in done.err
    assert list(tmp_path.glob("*.png")) == []


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ('"One. Two. Three."', "One."),
        ("What now?  Nothing.", "What now?"),
        ("no end at all", "no end at all"),
        ("3.5 is a number. Yes.", "3.5 is a number."),
        (" \n ", ""),
    ],
)
def test_the_first_sentence_of_an_answer_is_the_quote(answer: str, sentence: str) -> None:
    assert first_sentence(answer) == sentence


def test_the_font_has_latin_letters_and_signs_and_a_box_for_the_rest() -> None:
    assert [letter for letter in LATIN if not draws(letter)] == []
    assert len({glyph(letter)[1] for letter in LATIN if letter.isalpha()}) == sum(map(str.isalpha, LATIN))
    assert not draws("道")
    assert glyph("道")[1]
    for letter in LATIN:
        assert all(-DESCENT - 0.5 <= y <= LINE - DESCENT for stroke in glyph(letter)[1] for _, y in stroke), letter


@pytest.mark.parametrize("text", ["a", "word " * 100, "x" * 300, "A short line\nand another one"])
def test_letters_are_as_large_as_fits_and_no_line_is_too_long(text: str) -> None:
    wide, high = 1200 * BLOCK_WIDE, 630 * BLOCK_HIGH
    lines, caps = fitted(text, wide, high)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert max(map(width_of, lines)) * caps / CAP <= wide
    if CAPS_PX[0] < caps:
        assert ((len(lines) - 1) * LINE + CAP + DESCENT) * caps / CAP <= high
    if CAPS_PX[0] < caps < CAPS_PX[1]:
        larger = wrapped(text, wide * CAP / (caps + 1))
        assert ((len(larger) - 1) * LINE + CAP + DESCENT) * (caps + 1) / CAP > high


def test_every_theme_can_be_read() -> None:
    for name, theme in THEMES.items():
        picture = quote_picture("M" * 20, "", theme, 300, 200)
        light = picture.astype(int).sum(axis=-1)
        assert light.max() - light.min() > 250, name
