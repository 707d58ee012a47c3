"""Small helpers to build styled text from tones; nothing is ever parsed as markup."""

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget

from tui.text import fit
from tui.themes import TONES, Tone

Part = str | Content | tuple[str, Tone]


def say(*parts: Part) -> Content:
    """Return the parts one after the other; a pair is (text, tone)."""
    return Content.assemble(*((each[0], TONES[each[1]]) if isinstance(each, tuple) else each for each in parts))


def rows(lines: Iterable[Content]) -> Content:
    """Return the lines below each other."""
    return Content("\n").join(list(lines))


def spread(left: Content, right: Content, cells: int) -> Content:
    """Return `left` and `right` at the two ends of a row; without room the left end is cut first."""
    room = cells - right.cell_length - 1
    if room < 4:
        return clip(right, cells)
    return Content.assemble(pad(clip(left, room), room + 1), right)


def clip(content: Content, cells: int) -> Content:
    """Return at most `cells` columns of one line."""
    return content if content.cell_length <= cells else content.truncate(cells, ellipsis=True)


def pad(content: Content, cells: int) -> Content:
    """Return the line filled with blanks up to `cells` columns."""
    return Content.assemble(content, " " * max(0, cells - content.cell_length))


def field(label: str, value: Content, label_cells: int = 11) -> Content:
    """Return a dim label and its value."""
    return say((fit(label, label_cells), "dim"), value)


def edge(widget: Widget, words: Content) -> None:
    """Write words on the lower edge of a frame. The library draws all of a widget anew even for the same words."""
    if widget.border_subtitle != words.markup:
        widget.border_subtitle = words
