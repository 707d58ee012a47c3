"""The examples of docs/sdk.md run as they stand, in order, against a node that only talks."""

import re
from pathlib import Path

import pytest

import neurond
from docs.generate import ROOT
from node.sdk import reads_sync
from tests.unit.control.fake import Served
from tests.unit.docs.pages import text_of

PAGE = ROOT / "docs" / "sdk.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", text_of(PAGE), re.MULTILINE | re.DOTALL)


def test_the_examples_run_as_they_stand(node: Served, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROND_HOME", str(home))
    assert len(BLOCKS) >= 9
    names: dict[str, object] = {}
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"{PAGE.name}, example {number}", "exec"), names)  # the page's own code
    assert len(node.api.submitted) == 2, "one stake and one transfer; what a limit forbids was not sent"


def test_every_name_that_the_page_uses_exists() -> None:
    text = text_of(PAGE)
    for name in set(re.findall(r"neurond\.([A-Z]\w+)", text)):
        assert hasattr(neurond, name), name
    rows = re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \| (.*) \|$", text.split("## Amounts")[0], re.MULTILINE)
    assert len(rows) >= 7
    for spaces, methods in rows:
        found = [getattr(reads_sync, each.capitalize()) for each in re.findall(r"`(\w+)`", spaces)]
        for method in re.findall(r"`(\w+)`", methods):
            assert any(hasattr(each, method) for each in found), f"{spaces} {method}"
    for intent in re.findall(r"`([A-Z]\w+)\(", text):
        assert issubclass(getattr(neurond, intent), neurond.Intent), intent
