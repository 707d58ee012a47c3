"""A data set's card: its header for machines, then what people want to know. Pure."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from node.subnets.data_universe.anonymise import iso_of

_LABELS_SHOWN: Final = 20
_TITLE_CHARS: Final = 100
_TEXT: Final = """---
HEADER
---

# TITLE

ROWS rows of public text from START to END, collected by a neurond node.

## Columns

| column | what it is |
| --- | --- |
| text | the text, with e-mail addresses, handles and telephone numbers masked |
| label | the label it was collected under |
| source | the kind of source |
| datetime | when it was written, to the minute, UTC |
| username_encoded | stands for the author: equal for one author within this data set; nothing else follows from it |
| url_encoded | stands for the address, in the same way |

## Statistics

| source | rows |
| --- | --- |
SOURCES

| label | rows |
| --- | --- |
LABELS

## How it was anonymised

Authors and addresses are keyed BLAKE2b hashes; the key was random, used for this data set alone, and not kept.
Contacts in texts are masked by pattern. What a text says about a person in words is not changed.

## Use

The texts belong to their authors; the licence above is that of the selection. Where a text was taken down at its
source, leave it out as well.

```bibtex
@misc{neurond_data, title={TITLE}, year={YEAR}, note={ROWS rows collected with neurond}}
```
"""


@dataclass(slots=True)
class Sums:
    """What is counted while rows are written. Minutes since 1970."""

    rows: int = 0
    first: int = 2**63
    last: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)


def card(name: str, licence: str, sums: Sums, ending: str) -> str:
    """The text of README.md. Nothing a label or a name holds is read as markup of the header: it is JSON, quoted."""
    title = " ".join(name.split())[:_TITLE_CHARS]
    header = {
        "license": licence,
        "pretty_name": title,
        "size_categories": [size_category(sums.rows)],
        "task_categories": ["text-classification", "text-generation"],
        "tags": ["text", "public-data", "time-series"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": f"data/train-*.{ending}"}]}],
    }
    parts = {
        "HEADER": "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in header.items()),
        "SOURCES": "\n".join(f"| {source} | {count} |" for source, count in sums.sources.most_common()),
        "LABELS": "\n".join(f"| {_cell(label)} | {count} |" for label, count in sums.labels.most_common(_LABELS_SHOWN)),
        "START": iso_of(sums.first),
        "END": iso_of(sums.last),
        "ROWS": str(sums.rows),
        "YEAR": iso_of(sums.last)[:4],
        "TITLE": title.replace("{", "(").replace("}", ")"),
    }
    return "".join(_filled(line, parts) for line in _TEXT.splitlines(keepends=True))


def _filled(line: str, parts: dict[str, str]) -> str:
    """A line with its places filled, each once: what is filled in is not looked at again."""
    for at, word in sorted((line.find(word), word) for word in parts if word in line):
        return line[:at] + parts[word] + _filled(line[at + len(word) :], parts)
    return line


def size_category(rows: int) -> str:
    """The field's word for a number of rows."""
    for bound, word in ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")):
        if rows < bound:
            return word
    return "1M<n<10M" if rows < 10**7 else "10M<n<100M" if rows < 10**8 else "100M<n<1B"


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "-"
