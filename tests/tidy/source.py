"""The source files of the product as the tidy tests see them: parsed once, never imported."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("node", "p2p", "tui", "models", "storage", "neurond")
CORE = (
    "node.primitives",
    "node.economics",
    "node.ledger",
    "node.consensus",
    "node.light",
    "node.sync",
    "node.evm",
    "node.mempool",
)


@dataclass(frozen=True)
class Source:
    """One product file: its dotted module name, path, text and syntax tree."""

    module: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def in_core(self) -> bool:
        return any(self.module == part or self.module.startswith(part + ".") for part in CORE)


@cache
def sources() -> tuple[Source, ...]:
    """Return every Python file of the product packages."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            parts = path.relative_to(ROOT).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(Source(module, path, text, ast.parse(text)))
    return tuple(found)


def imports(source: Source) -> set[str]:
    """Return the absolute dotted names that a file imports anywhere in it, lazily or not."""
    names: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def under(name: str, *parents: str) -> bool:
    """Tell whether a dotted name is one of `parents` or lies inside one."""
    return any(name == parent or name.startswith(parent + ".") for parent in parents)
