"""Words set on a picture: the background, the largest letters that fit, who said it. Equal wishes give equal pixels.

Nothing is read or asked here; a background from elsewhere comes in as pixels.
"""

import colorsys
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from node.commands.quote_font import CAP, DESCENT, GAP, LINE, glyph, width_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Canvas = NDArray[np.float32]

Colour = tuple[int, int, int]
BLOCK_WIDE: Final = 0.76  # of the picture, for the words
BLOCK_HIGH: Final = 0.60
CAPS_PX: Final = (9, 72)  # height of capitals, from the smallest that is read with ease
NAME_SHARE: Final = 0.028  # of the picture's height, the capitals of the name
DARKENED: Final = 0.42  # what is left of a photograph's light behind white words


@dataclass(frozen=True, slots=True)
class Theme:
    """Two colours of the ground, from corner to corner, and that of the words."""

    low: Colour
    high: Colour
    ink: Colour


THEMES: Final = {
    "night": Theme((13, 17, 38), (52, 40, 92), (240, 240, 250)),
    "sea": Theme((6, 40, 61), (16, 110, 120), (236, 250, 248)),
    "forest": Theme((12, 38, 26), (64, 104, 56), (244, 250, 236)),
    "ember": Theme((48, 12, 10), (156, 58, 24), (255, 244, 232)),
    "paper": Theme((238, 230, 212), (250, 246, 236), (46, 38, 30)),
    "plain": Theme((24, 24, 24), (24, 24, 24), (250, 250, 250)),
}


def quote_picture(
    text: str, author: str, theme: Theme, width: int, height: int, ground: "NDArray[np.uint8] | None" = None
) -> "NDArray[np.uint8]":
    """The picture uint8 [height, width, 3]; `ground` is a picture [h, w, 1 or 3] to set the words on."""
    canvas = drawn_ground(text, theme, width, height) if ground is None else photographed(ground, width, height)
    ink = theme.ink if ground is None else (255, 255, 255)
    lines, caps = fitted(text, width * BLOCK_WIDE, height * BLOCK_HIGH)
    unit, name_caps = caps / CAP, max(height * NAME_SHARE, 8.0)
    block = (len(lines) - 1) * LINE * unit + caps
    left, top = width * (1 - BLOCK_WIDE) / 2, (height - block) / 2 - (name_caps if author else 0)
    for number, line in enumerate(lines):
        write(canvas, line, left, top + caps + number * LINE * unit, caps, ink)
    if author:
        base = min(top + block + DESCENT * unit + 3.2 * name_caps, height - 1.5 * name_caps)
        radius = 1.6 * name_caps
        disc(canvas, left + radius, base - name_caps / 2, radius, hue_of(author))
        initials = "".join(word[0] for word in author.split()[:2]).upper()
        wide = width_of(initials) * name_caps * 0.9 / CAP
        write(canvas, initials, left + radius - wide / 2, base - name_caps * 0.05, name_caps * 0.9, (255, 255, 255))
        room = width - left - (left + 2 * radius + name_caps)
        write(canvas, cut(author, room * CAP / name_caps), left + 2 * radius + name_caps, base, name_caps, ink)
    return np.rint(np.clip(canvas, 0, 255)).astype(np.uint8)


# --- the ground -----------------------------------------------------------------------------------------------------


def drawn_ground(text: str, theme: Theme, width: int, height: int) -> "Canvas":
    """A slope between two colours with some soft lights, which follow from the words."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    slope = (x / width + y / height) / 2
    seed = hashlib.blake2b(text.encode(), digest_size=8, person=b"neurond-quote").digest()
    random = np.random.Generator(np.random.PCG64(int.from_bytes(seed, "big")))
    for at_x, at_y, size, light in random.random((5, 4)):
        far = ((x - at_x * width) ** 2 + (y - at_y * height) ** 2) / ((0.2 + 0.4 * size) * height) ** 2
        slope += (0.5 * light - 0.15) * np.exp(-far).astype(np.float32)
    low, high = np.array(theme.low, np.float32), np.array(theme.high, np.float32)
    return np.asarray(low + np.clip(slope, 0, 1)[..., None] * (high - low), np.float32)


def photographed(ground: "NDArray[np.uint8]", width: int, height: int) -> "Canvas":
    """A picture cut and stretched to the canvas, bilinear, and darkened so that words can be read on it."""
    rows, columns = ground.shape[:2]
    scale = max(width / columns, height / rows)
    y = (np.arange(height) - height / 2 + 0.5) / scale + rows / 2 - 0.5
    x = (np.arange(width) - width / 2 + 0.5) / scale + columns / 2 - 0.5
    down, right = np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1)
    up, left = down.astype(int), right.astype(int)
    below, beside = np.minimum(up + 1, rows - 1), np.minimum(left + 1, columns - 1)
    v, h = (down - up)[:, None, None], (right - left)[None, :, None]
    colours = ground.astype(np.float32).repeat(3 // ground.shape[-1], axis=-1)
    above = colours[up][:, left] * (1 - h) + colours[up][:, beside] * h
    under = colours[below][:, left] * (1 - h) + colours[below][:, beside] * h
    return np.asarray((above * (1 - v) + under * v) * DARKENED, np.float32)


# --- words ----------------------------------------------------------------------------------------------------------


def fitted(text: str, wide: float, high: float) -> tuple[list[str], float]:
    """The lines and the height of their capitals, the largest with which all fits; the smallest where nothing does."""
    low, best = CAPS_PX[0], CAPS_PX[0]
    top = CAPS_PX[1]
    while low <= top:
        middle = (low + top) // 2
        lines = wrapped(text, wide * CAP / middle)
        if ((len(lines) - 1) * LINE + CAP + DESCENT) * middle / CAP <= high:
            best, low = middle, middle + 1
        else:
            top = middle - 1
    return wrapped(text, wide * CAP / best), float(best)


def wrapped(text: str, units: float) -> list[str]:
    """Lines of at most so many units, broken between words, and within a word that is longer than a line."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if width_of(longer) <= units:
                line = longer
                continue
            if line:
                lines.append(line)
            while width_of(word) > units and len(word) > 1:
                head = cut(word, units, ending="")
                lines.append(head)
                word = word[len(head) :]
            line = word
        lines.append(line)
    return lines


def cut(text: str, units: float, ending: str = "…") -> str:
    """As much of a text as fits, at least a letter."""
    if width_of(text) <= units:
        return text
    kept = len(text) - 1
    while kept > 1 and width_of(text[:kept] + ending) > units:
        kept -= 1
    return text[:kept] + ending


def write(canvas: "Canvas", text: str, left: float, base: float, caps: float, ink: Colour) -> None:
    """Draw one line with round, smooth strokes; `base` is the base line's row."""
    unit, thick = caps / CAP, caps * 0.062
    cover = np.zeros(canvas.shape[:2], np.float32)
    for letter in text:
        wide, strokes = glyph(letter)
        for stroke in strokes:
            points = [(left + x * unit, base - y * unit) for x, y in stroke]
            for begin, end in zip(points, points[1:] or points, strict=False):
                _segment(cover, begin, end, thick)
        left += (wide + GAP) * unit
    _blend(canvas, cover, ink)


def disc(canvas: "Canvas", x: float, y: float, radius: float, colour: Colour) -> None:
    """A filled circle."""
    cover = np.zeros(canvas.shape[:2], np.float32)
    _segment(cover, (x, y), (x, y), radius)
    _blend(canvas, cover, colour)


def hue_of(name: str) -> Colour:
    """A colour that a name always has."""
    hue = hashlib.blake2b(name.encode(), digest_size=1, person=b"neurond-hue").digest()[0] / 256
    red, green, blue = colorsys.hls_to_rgb(hue, 0.4, 0.5)
    return int(red * 255), int(green * 255), int(blue * 255)


def _segment(cover: "Canvas", begin: tuple[float, float], end: tuple[float, float], radius: float) -> None:
    """Cover what lies within `radius` of a line, with a soft edge of one pixel."""
    (x1, y1), (x2, y2) = begin, end
    rows, columns = cover.shape
    left, right = _span((x1, x2), radius, columns)
    top, bottom = _span((y1, y2), radius, rows)
    if left >= right or top >= bottom:
        return
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    along = np.clip(((x - x1) * dx + (y - y1) * dy) / length, 0, 1) if length else np.float32(0)
    far = np.hypot(x - x1 - along * dx, y - y1 - along * dy)
    part = cover[top:bottom, left:right]
    np.maximum(part, np.clip(radius + 0.5 - far, 0, 1), out=part)


def _span(ends: Iterable[float], radius: float, size: int) -> tuple[int, int]:
    low, high = min(ends := list(ends)), max(ends)
    return max(0, int(low - radius - 1)), min(size, int(high + radius + 2))


def _blend(canvas: "Canvas", cover: "Canvas", ink: Colour) -> None:
    canvas += cover[..., None] * (np.array(ink, np.float32) - canvas)
