"""Candles of prices with their volume, two heights to a cell, with scales at the left and below; pan and zoom.

A candle that fell is a block, one that rose a heavy line, so that colour only repeats what the shape says. Drawn lines
are kept until prices, size, place or zoom change.
"""

import time
from collections.abc import Sequence
from typing import ClassVar, Final, Literal

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from node.control.schema import Candle
from tui.text import fit, float_of

Part = Literal["axis", "up", "down", "wick", "volume"]
_AXIS_CELLS: Final = 9
_VOLUME_LINES: Final = 2
_TALL: Final = 10  # lines from which there is room for the volume
_SPACINGS: Final = (1, 2, 3, 4)  # cells a candle takes at each zoom
_VOLUMES: Final = " ▁▂▃▄▅▆▇█"
_LABEL_CELLS: Final = 12
_GLYPHS: Final[dict[tuple[int, int], tuple[str, str]]] = {  # upper and lower half: 0 empty, 1 wick, 2 body; up, down
    (0, 0): (" ", " "), (1, 1): ("│", "│"), (0, 1): ("╷", "╷"), (1, 0): ("╵", "╵"), (2, 2): ("┃", "█"),
    (0, 2): ("╻", "▄"), (2, 0): ("╹", "▀"), (1, 2): ("╽", "▄"), (2, 1): ("╿", "▀"),
}  # fmt: skip


class Candles(Widget, can_focus=True):
    """See the module. `waiting` is said until there is a candle."""

    HELP: ClassVar[str] = "Prices as candles: a heavy line rose, a block fell; the lowest lines are what was traded."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "pan(4)", "Earlier", show=False),
        Binding("right,l", "pan(-4)", "Later", show=False),
        Binding("plus,equals_sign", "zoom(1)", "Closer", show=False),
        Binding("minus", "zoom(-1)", "Farther", show=False),
        Binding("home,g", "pan(100000)", "The first candle", show=False),
        Binding("end,G", "pan(-100000)", "The last candle", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "candles--axis", "candles--up", "candles--down", "candles--wick", "candles--volume",
    }  # fmt: skip
    DEFAULT_CSS = """
    Candles { height: 1fr; width: 1fr; }
    Candles > .candles--axis { color: $text-muted; }
    Candles > .candles--up { color: $text-success; }
    Candles > .candles--down { color: $text-error; }
    Candles > .candles--wick { color: $text-muted; }
    Candles > .candles--volume { color: $text-muted; }
    """

    class Moved(Message):
        """Other candles are seen; `at_start` when there are none before the first that is kept here."""

        def __init__(self, at_start: bool) -> None:
            super().__init__()
            self.at_start = at_start

    def __init__(self, waiting: str, *, zoom: int = 1, utc_offset_s: int = 0, id: str | None = None) -> None:
        super().__init__(id=id)
        self._waiting = waiting
        self._candles: tuple[Candle, ...] = ()
        self._step_ms = 0
        self._zoom = min(max(zoom, 0), len(_SPACINGS) - 1)
        self._back = 0  # candles between the last one and the right edge
        self._utc_offset_s = utc_offset_s
        self._drawn: tuple[Size, list[Strip]] | None = None

    def show(self, candles: Sequence[Candle], step_ms: int, waiting: str | None = None) -> None:
        """Replace all candles, oldest first; nothing is drawn when they are the same."""
        latest = tuple(candles)
        if latest == self._candles and step_ms == self._step_ms and waiting in (None, self._waiting):
            return
        if step_ms != self._step_ms:
            self._back = 0
        self._candles, self._step_ms = latest, step_ms
        self._waiting = self._waiting if waiting is None else waiting
        self._redraw()

    @property
    def seen(self) -> tuple[Candle, ...]:
        """The candles that fit, by place and zoom."""
        room = max(1, (self.size.width - _AXIS_CELLS) // _SPACINGS[self._zoom])
        back = min(self._back, max(0, len(self._candles) - room))
        end = len(self._candles) - back
        return self._candles[max(0, end - room) : end]

    @property
    def place(self) -> tuple[int, int]:
        """How many candles are to the right of what is seen, and the zoom."""
        return self._back, self._zoom

    def action_pan(self, step: int) -> None:
        """Go to earlier candles, or with a negative step to later ones."""
        room = max(1, (self.size.width - _AXIS_CELLS) // _SPACINGS[self._zoom])
        most = max(0, len(self._candles) - room)
        self._back = min(max(self._back + step, 0), most)
        self._redraw()
        self.post_message(self.Moved(at_start=self._back == most))

    def action_zoom(self, step: int) -> None:
        """Show fewer candles, or with a negative step more."""
        self._zoom = min(max(self._zoom + step, 0), len(_SPACINGS) - 1)
        self.action_pan(0)

    def _redraw(self) -> None:
        self._drawn = None
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn = None

    def render_line(self, y: int) -> Strip:
        size = self.size
        if self._drawn is None or self._drawn[0] != size:
            self._drawn = (size, self._draw(size))
        lines = self._drawn[1]
        return lines[y] if y < len(lines) else Strip.blank(size.width, self.rich_style)

    # --- drawing ----------------------------------------------------------------------------------------------------

    def _draw(self, size: Size) -> list[Strip]:
        seen, axis = self.seen, self._style("axis")
        if not seen or size.width <= _AXIS_CELLS + 4 or size.height < 4:
            words = fit(self._waiting.center(size.width).rstrip(), size.width)
            blank = Strip.blank(size.width, self.rich_style)
            middle = Strip([Segment(words, axis)], size.width).apply_style(self.rich_style)
            return [middle if y == size.height // 2 else blank for y in range(size.height)]
        volumes = _VOLUME_LINES if size.height >= _TALL else 0
        lines = size.height - 1 - volumes
        low, high = min(each.low_rao for each in seen), max(each.high_rao for each in seen)
        if low == high:  # a price that stands still is drawn in the middle
            low, high = low - max(1, low // 100), high + max(1, high // 100)
        columns = [column(each, low, high, lines) for each in seen]
        drawn = [self._line(seen, columns, y, self._price_label(y, lines, low, high)) for y in range(lines)]
        drawn += [self._volume_line(seen, y, volumes) for y in range(volumes)]
        drawn.append(self._line_of([(" " * _AXIS_CELLS + self._times(seen, size.width - _AXIS_CELLS), "axis")]))
        return drawn

    def _line(self, seen: Sequence[Candle], columns: Sequence[bytes], y: int, label: str) -> Strip:
        gap = " " * (_SPACINGS[self._zoom] - 1)
        pieces: list[tuple[str, Part]] = [(label, "axis")]
        for each, cells in zip(seen, columns, strict=True):
            halves = cells[2 * y], cells[2 * y + 1]
            fell = each.close_rao < each.open_rao
            part: Part = "wick" if 2 not in halves else "down" if fell else "up"
            pieces.append((_GLYPHS[halves][fell] + gap, part))
        return self._line_of(pieces)

    def _volume_line(self, seen: Sequence[Candle], y: int, lines: int) -> Strip:
        most = max(each.volume_rao for each in seen)
        steps = len(_VOLUMES) - 1
        gap = " " * (_SPACINGS[self._zoom] - 1)
        label = fit("traded" if y == 0 and most else "", _AXIS_CELLS - 1, right=True) + "│"
        pieces: list[tuple[str, Part]] = [(label, "axis")]
        for each in seen:
            level = -(-each.volume_rao * steps * lines // most) if most else 0
            inside = min(max(level - steps * (lines - 1 - y), 0), steps)
            pieces.append((_VOLUMES[inside] + gap, "volume"))
        return self._line_of(pieces)

    def _line_of(self, pieces: Sequence[tuple[str, Part]]) -> Strip:
        """One strip; neighbours of one style become one segment."""
        segments: list[Segment] = []
        text, part = "", pieces[0][1]
        for piece, own in pieces:
            if own != part and not piece.isspace():
                segments.append(Segment(text, self._style(part)))
                text, part = "", own
            text += piece
        segments.append(Segment(text, self._style(part)))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style).apply_style(self.rich_style)

    def _style(self, part: Part) -> Style:
        return self.get_component_rich_style(f"candles--{part}")

    @staticmethod
    def _price_label(y: int, lines: int, low: int, high: int) -> str:
        every = 4 if lines > 8 else 3
        if y % every and y != lines - 1:
            return " " * (_AXIS_CELLS - 1) + "│"
        value = high - (high - low) * y // max(1, lines - 1)
        return fit(price_label(value), _AXIS_CELLS - 1, right=True) + "┤"

    def _times(self, seen: Sequence[Candle], cells: int) -> str:
        """Beginnings of some of the candles, below them."""
        spacing = _SPACINGS[self._zoom]
        every = -(-_LABEL_CELLS // spacing)
        line = [" "] * cells
        for index in range(0, len(seen), every):
            text, at = self._time(seen[index].start_ms), index * spacing
            if at + len(text) <= cells:
                line[at : at + len(text)] = text
        return "".join(line)

    def _time(self, start_ms: int) -> str:
        if not 0 <= start_ms < 10**14:
            return "–"
        moment = time.gmtime(start_ms // 1000 + self._utc_offset_s)
        day = f"{moment.tm_mon:02}-{moment.tm_mday:02}"
        return day if self._step_ms >= 86_400_000 else f"{day} {moment.tm_hour:02}:{moment.tm_min:02}"


def column(candle: Candle, low: int, high: int, lines: int) -> bytes:
    """Return `2 * lines` half cells from the top down: 0 empty, 1 wick, 2 body. Works with whole numbers alone."""
    halves, span = 2 * lines, high - low

    def at(price_rao: int) -> int:
        return min(max((high - price_rao) * (halves - 1) // span, 0), halves - 1)

    top, bottom = at(candle.high_rao), at(candle.low_rao)
    body_top, body_bottom = at(max(candle.open_rao, candle.close_rao)), at(min(candle.open_rao, candle.close_rao))
    cells = bytearray(halves)
    for y in range(min(top, body_top), max(bottom, body_bottom) + 1):
        cells[y] = 2 if body_top <= y <= body_bottom else 1
    return bytes(cells)


def price_label(rao: int) -> str:
    """Return a price in at most eight cells, with the digits that its size deserves."""
    value = float_of(rao) / 1e9
    return f"{value:.2f}" if 100 <= abs(value) < 1e5 else f"{value:.4f}" if 0.01 <= abs(value) < 100 else f"{value:.2e}"


def summary(candle: Candle | None, before_rao: int) -> Content:
    """Return one candle in words, compared with an earlier price."""
    if candle is None:
        return Content("")
    moved = "" if before_rao <= 0 else f" {'▲' if candle.close_rao >= before_rao else '▼'}"
    part = "" if before_rao <= 0 else f" {abs(candle.close_rao - before_rao) / before_rao * 100:.2f} %"
    values = (candle.open_rao, candle.high_rao, candle.low_rao, candle.close_rao)
    words = "  ".join(f"{name} {price_label(value)}" for name, value in zip("OHLC", values, strict=True))
    return Content(f"{words}{moved}{part}")
