"""Bytes that are almost valid: what an attacker gets by bending sound encodings."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

PIECES = (
    b"\xc0",  # nil
    b"\xc2\xc3",  # booleans
    b"\xca\x7f\xc0\x00\x00",  # a float that is no number
    b"\xcb" + b"\xff" * 8,
    b"\xcf" + b"\xff" * 8,  # 2^64 - 1
    b"\xd3\x80" + b"\0" * 7,  # -2^63
    b"\xff",  # -1
    b"\xc6\xff\xff\xff\xff",  # 4 GiB of bytes announced
    b"\xdd\xff\xff\xff\xff",  # 4 billion elements announced
    b"\xdf\x7f\xff\xff\xff",  # a giant map
    b"\xdb\xff\xff\xff\xff",  # a giant text
    b"\xa4\xed\xa0\x80x",  # half of a surrogate pair
    b"\xc9\0\0\0\1\1x",  # an extension type
    b"\x91" * 2000,  # deep nesting
    b"\x81\xa1a" * 500,
    b"\xc4\x00",
    b"\x90",
    b"[" * 2000,
    b'{"a":' * 500,
    b'"\\ud800"',
    b"1e999",
    b"-0",
    b"9" * 40,
)


@st.composite
def bent(draw: st.DrawFn, samples: tuple[bytes, ...]) -> bytes:
    """One of `samples` after one to four changes."""
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, min(40, len(data) - at)))
        match draw(st.integers(0, 5)):
            case 0 if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                data[at : at + length] = draw(st.sampled_from(PIECES))
            case 4:
                del data[at:]
            case _:
                data[at : at + length] = draw(st.binary(max_size=20))
    return bytes(data)


def hostile(samples: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Arbitrary bytes, and bent samples three times as often."""
    almost = bent(samples)
    return st.one_of(st.binary(max_size=400), almost, almost, almost)


VALUES = (
    None, True, -1, 0, 1, 2**31, 2**63 - 1, 2**63, 2**64, 10**40, 1.5, 1e308, "", "5", "\ud800", "\x00", "é" * 5000,
    [], {}, [[]], [None],
)  # fmt: skip


@st.composite
def bent_json(draw: st.DrawFn, sample: bytes) -> bytes:
    """A JSON document with one or two of its values, keys or elements exchanged, dropped or doubled."""
    document = json.loads(sample)
    for _ in range(draw(st.integers(1, 2))):
        places: list[tuple[Any, Any]] = []
        _collect(document, places)
        if not places:
            break
        box, key = draw(st.sampled_from(places))
        match draw(st.integers(0, 3)):
            case 0 if isinstance(box, dict):
                del box[key]
            case 1 if isinstance(box, list):
                box.append(copy.deepcopy(box[key]))
            case 2 if isinstance(box, dict):
                box[f"{key}x"] = copy.deepcopy(box[key])
            case _:
                box[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    return json.dumps(document).encode()


def _collect(value: Any, places: list[tuple[Any, Any]]) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        places.append((value, key))
        _collect(inner, places)
