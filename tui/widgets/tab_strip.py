"""The row of screens below the status bar: which there are, which digit opens each, and which this one is."""

from dataclasses import dataclass
from typing import Final

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.themes import TONES


@dataclass(frozen=True, slots=True)
class Tab:
    """One screen: its name in the app, its digit, its title."""

    name: str
    digit: str
    title: str


TABS: Final = (
    Tab("home", "1", "Home"),
    Tab("ask", "2", "Ask"),
    Tab("tasks", "3", "Tasks"),
    Tab("metagraph", "4", "Metagraph"),
    Tab("peers", "5", "Peers"),
    Tab("subnets", "6", "Subnets"),
    Tab("wallet", "7", "Wallet"),
    Tab("governance", "8", "Governance"),
    Tab("logs", "9", "Logs"),
)


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
        pieces = [self._piece(tab) for tab in TABS]
        whole = Content("").join(pieces)
        if whole.cell_length <= self.content_size.width:
            return whole
        return Content("").join([self._piece(tab, title=tab.name == self._current) for tab in TABS])

    def _piece(self, tab: Tab, *, title: bool = True) -> Content:
        here = tab.name == self._current
        style = "$text-accent bold reverse" if here else TONES["plain"]
        word = f" {tab.digit} {tab.title} " if title else f" {tab.digit} "
        return Content.assemble((word, style), (" ", TONES["dim"]))

    def on_click(self, event: events.Click) -> None:
        x = event.x - 1
        for tab in TABS:
            width = self._piece(tab).cell_length
            if 0 <= x < width:
                self.post_message(self.Chosen(tab.name))
                return
            x -= width
