"""Reader of GGUF model files: header, metadata and tensor table, read as hostile input.

Every count, length and offset is checked before it is used; tensors are returned as read-only views of the mapped file.
Never allocates more than the bounds in models.limits allow, whatever the file claims.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BadModelFile, UnsupportedModel
from models.limits import (
    MAX_GGUF_ALIGNMENT,
    MAX_GGUF_ARRAY_ITEMS,
    MAX_GGUF_DIMENSIONS,
    MAX_GGUF_KEYS,
    MAX_GGUF_METADATA_BYTES,
    MAX_GGUF_STRING_BYTES,
    MAX_GGUF_TENSORS,
    MAX_MODEL_FILE_BYTES,
)

Scalar = int | float | bool | str
Value = Scalar | list[int] | list[float] | list[bool] | list[str]

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_STRING: Final = 8
_ARRAY: Final = 9
_SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_DEFAULT_ALIGNMENT: Final = 32


@dataclass(frozen=True, slots=True)
class TensorType:
    """One storage type: `block` weights take `block_bytes` bytes."""

    name: str
    block: int
    block_bytes: int


TENSOR_TYPES: Final = {
    0: TensorType("F32", 1, 4),
    1: TensorType("F16", 1, 2),
    2: TensorType("Q4_0", 32, 18),
    3: TensorType("Q4_1", 32, 20),
    8: TensorType("Q8_0", 32, 34),
    14: TensorType("Q6_K", 256, 210),
}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where a tensor lies. `shape` is rows first (the file stores it reversed); `offset` is from the file's start."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    offset: int
    size_bytes: int


class GgufFile:
    """An open GGUF file. A context manager. Raises BadModelFile, or UnsupportedModel for unknown tensor types."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        if not len(_MAGIC) < size <= MAX_MODEL_FILE_BYTES:
            raise BadModelFile(f"{path.name} has {size} bytes; a GGUF file has between 5 and {MAX_MODEL_FILE_BYTES}")
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            table = _Reader(self._map, path.name)
            self.metadata: dict[str, Value] = table.metadata()
            self.tensors: dict[str, TensorInfo] = table.tensors(self.metadata)
        except BaseException:
            self._map.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the file. Arrays returned by `raw` must be gone by then."""
        self._map.close()

    def raw(self, info: TensorInfo) -> NDArray[np.uint8]:
        """Bytes of a tensor, copied out of the file."""
        return np.frombuffer(self._map, dtype=np.uint8, count=info.size_bytes, offset=info.offset).copy()

    def integer(self, key: str, low: int, high: int) -> int:
        """Metadata `key` as an integer in [low, high]. Raises BadModelFile when missing or outside."""
        value = self.metadata.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise BadModelFile(f"metadata {key!r} must be an integer from {low} to {high}, found {value!r:.60}")
        return value

    def real(self, key: str, low: float, high: float) -> float:
        """Metadata `key` as a finite number in [low, high]. Raises BadModelFile when missing or outside."""
        value = self.metadata.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise BadModelFile(f"metadata {key!r} must be a number from {low} to {high}, found {value!r:.60}")
        return float(value)

    def text(self, key: str) -> str:
        """Metadata `key` as a string. Raises BadModelFile when missing."""
        value = self.metadata.get(key)
        if not isinstance(value, str):
            raise BadModelFile(f"metadata {key!r} must be a string, found {value!r:.60}")
        return value

    def texts(self, key: str) -> list[str]:
        """Metadata `key` as a list of strings. Raises BadModelFile when missing."""
        value = self.metadata.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise BadModelFile(f"metadata {key!r} must be a list of strings")
        return [item for item in value if isinstance(item, str)]

    def integers(self, key: str) -> list[int]:
        """Metadata `key` as a list of integers. Raises BadModelFile when missing."""
        value = self.metadata.get(key)
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise BadModelFile(f"metadata {key!r} must be a list of integers")
        return [item for item in value if type(item) is int]


class _Reader:
    """Cursor over the mapped file; every read checks the bytes that remain."""

    def __init__(self, data: mmap.mmap, name: str) -> None:
        self._data = data
        self._at = 0
        self._end = min(len(data), MAX_GGUF_METADATA_BYTES)
        self._name = name

    def metadata(self) -> dict[str, Value]:
        """Header and key/value section."""
        if self._take(len(_MAGIC)) != _MAGIC:
            raise BadModelFile(f"{self._name} is not a GGUF file")
        version = self._integer("I")
        if version not in _VERSIONS:
            raise UnsupportedModel(f"{self._name} is GGUF version {version}; versions 2 and 3 are supported")
        self._tensor_count = self._count("tensors", MAX_GGUF_TENSORS)
        values: dict[str, Value] = {}
        for _ in range(self._count("metadata keys", MAX_GGUF_KEYS)):
            key = self._string()
            if key in values:
                raise self._bad(f"metadata key {key!r:.80} occurs twice")
            values[key] = self._value(self._integer("I"))
        return values

    def tensors(self, metadata: dict[str, Value]) -> dict[str, TensorInfo]:
        """Tensor table, with every tensor proven to lie inside the file."""
        rows = [self._tensor_row() for _ in range(self._tensor_count)]
        alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
        if type(alignment) is not int or not 1 <= alignment <= MAX_GGUF_ALIGNMENT or alignment & (alignment - 1):
            raise self._bad(f"alignment {alignment!r:.40} is not a power of two up to {MAX_GGUF_ALIGNMENT}")
        base = -(-self._at // alignment) * alignment
        table: dict[str, TensorInfo] = {}
        for name, shape, kind, offset in rows:
            weights = 1
            for length in shape:
                weights *= length
            size = weights // kind.block * kind.block_bytes
            if shape[-1] % kind.block:
                raise self._bad(f"tensor {name!r:.80} has rows of {shape[-1]}, not whole blocks of {kind.block}")
            if offset % alignment or base + offset + size > len(self._data):
                raise self._bad(f"tensor {name!r:.80} does not lie inside the file")
            if name in table:
                raise self._bad(f"tensor {name!r:.80} occurs twice")
            table[name] = TensorInfo(name, shape, kind, base + offset, size)
        return table

    def _tensor_row(self) -> tuple[str, tuple[int, ...], TensorType, int]:
        name = self._string()
        dimensions = self._integer("I")
        if not 1 <= dimensions <= MAX_GGUF_DIMENSIONS:
            raise self._bad(f"tensor {name!r:.80} has {dimensions} dimensions; 1 to {MAX_GGUF_DIMENSIONS} are allowed")
        shape = tuple(self._integer("Q") for _ in range(dimensions))[::-1]
        if not all(1 <= length <= MAX_MODEL_FILE_BYTES for length in shape):
            raise self._bad(f"tensor {name!r:.80} has an impossible shape")
        code = self._integer("I")
        if code not in TENSOR_TYPES:
            known = ", ".join(kind.name for kind in TENSOR_TYPES.values())
            raise UnsupportedModel(f"tensor {name!r:.80} has storage type {code}; supported types: {known}")
        return name, shape, TENSOR_TYPES[code], self._integer("Q")

    def _value(self, kind: int) -> Value:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array()
        if kind not in _SCALARS:
            raise self._bad(f"unknown metadata type {kind}")
        code = "<" + _SCALARS[kind]
        value: int | float | bool = struct.unpack(code, self._take(struct.calcsize(code)))[0]
        return value

    def _array(self) -> Value:
        kind = self._integer("I")
        count = self._count("array items", MAX_GGUF_ARRAY_ITEMS)
        if kind == _STRING:
            return [self._string() for _ in range(count)]
        if kind not in _SCALARS:
            raise self._bad(f"unknown array type {kind}")
        code = f"<{count}{_SCALARS[kind]}"
        return list(struct.unpack(code, self._take(struct.calcsize(code))))

    def _string(self) -> str:
        length = self._integer("Q")
        if length > MAX_GGUF_STRING_BYTES:
            raise self._bad(f"a string of {length} bytes exceeds {MAX_GGUF_STRING_BYTES}")
        try:
            return self._take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._bad("a string is not UTF-8") from error

    def _count(self, what: str, most: int) -> int:
        count = self._integer("Q")
        if count > most:
            raise self._bad(f"{count} {what} exceed the bound of {most}")
        return count

    def _integer(self, code: str) -> int:
        value: int = struct.unpack("<" + code, self._take(struct.calcsize("<" + code)))[0]
        return value

    def _take(self, length: int) -> bytes:
        if length > self._end - self._at:
            raise self._bad(f"metadata ends early or exceeds {MAX_GGUF_METADATA_BYTES} bytes")
        taken = self._data[self._at : self._at + length]
        self._at += length
        return taken

    def _bad(self, message: str) -> BadModelFile:
        return BadModelFile(f"{self._name}: {message}; fetch the file again or choose another")
