"""A JSON schema as a table of places: which subset is understood, and that a schema stays within its bounds.

Understood: type (also a list), properties, required, items, enum, const, anyOf, local $ref without recursion,
minLength, maxLength, minItems, maxItems. Objects are closed: what `properties` does not name cannot appear. Everything
else that would change what is valid is refused by name; annotations (title, description, …) are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from models.errors import BadSampling
from models.limits import (
    MAX_SCHEMA_CHARS,
    MAX_SCHEMA_CHOICES,
    MAX_SCHEMA_DEPTH,
    MAX_SCHEMA_KEYS,
    MAX_SCHEMA_LENGTH,
    MAX_SCHEMA_NODES,
)

_NOTES: Final = frozenset({"title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated"})
_TYPES: Final = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_WORDS: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs",
     "definitions", "minLength", "maxLength", "minItems", "maxItems"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a schema: the text must be one of `literals`, or of one of `kinds`, or fit a place of `any_of`.

    Bounds are characters of a string or items of an array; -1 is no upper bound. `keys` are (encoded key, place,
    required) in the order in which they are written.
    """

    kinds: tuple[str, ...] = ()
    literals: tuple[bytes, ...] = ()
    any_of: tuple[int, ...] = ()
    keys: tuple[tuple[bytes, int, bool], ...] = ()
    items: int = -1  # place of the items; -1 for any JSON
    least: int = 0
    most: int = -1
    least_items: int = 0
    most_items: int = -1


@dataclass(frozen=True, slots=True)
class Schema:
    """The places; number 0 is the whole."""

    places: tuple[Place, ...]


def parse_schema(text: str) -> Schema:
    """The places of a JSON schema. Raises BadSampling that names what is not understood and where."""
    if len(text) > MAX_SCHEMA_CHARS:
        raise BadSampling(f"response_format: a JSON schema has at most {MAX_SCHEMA_CHARS} characters, not {len(text)}")
    try:
        root = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadSampling(f"response_format: the JSON schema is no JSON: {error!s:.100}") from error
    parser = _Parser(root)
    parser.place(root, "the schema", 0)
    return Schema(tuple(parser.places))


class _Parser:
    def __init__(self, root: object) -> None:
        self.places: list[Place] = []
        self._root = root

    def place(self, node: object, where: str, depth: int) -> int:
        """Add the place of a schema node and return its number."""
        if node is True:
            node = {}
        if not isinstance(node, dict):
            _refuse(where, "is no object")
        if depth > MAX_SCHEMA_DEPTH:
            _refuse(where, f"is nested deeper than {MAX_SCHEMA_DEPTH}; recursion is not supported")
        unknown = sorted(key for key in node if key not in _WORDS and key not in _NOTES)
        if unknown:
            _refuse(where, f"uses {unknown[0]!r:.40}, which is not supported")
        if "$ref" in node:
            return self.place(self._target(node["$ref"], where), where, depth + 1)
        number = len(self.places)
        if number >= MAX_SCHEMA_NODES:
            _refuse(where, f"makes it more than {MAX_SCHEMA_NODES} places")
        self.places.append(Place())
        self.places[number] = self._read(node, where, depth)
        return number

    def _read(self, node: Mapping[str, object], where: str, depth: int) -> Place:
        if "const" in node:
            return Place(literals=(_encoded(node["const"]),))
        if "enum" in node:
            values = node["enum"]
            if not isinstance(values, list) or not 1 <= len(values) <= MAX_SCHEMA_CHOICES:
                _refuse(where, f"has an enum that is no list of 1 to {MAX_SCHEMA_CHOICES} values")
            return Place(literals=tuple(dict.fromkeys(map(_encoded, values))))
        if "anyOf" in node:
            options = node["anyOf"]
            if not isinstance(options, list) or not 1 <= len(options) <= MAX_SCHEMA_CHOICES:
                _refuse(where, "has an anyOf that is no list of schemas")
            return Place(
                any_of=tuple(self.place(each, f"{where}, anyOf {n}", depth + 1) for n, each in enumerate(options))
            )
        kinds = self._kinds(node, where)
        least, most = _bounds(node, "minLength", "maxLength", where)
        least_items, most_items = _bounds(node, "minItems", "maxItems", where)
        items = -1
        if "array" in kinds and "items" in node:
            items = self.place(node["items"], f"{where}, items", depth + 1)
        keys = self._keys(node, where, depth) if "object" in kinds else ()
        if "object" in kinds and "properties" not in node:
            kinds = tuple("any object" if kind == "object" else kind for kind in kinds)
        return Place(kinds, (), (), keys, items, least, most, least_items, most_items)

    def _kinds(self, node: Mapping[str, object], where: str) -> tuple[str, ...]:
        named = node.get("type")
        if named is None:
            return ("object",) if "properties" in node else ("array",) if "items" in node else ("any",)
        kinds = [named] if isinstance(named, str) else named
        if not isinstance(kinds, list) or not kinds or not all(isinstance(k, str) and k in _TYPES for k in kinds):
            _refuse(where, f"has a type that is none of {', '.join(sorted(_TYPES))}")
        return tuple(dict.fromkeys(kinds))

    def _keys(self, node: Mapping[str, object], where: str, depth: int) -> tuple[tuple[bytes, int, bool], ...]:
        properties, required = node.get("properties", {}), node.get("required", [])
        if not isinstance(properties, dict) or len(properties) > MAX_SCHEMA_KEYS:
            _refuse(where, f"has properties that are no object of at most {MAX_SCHEMA_KEYS}")
        if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
            _refuse(where, "has a required that is no list of names")
        missing = [name for name in required if name not in properties]
        if missing:
            _refuse(where, f"requires {missing[0]!r:.40}, which is not among its properties")
        if node.get("additionalProperties", False) not in (False, True):
            _refuse(where, "describes additionalProperties, which is not supported; name them or leave them out")
        return tuple(
            (_encoded(name) + b":", self.place(each, f"{where}, {name!r:.40}", depth + 1), name in required)
            for name, each in properties.items()
        )

    def _target(self, reference: object, where: str) -> object:
        if not isinstance(reference, str) or not reference.startswith("#"):
            _refuse(where, "refers to another document")
        found: object = self._root
        for step in reference[1:].split("/")[1:]:
            if not isinstance(found, dict) or step not in found:
                _refuse(where, f"refers to {reference!r:.60}, which is not there")
            found = found[step]
        return found


def _bounds(node: Mapping[str, object], low: str, high: str, where: str) -> tuple[int, int]:
    least, most = node.get(low, 0), node.get(high, -1)
    for name, value in ((low, least), (high, most)):
        if name in node and (type(value) is not int or not 0 <= value <= MAX_SCHEMA_LENGTH):
            _refuse(where, f"has a {name} that is no number from 0 to {MAX_SCHEMA_LENGTH}")
    if not isinstance(least, int) or not isinstance(most, int) or (high in node and least > most):
        _refuse(where, f"has a {low} above its {high}")
    return least, most


def _encoded(value: object) -> bytes:
    """A value as the answer must write it: compact, as UTF-8. Raises BadSampling."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError) as error:  # 1e999 is read as infinity
        raise BadSampling("response_format: the schema has a value that cannot be written as JSON") from error
    return text.encode("utf-8", "replace")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _refuse(where: str, what: str) -> NoReturn:
    raise BadSampling(f"response_format: {where} {what}")
