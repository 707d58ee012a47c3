"""What a swap of any size would cost in price: a curve from nothing to twice the amount, with amount and limit marked.

The curve follows from the pool's reserves and price and is a picture; the figures that count are the node's own quote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from tui.text import fit, float_of
from tui.widgets.braille import dots

_AXIS_CELLS: Final = 7
_BLANK: Final = "\u2800"
_RAO: Final = 1e9


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool's reserves and price, all in whole τ and α."""

    tao: float
    alpha: float
    price: float


@dataclass(frozen=True, slots=True)
class Trade:
    """A swap to be drawn: of `amount_rao` (buying: τ, selling: α) in a pool, held to `limit_ppm` of the price."""

    side: Literal["buy", "sell"]
    pool_rao: int
    pool_alpha: int
    price_rao: int
    amount_rao: int
    limit_ppm: int

    @property
    def pool(self) -> Pool:
        """The pool in floats, for drawing."""
        return Pool(float_of(self.pool_rao) / _RAO, float_of(self.pool_alpha) / _RAO, float_of(self.price_rao) / _RAO)


class ImpactCurve(Widget):
    """See the module."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"impact--line", "impact--axis", "impact--amount", "impact--limit"}
    DEFAULT_CSS = """
    ImpactCurve { height: 1fr; width: 1fr; }
    ImpactCurve > .impact--line { color: $text-accent; }
    ImpactCurve > .impact--axis { color: $text-muted; }
    ImpactCurve > .impact--amount { color: $foreground; text-style: bold; }
    ImpactCurve > .impact--limit { color: $text-warning; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._trade: Trade | None = None
        self._words = ""
        self._drawn: tuple[Size, list[Strip]] | None = None

    def show(self, trade: Trade | None, words: str = "No pool is touched.") -> None:
        """Redraw, if it is another swap; `words` are said where there is none to draw."""
        if (trade, words) != (self._trade, self._words):
            self._trade, self._words, self._drawn = trade, words, None
            self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn = None

    def render_line(self, y: int) -> Strip:
        size = self.size
        if self._drawn is None or self._drawn[0] != size:
            self._drawn = (size, self._draw(size))
        return self._drawn[1][y] if y < len(self._drawn[1]) else Strip.blank(size.width, self.rich_style)

    def _draw(self, size: Size) -> list[Strip]:
        trade, lines = self._trade, size.height - 1
        columns = size.width - _AXIS_CELLS
        values = [] if trade is None else curve(trade, 2 * columns)
        if trade is None or columns < 8 or lines < 2 or not any(values):
            words = self._words if trade is None else "This pool tells no price."
            style = self.get_component_rich_style("impact--axis")
            text = Strip([Segment(fit(words, size.width), style)]).apply_style(self.rich_style)
            return [text, *[Strip.blank(size.width, self.rich_style)] * (size.height - 1)]
        limit = trade.limit_ppm / 1e6
        rows = [list(row) for row in dots(values, columns, lines)]
        limit_line = limit_row(limit, max(values), lines)
        middle = columns // 2
        drawn = []
        for y, row in enumerate(rows):
            label = self._label(y, lines, max(values))
            drawn.append(self._line(label, row, middle, is_limit=y == limit_line, width=size.width))
        foot = fit(f"0{' ' * (middle - 4)}amount{' ' * max(1, columns - middle - 6)}×2", columns)
        axis = self.get_component_rich_style("impact--axis")
        drawn.append(Strip([Segment(" " * _AXIS_CELLS + foot, axis)]).adjust_cell_length(size.width))
        return [each.apply_style(self.rich_style) for each in drawn]

    def _line(self, label: str, row: Sequence[str], middle: int, *, is_limit: bool, width: int) -> Strip:
        line, axis, amount, limit = (
            self.get_component_rich_style(f"impact--{name}") for name in ("line", "axis", "amount", "limit")
        )
        segments = [Segment(label, axis)]
        for x, char in enumerate(row):
            if char != _BLANK:
                segments.append(Segment(char, line))
            elif x == middle:
                segments.append(Segment("┊", amount))
            elif is_limit:
                segments.append(Segment("╌", limit))
            else:
                segments.append(Segment(char, axis))
        return Strip(Segment.simplify(segments)).adjust_cell_length(width)

    @staticmethod
    def _label(y: int, lines: int, top: float) -> str:
        text = f"{100 * top:.3g} %" if y == 0 else "0 %" if y == lines - 1 else ""
        return fit(text, _AXIS_CELLS - 1, right=True) + ("┤" if text else "│")


def limit_row(limit: float, top: float, lines: int) -> int:
    """Return the line of the limit on a scale from `top` down to 0; -1 where it is off the scale."""
    if top <= 0 or limit > top:
        return -1
    return min(lines - 1, round((lines - 1) * (1 - limit / top)))


def curve(trade: Trade, points: int) -> list[float]:
    """Return by what part the price moves, at amounts from 0 to twice the trade's; empty for a pool without a price."""
    pool = trade.pool
    if pool.tao <= 0 or pool.alpha <= 0 or pool.price <= 0 or points < 2:
        return []
    return [price_move(pool, trade.side, 2 * trade.amount_rao / _RAO * at / (points - 1)) for at in range(points)]


def price_move(pool: Pool, side: Literal["buy", "sell"], amount: float) -> float:
    """By what part the price moves against who swaps, by the pool's own curve; fees left out."""
    ratio = pool.price * pool.alpha / pool.tao  # weight of α over weight of τ
    if side == "buy":
        tao = pool.tao + amount
        alpha = pool.alpha * (pool.tao / tao) ** (1 / ratio)
    else:
        alpha = pool.alpha + amount
        tao = pool.tao * (pool.alpha / alpha) ** ratio
    after = ratio * tao / alpha if alpha > 0 else pool.price
    return float_of(abs(after - pool.price) / pool.price)
