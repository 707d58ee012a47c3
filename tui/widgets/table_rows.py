"""What a live table is made of: columns, rows, what a filter line asks for, which columns find room. Draws nothing."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from tui.themes import Tone

GAP: Final = 2
SIGNS_CELLS: Final = 3  # chosen, mine, marked


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in cells is the least one; those with `grow` share what is left. Higher `rank`: left out earlier."""

    title: str
    width: int
    right: bool = False
    grow: bool = False
    rank: int = 0


class Cell(NamedTuple):
    """Printable text, its tone, and what to sort it by (the text itself when None)."""

    text: str
    tone: Tone = "plain"
    order: float | None = None


class Row(NamedTuple):
    """A row with a key of its own; `mine` pins and marks it; rows of one `group` stand together below its name."""

    key: str
    cells: tuple[Cell, ...]
    mine: bool = False
    group: str = ""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    column: str = ""
    inverse: bool = False
    fuzzy: bool = False

    def fits(self, row: Row, titles: Sequence[str]) -> bool:
        if self.column:
            at = next((index for index, title in enumerate(titles) if title.startswith(self.column)), None)
            found = at is not None and self._in(row.cells[at].text.casefold())
        else:
            found = self._in(row.key.casefold()) or any(self._in(cell.text.casefold()) for cell in row.cells)
        return found != self.inverse

    def _in(self, text: str) -> bool:
        return in_order(self.text, text) if self.fuzzy else self.text in text


class RowFilter:
    """What a filter line asks for; the empty one lets every row through.

    Words, all of which must fit: `word` is somewhere in the row, `~wrd` has its letters there in this order,
    `column:word` is in the column whose title begins so, and `!` before any of them turns it round.
    """

    def __init__(self, text: str, columns: Iterable[Column] = ()) -> None:
        self.text = text
        self._titles = [column.title.casefold() for column in columns]
        self._words = [word for piece in text.casefold().split() if (word := self._word(piece)) is not None]

    def __bool__(self) -> bool:
        return bool(self._words)

    def fits(self, row: Row) -> bool:
        """Tell whether every word fits the row."""
        return all(word.fits(row, self._titles) for word in self._words)

    def _word(self, piece: str) -> _Word | None:
        inverse, piece = piece.startswith("!"), piece.removeprefix("!")
        name, colon, rest = piece.partition(":")
        column = name if colon and rest and any(title.startswith(name) for title in self._titles) and name else ""
        if column:
            piece = rest
        fuzzy, piece = piece.startswith("~"), piece.removeprefix("~")
        return _Word(piece, column, inverse, fuzzy) if piece else None


def in_order(wanted: str, text: str) -> bool:
    """Tell whether all letters of `wanted` are in `text`, in this order."""
    at = 0
    for letter in wanted:
        at = text.find(letter, at) + 1
        if not at:
            return False
    return True


def arranged(rows: Iterable[Row], column: int, *, descending: bool) -> list[Row]:
    """Return the rows sorted by a column: own ones first, groups together, in the order of their names."""
    found = sorted(rows, key=lambda row: order_of(row.cells[column]), reverse=descending)
    found.sort(key=lambda row: (row.group, not row.mine))
    return found


def order_of(cell: Cell) -> tuple[Literal[0, 1], float, str]:
    """Return what a cell is sorted by: numbers before words."""
    return (0, cell.order, "") if cell.order is not None else (1, 0.0, cell.text.casefold())


def fitting(columns: Sequence[Column], width: int, hidden: Collection[str] = ()) -> tuple[int, ...]:
    """Return the width of each column within `width` cells; 0 for those left out, by room or by wish."""
    room = width - SIGNS_CELLS
    kept = {index for index, column in enumerate(columns) if column.title not in hidden} or {0}
    for index in sorted(kept, key=lambda each: (-columns[each].rank, -each)):
        if sum(columns[each].width + GAP for each in kept) <= room or len(kept) == 1:
            break
        kept.discard(index)
    spare = room - sum(columns[each].width + GAP for each in kept)
    growing = [each for each in sorted(kept) if columns[each].grow]
    extra = dict.fromkeys(growing, max(0, spare) // max(1, len(growing)))
    return tuple(columns[each].width + extra.get(each, 0) if each in kept else 0 for each in range(len(columns)))


def wrapped(words: str, width: int) -> list[str]:
    """Return the words in lines of at most `width` cells where that is possible."""
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
