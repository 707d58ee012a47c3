"""A command line to drive, and a fake node behind a real socket for it to talk to."""

import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.cli import main
from node.control import service_manager
from tests.unit.control.fake import Served, served

SYSTEMCTL = """#!/bin/sh
echo "$0 $@" >> "$SERVICE_LOG"
case "$*" in
  *show-environment*) [ -z "$NO_BUS" ] || { echo "Failed to connect to bus: No medium found" >&2; exit 1; };;
  *is-active*) [ -f "$SERVICE_LOG.active" ] || exit 3;;
  *start*) touch "$SERVICE_LOG.active";;
  *stop*|*disable*) rm -f "$SERVICE_LOG.active";;
esac
"""


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Terminal(io.StringIO):
    """Piped input that passes for a person."""

    def isatty(self) -> bool:
        return True


Run = Callable[..., Outcome]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command of this home; `stdin` is what is piped in, or typed at a `terminal`."""
    monkeypatch.delenv("NEUROND_PASSWORD", raising=False)
    monkeypatch.setenv("NEUROND_HOME", str(home))

    def command(*arguments: str, stdin: str = "", terminal: bool = False) -> Outcome:
        monkeypatch.setattr("sys.stdin", Terminal(stdin) if terminal else io.StringIO(stdin))
        code = main(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.fixture
def node(home: Path) -> Iterator[Served]:
    with served(home) as serving:
        yield serving


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that writes down what it was asked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "systemctl").write_text(SYSTEMCTL)
    (tools / "systemctl").chmod(0o755)
    log = tmp_path / "asked"
    log.touch()
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("SERVICE_LOG", str(log))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setattr(service_manager.sys, "platform", "linux")
    monkeypatch.setattr("node.control.launcher.neurond_command", lambda: ["/opt/neurond/bin/neurond"])
    return log
