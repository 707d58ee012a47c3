"""A line chart in braille dots, two by four to a cell, with a scale at its left."""

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from tui.text import fit, float_of

_BLANK: Final = 0x2800  # a space would break the row's rhythm in some fonts
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_AXIS_CELLS: Final = 8
_VALUES_MIN: Final = 2


class BrailleLine(Widget):
    """Draws the values it is given, scaled to its size; `waiting` is shown until there are two of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"braille--line", "braille--axis"}
    DEFAULT_CSS = """
    BrailleLine { height: 1fr; width: 1fr; }
    BrailleLine > .braille--line { color: $text-accent; }
    BrailleLine > .braille--axis { color: $text-muted; }
    """

    def __init__(self, waiting: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._waiting = waiting
        self._values: tuple[float, ...] = ()
        self._drawn: tuple[Size, list[str]] | None = None

    def show(self, values: Sequence[float]) -> None:
        """Redraw, if the values are other ones."""
        latest = tuple(float_of(value) for value in values)
        if latest != self._values:
            self._values = latest
            self._drawn = None
            self.refresh()

    def render_line(self, y: int) -> Strip:
        size = self.size
        line = self.get_component_rich_style("braille--line")
        axis = self.get_component_rich_style("braille--axis")
        if len(self._values) < _VALUES_MIN or size.width <= _AXIS_CELLS + 4 or size.height < 2:
            words = self._waiting if y == size.height // 2 else ""
            return Strip([Segment(fit(words.center(size.width).rstrip(), size.width), axis)], size.width)
        if self._drawn is None or self._drawn[0] != size:
            self._drawn = (size, dots(self._values, size.width - _AXIS_CELLS, size.height))
        label = self._label(y, size.height)
        return Strip([Segment(label, axis), Segment(self._drawn[1][y], line)], size.width)

    def _label(self, y: int, height: int) -> str:
        low, high = min(self._values), max(self._values)
        text = f"{high:.4g}" if y == 0 else f"{low:.4g}" if y == height - 1 else ""
        return fit(text, _AXIS_CELLS - 1, right=True) + ("┤" if text else "│")


def dots(values: Sequence[float], columns: int, lines: int) -> list[str]:
    """Return `lines` rows of `columns` braille cells with the joined line of the latest values."""
    grid = [[_BLANK] * columns for _ in range(lines)]
    across, down = 2 * columns, 4 * lines
    latest = list(values)[-across:]
    low, high = min(latest), max(latest)
    span = (high - low) or 1.0
    levels = [down // 2 if high == low else round((down - 1) * (high - value) / span) for value in latest]
    first = across - len(latest)
    for index, level in enumerate(levels):
        before = levels[index - 1] if index else level
        for y in range(min(before, level), max(before, level) + 1):
            x = first + index
            grid[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    return ["".join(map(chr, row)) for row in grid]
