"""The last line of a screen: the keys that count now and what each does; a click presses the key.

One widget draws them all. A widget for each key, as the library's own footer has them, was half of what another screen
cost: they were made, styled and laid out anew at every switch and every change of focus.
"""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget


@dataclass(frozen=True, slots=True)
class Shown:
    """One key as it is shown; `dim` when it cannot be used now."""

    key: str
    display: str
    words: str
    tooltip: str
    dim: bool

    @property
    def cells(self) -> int:
        """Columns that it takes, without the gap after it."""
        return Content(f"{self.display} {self.words}" if self.words else self.display).cell_length


class KeyLine(Widget):
    """See the module."""

    ALLOW_SELECT = False
    DEFAULT_CSS: ClassVar[str] = """
    KeyLine {
        dock: bottom; height: 1; width: 100%; text-wrap: nowrap; text-overflow: clip;
        color: $footer-foreground; background: $footer-background;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown: tuple[Shown, ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self.keys_changed)

    def keys_changed(self, screen: Screen[object]) -> None:
        """Draw again, if other keys count now than those that are shown."""
        if not self.app.app_focus or not self.is_attached or screen is not self.screen:
            return
        found = self._found()
        if found != self.shown:
            self.shown = found
            self.refresh()

    def render(self) -> Content:
        return Content(" ").join(self._piece(each) for each in self.shown)

    def _found(self) -> tuple[Shown, ...]:
        first: dict[str, Shown] = {}
        for _, binding, enabled, tooltip in self.screen.active_bindings.values():
            if not binding.show:
                continue
            display, known = self.app.get_key_display(binding), first.get(binding.action)
            if known is None or (known.display.startswith("^") and len(display) == 1):  # the plainer of two keys
                first[binding.action] = Shown(binding.key, display, binding.description, tooltip, not enabled)
        return tuple(first.values())

    def _piece(self, shown: Shown) -> Content:
        dim = " dim" if shown.dim else ""
        words = (f" {shown.words}", f"$footer-description-foreground{dim}") if shown.words else ""
        return Content.assemble((shown.display, f"$footer-key-foreground bold{dim}"), words)

    def _at(self, x: int) -> Shown | None:
        for each in self.shown:
            if 0 <= x < each.cells:
                return each
            x -= each.cells + 1
        return None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        found = self._at(event.x)
        self.tooltip = found.tooltip or None if found else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        found = self._at(event.x)
        if found is not None and found.dim:
            self.app.bell()
        elif found is not None:
            self.app.simulate_key(found.key)
