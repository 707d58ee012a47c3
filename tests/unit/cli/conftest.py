"""A command line to drive, and a fake node behind a real socket for it to talk to."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.cli import main
from tests.unit.control.fake import Served, served


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
