"""Asking a person while an event loop runs: Ctrl-C ends the question, and nothing that it was for is done."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """While a person is asked, Ctrl-C ends the question with KeyboardInterrupt.

    An event loop only notes it for its next turn, which a question that blocks the loop never lets come. Signals reach
    the main thread alone; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
