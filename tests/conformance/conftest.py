"""`pytest tests/conformance --vectors DIR`: one test a case, one closing line a file."""

from pathlib import Path

import pytest

from tests.conformance.cases import Case
from tests.conformance.runner import MalformedCase, Tally, files_of, load

DEFAULT_VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
TALLIES: pytest.StashKey[dict[str, Tally]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--vectors", default=None, metavar="DIR", help="folder of the vector files (*.json)")


def vectors_directory(config: pytest.Config) -> Path:
    """The folder asked for, or the one beside the repository."""
    chosen = config.getoption("--vectors", default=None)
    return Path(chosen) if chosen else DEFAULT_VECTORS


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLIES] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "vector" not in metafunc.fixturenames:
        return
    directory = vectors_directory(metafunc.config)
    found: list[Case | MalformedCase] = []
    names: list[str] = []
    tallies = metafunc.config.stash.setdefault(TALLIES, {})
    for path in files_of(directory) if directory.is_dir() else []:
        tallies.setdefault(path.name, Tally())
        try:
            cases: list[Case | MalformedCase] = [*load(path)[0]]
        except MalformedCase as error:
            cases = [error]
        found += cases
        names += [f"{path.stem}-{case.id if isinstance(case, Case) else 'unreadable'}" for case in cases]
    if not found:
        reason = f"no vector files in {directory}; name their folder with --vectors DIR"
        metafunc.parametrize("vector", [pytest.param(None, marks=pytest.mark.skip(reason=reason))], ids=["absent"])
        return
    metafunc.parametrize("vector", found, ids=names)


@pytest.fixture
def tallies(request: pytest.FixtureRequest) -> dict[str, Tally]:
    """Counts per file, printed at the end."""
    return request.config.stash[TALLIES]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    counted = config.stash.get(TALLIES, {})
    ran = {name: tally for name, tally in counted.items() if tally.passed or tally.failed or tally.skipped}
    if ran:
        terminalreporter.section("conformance vectors")
    for name, tally in ran.items():
        terminalreporter.write_line(tally.line(name))
