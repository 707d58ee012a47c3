"""Arrays and their bytes: little-endian, in row order, checked before anybody computes with them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from node.market.errors import MalformedMessage, Unfit
from node.primitives.types import Hash
from node.subnets.chutes.dims import elements
from node.subnets.chutes.limits import ANSWER_INLINE_BYTES_MAX, PART_BYTES_MAX
from node.subnets.chutes.messages import ITEM_BYTES, Slab, content_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

_TYPES: Final = {
    "float32": "<f4", "float16": "<f2", "int64": "<i8", "int32": "<i4", "int8": "|i1", "uint8": "|u1", "bool": "|b1",
}  # fmt: skip


def from_bytes(name: str, dtype: str, shape: tuple[int, ...], data: bytes) -> "Array":
    """The array in these bytes. Raises Unfit for numbers that are not finite, and for bytes that are no booleans."""
    if len(data) != elements(shape) * ITEM_BYTES[dtype]:
        raise Unfit(f"{name}: expected {elements(shape) * ITEM_BYTES[dtype]} bytes, got {len(data)}.", param=name)
    if dtype == "bool" and data.translate(None, b"\x00\x01"):
        raise Unfit(f"{name}: a boolean is the byte 0 or 1.", param=name)
    array = np.frombuffer(data, np.dtype(_TYPES[dtype])).reshape(shape)
    if not is_finite(array):
        raise Unfit(f"{name}: expected finite numbers, got NaN or infinity.", param=name)
    return array


def to_bytes(array: "Array") -> bytes:
    """The bytes of an array as they travel. Raises KeyError for a type that does not travel."""
    return np.ascontiguousarray(array).astype(_TYPES[array.dtype.name], copy=False).tobytes()


def is_finite(array: "Array") -> bool:
    """Whether it holds neither NaN nor infinity."""
    return array.dtype.kind != "f" or bool(np.isfinite(array.astype(np.float32)).all())


def travels(array: "Array") -> bool:
    """Whether arrays of this type can be sent."""
    return array.dtype.name in _TYPES


def content(outputs: Mapping[str, "Array"]) -> Hash:
    """The digest of outputs, in their order."""
    return content_of(tuple((name, a.dtype.name, a.shape, to_bytes(a)) for name, a in outputs.items()))


def slabs_of(outputs: Mapping[str, "Array"]) -> Iterator[Slab]:
    """The outputs cut into pieces that fit a part each, between rows where a row fits; an empty one is one piece."""
    for name, array in outputs.items():
        data = to_bytes(array)
        row = array.shape[-1] * array.itemsize if array.ndim else array.itemsize
        step = PART_BYTES_MAX // row * row if 0 < row <= PART_BYTES_MAX else PART_BYTES_MAX
        for at in range(0, max(len(data), 1), step):
            yield Slab(name, array.dtype.name, array.shape, at, data[at : at + step])


def inline_bytes(outputs: Mapping[str, "Array"]) -> int:
    """How many bytes the outputs have together."""
    return sum(array.nbytes for array in outputs.values())


def join(slabs: Iterable[Slab]) -> "dict[str, Array]":
    """The outputs that pieces without blobs add up to, in order. Raises MalformedMessage for gaps, Unfit for NaN."""
    heads: dict[str, Slab] = {}
    data: dict[str, bytearray] = {}
    total = 0
    for slab in slabs:
        head = heads.setdefault(slab.name, slab)
        whole = data.setdefault(slab.name, bytearray())
        total += len(slab.data)
        size = elements(head.shape) * ITEM_BYTES[head.dtype]
        if (slab.dtype, slab.shape) != (head.dtype, head.shape) or slab.offset != len(whole) or slab.blob:
            raise MalformedMessage(f"The pieces of {slab.name[:20]!r} do not fit each other.")
        if len(whole) + len(slab.data) > size or total > ANSWER_INLINE_BYTES_MAX:
            raise MalformedMessage(f"{slab.name[:20]!r} has more bytes than its shape, or the answer too many.")
        whole += slab.data
    return {name: from_bytes(name, heads[name].dtype, heads[name].shape, bytes(data[name])) for name in heads}
