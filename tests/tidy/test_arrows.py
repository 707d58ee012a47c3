"""The arrows of docs/architecture.md, read from the imports."""

import ast

import pytest

from tests.tidy.source import PACKAGES, Source, imports, sources, under

NOT_IN_CORE = (
    "asyncio", "datetime", "io", "multiprocessing", "os", "pathlib", "random", "secrets", "select", "shutil", "signal",
    "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "trio", "anyio", "libp2p",
    "sqlite_utils", "onnxruntime", "numpy.random",
)  # fmt: skip

ALLOWED_FROM = {
    "p2p": ("p2p",),
    "storage": ("storage",),
    "models": ("models",),
    "tui": ("tui", "node.control"),
    "node": ("node", "p2p", "storage", "models", "tui.app", "tui.replay"),
    "neurond": PACKAGES,
}

# Inside node: who may look at whom. A package not listed here is part of the shell and free.
CORE_ARROWS = {
    "node.primitives": ("node.primitives",),
    "node.economics": ("node.economics", "node.primitives"),
    "node.ledger": ("node.ledger", "node.economics", "node.primitives"),
    "node.consensus": ("node.consensus", "node.ledger", "node.primitives"),
    "node.light": ("node.light", "node.consensus", "node.ledger", "node.primitives"),
    "node.sync": ("node.sync", "node.light", "node.consensus", "node.ledger", "node.primitives"),
    "node.mempool": ("node.mempool", "node.consensus", "node.ledger", "node.primitives"),
}


def ids(source: Source) -> str:
    return source.name


def own_imports(source: Source) -> set[str]:
    """The imports that name one of our packages, modules only."""
    modules = {each.module for each in sources()}
    return {name for name in imports(source) if name.split(".")[0] in PACKAGES and name in modules}


@pytest.mark.parametrize("source", sources(), ids=ids)
def test_imports_follow_the_arrows_between_top_level_packages(source: Source) -> None:
    allowed = ALLOWED_FROM[source.module.split(".")[0]]
    strangers = {name for name in own_imports(source) if not under(name, *allowed) and name not in ("node", "tui")}
    assert not strangers, f"{source.name} may import {', '.join(allowed)} and nothing else of ours"


@pytest.mark.parametrize("source", [each for each in sources() if each.in_core], ids=ids)
def test_the_core_follows_its_own_arrows(source: Source) -> None:
    for part, allowed in CORE_ARROWS.items():
        if under(source.module, part):
            strangers = {name for name in own_imports(source) if not under(name, *allowed) and name != "node"}
            assert not strangers, f"{source.name} may import {', '.join(allowed)} and nothing else of ours"


@pytest.mark.parametrize("source", [each for each in sources() if each.in_core], ids=ids)
def test_the_core_has_no_io_clock_or_randomness(source: Source) -> None:
    found = {name for name in imports(source) if under(name, *NOT_IN_CORE)}
    assert not found, "the core takes clock, randomness, files and network as parameters"


@pytest.mark.parametrize("source", [each for each in sources() if each.in_core], ids=ids)
def test_the_core_has_no_floats(source: Source) -> None:
    found = [
        node.lineno
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
    ]
    assert not found, f"floats or true division in lines {found}: integers with a named rounding only"


@pytest.mark.parametrize("source", sources(), ids=ids)
def test_nothing_imports_the_facade(source: Source) -> None:
    if source.module.split(".")[0] != "neurond":
        names = {name for name in imports(source) if under(name, "neurond")}
        assert not names, "the façade re-exports; only users import it"
