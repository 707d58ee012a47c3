"""The pages of the documentation as the tests see them: text, prose without generated parts, code, headings, links."""

import re
from functools import cache
from pathlib import Path

from docs.generate import BLOCK, ROOT, blocks, pages

FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def written(page: Path) -> str:
    """The page without its generated parts."""
    return BLOCK.sub("", text_of(page))


def fenced(text: str) -> list[str]:
    """The lines of all code blocks."""
    return [line for block in FENCE.findall(text) for line in block.split("\n")]


def inline(text: str) -> list[str]:
    """The pieces of code inside sentences."""
    return INLINE.findall(FENCE.sub("", text))


def links(text: str) -> list[str]:
    return LINK.findall(FENCE.sub("", text))


def headings(page: Path) -> set[str]:
    return set(HEADING.findall(FENCE.sub("", text_of(page))))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings have on the usual forges."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def cells(what: str, page: str) -> list[list[str]]:
    """The rows of a generated table."""
    body = dict(blocks(page))[what]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body.split("\n")[2:]]


def defaults(name: str) -> dict[str, int | bool]:
    """The defaults of a table of parameters, in wire order."""
    words = {row[0].strip("`"): row[1].replace(",", "") for row in cells(name, text_of(PROTOCOL))}
    return {each: word == "true" if word in ("true", "false") else int(word) for each, word in words.items()}


ALL = pages()
PROTOCOL = ROOT / "docs" / "protocol.md"
