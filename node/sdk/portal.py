"""An event loop in a thread of its own: what lets a blocking client use the asynchronous one, in notebooks too.

A caller that is interrupted cancels what it waited for.
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar, final

from node.control.errors import NotRunning
from node.sdk.errors import SdkError
from node.sdk.limits import START_S

R = TypeVar("R")


@final
class Portal:
    """Runs coroutines in its thread until `close`; may be used from any thread but its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="neurond-sdk", daemon=True)
        self._thread.start()
        self._closed = False

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Run `work` and return its result. Raises what it raises, and NotRunning once closed."""
        if self._closed:
            work.close()
            raise NotRunning("This client was closed.", remedy="Make a new one.")
        if threading.current_thread() is self._thread:
            work.close()
            raise SdkError("A blocking call was made from within a client's own thread.", remedy="Use AsyncSubtensor.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Stop the thread; may be called again."""
        if self._closed:
            return
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        if not self._thread.is_alive():
            self._loop.close()
