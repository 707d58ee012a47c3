"""Jumping: a letter over every pane of the screen below, and the focus to the one whose letter is pressed."""

from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.screens.base import Dialog

_LETTERS: Final = "asdfghjklqwertyuiopzxcvbnm"  # those under the fingers first


@dataclass(frozen=True, slots=True)
class Target:
    """A widget that can take the focus, its letter, and where the letter stands."""

    letter: str
    widget: Widget
    at: Offset


def targets(screen: Screen[object]) -> tuple[Target, ...]:
    """Return what can be jumped to on a screen, from top left to bottom right; at most one a letter."""
    seen = [each for each in screen.focus_chain if each.region.area > 0 and screen.region.overlaps(each.region)]
    seen.sort(key=lambda each: (each.region.y, each.region.x))
    return tuple(
        Target(letter, widget, Offset(widget.region.x + (1 if widget.region.width > 3 else 0), widget.region.y))
        for letter, widget in zip(_LETTERS, seen, strict=False)
    )


class JumpScreen(Dialog[None]):
    """Letters over the panes; any other key leaves everything as it was."""

    HELP = "Press a letter to give its pane the focus. Any other key goes back."
    CSS_PATH = "screens/jump.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+o", "dismiss", "Back")]

    def __init__(self, found: tuple[Target, ...]) -> None:
        super().__init__()
        self._found = found

    def compose(self) -> ComposeResult:
        for each in self._found:
            label = Static(f" {each.letter} ", classes="jump-label", markup=False)
            label.styles.offset = (each.at.x, each.at.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "ctrl+o"):
            return
        event.stop()
        self.dismiss()
        chosen = next((each for each in self._found if each.letter == event.character), None)
        if chosen is not None and chosen.widget.is_attached:
            self.app.call_after_refresh(chosen.widget.focus)

    def on_resize(self) -> None:
        """The panes have moved under their letters."""
        if any(each.widget.region.offset != each.at and not each.widget.is_attached for each in self._found):
            self.dismiss()
