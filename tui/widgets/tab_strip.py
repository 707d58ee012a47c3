"""The row of screens below the status bar: which there are, which key opens each, and which this one is."""

from typing import Final

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.registry import PLACES, Place
from tui.themes import TONES

_LETTERS: Final = (20, 6, 5, 4, 3)  # of each title: all of it, or less and less


class TabStrip(Widget):
    """Clickable; the current tab is reversed, which needs no colour."""

    DEFAULT_CSS = """
    TabStrip { height: 1; dock: top; margin-top: 1; padding: 0 1; background: $surface; width: 100%; }
    """

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current

    def render(self) -> Content:
        return Content("").join(self._pieces())

    def _pieces(self) -> list[Content]:
        """One piece a tab, with as much of the titles as there is room for; at the least that of this screen alone."""
        for letters in _LETTERS:
            pieces = [self._piece(tab, letters) for tab in PLACES]
            if sum(each.cell_length for each in pieces) <= self.content_size.width:
                return pieces
        return [self._piece(tab, _LETTERS[0] if tab.name == self._current else 0) for tab in PLACES]

    def _piece(self, tab: Place, letters: int) -> Content:
        here = tab.name == self._current
        style = "$text-accent bold reverse" if here else TONES["plain"]
        title = tab.title[: _LETTERS[0] if here else letters]
        return Content.assemble((f" {tab.key} {title} " if title else f" {tab.key} ", style), (" ", TONES["dim"]))

    def on_click(self, event: events.Click) -> None:
        x = event.x - 1
        for tab, piece in zip(PLACES, self._pieces(), strict=True):
            if 0 <= x < piece.cell_length:
                self.post_message(self.Chosen(tab.name))
                return
            x -= piece.cell_length
