"""The tutorial's files, written where it says, do what it says."""

import re
from pathlib import Path

import pytest

from docs.generate import ROOT
from tests.unit.cli.conftest import Run, home, run  # noqa: F401  # fixtures
from tests.unit.docs.pages import text_of

PAGE = ROOT / "docs" / "subnet-tutorial.md"
FILES = dict(re.findall(r"^```(?:python|toml) (\S+)\n(.*?)^```$", text_of(PAGE), re.MULTILINE | re.DOTALL))
CHECK = re.compile(r"        if part\.mark != .*?somebody else's\"\)\n", re.DOTALL)


@pytest.fixture
def project(run: Run, tmp_path: Path) -> Path:  # noqa: F811
    """The tutorial's subnet as step 3 leaves it."""
    assert run("subnet", "new", "primes", "--into", str(tmp_path)).code == 0
    for name, text in FILES.items():
        (tmp_path / "primes" / name).write_text(text)
    return tmp_path / "primes"


def test_the_page_has_all_its_files() -> None:
    assert set(FILES) == {"primes/__init__.py", "primes/messages.py", "primes/subnet.py", "mix.toml"}


def test_its_rules_pay_the_honest_alone_and_its_economies_run(run: Run, project: Path) -> None:  # noqa: F811
    tried = run("subnet", "test", str(project), "--rounds", "15", "--json")
    assert (tried.code, tried.json()["uncaught"], tried.json()["problems"]) == (0, [], [])
    mixed = run("subnet", "simulate", str(project), "--strategy", str(project / "mix.toml"), "--rounds", "10", "--json")
    miners = {each["title"]: each for each in mixed.json()["miners"]}
    assert 0.2 < miners["weak"]["of_honest"] < 0.6
    assert miners["lying"]["of_honest"] < 0.1
    usual = run("subnet", "simulate", str(project), "--miners", "60", "--epochs", "2", "--rounds", "10")
    assert usual.code == 0
    assert "malformed" in usual.out


def test_without_the_mark_copying_pays_as_step_5_says(run: Run, project: Path) -> None:  # noqa: F811
    rules = project / "primes" / "subnet.py"
    without = CHECK.sub("", rules.read_text())
    assert without != rules.read_text()
    rules.write_text(without)
    tried = run("subnet", "test", str(project), "--rounds", "5", "--strict")
    assert tried.code == 1
    assert "pay for dishonest work: copying" in tried.err
