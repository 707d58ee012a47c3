"""The tutorial's files, written where it says, do what it says."""

import re
from pathlib import Path
from typing import Any

import pytest

import neurond
from docs.generate import ROOT
from neurond import Message
from node.market.journal_state import reduce_entries
from node.primitives.types import Height
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


def test_its_journal_rule_takes_what_it_should_and_refuses_the_rest() -> None:
    """The page's `apply`, run as a node runs it."""
    source = re.search(r"^```python\n(def apply.*?)^```$", text_of(PAGE), re.MULTILINE | re.DOTALL)
    assert source is not None

    class Limit(Message, frozen=True):
        largest: int

    scope: dict[str, Any] = {**vars(neurond), "Limit": Limit}
    scope.update({name: getattr(neurond, name) for name in ("Code", "Entry", "Refusal", "State", "decode_message")})
    exec(source[1], scope)
    author = neurond.AccountId(b"a" * 32)

    def said(seq: int, kind: str, body: bytes) -> neurond.Entry:
        return neurond.Entry(author, seq, Height(9), kind, body)

    entries = [said(0, "limit", neurond.encode(Limit(7))), said(1, "other", b""), said(2, "limit", b"nonsense")]
    rows, refusals = reduce_entries(lambda entry, state: scope["apply"](None, entry, state), entries)
    assert rows == {author + b"limit": (7).to_bytes(8, "big")}
    assert [refusal.code for refusal in refusals] == [neurond.Code.REFUSED, neurond.Code.MALFORMED]
