"""What every part of the window shares: the port, the clock, the model, the node it is attached to, work in threads.

The parts (`moves`, `life`, `navigation`, `app`) build on it, so that each can be read alone. Nothing here draws.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar

from textual.app import App
from textual.worker import Worker

from node.control.api import Api
from node.control.errors import NotRunning
from node.control.options import Progress, ProgressSink
from tui.alerts import Watch
from tui.feed import Feed
from tui.leaving import is_last_word
from tui.model import Model
from tui.options import DEFAULTS, Options
from tui.port import Client, Clock, Port

T = TypeVar("T")
READ_ONLY: Final = "This window is read-only. Open it without --read-only to change anything."


@dataclass(frozen=True, slots=True)
class Farewell:
    """How the window was left: what became of the node."""

    node: Literal["running", "stopped"]
    pid: int
    home: Path


class Window(App[Farewell]):
    """The state of the window that is not on a screen."""

    def __init__(
        self, port: Port, clock: Clock, *, utc_offset_s: int | None = None, options: Options = DEFAULTS
    ) -> None:
        super().__init__()
        self.port = port
        self.options = options
        self.clock = clock
        self.utc_offset_s = time.localtime().tm_gmtoff if utc_offset_s is None else utc_offset_s
        self.model = Model()
        self.attached_home = port.home
        self.is_restarting = False
        self.is_paused = False
        self.is_mouse_free = False
        self.restart_words = ""
        self.alerts = Watch()
        self.lock_words = ""
        """What the status bar says of the coldkey: empty while there is nothing to say."""
        self.update_words = ""
        """What the status bar says of a newer version, if one was asked for and found."""
        self.keymap: Mapping[str, str] = {}
        self._views: list[str] = []
        self._view = -1
        self._typed: list[str] = []
        self._client: Client | None = None
        self._feed: Feed | None = None
        self._feeding: Worker[None] | None = None

    @property
    def read_only_words(self) -> str:
        """Why a read-only window changes nothing."""
        return READ_ONLY

    @property
    def api(self) -> Api:
        """The node. Raises NotRunning before the first attachment."""
        if self._client is None:
            raise NotRunning("This window is not attached to a node.")
        return self._client

    @property
    def is_attached_to_node(self) -> bool:
        return self._client is not None

    def _handle_exception(self, error: Exception) -> None:
        """Textual's own: end the window after a defect; what a closed dialog still had to do is none."""
        if not is_last_word(self, error):
            super()._handle_exception(error)

    async def in_thread(self, work: Callable[[ProgressSink], T], tell: ProgressSink) -> T:
        """Run blocking work in a thread; its progress arrives in this loop."""
        loop = asyncio.get_running_loop()

        def sink(progress: Progress) -> None:
            loop.call_soon_threadsafe(tell, progress)

        return await asyncio.to_thread(work, sink)
