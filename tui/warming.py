"""Makes ready what other screens need while nobody waits: modules and style rules, one screen at a time.

The library parses every rule there is anew when a screen brings rules of its own, at the moment in which a person waits
for that screen. Rules that are there already cost nothing then. Nothing here is seen, asked for or sent.
"""

import gc
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.registry import PLACES

if TYPE_CHECKING:
    from tui.navigation import Navigation

PAUSE_S: Final = 0.25  # between two steps: a step holds the window for 5 to 40 ms, and a key comes in between
_GARBAGE: Final = 5_000, 5, 50  # new things until the collector looks at them; such looks until at older ones; at all
_RULES: Final = Path(__file__).with_name("screens")


class Warming:
    """The steps: one for each screen, then one for each file of rules that only dialogs use."""

    def __init__(self, window: "Navigation") -> None:
        self._window = window
        self._screens = [each.name for each in PLACES]
        self._files: list[Path] | None = None

    def begin(self) -> None:
        """Go through the steps, one after each pause."""
        self._window.set_timer(PAUSE_S, self.step)

    def step(self) -> None:
        """Make one thing ready, and come back for the next."""
        if self._screens:
            # in the order of each screen's own list: of two rules of the same weight the later one counts
            self._read(Path(each) for each in self._window.screen_of(self._screens.pop(0)).css_path)
        elif self._files is None:
            self._files = sorted(_RULES.glob("*.tcss"))
        elif self._files:
            self._read([self._files.pop()])
        else:
            _rest()
            return
        self.begin()

    def _read(self, files: Iterable[Path]) -> None:
        rules = self._window.stylesheet
        for file in files:
            if not rules.has_source(str(file)):
                rules.read(file)
                rules.parse()


def _rest() -> None:
    """Have the garbage collector look at new things only, and seldom at all of them.

    What is there now lives as long as the window. To look through it took 100 ms, every few seconds, in which no key
    was answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
