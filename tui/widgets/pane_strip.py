"""On a narrow terminal: which of a screen's panes is seen, as tabs of their own; hidden where both have room."""

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.themes import TONES


class PaneStrip(Widget):
    """Two clickable words; the pane that is seen stands in brackets."""

    DEFAULT_CSS = """
    PaneStrip { height: 1; width: 100%; padding: 0 1; display: none; }
    .-narrow PaneStrip, .-tiny PaneStrip { display: block; }
    """

    class Chosen(Message):
        """One of the words was clicked; `second` tells which."""

        def __init__(self, second: bool) -> None:
            super().__init__()
            self.second = second

    def __init__(self, first: str, second: str) -> None:
        super().__init__()
        self._names = (first, second)
        self._second = False

    def show(self, *, second: bool) -> None:
        """Mark the pane that is seen."""
        self._second = second
        self.refresh()

    def render(self) -> Content:
        return Content("").join([self._word(False), Content("  "), self._word(True)])

    def _word(self, second: bool) -> Content:
        name, here = self._names[second], second == self._second
        hint = " (enter)" if second and not here else " (esc)" if here is False and not second else ""
        text = f"[{name}]" if here else f" {name}{hint} "
        return Content.assemble((text, "$text-accent bold" if here else TONES["dim"]))

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Chosen(event.x - 1 > self._word(False).cell_length))
