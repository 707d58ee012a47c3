"""Writes the generated parts of the documentation anew: `python -m docs.generate` in the root of the repository.

A part stands between `<!-- generated: WHAT -->` and `<!-- end -->`. What it holds follows from the program alone, and a
test compares it; the rest of the pages is written by people.
"""

import re
import sys
from pathlib import Path

from docs import commands, examples, samples, tables, vectors

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"<!-- generated: (?P<what>[^>]+?) -->\n(?P<body>.*?)\n?<!-- end -->", re.DOTALL)
_TABLES = {
    "calls": tables.calls,
    "call errors": tables.call_errors,
    "commands": commands.commands,
    "other names": commands.other_names,
    "call bytes": samples.call_bytes,
    "events": tables.events,
    "state": tables.state,
    "state values": tables.state_values,
    "codes": tables.codes,
    "errors": tables.errors,
    "settings": tables.settings,
    "parameters": tables.parameters,
    "hyperparameters": tables.hyperparameters,
}
_KINDS = {
    "struct": tables.struct,
    "enum": tables.enumeration,
    "limits": tables.limits,
    "example": examples.render,
    "vector": vectors.render,
}


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(text: str) -> list[tuple[str, str]]:
    """(what, body) of the generated parts of a page."""
    return [(found["what"], found["body"]) for found in BLOCK.finditer(text)]


def render(what: str) -> str:
    """What belongs between the marks of `what`; KeyError for an unknown one."""
    kind, _, name = what.partition(" ")
    return _TABLES[what]() if what in _TABLES else _KINDS[kind](name)


def fill(text: str) -> str:
    """The page with every generated part made anew."""
    return BLOCK.sub(lambda found: f"<!-- generated: {found['what']} -->\n{render(found['what'])}\n<!-- end -->", text)


def main() -> int:
    """Rewrite every page that changed; with --check only tell."""
    changed = 0
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (new := fill(text)) != text:
            changed += 1
            print(f"{'differs' if '--check' in sys.argv else 'written'}: {page.relative_to(ROOT)}")
            if "--check" not in sys.argv:
                page.write_text(new, encoding="utf-8")
    return 1 if changed and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
