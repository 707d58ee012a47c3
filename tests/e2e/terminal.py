"""A window of neurond in a real terminal: keys go into tmux, and what a test asserts was read from its screen."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from node.control import launcher

PATIENCE_S: Final = 90.0  # on a machine that does a dozen other things; a quiet one needs a twentieth of it
SIZE: Final = (140, 40)
_LOOK_S: Final = 0.1
_CALL_S: Final = 30.0  # a tmux that answers later than that is broken


class Terminal:
    """One tmux server with one pane of `SIZE`; `environment` is what the window is started with."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self._environment = {"TERM": "xterm-256color", **environment, "NEUROND_HOME": os.fspath(home)}
        self._socket = f"neurond-test-{os.getpid()}"
        self.keys = 0

    def tmux(self, *arguments: str) -> str:
        """Return what a tmux command prints; nothing once its server is gone."""
        command = ["tmux", "-L", self._socket, "-f", os.devnull, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=_CALL_S, check=False).stdout

    def open(self) -> None:
        """Start the bare command, as a person would."""
        width, height = map(str, SIZE)
        words = [f"{name}={value}" for name, value in self._environment.items()]
        command = ["env", "-u", "COLUMNS", "-u", "LINES", *words, *launcher.neurond_command()]
        # a key after escape within this time would be taken for one key with alt, by tmux and by the window
        self.tmux("start-server", ";", "set-option", "-g", "escape-time", "0", ";",
                  "new-session", "-d", "-s", "test", "-x", width, "-y", height, *command)  # fmt: skip
        self.tmux("resize-window", "-t", "test", "-x", width, "-y", height)  # some versions begin at 80 columns

    def screen(self) -> str:
        """What is seen now; empty once the window is closed."""
        return self.tmux("capture-pane", "-p", "-t", "test")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names, one right after the other."""
        self.tmux("send-keys", "-t", "test", *keys)
        self.keys += len(keys)

    def type(self, text: str) -> None:
        """Type text as it is, all at once."""
        self.tmux("send-keys", "-t", "test", "-l", text)

    def shows(self, *words: str) -> bool:
        """Whether all words are on the screen now, in whatever case: titles of hidden panes are small ones."""
        seen = self.screen().lower()
        return all(word.lower() in seen for word in words)

    def sees(self, *words: str) -> None:
        """Wait until all words are on the screen."""
        self.until(lambda: self.shows(*words), f"{words} on the screen")

    def sees_like(self, pattern: str) -> None:
        """Wait until something on the screen fits a regular expression."""
        self.until(lambda: re.search(pattern, self.screen()) is not None, f"{pattern!r} on the screen")

    def sees_no(self, word: str) -> None:
        """Wait until a word has gone from the screen; the window must still be there."""
        self.until(lambda: bool(self.screen().strip()) and not self.shows(word), f"screen without {word!r}")

    def is_open(self) -> bool:
        return bool(self.tmux("list-sessions"))

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait for something, here or elsewhere; when it does not come, fail with what the screen shows."""
        give_up_s = time.monotonic() + PATIENCE_S
        while not reached():
            if time.monotonic() > give_up_s:
                raise AssertionError(f"no {what} within {PATIENCE_S:g} s:\n{self.screen() or 'the window is closed'}")
            time.sleep(_LOOK_S)

    def close(self) -> None:
        """End the terminal, and with it the window."""
        self.tmux("kill-server")
