"""House rules that a linter does not know: sizes, docstrings, no assert, nothing private in the repository."""

import ast
import re
import subprocess

import pytest

from tests.tidy.source import ROOT, Source, sources

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50

# Debt with a name. This list may only shrink: an entry that is no longer needed fails the test.
FILES_TOO_LONG: dict[str, int] = {}
FUNCTIONS_TOO_LONG: dict[str, int] = {}

HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "debian" + ".org", "crates" + ".io")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|root|home/\w+|opt/pypi\S*)/")


def ids(source: Source) -> str:
    return source.name


def tracked_text_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    binary = (".png", ".onnx", ".npz", ".gz", ".db")
    return [name for name in listed.split("\n") if name and not name.endswith(binary) and (ROOT / name).exists()]


@pytest.mark.parametrize("source", sources(), ids=ids)
def test_files_are_short_enough_to_hold_in_the_head(source: Source) -> None:
    lines = source.text.count("\n")
    limit = FILES_TOO_LONG.get(source.name, FILE_LINES_MAX)
    assert lines <= limit, f"{lines} lines; split it by idea"
    assert source.name not in FILES_TOO_LONG or lines > FILE_LINES_MAX, "short enough now: take it off the list"


@pytest.mark.parametrize("source", sources(), ids=ids)
def test_functions_are_short_enough_to_read_at_once(source: Source) -> None:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{source.name}:{node.name}"
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTIONS_TOO_LONG.get(name, FUNCTION_LINES_MAX), f"{name} has {lines} lines"
            assert name not in FUNCTIONS_TOO_LONG or lines > FUNCTION_LINES_MAX, f"{name} is short enough now"


def test_the_lists_of_exceptions_name_existing_places() -> None:
    names = {source.name for source in sources()}
    assert set(FILES_TOO_LONG) <= names
    assert {entry.split(":")[0] for entry in FUNCTIONS_TOO_LONG} <= names


@pytest.mark.parametrize("source", sources(), ids=ids)
def test_every_module_says_what_it_is_for(source: Source) -> None:
    if source.tree.body:
        assert ast.get_docstring(source.tree), "a module docstring says what it is for and what it must never do"


@pytest.mark.parametrize("source", sources(), ids=ids)
def test_checks_of_the_product_survive_python_dash_o(source: Source) -> None:
    found = [node.lineno for node in ast.walk(source.tree) if isinstance(node, ast.Assert)]
    assert not found, f"assert statements in lines {found}: raise a named error or call invariant()"


@pytest.mark.parametrize("source", sources(), ids=ids)
def test_no_error_is_swallowed_without_a_word(source: Source) -> None:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            bare = node.type is None
            wide = isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            silent = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
            assert not bare, f"line {node.lineno}: name what is caught"
            assert not (wide and silent), f"line {node.lineno}: a wide except that says nothing"


@pytest.mark.parametrize("name", tracked_text_files())
def test_the_repository_names_no_registry_host_and_no_path_of_a_machine(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    if name != "tests/tidy/test_house_rules.py":
        assert not [host for host in HOSTS if host in text], "packages are named by name, never by host"
        assert not MACHINE_PATHS.search(text), "absolute paths belong to a machine, not to the project"
