"""The GGUF reader accepts sound files and refuses every other byte string with a ModelError."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadModelFile, ModelError, UnsupportedModel
from models.gguf import GgufFile
from tests.unit.models.synthetic import GgufImage, tiny_image


def small() -> GgufImage:
    return GgufImage(
        {"a": 7, "b": "text", "c": ["x", "y"], "d": [1, 2, 3], "e": 0.5},
        {"w": ((2, 32), 0, np.arange(64, dtype="<f4").tobytes()), "v": ((3,), 1, bytes(6))},
    )


def open_bytes(folder: Path, raw: bytes) -> GgufFile:
    path = folder / "file.gguf"
    path.write_bytes(raw)
    return GgufFile(path)


def test_metadata_and_tensors_are_read_back(tmp_path: Path) -> None:
    with GgufFile(small().write(tmp_path / "m.gguf")) as file:
        assert file.metadata == {"a": 7, "b": "text", "c": ["x", "y"], "d": [1, 2, 3], "e": 0.5}
        assert file.tensors["w"].shape == (2, 32)
        assert file.tensors["v"].size_bytes == 6
        assert file.raw(file.tensors["w"]).view("<f4").tolist() == list(range(64))


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    raw = small().encode()
    for length in range(len(raw) - 32):  # the last tensor's padding may go
        with pytest.raises(ModelError):
            open_bytes(tmp_path, raw[:length])


def test_no_flipped_byte_raises_anything_but_a_model_error(tmp_path: Path) -> None:
    raw = small().encode()
    random = np.random.default_rng(1)
    refused = 0
    for at in range(280):
        damaged = bytearray(raw)
        damaged[at] ^= int(random.integers(1, 256))
        try:
            open_bytes(tmp_path, bytes(damaged)).close()
        except ModelError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("offset", "code", "value", "message"),
    [
        (4, "<I", 9, "version 9"),
        (8, "<Q", 2**63, "tensors exceed"),
        (16, "<Q", 2**63, "metadata keys exceed"),
        (24, "<Q", 2**62, "string of"),
    ],
)
def test_a_huge_count_is_refused_before_anything_is_allocated(
    tmp_path: Path, offset: int, code: str, value: int, message: str
) -> None:
    raw = bytearray(small().encode())
    struct.pack_into(code, raw, offset, value)
    with pytest.raises(ModelError, match=message):
        open_bytes(tmp_path, bytes(raw))


def test_a_tensor_outside_the_file_is_refused(tmp_path: Path) -> None:
    image = small()
    image.tensors["w"] = ((4096, 32), 0, bytes(256))
    with pytest.raises(BadModelFile, match="does not lie inside the file"):
        GgufFile(image.write(tmp_path / "m.gguf"))


def test_a_shape_that_overflows_is_refused(tmp_path: Path) -> None:
    image = small()
    image.tensors["w"] = ((2**62, 2**62), 0, bytes(256))
    with pytest.raises(BadModelFile, match="impossible shape"):
        GgufFile(image.write(tmp_path / "m.gguf"))


def test_rows_that_are_no_whole_blocks_are_refused(tmp_path: Path) -> None:
    image = small()
    image.tensors["w"] = ((2, 33), 3, bytes(64))
    with pytest.raises(BadModelFile, match="whole blocks"):
        GgufFile(image.write(tmp_path / "m.gguf"))


def test_an_unknown_storage_type_is_refused_by_name(tmp_path: Path) -> None:
    image = small()
    image.tensors["odd"] = ((2, 32), 23, bytes(64))
    with pytest.raises(UnsupportedModel, match=r"'odd' has storage type 23.*Q4_1"):
        GgufFile(image.write(tmp_path / "m.gguf"))


def test_a_key_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    raw = GgufImage({"a": 1, "b": 2}).encode().replace(b"\x01" + bytes(7) + b"b", b"\x01" + bytes(7) + b"a")
    with pytest.raises(BadModelFile, match="twice"):
        open_bytes(tmp_path, raw)


def test_nested_arrays_are_refused(tmp_path: Path) -> None:
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a"
    nested = head + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ", 4, 0) + bytes(64)
    with pytest.raises(BadModelFile, match="unknown array type 9"):
        open_bytes(tmp_path, nested)


def test_an_alignment_that_is_no_power_of_two_is_refused(tmp_path: Path) -> None:
    image = tiny_image()
    image.metadata["general.alignment"] = 33
    with pytest.raises(BadModelFile, match="power of two"):
        GgufFile(image.write(tmp_path / "m.gguf"))


def test_typed_access_names_the_key(tmp_path: Path) -> None:
    with GgufFile(small().write(tmp_path / "m.gguf")) as file:
        with pytest.raises(BadModelFile, match="'b' must be an integer from 1 to 9"):
            file.integer("b", 1, 9)
        with pytest.raises(BadModelFile, match="'a' must be an integer from 1 to 5"):
            file.integer("a", 1, 5)
        with pytest.raises(BadModelFile, match="'missing' must be a string"):
            file.text("missing")
        with pytest.raises(BadModelFile, match="list of strings"):
            file.texts("d")
        with pytest.raises(BadModelFile, match="list of integers"):
            file.integers("c")
