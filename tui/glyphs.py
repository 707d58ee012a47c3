"""Drawing with ASCII alone and without colour: the one table of twins, and the filters that every drawn line passes.

A filter works on finished lines, so that no screen knows of it: a twin takes exactly the cells of its sign. Colour only
repeats what a word or a sign says, so nothing is lost with it; what is chosen is reversed (`themes.PLAIN`).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter, Monochrome

TWINS: Final[dict[str, str]] = {
    "·": ".", "–": "-", "—": "-", "−": "-", "…": "~", "‹": "<", "›": ">", "«": "<", "»": ">", "×": "x", "≈": "~",
    "≤": "<", "≥": ">", "≠": "#", "±": "+", "°": "o", "µ": "u", "“": '"', "”": '"', "‘": "'", "’": "'", "∞": "8",
    "τ": "T", "α": "a", "β": "b", "Δ": "d", "Σ": "S", "√": "v", "⅛": "/", "¼": "/", "½": "/", "¾": "/", "\u00a0": " ",
    "←": "<", "↑": "^", "→": ">", "↓": "v", "↔": "-", "↕": "|", "⇅": "|", "⇄": "=", "↩": "<", "↪": ">", "↗": "/",
    "↘": "\\", "⏎": "/", "⇡": "^", "⇣": "v", "↻": "@", "↺": "@", "⟳": "@",
    "▁": "_", "▂": ".", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "%", "█": "#", "▀": '"', "▌": "|", "▐": "|",
    "▏": "|", "▎": "|", "▍": "|", "▋": "#", "▊": "#", "▉": "#", "▔": "-", "▕": "|", "░": ".", "▒": ":", "▓": "%",
    "▖": ".", "▗": ".", "▘": "'", "▝": "'", "▙": "#", "▛": "#", "▜": "#", "▟": "#", "▚": "\\", "▞": "/",
    "■": "#", "□": "o", "▪": "#", "▫": "o", "▰": "=", "▱": ".", "▬": "=", "▭": "-", "▲": "^", "△": "^", "▴": "^",
    "▵": "^", "▶": ">", "▷": ">", "▸": ">", "▹": ">", "▼": "v", "▽": "v", "▾": "v", "▿": "v", "◀": "<", "◁": "<",
    "◂": "<", "◃": "<", "◆": "*", "◇": "o", "◈": "o", "○": "o", "◌": ".", "◎": "@", "●": "*", "◐": "%", "◑": "%",
    "◔": "%", "◕": "%", "◦": "o", "•": "*", "∙": ".", "⋯": "~", "⋮": ":", "★": "*", "☆": "+", "⚒": "T", "⚖": "=",
    "⚠": "!", "⚙": "*", "⛏": "T", "✓": "+", "✔": "+", "✗": "x", "✘": "x", "✕": "x", "✖": "x", "❯": ">", "❮": "<",
    "➜": ">", "➤": ">", "☐": "o", "☑": "+", "☒": "x", "⎇": "Y", "⌂": "H", "⌘": "#", "⌫": "<", "␣": "_", "⏸": "=",
}  # fmt: skip
"""Every sign that is drawn, with its ASCII twin of as many cells. Frames, braille and foreign words follow by rule."""

_FRAME_FLAT: Final = frozenset("─━┄┅┈┉╌╍═╴╶╸╺╼╾")
_FRAME_UPRIGHT: Final = frozenset("│┃┆┇┊┋╎╏║╵╷╹╻╽╿")
_BRAILLE: Final = range(0x2800, 0x2900)
_FRAMES: Final = range(0x2500, 0x2580)
_BRIGHT: Final = 0.6
_DOTS: Final = " .:;oO%#@"  # by the number of raised dots, so that a line still has a thick and a thin


def twin(char: str) -> str:
    """Return the ASCII for one character, in as many cells as it takes; `?` for what has no twin."""
    if char.isascii():
        return char
    known = TWINS.get(char)
    if known is not None:
        return known
    code = ord(char)
    if code in _FRAMES:
        return "-" if char in _FRAME_FLAT else "|" if char in _FRAME_UPRIGHT else "+"
    if code in _BRAILLE:
        return _DOTS[(code - _BRAILLE.start).bit_count()]
    return "?" * cell_len(char)


class _Table(dict[int, str]):
    """Twins by code point, found once each; bounded by the characters that exist."""

    def __missing__(self, code: int) -> str:
        found = self[code] = twin(chr(code))
        return found


_TABLE: Final = _Table()


def plain(text: str) -> str:
    """Return text in ASCII alone, in as many cells."""
    return text if text.isascii() else text.translate(_TABLE)


class AsciiOnly(LineFilter):
    """Replaces every sign by its twin."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(plain(text), style, control) for text, style, control in segments]


class NoColour(LineFilter):
    """Takes every colour away."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, None if style is None else colourless(style), control) for text, style, control in segments
        ]


@lru_cache(1024)
def colourless(style: Style) -> Style:
    """Return a style without its colours; a bright ground, which the plain theme gives what is chosen, is reversed."""
    reverse = bool(style.reverse)
    if not reverse and style.bgcolor is not None:
        reverse = Color.from_rich_color(style.bgcolor).brightness > _BRIGHT
    return Style(bold=style.bold, italic=style.italic, underline=style.underline, strike=style.strike, reverse=reverse,
                 meta=style.meta, link=style.link)  # fmt: skip


def filters_for(filters: Sequence[LineFilter], *, ascii_only: bool, no_colour: bool) -> list[LineFilter]:
    """Return Textual's own filters with ours behind them; its grey is no absence of colour, and leaves."""
    kept = [each for each in filters if not (no_colour and isinstance(each, Monochrome))]
    return [*kept, *([_ASCII] if ascii_only else []), *([_NO_COLOUR] if no_colour else [])]


_ASCII: Final = AsciiOnly()
_NO_COLOUR: Final = NoColour()
