"""How this window reads its terminal: bytes that are no text become a mark. Textual's own reader ends the window there.

Such bytes come with a binary file that is pasted by mistake, and from a terminal that is not set to UTF-8.
"""

from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable
from functools import partial

from textual.drivers import linux_driver


def _lenient(encoding: str) -> Callable[[], IncrementalDecoder]:
    return partial(getincrementaldecoder(encoding), errors="replace")


class Terminal(linux_driver.LinuxDriver):
    """Textual's driver of a terminal, with a decoder that never fails."""

    def run_input_thread(self) -> None:
        vars(linux_driver)["getincrementaldecoder"] = _lenient  # it has no other place to choose a decoder
        super().run_input_thread()
