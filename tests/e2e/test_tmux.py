"""A person at a real terminal: from an empty home to a devnet, an answer, a stake, another role, a crash, and back.

Keys go into tmux and what is asserted was read from its screen, or from the node itself. Needs tmux; the model is a
tiny one that is made here. `python -m pytest tests/e2e/test_tmux.py -s` also prints the times.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.control import launcher
from node.control.api import AccountRequest, StatusRequest
from node.control.client_sync import SyncClient
from node.control.paths import devnet_path
from node.control.schema import NodeStatus
from node.primitives.errors import ControlError
from tests.e2e.terminal import PATIENCE_S, Terminal

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
KEYS_MAX = 10
STAKE_TAO = 5
RAO = 10**9


@pytest.fixture
def terminal(tmp_path: Path, tiny_model: str) -> Iterator[Terminal]:
    found = Terminal(tmp_path / "home", {"NEUROND_MODEL_NAME": tiny_model})
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
    """What the node says of itself; a loaded machine may need more than one question."""
    give_up_s = time.monotonic() + PATIENCE_S
    while (found := status(home)) is None:
        if time.monotonic() > give_up_s:
            raise AssertionError(f"the node does not answer within {PATIENCE_S:g} s")
    return found


def balance(home: Path) -> int:
    with SyncClient(home) as client:
        return client.call(AccountRequest(known(home).coldkey or "")).balance_rao


def test_from_an_empty_home_through_a_crash_and_back(terminal: Terminal) -> None:
    node = devnet_path(terminal.home) / "node-0"
    began_s = time.monotonic()
    for walk in (first_run, ask, stake, switch_role, crash, leave_and_come_back):
        step_s = time.monotonic()
        walk(terminal, node)
        print(f"\n{walk.__name__}: {time.monotonic() - step_s:.1f} s", end="")
    print(f"\nall of it: {time.monotonic() - began_s:.1f} s, {terminal.keys} keys")


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
    assert terminal.keys < KEYS_MAX
    height = known(node).height
    terminal.until(lambda: known(node).height > height, "moving blocks")
    assert not list(terminal.home.glob("setup.toml")), "the answers are gone when the node runs"


def ask(terminal: Terminal, node: Path) -> None:
    terminal.press("2")
    terminal.sees("❯")
    terminal.type("Say hello.")
    terminal.press("Enter")
    terminal.sees("You  Say hello.")
    terminal.sees("first token", "receipt")
    terminal.sees_like(r"1 question, [1-9]\d* tokens")
    terminal.sees_like(r"in all +\d")  # the whole answer; an escape before that would stop it
    terminal.press("Escape")
    terminal.sees("keys open screens now")  # a key sooner than that would be one with alt


def stake(terminal: Terminal, node: Path) -> None:
    """A validator's stake grows by itself, but its free balance falls only by this."""
    before = balance(node)
    terminal.press("6")
    terminal.sees("market cap", "nineteen")
    terminal.press("+")
    terminal.sees("Cancel (esc)")
    terminal.type(str(STAKE_TAO))
    terminal.sees(f"Stake {STAKE_TAO} τ")
    terminal.press("Enter")
    terminal.sees("Back (esc)", "Sign")
    terminal.press("Tab", "Enter")
    terminal.sees("signed; sent in")
    assert balance(node) == before, "nothing leaves before the countdown has ended"
    terminal.sees("final in block")
    assert balance(node) <= before - STAKE_TAO * RAO
    terminal.press("Escape")
    terminal.sees_no("(esc)")


def switch_role(terminal: Terminal, node: Path) -> None:
    assert known(node).role == "validator"
    terminal.press("1")
    terminal.sees("Neurons")
    terminal.press("r")
    terminal.sees("Role of this node", "Switch to staker", "j/k choose a role")
    terminal.press("Tab", "Enter")
    terminal.sees("The services of the new role are running")
    assert known(node).role == "staker"
    terminal.press("Escape")
    terminal.sees_no("Role of this node")


def crash(terminal: Terminal, node: Path) -> None:
    """The node is killed; the window says so, and starts it again on one key."""
    killed = known(node)
    os.kill(killed.pid, signal.SIGKILL)
    terminal.sees("The node has been gone", "starts it again")
    terminal.press("S")
    terminal.sees_no("The node has been gone")
    again = known(node)
    assert (again.pid, again.role) != (killed.pid, "validator")
    terminal.sees("RUNNING")
    terminal.until(lambda: known(node).height > killed.height, "blocks after the crash")


def leave_and_come_back(terminal: Terminal, node: Path) -> None:
    pid = known(node).pid
    terminal.press("q")
    terminal.until(lambda: not terminal.is_open(), "closed window")
    assert known(node).pid == pid, "closing the window leaves the node"
    terminal.open()
    terminal.sees("RUNNING", "Neurons")
    assert known(node).pid == pid
