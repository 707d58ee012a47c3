"""Forms of answers: what a schema allows, byte by byte, and that everything it cannot express is refused by name."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import BadSampling
from models.grammar import ANY_OBJECT, Grammar, grammar_of
from models.schema import parse_schema

PERSON = json.dumps(
    {
        "type": "object",
        "title": "Person",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 5},
            "age": {"type": "integer"},
            "tags": {"type": "array", "items": {"enum": ["a", "ab", 1]}, "minItems": 1, "maxItems": 2},
            "home": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/place"}]},
        },
        "required": ["name", "tags"],
        "additionalProperties": False,
        "$defs": {"place": {"properties": {"x": {"type": "number"}, "ok": {"type": "boolean"}}, "required": ["x"]}},
    }
)


def accepts(form: str, text: str) -> bool:
    grammar = grammar_of(form)
    return Grammar.complete(grammar.run(grammar.start, text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Bob", "tags": ["a"]}',
        '{"name":"Bob","age":-12,"tags":["ab", 1],"home":{"x": 1.5e-3, "ok": true}}',
        '{"name":"é\\n\\u00e9ñ漢","tags":[1],"home":null}',
    ],
)
def test_what_the_schema_describes_is_allowed(text: str) -> None:
    assert accepts(PERSON, text)


@pytest.mark.parametrize(
    "text",
    [
        '{"tags": ["a"]}',  # a required key is missing
        '{"name": "", "tags": ["a"]}',  # too short
        '{"name": "Bobbie", "tags": ["a"]}',  # too long
        '{"name": "漢漢漢漢漢漢", "tags": ["a"]}',  # length is counted in characters
        '{"name": "B", "tags": []}',
        '{"name": "B", "tags": ["a", "a", "a"]}',
        '{"name": "B", "tags": ["b"]}',
        '{"name": "B", "age": 1.5, "tags": ["a"]}',
        '{"name": "B", "age": 01, "tags": ["a"]}',
        '{"name": "B", "tags": ["a"], "more": 1}',
        '{"name": "B", "tags": ["a"], "home": {"ok": true}}',
        '{"name": "B",  "tags": ["a"]}',  # one space at most
        '{"name": "B\t", "tags": ["a"]}',
        '{"name": "\\ud800", "tags": ["a"]}',  # half a character
        '{"name": "B", "tags": ["a"]} ',
        '{"name": "B", "tags": ["a"]',
    ],
)
def test_what_it_does_not_describe_is_refused(text: str) -> None:
    assert not accepts(PERSON, text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**14), 10**14)
    | st.text(max_size=20)
    | st.integers(-8_000, 8_000).map(lambda n: n / 8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.booleans())
def test_the_form_json_allows_every_object_and_nothing_after_it(value: dict[str, object], spaced: bool) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": ") if spaced else (",", ":"))
    assert accepts(ANY_OBJECT, text)
    assert not accepts(ANY_OBJECT, text + "}")
    assert not accepts(ANY_OBJECT, text[:-1])


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='{}[]":,0123456789.eE+-truefalsn\\ u', max_size=24))
def test_what_is_allowed_is_json(text: str) -> None:
    if accepts(ANY_OBJECT, text):
        assert isinstance(json.loads(text), dict)


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        ("{", "no JSON"),
        ("[]", "no object"),
        ('{"type": "text"}', "none of"),
        ('{"type": "string", "pattern": "a+"}', "pattern"),
        ('{"type": "number", "minimum": 1}', "minimum"),
        ('{"$ref": "#"}', "recursion"),
        ('{"$ref": "#/$defs/gone"}', "not there"),
        ('{"$ref": "http://elsewhere/"}', "another document"),
        ('{"enum": []}', "enum"),
        ('{"type": "string", "minLength": 5, "maxLength": 1}', "minLength"),
        ('{"type": "array", "maxItems": -1}', "maxItems"),
        ('{"type": "object", "properties": {}, "required": ["a"]}', "requires"),
        ('{"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}', "additionalProperties"),
        ('{"const": NaN}', "no JSON"),
        ('{"const": 1e999}', "written"),
        ('{"enum": [1, [-1e999]]}', "written"),
        (" " * 20_000, "characters"),
        ("[" * 15_000, "no JSON"),
    ],
)
def test_a_schema_that_is_not_understood_is_refused_by_name(schema: str, word: str) -> None:
    with pytest.raises(BadSampling, match=word):
        grammar_of(schema)


def test_however_deep_a_value_of_a_schema_is_it_is_read_or_refused() -> None:
    for depth in range(100, 1_100):
        with suppress(BadSampling):
            parse_schema(f'{{"const": {"[" * depth}{"]" * depth}}}')


def test_a_number_ends() -> None:
    where = '{"type": "number"}'
    assert accepts(where, "-12.5e-10")
    assert not accepts(where, "1" * 16)
    assert not accepts(where, "1." + "1" * 16)
    assert not accepts(where, "1e100")
    assert not accepts(where, "-")


def test_values_that_begin_alike_are_told_apart() -> None:
    form = '{"enum": ["a", "ab", 1, 12]}'
    assert all(accepts(form, text) for text in ('"a"', '"ab"', "1", "12"))
    assert not any(accepts(form, text) for text in ('"abc"', "123", "2", ""))


def test_many_values_are_one_way_to_go_on_and_too_many_ways_are_refused() -> None:
    values = [f"value {n}" for n in range(256)]
    grammar = grammar_of(json.dumps({"enum": values}))
    assert len(grammar.run(grammar.start, b'"value 1')) == 1
    assert all(accepts(json.dumps({"enum": values}), json.dumps(each)) for each in values)
    lengths = {"anyOf": [{"type": "string", "minLength": n} for n in range(200)]}
    grammar = grammar_of(json.dumps({"type": "array", "items": lengths}))
    with pytest.raises(BadSampling, match="too many ways"):
        grammar.run(grammar.start, b'["a')


WORD = st.sampled_from(
    ["type", "properties", "required", "items", "enum", "const", "anyOf", "$ref", "$defs", "minLength", "maxLength",
     "minItems", "maxItems", "title", "x", "object", "array", "string", "integer", "#", "#/$defs/x", "#/properties/x"]
)  # fmt: skip
SCHEMA = st.recursive(
    WORD | st.integers(-2, 40) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORD, inner, max_size=5),
    max_leaves=14,
)


@settings(max_examples=300, deadline=None)
@given(SCHEMA, st.binary(max_size=12))
def test_whatever_the_schema_it_is_followed_or_refused(schema: object, text: bytes) -> None:
    try:
        grammar = grammar_of(json.dumps(schema))
        grammar.run(grammar.start, text)
    except BadSampling:
        pass
