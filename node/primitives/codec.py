"""The canonical encoding of everything that is hashed, signed, gossiped or stored by consensus.

A profile of MessagePack: arrays only (structs are arrays of their fields in order), unsigned integers of at most 64
bits, bytes, booleans; no floats, no maps, no nil; text only in the few fields meant for display. Equal values have
equal bytes: `decode_canonical` decodes, encodes again and refuses anything that is not identical. The byte vectors in
`tests/unit/primitives` pin the format; it must outlive the library.
"""

from typing import Any, TypeVar

import msgspec

from node.primitives.errors import DecodeError

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[object, msgspec.msgpack.Decoder[Any]] = {}


class Wire(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Base of every struct with a canonical encoding; subclasses list their fields in wire order.

    Wire values are trees of immutable parts, so none is ever in a cycle that the collector would have to find.
    """


def encode(value: object) -> bytes:
    """Return the canonical bytes of a `Wire` struct (or tuple of profile values)."""
    return _encoder.encode(value)


def decode_canonical(kind: type[T], data: bytes, *, max_bytes: int) -> T:
    """Return the `kind` that `data` encodes.

    Raises:
        DecodeError: longer than `max_bytes`, not a `kind`, or not the canonical encoding of it.
    """
    if len(data) > max_bytes:
        raise DecodeError(f"{len(data)} bytes where at most {max_bytes} are allowed for {_name(kind)}.")
    try:
        value = _decoder(kind).decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise DecodeError(f"These bytes are no {_name(kind)}: {error}.") from error
    if _encoder.encode(value) != data:
        raise DecodeError(f"This is not the canonical encoding of a {_name(kind)}.")
    return value


def build_decoders() -> int:
    """Make the decoder of every `Wire` struct that is loaded, and return their number.

    To be called before a second thread decodes. The library makes what it knows of a struct when it first meets it,
    and meanwhile shows other threads a half of it: decoding with that ends the process with a segmentation fault.
    """
    kinds: list[type[Wire]] = Wire.__subclasses__()
    for kind in kinds:
        kinds += kind.__subclasses__()
        _decoder(kind)
    return len(kinds)


def _decoder(kind: type[T]) -> msgspec.msgpack.Decoder[T]:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.msgpack.Decoder(kind)
    return decoder


def _name(kind: object) -> str:
    kinds = getattr(kind, "__args__", ())  # of a union: its hundred names would hide what is wrong
    return "known kind" if kinds else getattr(kind, "__name__", str(kind))
