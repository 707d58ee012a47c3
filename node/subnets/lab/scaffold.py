"""Writes a new subnet: the example under another name, importing the public SDK alone, with a test that passes.

The example is code of this program, kept working by its own tests; what is written here is that code and little more.
Never writes over anything.
"""

import keyword
import re
import sys
from pathlib import Path
from typing import Final

from node.market.errors import BadSubnetPackage
from node.subnets import example
from node.subnets.lab.limits import NAME_CHARS_MAX
from node.subnets.plugins import GROUP

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_OURS: Final = re.compile(r"^from (node(?:\.\w+)+) import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)
_EXAMPLE: Final = "node.subnets.example"
_LINE_CHARS: Final = 100

_TEST: Final = '''"""What the rules of this subnet promise."""

from functools import partial

import trio
from neurond import NoModels, run_trial

from NAME import CLASS


def test_honest_work_is_paid_and_cheating_is_not() -> None:
    trial = trio.run(partial(run_trial, CLASS(), NoModels(), rounds=30))
    assert trial.problems == ()
    assert trial.uncaught == ()
'''

_PROJECT: Final = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "neurond-subnet-NAME"
version = "0.1.0"
description = "The subnet NAME for neurond"
requires-python = ">=3.11"

[project.entry-points."GROUP"]
NAME = "NAME:CLASS"

[tool.hatch.build.targets.wheel]
packages = ["NAME"]
"""

_README: Final = """# NAME

A subnet for neurond. `NAME/messages.py` says what travels, `NAME/subnet.py` who asks, answers and judges.

    neurond subnet test .          honest and dishonest miners against your rules: who earns what
    neurond subnet simulate .      a whole economy on these rules
    python -m pytest               your own promises
    pip install -e .               let your nodes know the subnet
"""


def class_name_of(name: str) -> str:
    """`my_subnet` -> `MySubnet`."""
    return "".join(word.capitalize() for word in name.split("_"))


def check_name(name: str) -> str:
    """The name, if a Python package can have it. Raises BadSubnetPackage."""
    if (
        not _NAME.fullmatch(name)
        or len(name) > NAME_CHARS_MAX
        or keyword.iskeyword(name)
        or name in sys.stdlib_module_names
        or not class_name_of(name)
    ):
        raise BadSubnetPackage(
            f"{name[:NAME_CHARS_MAX]!r} cannot name a subnet.",
            remedy=f"Take lower-case letters, digits and underscores, a letter first, at most {NAME_CHARS_MAX}.",
        )
    return name


def write_subnet(name: str, parent: Path) -> tuple[Path, ...]:
    """Write the package `name` into a new folder of that name; return the files. Raises BadSubnetPackage, OSError."""
    folder = parent / check_name(name)
    if folder.exists():
        raise BadSubnetPackage(f"{folder} exists already.", remedy="Choose another name, or --into another folder.")
    source = Path(example.__file__).parent
    class_name = class_name_of(name)
    files = {
        folder / "pyproject.toml": _filled(_PROJECT, name),
        folder / "README.md": _filled(_README, name),
        folder / f"test_{name}.py": _filled(_TEST, name),
    }
    for file in ("__init__.py", "messages.py", "subnet.py"):
        text = _public((source / file).read_text(encoding="utf-8"), name)
        text = text.replace("Doubling", class_name).replace("doubling", name)
        files[folder / name / file] = text
    (folder / name).mkdir(parents=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return tuple(files)


def _filled(text: str, name: str) -> str:
    return text.replace("NAME", name).replace("CLASS", class_name_of(name)).replace("GROUP", GROUP)


def _public(text: str, name: str) -> str:
    """The module with its imports from inside this program turned into imports from the SDK and the new package."""
    names: set[str] = set()
    own: list[str] = []
    matches = list(_OURS.finditer(text))
    for match in matches:
        listed = [each.strip() for each in (match[2] or match[3]).split(",") if each.strip()]
        if match[1].startswith(_EXAMPLE):
            own.append(_import_line(f"{name}{match[1].removeprefix(_EXAMPLE)}", listed))
        else:
            names.update(listed)
    if not matches:
        return text
    lines = ([_import_line("neurond", sorted(names))] if names else []) + own
    return text[: matches[0].start()] + "\n".join(lines) + text[matches[-1].end() :]


def _import_line(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= _LINE_CHARS:
        return line
    return f"from {module} import (\n" + "".join(f"    {each},\n" for each in names) + ")"
