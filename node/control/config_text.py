"""Finding and changing single values in the text of a TOML file, so that comments and order stay as people wrote them.

The standard library reads TOML; this finds on which lines a key stands and replaces them. A change is made only when
the new text, read again, means exactly the old one plus that change; otherwise it is refused.
"""

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from node.control.config_kinds import Value
from node.control.errors import BadConfig

Path = tuple[str, ...]
Document = dict[str, object]
_TOKEN: Final = re.compile(r'"""|\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]')
_AT: Final = re.compile(r"\(at line (\d+), column (\d+)\)|\(at end of document\)")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Statement:
    """A table's header (`header`) or a key with its value, on lines `first` to `last`, both from 0."""

    path: Path
    first: int
    last: int
    header: bool = False
    comment: str = ""


def parse(text: str) -> Document:
    """Return what a TOML text means; numbers with a point stay exact.

    Raises:
        BadConfig: it is no TOML; the message begins with the line.
    """
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(_place(str(error), text)) from error
    except RecursionError as error:
        raise BadConfig("It is nested more deeply than any configuration.") from error
    except (ArithmeticError, ValueError) as error:  # a number of thousands of digits
        raise BadConfig(f"It holds a number that cannot be read: {str(error)[:80]}.") from error


def statements(text: str) -> list[Statement]:
    """Return headers and keys of a text that `parse` accepts, in their order."""
    lines = text.split("\n")
    found: list[Statement] = []
    table: Path = ()
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        if not line or line.startswith("#"):
            index += 1
            continue
        first = index
        if line.startswith("["):
            path = _path_of(lines[index])
            if path is not None:
                table = path
                found.append(Statement(path, first, first, True))
            index += 1
            continue
        last, comment = _end(lines, first)
        keys = _keys_of(lines[first])
        if keys is not None:
            found.append(Statement((*table, *keys), first, last, comment=comment))
        index = last + 1
    return found


def line_of(text: str, path: Path) -> int | None:
    """Return the line, from 1, on which a key (or else its nearest table) stands; None when nothing of it does."""
    try:
        known = statements(text)
    except RecursionError:
        return None
    for length in range(len(path), 0, -1):
        for each in known:
            if each.path[:length] == path[:length]:
                return each.first + 1
    return None


def with_value(text: str, path: Path, value: Value | None) -> str:
    """Return the text with the value of one key replaced, added, or (None) taken out.

    Raises:
        BadConfig: the text writes this place in a way that only a person should change.
    """
    old = parse(text)
    wanted = _changed(old, path, value)
    new = _without(text, path) if value is None else _with(text, path, value)
    try:
        same = _bare(parse(new)) == _bare(wanted)
    except BadConfig:
        same = False
    if not same:
        raise BadConfig(
            f"{'.'.join(path)} is written in a form that is not changed by programs.",
            remedy="Change it in an editor, or write it as a [table] with one key a line.",
        )
    return new


def literal(value: Value) -> str:
    """Return a value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(literal(each) for each in value)}]"


def _with(text: str, path: Path, value: Value) -> str:
    lines = text.split("\n")
    known = statements(text)
    for each in known:
        if each.path == path and not each.header:
            key = lines[each.first].partition("=")[0].rstrip()
            comment = f"  {each.comment}" if each.comment else ""
            lines[each.first : each.last + 1] = [f"{key} = {literal(value)}{comment}"]
            return "\n".join(lines)
    added = f"{_key(path[-1])} = {literal(value)}"
    table = path[:-1]
    if not table:
        at = next((each.first for each in known if each.header), None)
        if at is None:
            return _joined(text, added)
        while at > 0 and lines[at - 1].lstrip().startswith("#"):
            at -= 1  # the comment above a header belongs to it
        return "\n".join([*lines[:at], added, "", *lines[at:]])
    inside = [each for each in known if (each.header and each.path == table) or _is_in(each, table, known)]
    if any(each.header for each in inside):
        at = max(each.last for each in inside) + 1
        return "\n".join([*lines[:at], added, *lines[at:]])
    header = f"[{'.'.join(_key(each) for each in table)}]"
    return _joined(text, f"{header}\n{added}" if not text.strip() else f"\n{header}\n{added}")


def _is_in(each: Statement, table: Path, known: Sequence[Statement]) -> bool:
    """Tell whether a key stands below the header of `table` itself."""
    above = [other for other in known if other.header and other.first < each.first]
    return not each.header and bool(above) and above[-1].path == table


def _without(text: str, path: Path) -> str:
    lines = text.split("\n")
    for each in statements(text):
        if each.path == path and not each.header:
            del lines[each.first : each.last + 1]
            break
    return "\n".join(lines)


def _joined(text: str, added: str) -> str:
    body = text if not text or text.endswith("\n") else f"{text}\n"
    return f"{body}{added}\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _end(lines: Sequence[str], first: int) -> tuple[int, str]:
    """Return the last line of the value that begins on line `first`, and its comment when it is one line."""
    depth, quote, comment = 0, "", ""
    for index in range(first, len(lines)):
        rest, at, comment = lines[index], 0, ""
        while at < len(rest):
            if quote:
                at = _after(rest, quote, at)
                if at < 0:
                    break
                quote = ""
                continue
            found = _TOKEN.search(rest, at)
            if found is None:
                break
            token, at = found[0], found.end()
            if token in ('"""', "'''"):
                quote = token
            elif token.startswith("#"):
                comment = token
                break
            elif token in "[{":
                depth += 1
            elif token in "]}":
                depth -= 1
        if depth <= 0 and not quote:
            return index, comment if index == first else ""
    return len(lines) - 1, ""


def _after(text: str, quote: str, at: int) -> int:
    """Return where a multi-line string ends on this line, -1 when it does not."""
    while True:
        end = text.find(quote, at)
        if end < 0:
            return -1
        if quote == "'''" or (len(text[:end]) - len(text[:end].rstrip("\\"))) % 2 == 0:
            return end + len(quote)
        at = end + 1


def _path_of(header: str) -> Path | None:
    return _only_path(header)


def _keys_of(line: str) -> Path | None:
    at = line.find("=")
    while at >= 0:
        path = _only_path(f"{line[:at]}= 0")
        if path is not None:
            return path
        at = line.find("=", at + 1)
    return None


def _only_path(text: str) -> Path | None:
    """Return the one path that a header or a key with the value 0 names."""
    try:
        inner: object = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    path: list[str] = []
    while isinstance(inner, dict) and inner:
        name, inner = next(iter(inner.items()))
        path.append(name)
    return tuple(path)


def _changed(document: Document, path: Path, value: Value | None) -> Document:
    if len(path) == 1:
        rest = {name: each for name, each in document.items() if name != path[0]}
        return rest if value is None else {**rest, path[0]: list(value) if isinstance(value, tuple) else value}
    below = document.get(path[0], {})
    if not isinstance(below, dict):
        return document  # the caller sees that nothing changed
    return {**document, path[0]: _changed(below, path[1:], value)}


def _bare(document: object) -> object:
    """A document without its empty tables: whether their headers stay says nothing."""
    if not isinstance(document, dict):
        return document
    inner = {name: _bare(each) for name, each in document.items()}
    return {name: each for name, each in inner.items() if each != {}}


def _place(words: str, text: str) -> str:
    found = _AT.search(words)
    if found is None:
        return f"It is not TOML: {words[:120]}."
    line = int(found[1]) if found[1] else text.count("\n") + 1
    column = f", column {found[2]}" if found[2] else " (the end of the file)"
    return f"Line {line}{column}: {words[: found.start()].strip()[:120]}."
