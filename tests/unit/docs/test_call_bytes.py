"""The table of all calls in bytes, made again from the values that it shows; nothing of the node is imported here."""

import re

import pytest

from docs.generate import ROOT
from tests.reference.follower.wire import Value, pack
from tests.unit.docs.pages import PROTOCOL, cells, text_of

VECTORS = ROOT / "docs" / "vectors.md"


def value_of(text: str) -> tuple[list[Value], str]:
    """The values that a row of the table writes, up to the end or a closing bracket; and what is left."""
    values: list[Value] = []
    while text and not text.startswith("]"):
        text = text.removeprefix(", ")
        if text.startswith("["):
            inner, text = value_of(text[1:])
            values.append(inner)
            text = text.removeprefix("]")
            continue
        token = re.match(r'"[^"]*"|[^,\]]+', text)
        assert token is not None, text
        values.append(token_value(token[0]))
        text = text[token.end() :]
    return values, text


def token_value(token: str) -> Value:
    if token in ("true", "false"):
        return token == "true"
    if token.startswith('"'):
        return token.strip('"')
    if token.startswith("0x"):
        return bytes.fromhex(token[2:])
    return bytes.fromhex(token) * 32 if re.fullmatch(r"[A-F][0-9A-F]", token) else int(token)


CALLS = cells("calls", text_of(PROTOCOL))
CALL_BYTES = cells("call bytes", text_of(VECTORS))


def test_every_call_has_its_bytes() -> None:
    assert [row[:2] for row in CALLS] == [row[:2] for row in CALL_BYTES]
    assert len(CALLS) > 70


@pytest.mark.parametrize(("call", "shown"), list(zip(CALLS, CALL_BYTES, strict=True)), ids=[row[1] for row in CALLS])
def test_a_call_is_the_array_of_its_tag_and_the_fields_of_the_table(call: list[str], shown: list[str]) -> None:
    values, rest = value_of(shown[2].strip("`"))
    assert not rest
    assert len(values) == len(re.findall(r"`\w+`:", call[4])), "a value for each field"
    assert shown[3].strip("`") == pack([int(call[0]), *values]).hex()
