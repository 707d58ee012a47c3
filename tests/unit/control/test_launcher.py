"""Promises of the launcher, with real processes: found by asking, started once, stopped wholly, failures in words."""

import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.control import launcher
from node.control.errors import DaemonFailed, RequestTimeout
from node.control.options import DaemonConfig, DevnetOptions, Progress
from node.control.paths import log_path
from tests.unit.control.fake import served

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).parent / "false_neurond.py"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(launcher, "neurond_command", lambda: [sys.executable, os.fspath(SCRIPT)])
    monkeypatch.setenv("PYTHONPATH", os.fspath(ROOT))
    home = tmp_path / "home"
    yield home
    if home.exists():
        launcher.stop(home, ignore)


def ignore(_: Progress) -> None:
    pass


def mode(home: Path, text: str) -> None:
    (home.parent / "mode").write_text(text)


def test_a_daemon_is_started_once_found_and_stopped(home: Path) -> None:
    assert launcher.find(home) is None
    said: list[Progress] = []
    hello = launcher.start(DaemonConfig(home), said.append)
    assert said[0].stage == "starting"
    assert launcher.find(home) == hello
    assert launcher.start(DaemonConfig(home), ignore).pid == hello.pid
    session, parent = (home.parent / "session").read_text().split()
    assert int(session) == hello.pid  # it outlives this terminal
    assert int(parent) == os.getpid()
    assert launcher.stop(home, said.append)
    assert launcher.find(home) is None
    assert not launcher.stop(home, ignore)
    with pytest.raises(ProcessLookupError):
        os.kill(hello.pid, 0)


def test_a_home_is_created_for_its_owner_alone(home: Path) -> None:
    launcher.start(DaemonConfig(home), ignore)
    assert home.stat().st_mode & 0o777 == 0o700
    assert log_path(home).exists()


def test_a_daemon_is_never_given_the_password_of_a_wallet(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROND_PASSWORD", "of the coldkey")
    monkeypatch.setenv("NEUROND_NEW_PASSWORD", "another")
    monkeypatch.setenv("NEUROND_BACKEND_KEY", "which is the daemon's")
    launcher.start(DaemonConfig(home), ignore)
    given = (home.parent / "environment").read_text().split("\n")
    assert [each for each in given if "PASSWORD" in each] == []
    assert "NEUROND_BACKEND_KEY" in given


def test_a_daemon_that_dies_is_quoted(home: Path) -> None:
    home.mkdir()
    log_path(home).write_text("neurond: An old complaint.\n")
    mode(home, "die")
    with pytest.raises(DaemonFailed, match=r"^Port 4001 is taken\. Choose another --listen\.$"):
        launcher.start(DaemonConfig(home), ignore)


def test_a_daemon_that_dies_without_a_word_gives_its_exit_code(home: Path) -> None:
    mode(home, "silent death")
    with pytest.raises(DaemonFailed, match="exit code 3"):
        launcher.start(DaemonConfig(home), ignore)


def test_a_daemon_that_never_gets_ready_is_not_waited_for_for_ever(home: Path) -> None:
    mode(home, "hang")
    with pytest.raises(DaemonFailed, match="not ready in time") as caught:
        launcher.start(DaemonConfig(home), ignore, timeout_s=0.3)
    process = re.search(r"process (\d+)", str(caught.value))
    assert process is not None
    os.kill(int(process[1]), signal.SIGKILL)


def test_a_daemon_that_does_not_stop_is_told_about(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(home) as node:  # it answers shutdown and stays
        with pytest.raises(RequestTimeout, match="--no-drain"):
            launcher.stop(home, ignore, timeout_s=0.2)
        assert ("shutdown", (True,)) in node.api.calls


def test_a_stale_socket_does_not_look_like_a_daemon(home: Path) -> None:
    home.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(home / "control.sock"))
    assert launcher.find(home) is None
    launcher.start(DaemonConfig(home), ignore)
    assert launcher.find(home) is not None


def test_a_devnet_is_started_with_progress_and_described(home: Path) -> None:
    said: list[Progress] = []
    status = launcher.start_devnet(DevnetOptions(home, cheaters=("random",)), said.append)
    assert status.nodes[0].name == "node-0"
    assert said == [Progress("keys", "making keys", 1, 2)]
    assert launcher.devnet_status(home) == status


def test_a_devnet_that_fails_is_quoted(home: Path) -> None:
    mode(home, "die")
    with pytest.raises(DaemonFailed, match="Port 4001"):
        launcher.start_devnet(DevnetOptions(home), ignore)
    mode(home, "nonsense")
    with pytest.raises(DaemonFailed, match="unexpected"):
        launcher.devnet_status(home)


def test_a_missing_installation_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", os.fspath(tmp_path / "python"))
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(DaemonFailed, match="make setup"):
        launcher.neurond_command()
    (tmp_path / "neurond").touch()
    assert launcher.neurond_command() == [os.fspath(tmp_path / "neurond")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", ""), ("a\n\nb\n", "b"), ("neurond: Why.\nmore\n", "Why."), ("neurond: One.\nneurond: Two.", "Two.")],
)
def test_the_last_sentence_of_a_process_is_its_error_if_it_has_one(text: str, sentence: str) -> None:
    assert launcher.last_sentence(text) == sentence
