"""Encoding, hashes and signatures of docs/protocol.md: "Encoding", "Hashes and domains", "Addresses".

Decoding is strict: whatever does not encode to the same bytes again is refused, and sizes are looked at first.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, TypeVar

import base58
import nacl.bindings
import nacl.exceptions

Value = int | bool | bytes | str | Sequence["Value"]
T = TypeVar("T")

U64 = 2**64 - 1
U63 = 2**63 - 1
HASH = 32
SIGNATURE = 64
DEPTH_MAX = 32
ZEROS = bytes(HASH)
UNSIGNED = bytes(SIGNATURE)


class Refused(ValueError):
    """Bytes that the page does not allow, or that prove nothing."""


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Refused(what)


# --- encoding ---------------------------------------------------------------------------------------------------------


def pack(value: Value) -> bytes:
    """The one encoding of a value."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        require(0 <= value <= U64, "a number that does not fit 64 bits")
        if value < 0x80:
            return bytes([value])
        return _sized(value, {1: 0xCC, 2: 0xCD, 4: 0xCE, 8: 0xCF})
    if isinstance(value, bytes):
        return _sized(len(value), {1: 0xC4, 2: 0xC5, 4: 0xC6}) + value
    if isinstance(value, str):
        text = value.encode()
        short = bytes([0xA0 | len(text)]) if len(text) < 32 else _sized(len(text), {1: 0xD9, 2: 0xDA, 4: 0xDB})
        return short + text
    short = bytes([0x90 | len(value)]) if len(value) < 16 else _sized(len(value), {2: 0xDC, 4: 0xDD})
    return short + b"".join(pack(item) for item in value)


def _sized(number: int, heads: dict[int, int]) -> bytes:
    size = next(size for size in heads if number < 1 << 8 * size)
    return bytes([heads[size]]) + number.to_bytes(size, "big")


def unpack(raw: bytes, most: int) -> Value:
    """The value in at most `most` bytes. Raises Refused."""
    require(len(raw) <= most, f"{len(raw)} bytes where {most} are allowed")
    value, end = _value(raw, 0, 0)
    require(end == len(raw), "bytes after the end")
    require(pack(value) == raw, "not the one encoding of this value")
    return value


_NUMBERS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
_BYTES = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_TEXTS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAYS = {0xDC: 2, 0xDD: 4}


def _value(raw: bytes, at: int, depth: int) -> tuple[Value, int]:
    require(depth < DEPTH_MAX, "nested too deep")
    head, at = _take(raw, at, 1)
    first = head[0]
    if first < 0x80:
        return first, at
    if first in (0xC2, 0xC3):
        return first == 0xC3, at
    if first in _NUMBERS:
        digits, at = _take(raw, at, _NUMBERS[first])
        return int.from_bytes(digits, "big"), at
    if first in _BYTES:
        return _counted(raw, at, _BYTES[first])
    if first in _TEXTS or 0xA0 <= first < 0xC0:
        text, at = _counted(raw, at, _TEXTS[first]) if first in _TEXTS else _take(raw, at, first & 0x1F)
        try:
            return text.decode(), at
        except UnicodeDecodeError as error:
            raise Refused("a text that is not UTF-8") from error
    if first in _ARRAYS:
        digits, at = _take(raw, at, _ARRAYS[first])
        count = int.from_bytes(digits, "big")
    else:
        require(0x90 <= first < 0xA0, f"the byte {first:#x} begins no value")
        count = first & 0x0F
    items: list[Value] = []
    for _ in range(count):  # each item takes a byte at least, so the bytes end before memory does
        item, at = _value(raw, at, depth + 1)
        items.append(item)
    return items, at


def _take(raw: bytes, at: int, count: int) -> tuple[bytes, int]:
    require(at + count <= len(raw), "the bytes end inside a value")
    return raw[at : at + count], at + count


def _counted(raw: bytes, at: int, size: int) -> tuple[bytes, int]:
    digits, at = _take(raw, at, size)
    return _take(raw, at, int.from_bytes(digits, "big"))


# --- structs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Struct:
    """Fields in the order of their table, after the tag where the struct is one of a family."""

    TAG: ClassVar[int | None] = None

    def plain(self) -> list[Value]:
        head: list[Value] = [] if self.TAG is None else [self.TAG]
        return head + [plain(getattr(self, field.name)) for field in fields(self)]

    def raw(self) -> bytes:
        return pack(self.plain())


def plain(value: object) -> Value:
    """A value in which structs are arrays."""
    if isinstance(value, Struct):
        return value.plain()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, bool | int | bytes | str):
        return value
    raise Refused(f"a {type(value).__name__} has no encoding")


class Fields:
    """Reads the fields of an array one after the other, each within its bounds."""

    def __init__(self, value: Value, count: int, tag: int | None = None) -> None:
        require(isinstance(value, list), "an array was expected")
        items = list(value) if isinstance(value, list) else []
        if tag is not None:
            require(bool(items) and items[0] == tag and type(items[0]) is int, f"the tag {tag} was expected")
            items = items[1:]
        require(len(items) == count, f"{count} fields were expected, here are {len(items)}")
        self._items = iter(items)

    def any(self) -> Value:
        value: Value = next(self._items)
        return value

    def number(self, most: int = U64, least: int = 0) -> int:
        value = self.any()
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Refused(f"a number from {least} to {most} was expected")
        return value

    def flag(self) -> bool:
        value = self.any()
        if not isinstance(value, bool):
            raise Refused("true or false was expected")
        return value

    def blob(self, most: int, least: int = 0) -> bytes:
        value = self.any()
        if not isinstance(value, bytes) or not least <= len(value) <= most:
            raise Refused(f"{least} to {most} bytes were expected")
        return value

    def fixed(self, size: int = HASH) -> bytes:
        return self.blob(size, size)

    def text(self, most: int) -> str:
        value = self.any()
        if not isinstance(value, str) or len(value) > most:
            raise Refused(f"a text of at most {most} characters was expected")
        return value

    def each(self, read: Callable[[Value], T], most: int, least: int = 0) -> tuple[T, ...]:
        value = self.any()
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise Refused(f"a list of {least} to {most} was expected")
        return tuple(read(item) for item in value)

    def one(self, read: Callable[[Value], T]) -> T:
        return read(self.any())


def as_hash(value: Value) -> bytes:
    """The hash or account that a value must be."""
    if not isinstance(value, bytes) or len(value) != HASH:
        raise Refused("32 bytes were expected")
    return value


def as_bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise Refused("a byte string was expected")
    return value


def as_number(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused("a number was expected")
    return value


# --- hashes -----------------------------------------------------------------------------------------------------------


def h(domain: str, *parts: bytes) -> bytes:
    joined = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.blake2b(joined, digest_size=HASH, person=domain.encode()).digest()


def row_path(pallet: str, item: str, key: Value | None = None) -> bytes:
    """Where a row of the state is."""
    return h("state", pallet.encode(), item.encode(), b"" if key is None else pack(key))


# --- signatures -------------------------------------------------------------------------------------------------------

_P = 2**255 - 19
_ORDER_8 = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
_SMALL = {0, 1, _P - 1, _P, _P + 1, *(int.from_bytes(bytes.fromhex(point), "little") for point in _ORDER_8)}


def signed(account: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an account signed a message, by the page's rule."""
    if len(account) != HASH or len(signature) != SIGNATURE:
        return False
    for point in (account, signature[:HASH]):
        if int.from_bytes(point, "little") & (1 << 255) - 1 in _SMALL:
            return False
    try:
        nacl.bindings.crypto_sign_open(signature + message, account)
    except (nacl.exceptions.BadSignatureError, ValueError):
        return False
    return True


def account_of(address: str) -> bytes:
    """The account behind an ss58 address. Raises Refused."""
    try:
        raw = base58.b58decode(address)
    except ValueError as error:
        raise Refused("no base58") from error
    require(len(raw) == 35 and raw[0] == 42, "an address of another format")
    require(hashlib.blake2b(b"SS58PRE" + raw[:33]).digest()[:2] == raw[33:], "a mistyped address")
    return bytes(raw[1:33])
