"""Links lead somewhere, paths exist, commands parse, make targets are there."""

import re
import shlex
from pathlib import Path

import click
import pytest

from docs.generate import ROOT
from node.cli import cli
from tests.unit.docs.pages import ALL, anchors, fenced, inline, links, name_of, text_of, written

TOP = ("node", "p2p", "storage", "models", "tui", "neurond", "tests", "docs", "benchmarks")
PATH = re.compile(rf"(?<![\w./~$-])(?:{'|'.join(TOP)})/[\w./-]+")
NAMES = [name_of(page) for page in ALL]


def resolved(page: Path, target: str) -> tuple[Path, str]:
    place, _, anchor = target.partition("#")
    return (page if not place else (page.parent / place).resolve()), anchor


@pytest.mark.parametrize("page", ALL, ids=NAMES)
def test_every_link_leads_to_a_file_of_the_repository_and_a_heading_in_it(page: Path) -> None:
    for target in links(text_of(page)):
        if target.startswith("https://"):
            continue
        place, anchor = resolved(page, target)
        assert place.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(place), f"{target}: no such heading"


@pytest.mark.parametrize("page", ALL, ids=NAMES)
def test_every_path_that_is_named_exists(page: Path) -> None:
    for piece in inline(written(page)):
        for found in PATH.findall(piece):
            assert (ROOT / found.rstrip(".")).exists(), f"{found} is named and does not exist"


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, queue = set(), [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        queue += [resolved(page, target)[0] for target in links(text_of(page)) if not target.startswith("https://")]
    assert {name_of(page) for page in seen if page in ALL} == set(NAMES)


# --- commands ---------------------------------------------------------------------------------------------------------


def commands(page: Path) -> list[str]:
    """The `neurond …` lines that a page tells people to type."""
    typed = [line.removeprefix("$ ") for line in fenced(written(page)) if line.removeprefix("$ ").startswith("neurond")]
    named = [piece for piece in inline(written(page)) if piece.startswith("neurond ")]
    return [line.split("  #")[0].strip() for line in [*typed, *named] if not line.startswith("neurond:")]


def parse(line: str) -> None:
    """Parse a command line down to its last command, running nothing. Raises click.UsageError."""
    _, *arguments = shlex.split(line)
    command: click.Command = cli
    context = cli.make_context("neurond", arguments)
    while isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        name, found, arguments = command.resolve_command(context, rest)
        assert found is not None
        command, context = found, found.make_context(name, list(arguments), parent=context)


@pytest.mark.parametrize("page", ALL, ids=NAMES)
def test_every_command_shown_is_one_that_the_program_understands(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "genesis.json").write_text("{}")  # the one file that a command on these pages names
    monkeypatch.chdir(tmp_path)
    for line in commands(page):
        try:
            parse(line)
        except click.UsageError as error:
            pytest.fail(f"`{line}`: {error.format_message()}")


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    for wrong in ("neurond upp", "neurond up --no-such-option", "neurond role set wizard", "neurond stake quote"):
        with pytest.raises(click.UsageError):
            parse(wrong)


def test_commands_are_found_at_all() -> None:
    assert sum(len(commands(page)) for page in ALL) > 20


@pytest.mark.parametrize("page", ALL, ids=NAMES)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pieces = [*inline(written(page)), *fenced(written(page))]
    named = {word for piece in pieces for word in re.findall(r"^(?:\$ )?make ([a-z]+)", piece)}
    assert named <= targets


# --- the project speaks of itself alone -------------------------------------------------------------------------------


def test_the_licence_is_there_and_is_the_one_that_the_package_declares() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert text.rstrip().endswith("limitations under the License.")
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()


def test_decisions_are_numbered_without_gaps_and_say_context_decision_and_consequences() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = text_of(record)
        assert text.startswith(f"# {record.name[:4]} "), record.name
        for part in ("Context", "Decision", "Consequences"):
            assert re.search(rf"^\*\*{part}\.\*\*", text, re.MULTILINE), f"{record.name} has no {part}"
