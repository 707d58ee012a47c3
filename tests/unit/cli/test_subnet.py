"""`neurond subnet` as a creator meets it."""

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run


def test_a_new_subnet_passes_its_trial_at_once(run: Run, tmp_path: Path) -> None:
    written = run("subnet", "new", "river_gauge", "--into", str(tmp_path), "--json")
    assert written.code == 0
    assert len(written.json()["files"]) == 6
    tried = run("subnet", "test", str(tmp_path / "river_gauge"), "--rounds", "12", "--json")
    assert tried.code == 0, tried.err
    report = tried.json()
    assert (report["subnet"], report["uncaught"], report["problems"]) == ("river_gauge", [], [])
    table = run("subnet", "test", str(tmp_path / "river_gauge"), "--rounds", "12")
    assert "PLAGIARISED" in table.out
    assert "caught" in table.out


def test_rules_that_pay_for_lies_end_with_an_error_that_names_them(run: Run, tmp_path: Path) -> None:
    run("subnet", "new", "gullible", "--into", str(tmp_path))
    rules = tmp_path / "gullible" / "gullible" / "subnet.py"
    rules.write_text(rules.read_text().replace("Verdict(0.0", "Verdict(1.0"))
    tried = run("subnet", "test", str(tmp_path / "gullible"), "--rounds", "5")
    assert tried.code == 1
    assert "pay for dishonest work: lazy, lying" in tried.err
    assert "Copying pays" in tried.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("test", "nowhere"), "no subnet and no folder called 'nowhere'"), (("test", "os:path"), "is no subnet class"),
        (("new", "Not a name"), "cannot name a subnet"), (("test", "nineteen", "--rounds", "0"), "1<=x<="),
        (("test",), "Missing argument"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_with_words(arguments: tuple[str, ...], words: str, run: Run) -> None:
    done = run("subnet", *arguments)
    assert done.code != 0
    assert words in done.err
    assert "Traceback" not in done.err


def test_the_list_names_the_rules_of_this_program(run: Run) -> None:
    assert "nineteen" in run("subnet").out
    assert [each["name"] for each in run("subnet", "list", "--json").json()] == ["nineteen", "chutes", "data_universe"]
