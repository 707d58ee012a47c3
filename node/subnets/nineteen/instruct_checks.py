"""Exact checks of single conditions on a text: no model judges, and no opinion. Pure, bounded, never raise.

A text comes trimmed. Each check is a small function of the text and the numbers of its exercise.
"""

import ast
import csv
import io
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

TEXT_CHARS_MAX: Final = 16_384  # an answer of 2 048 tokens stays below; what is longer meets nothing
_EXPRESSION_CHARS_MAX: Final = 200
_EXPRESSION_DEPTH_MAX: Final = 20
_VALUE_MAX: Final = 10**12  # results of tests stay far below; what grows beyond is wrong

Check = Callable[[str], bool]


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def bullets(text: str) -> list[str] | None:
    """The contents of a text that is nothing but bullet points, None for any other."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if not line.startswith(("- ", "* ", "• ")):
            return None
        found.append(line[2:].strip())
    return found or None


def has_bullets(count: int) -> Check:
    return lambda text: len(bullets(text) or ()) == count


def each_bullet_at_most(limit: int) -> Check:
    return lambda text: (found := bullets(text)) is not None and all(len(words(each)) <= limit for each in found)


def each_bullet_begins_with_capital() -> Check:
    return lambda text: (found := bullets(text)) is not None and all(each[:1].isupper() for each in found)


def without_letter(letter: str) -> Check:
    return lambda text: bool(text) and letter not in text.lower()


def at_most_words(limit: int) -> Check:
    return lambda text: 0 < len(words(text)) <= limit


def at_least_words(limit: int) -> Check:
    return lambda text: len(words(text)) >= limit


def begins_with(start: str) -> Check:
    return lambda text: text.startswith(start)


def ends_with(end: str) -> Check:
    return lambda text: text.endswith(end)


def mentions(word: str) -> Check:
    return lambda text: word.lower() in text.lower()


def upper_case() -> Check:
    return lambda text: text.isupper()


def lower_case() -> Check:
    return lambda text: text.islower()


def sentences(count: int) -> Check:
    return lambda text: len(re.findall(r"[.!?](?=\s|$)", text)) == count and text.endswith((".", "!", "?"))


def one_line() -> Check:
    return lambda text: bool(text) and len(text.splitlines()) == 1


def is_exactly(*wanted: str) -> Check:
    """One of these texts; case, and a full stop at the end, do not matter."""
    known = {each.lower() for each in wanted}
    return lambda text: text.lower().rstrip(".") in known


def each_line_one_address() -> Check:
    return lambda text: bool(text) and all("@" in line and " " not in line.strip() for line in text.splitlines())


def lists(items: Sequence[str], separator: str) -> Check:
    """Exactly these items in this order between separators."""
    return lambda text: [each.strip() for each in text.split(separator)] == list(items)


def lists_items(items: Sequence[str], separator: str) -> Check:
    """Exactly these items, in any order, none twice."""
    return lambda text: sorted(each.strip() for each in text.split(separator)) == sorted(items)


def separated(separator: str, count: int) -> Check:
    """So many items between separators, none empty."""
    return lambda text: len(found := [each.strip() for each in text.split(separator)]) == count and all(found)


def holds_number(number: int) -> Check:
    """The number stands in the text, and not as a part of a longer one."""
    return lambda text: str(number) in re.findall(r"-?\d+", text.replace(",", "").replace(" ", " "))


def no_digits() -> Check:
    return lambda text: bool(text) and not any(letter.isdigit() for letter in text)


# --- JSON and CSV ---------------------------------------------------------------------------------------------------


def json_object(text: str) -> Mapping[str, object] | None:
    """The object that the whole text is; None for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def has_keys(keys: Sequence[str]) -> Check:
    return lambda text: (found := json_object(text)) is not None and set(found) == set(keys)


def key_is(key: str, kind: type) -> Check:
    """The value is of that JSON type; true and false are no numbers."""
    return lambda text: (found := json_object(text)) is not None and type(found.get(key)) is kind


def key_equals(key: str, value: object) -> Check:
    return lambda text: (
        (found := json_object(text)) is not None and found.get(key) == value and type(found.get(key)) is type(value)
    )


def key_has_items(key: str, count: int) -> Check:
    def check(text: str) -> bool:
        value = (json_object(text) or {}).get(key)
        return isinstance(value, list) and len(value) == count

    return check


def csv_rows(text: str) -> list[list[str]] | None:
    """The rows of a text that is CSV with equally many cells in each row; None for anything else."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error:
        return None
    return rows if rows and len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows) else None


def csv_shape(header: Sequence[str], count: int) -> Check:
    """A header as named and so many rows below it."""
    return lambda text: (rows := csv_rows(text)) is not None and rows[0] == list(header) and len(rows) == count + 1


def csv_row(row: Sequence[str]) -> Check:
    return lambda text: (rows := csv_rows(text)) is not None and list(row) in [[c.strip() for c in r] for r in rows[1:]]


def csv_sorted_by(column: int) -> Check:
    """Whole numbers in a column, smallest first."""

    def check(text: str) -> bool:
        rows = csv_rows(text)
        try:
            values = [int(row[column]) for row in rows[1:]] if rows is not None else []
        except (ValueError, IndexError):
            return False
        return bool(values) and values == sorted(values)

    return check


# --- code -----------------------------------------------------------------------------------------------------------

_BINARY: Final[Mapping[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}  # fmt: skip
_CALLS: Final[Mapping[str, Callable[..., int]]] = {"abs": abs, "max": max, "min": min}


def computes(cases: Sequence[tuple[int, int]]) -> Check:
    """An expression in x of + - * // % ** with small powers, abs, max and min that maps each x to its value.

    Evaluated here node by node with bounded numbers: never by the interpreter.
    """

    def check(text: str) -> bool:
        tree = expression(text)
        return tree is not None and all(evaluate(tree, x, 0) == wanted for x, wanted in cases)

    return check


def expression(text: str) -> ast.expr | None:
    """The syntax tree of a text that is one expression; None for anything else."""
    if len(text) > _EXPRESSION_CHARS_MAX:
        return None
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def evaluate(node: ast.expr, x: int, depth: int) -> int | None:
    """The value of an expression; None for whatever is not allowed, not a number, or too large."""
    if depth > _EXPRESSION_DEPTH_MAX:
        return None
    value: int | None = None
    match node:
        case ast.Constant(value=int(number)) if type(number) is int:
            value = number
        case ast.Name(id="x"):
            value = x
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            one = evaluate(inner, x, depth + 1)
            value = None if one is None else -one
        case ast.BinOp(left=left, op=op, right=right):
            value = _binary(op, evaluate(left, x, depth + 1), evaluate(right, x, depth + 1))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _CALLS and 0 < len(arguments) < 4:
            given = [evaluate(each, x, depth + 1) for each in arguments]
            known = [each for each in given if each is not None]
            if len(known) == len(given) and (len(known) == 1) == (name == "abs"):
                value = _CALLS[name](*known)
    return value if value is not None and abs(value) <= _VALUE_MAX else None


def _binary(op: ast.operator, left: int | None, right: int | None) -> int | None:
    if left is None or right is None:
        return None
    if isinstance(op, ast.Pow):
        return int(left**right) if 0 <= right <= 6 and abs(left) <= 10_000 else None
    apply = _BINARY.get(type(op))
    if apply is None or (right == 0 and isinstance(op, ast.FloorDiv | ast.Mod)):
        return None
    return apply(left, right)
