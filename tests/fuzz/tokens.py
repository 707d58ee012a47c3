"""The tokens of a MessagePack encoding, and ways to write one of them differently."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["int", "bytes", "text", "array", "other"]
_WIDTHS = {
    0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDC: 2, 0xDD: 4, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8,
}  # fmt: skip


@dataclass(frozen=True)
class Token:
    """Bytes `start` to `end`; for arrays only the head, `size` counts bytes, letters or elements (ints: the value)."""

    kind: Kind
    start: int
    end: int
    size: int


def tokens(data: bytes) -> Iterator[Token]:
    """Give the tokens of canonical `data` in order."""
    at = 0
    while at < len(data):
        token = _token(data, at)
        yield token
        at = token.end


def widened(data: bytes) -> Iterator[bytes]:
    """Give `data` with each token in turn written longer than needed: the same value, another encoding."""
    for token in tokens(data):
        longer = _longer(token, data)
        if longer is not None:
            yield data[: token.start] + longer + data[token.end :]


def cut_keys(data: bytes) -> Iterator[bytes]:
    """Give `data` with each hash, key or signature in turn one byte shorter, and one byte longer."""
    for token in tokens(data):
        if token.kind == "bytes" and token.size in (32, 64):
            value = data[token.end - token.size : token.end]
            for other in (value[:-1], value + b"\0"):
                yield data[: token.start] + b"\xc4" + bytes([len(other)]) + other + data[token.end :]


def other_numbers(data: bytes) -> Iterator[bytes]:
    """Give `data` with each number in turn replaced by the ends of what 64 bits hold."""
    for token in tokens(data):
        if token.kind == "int":
            for written in (b"\xff", b"\xcf" + b"\xff" * 8, b"\xcf\x80" + bytes(7), b"\xd3\x80" + bytes(7)):
                yield data[: token.start] + written + data[token.end :]


def _token(data: bytes, at: int) -> Token:
    head = data[at]
    if head < 0x80:
        return Token("int", at, at + 1, head)
    if 0x90 <= head <= 0x9F:
        return Token("array", at, at + 1, head & 0xF)
    if 0xA0 <= head <= 0xBF:
        return Token("text", at, at + 1 + (head & 0x1F), head & 0x1F)
    width = _WIDTHS.get(head)
    if width is None:
        return Token("other", at, at + 1, 0)
    value = int.from_bytes(data[at + 1 : at + 1 + width], "big")
    inside = at + 1 + width
    if head in (0xC4, 0xC5, 0xC6):
        return Token("bytes", at, inside + value, value)
    if head in (0xD9, 0xDA):
        return Token("text", at, inside + value, value)
    if head in (0xDC, 0xDD):
        return Token("array", at, inside, value)
    return Token("int", at, inside, value)


def _longer(token: Token, data: bytes) -> bytes | None:
    body = data[token.end - token.size : token.end] if token.kind in ("bytes", "text") else b""
    match token.kind:
        case "int" if token.size < 1 << 32:
            return b"\xcf" + token.size.to_bytes(8, "big")
        case "bytes" if token.size < 1 << 16:
            return b"\xc6" + token.size.to_bytes(4, "big") + body
        case "text":
            return b"\xdb" + token.size.to_bytes(4, "big") + body
        case "array":
            return b"\xdd" + token.size.to_bytes(4, "big")
    return None
