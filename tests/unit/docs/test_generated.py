"""What the pages show of the program is what the program is."""

import ast
import re
from pathlib import Path

import pytest

from docs import examples, generate, vectors
from tests.tidy.source import sources, under
from tests.unit.docs.pages import ALL, PROTOCOL, headings, name_of, text_of, written

BLOCKS = [(page, what, body) for page in ALL for what, body in generate.blocks(text_of(page))]


@pytest.mark.parametrize(("page", "what", "body"), BLOCKS, ids=[f"{name_of(p)}:{what}" for p, what, _ in BLOCKS])
def test_a_generated_part_is_what_the_program_says(page: Path, what: str, body: str) -> None:
    assert body == generate.render(what), "run `python -m docs.generate` and look at the difference"


def test_every_mark_is_closed() -> None:
    for page in ALL:
        assert text_of(page).count("<!-- generated:") == len(generate.blocks(text_of(page))), name_of(page)


def test_every_part_that_can_be_generated_is_shown_somewhere() -> None:
    shown = {what for _, what, _ in BLOCKS}
    worked = {f"example {name}" for name in examples.EXAMPLES} | {f"vector {name}" for name in vectors.VECTORS}
    assert {
        "calls",
        "call errors",
        "call bytes",
        "events",
        "state",
        "state values",
        "errors",
        "codes",
        *worked,
    } <= shown


def test_filling_a_page_twice_changes_nothing_more() -> None:
    once = generate.fill(text_of(PROTOCOL))
    assert generate.fill(once) == once


def _domains() -> set[str]:
    """Every literal domain of `digest` in the product, and those hashed with a prefix of their own.

    The workbench's own never leave the process.
    """
    found = {"state"}
    for source in sources():
        if under(source.module, "node.subnets.lab"):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "digest" and node.args:
                domain = node.args[0]
                assert isinstance(domain, ast.Constant), f"{source.name}: a domain is written where it is used"
                found.add(str(domain.value))
    return found


def test_the_table_of_hash_domains_is_complete_and_has_nothing_else() -> None:
    section = written(PROTOCOL).split("## Hashes and domains")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in section.split("\n") if line.startswith("| `")]
    listed = [name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)]
    assert len(listed) == len(set(listed))
    assert set(listed) == _domains()


def test_sections_that_the_program_names_exist() -> None:
    quoted = (re.findall(r'docs/protocol\.md,\s+"([^"]+)"', source.text) for source in sources())
    named = {" ".join(name.split()) for names in quoted for name in names}
    assert named
    assert named <= headings(PROTOCOL)


@pytest.mark.parametrize(
    "word",
    [
        "coldkey", "hotkey", "netuid", "uid", "tempo", "epoch", "metagraph", "prevote", "certificate", "rao", "alpha",
        "tao", "burn", "emission", "incentive", "dividends", "validator", "miner", "neuron", "subnet", "slot", "quorum",
        "finality", "authority", "take", "bond", "permit", "weights", "axon", "receipt", "challenge", "nonce", "era",
        "root", "stake weight", "Yuma Consensus", "genesis hash", "seal", "recycle", "nominator", "delegate",
    ],
)  # fmt: skip
def test_the_glossary_explains_the_field_s_word(word: str) -> None:
    glossary = text_of(PROTOCOL).split("## Glossary")[1]
    terms = re.findall(r"^\| \*\*(.+?)\*\* \|", glossary, re.MULTILINE)
    assert any(re.search(rf"\b{re.escape(word)}\b", term) for term in terms)
