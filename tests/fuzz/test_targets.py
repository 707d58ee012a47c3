"""Every decoder of others' bytes is fuzzed: here by Hypothesis, by `make fuzz` with coverage as its guide."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.fuzz.mutations import hostile
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)
DECODING = ("decode", "parse_", "read_", "open_frame", "from_ss58", "unpack")

# Not a border: why none of these takes bytes that somebody else wrote.
NOT_A_BORDER = {
    "node.market.challenge._decode_parts": "puts parts through decode_message, which is fuzzed",
    "node.market.call._decoded": "calls frames.decode",
    "node.control.launcher._decode_progress": "lines of a command of this installation, narrating its work",
    "node.control.role_actions._decode": "a planned transaction, by decode_transaction",
    "node.control.protocol.decode_result": "a part of what parse_answer took in",
    "node.control.protocol._parse_cancel": "a part of what parse_line took in",
    "node.primitives.codec.decode_canonical": "under every canonical decoder here",
    "node.wallet.container._decode": "under parse_key_file and parse_public_file",
    "p2p.identity._parse": "a fixed number of bytes of our own key file; both halves are compared",
    "storage.signing._decode": "fixed numbers out of our own database",
    "p2p.kad.messages._parse": "under read_query and read_answer",
    "node.subnets.chutes.journal.read_row": "rows of the subnet's own state, written by that file only",
    "models.pixels._unpack": "under read_png",
    "node.subnets.lab.mix.read_mix": "a file of the person who runs the workbench",
}


def decoders() -> Iterator[str]:
    """The qualified names of functions whose name says that they decode and that take bytes, or text of others."""
    for package in ("node", "p2p", "storage", "models"):
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for each in ast.walk(ast.parse(path.read_text())):
                if isinstance(each, ast.FunctionDef) and each.name.lstrip("_").startswith(DECODING):
                    kinds = {ast.unparse(arg.annotation) for arg in each.args.args if arg.annotation is not None}
                    if "bytes" in kinds:
                        yield f"{module}.{each.name}"


def test_every_decoder_has_a_target() -> None:
    covered = {name for target in TARGETS.values() for name in target.covers}
    missing = sorted(set(decoders()) - covered - set(NOT_A_BORDER))
    assert not missing, f"give these a target in tests/fuzz/targets.py: {missing}"


def test_the_targets_name_functions_that_exist() -> None:
    for name in (name for target in TARGETS.values() for name in target.covers):
        module, _, function = name.rpartition(".")
        path = ROOT / Path(*module.split("."))
        source = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
        assert f"def {function}(" in source.read_text() or f"class {function}" in source.read_text(), name


@pytest.mark.parametrize("name", TARGETS)
def test_sound_bytes_pass(name: str) -> None:
    for sample in TARGETS[name].samples:
        TARGETS[name].run(sample)


@pytest.mark.parametrize("name", TARGETS)
def test_no_bytes_bring_out_anything_but_what_the_decoder_documents(name: str) -> None:
    target = TARGETS[name]

    @FEW
    @given(hostile(target.samples))
    def check(data: bytes) -> None:
        target.run(data)

    check()
