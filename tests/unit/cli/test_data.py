"""`neurond data` as its user meets it, without a node: sources, collecting, searching, a data set."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "one.txt").write_text("A volcano in Iceland wakes up.\n\nNobody is harmed.")
    return folder


def test_a_folder_is_collected_searched_and_exported(run: Run, home: Path, letters: Path, tmp_path: Path) -> None:
    at = ("--home", str(home))
    assert run("data", "sources", "add", "files", str(letters), "--label", "Letters", *at).code == 0
    collected = run("data", "collect", "--json", *at)
    assert collected.json()["rows"] == 2
    assert "2 new rows" in collected.err
    assert run("data", "--json", *at).json()["rows_here"] == 2
    assert run("data", "labels", "--json", *at).json()[0]["label"] == "letters"
    found = run("data", "query", "volcano", "iceland", "--json", *at).json()
    assert [row["content"] for row in found["rows"]] == ["A volcano in Iceland wakes up."]
    target = tmp_path / "set"
    made = run("data", "export", str(target), "--name", "Letters", "--json", *at)
    assert made.json()["rows"] == 2
    assert json.loads((target / "stats.json").read_text())["summary"]["total_rows"] == 2
    again = run("data", "export", str(target), "--name", "Letters", *at)
    assert again.code == 1
    assert "holds something already" in again.err
    listed = run("data", "sources", "--json", *at).json()
    assert listed[0]["status"]["new"] == 2
    assert run("data", "sources", "remove", str(letters), *at).code == 0
    assert run("data", "sources", "--json", *at).json() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("query", "x"), "collected nothing yet"),
        (("sources", "add", "feed", "nonsense"), "is no web address"),
        (("sources", "add", "files", "/no/such/folder"), "is no folder"),
        (("sources", "remove", "x"), "There is no source"),
        (("query", "x", "--source", "reddit"), "known are feed"),
        (("query", "x", "--start", "soon"), "is no time"),
        (("desirability", "volcanoes"), "LABEL=WEIGHT"),
        (("ondemand", "x"), "No node is running"),
        (("collect",), "There are no sources"),
    ],
)
def test_what_cannot_be_done_is_refused_with_words(
    arguments: tuple[str, ...], words: str, run: Run, home: Path
) -> None:
    done = run("data", *arguments, "--home", str(home))
    assert done.code != 0
    assert words in done.err
    assert "Traceback" not in done.err
