"""A person at a real terminal: from an empty home through the wizard to a devnet, and a question to it.

Keys go into tmux and what is asserted was read from its screen, or from the node itself. Needs tmux, and the default
model in the store: nothing is fetched here. `python -m pytest tests/e2e/test_tmux.py -s` also prints the times.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models.ensure import is_there
from node.control import launcher
from node.control.api import StatusRequest
from node.control.client_sync import SyncClient
from node.control.options import DEFAULT_MODEL
from node.control.paths import devnet_path
from node.control.schema import NodeStatus
from node.primitives.errors import ControlError
from node.service.model_store import shared_model_store

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
    pytest.mark.skipif(not is_there(DEFAULT_MODEL, shared_model_store()), reason="the model is not in the store"),
]
KEYS_MAX = 10
_ESCAPE_S = 0.8  # what follows sooner would be read as one key together with the escape
PATIENCE_S = 150.0  # on a machine that does a dozen other things; a quiet one needs a fifth of it


class Terminal:
    """A window of neurond in a tmux server of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._socket = f"neurond-test-{os.getpid()}"
        self.keys = 0

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *arguments], capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout

    def open(self) -> None:
        """Start the bare command, as a person would."""
        environment = [f"NEUROND_HOME={self.home}", f"NEUROND_MODELS={shared_model_store()}", "TERM=xterm-256color"]
        command = ["env", "-u", "COLUMNS", "-u", "LINES", *environment, *launcher.neurond_command()]
        self.tmux("new-session", "-d", "-s", "test", "-x", "140", "-y", "40", *command)
        self.tmux("resize-window", "-t", "test", "-x", "140", "-y", "40")  # some versions begin at 80 columns

    def screen(self) -> str:
        """What is seen now; empty once the window is closed."""
        return self.tmux("capture-pane", "-p", "-t", "test")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tmux("send-keys", "-t", "test", key)
            self.keys += 1
            if key == "Escape":
                time.sleep(_ESCAPE_S)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-t", "test", "-l", text)

    def sees(self, *words: str, within_s: float = PATIENCE_S) -> None:
        """Wait until all words are on the screen."""
        until(lambda: self.shows(*words), f"{words} on the screen", within_s, self.screen)

    def shows(self, *words: str) -> bool:
        """Whether all words are on the screen now, in whatever case: titles of hidden panes are small ones."""
        seen = self.screen().lower()
        return all(word.lower() in seen for word in words)

    def close(self) -> None:
        self.tmux("kill-server")


def until(reached: Callable[[], bool], what: str, within_s: float, tell: Callable[[], str] = lambda: "") -> None:
    give_up_s = time.monotonic() + within_s
    while not reached():
        if time.monotonic() > give_up_s:
            raise AssertionError(f"no {what} within {within_s:g} s:\n{tell()}")
        time.sleep(0.2)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    found = Terminal(tmp_path / "home")
    try:
        yield found
    finally:
        found.close()
        if devnet_path(found.home).exists():
            launcher.stop_devnet(devnet_path(found.home), lambda _: None)


def status(home: Path) -> NodeStatus | None:
    try:
        with SyncClient(home) as client:
            return client.call(StatusRequest())
    except ControlError:
        return None


def known(home: Path) -> NodeStatus:
    found = status(home)
    if found is None:
        raise AssertionError("the node does not answer")
    return found


def test_from_an_empty_home_to_an_answer(terminal: Terminal) -> None:
    node = devnet_path(terminal.home) / "node-0"
    began_s = time.monotonic()
    first_run(terminal, node)
    first_s = time.monotonic() - began_s
    print(f"\nfrom `neurond` to moving blocks: {first_s:.1f} s, {terminal.keys} keys")
    assert terminal.keys < KEYS_MAX
    ask(terminal)
    print(f"all of it: {time.monotonic() - began_s:.1f} s")


def first_run(terminal: Terminal, node: Path) -> None:
    """The wizard, with a devnet and its own keys."""
    terminal.open()
    terminal.sees("no node runs in", "New here")
    terminal.press("n")
    terminal.sees("A wallet holds your keys")
    terminal.press("s")
    terminal.sees("Which network?")
    terminal.press("d")
    terminal.sees("This machine", "home")
    terminal.press("Enter")
    terminal.sees("Everything right?", "UNSAFE")
    assert not terminal.home.joinpath("devnet").exists(), "nothing is written before the start"
    terminal.press("Enter")
    terminal.sees("RUNNING", "Neurons")
    height = known(node).height
    until(lambda: known(node).height > height, "moving blocks", PATIENCE_S, terminal.screen)
    assert not list(terminal.home.glob("setup.toml")), "the answers are gone when the node runs"


def ask(terminal: Terminal) -> None:
    terminal.press("2")
    terminal.sees("❯")
    terminal.type("Say hello.")
    terminal.press("Enter")
    terminal.sees("You  Say hello.")
    until(lambda: terminal.shows("tok/s"), "tokens of an answer", PATIENCE_S, terminal.screen)
    terminal.press("Escape", "Escape")  # the first one may stop the answer, the next one leaves the box
