"""The row of screens below the status bar: which there are, which key opens each, and which this one is."""

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.registry import PLACES, Place
from tui.themes import TONES


class TabStrip(Widget):
    """Clickable; the current tab is marked by brackets as well as by colour."""

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
        pieces = [self._piece(tab) for tab in PLACES]
        whole = Content("").join(pieces)
        if whole.cell_length <= self.content_size.width:
            return whole
        return Content("").join([self._piece(tab, title=tab.name == self._current) for tab in PLACES])

    def _piece(self, tab: Place, *, title: bool = True) -> Content:
        here = tab.name == self._current
        style = "$text-accent bold reverse" if here else TONES["plain"]
        word = f" {tab.key} {tab.title} " if title else f" {tab.key} "
        return Content.assemble((word, style), (" ", TONES["dim"]))

    def on_click(self, event: events.Click) -> None:
        x = event.x - 1
        for tab in PLACES:
            width = self._piece(tab).cell_length
            if 0 <= x < width:
                self.post_message(self.Chosen(tab.name))
                return
            x -= width
