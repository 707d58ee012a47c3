"""A bundle is read as hostile: sizes first, then the card, then the hashes; nothing outside the folder is opened."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import onnx
import pytest

from models import ModelCard, open_text
from models.bundle import (
    MANIFEST_FILE,
    ONNX_FILE,
    TOKENIZER_FILE,
    Geometry,
    check_bundle,
    encode_card,
    read_card,
    sha256_of,
)
from models.errors import BadModelFile, HashMismatch, ModelError, RuntimeFailure
from models.limits import MAX_MANIFEST_BYTES


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def rewrite(folder: Path, **changes: object) -> None:
    card = msgspec.structs.replace(read_card(folder), **changes)
    (folder / MANIFEST_FILE).write_bytes(encode_card(card))


def test_the_card_describes_the_model_and_survives_a_round_trip(copy: Path) -> None:
    card = check_bundle(copy)
    assert (card.name, card.kind, card.context, card.vocabulary) == ("tiny", "text", 320, 271)
    assert msgspec.json.decode(encode_card(card), type=ModelCard) == card
    assert card.sha256 == sha256_of(copy / ONNX_FILE)


@pytest.mark.parametrize("name", [ONNX_FILE, TOKENIZER_FILE])
def test_a_changed_byte_in_any_file_is_refused(copy: Path, name: str) -> None:
    raw = bytearray((copy / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (copy / name).write_bytes(raw)
    with pytest.raises(HashMismatch, match="delete the folder to rebuild"):
        open_text(copy)


@pytest.mark.parametrize("name", [ONNX_FILE, TOKENIZER_FILE, MANIFEST_FILE])
def test_a_missing_or_linked_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).rename(copy / "elsewhere")
    with pytest.raises(BadModelFile):
        open_text(copy)
    (copy / name).symlink_to(copy / "elsewhere")
    with pytest.raises(BadModelFile):
        open_text(copy)


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b"{}", b'{"format": 1}', b"\xff", b"[" * 50_000, b" " * (MAX_MANIFEST_BYTES + 1)],
)
def test_a_broken_manifest_is_refused(copy: Path, raw: bytes) -> None:
    (copy / MANIFEST_FILE).write_bytes(raw)
    with pytest.raises(BadModelFile):
        read_card(copy)


@pytest.mark.parametrize(
    ("field", "value"),
    [("layers", 0), ("layers", 10**9), ("context", 10**9), ("vocabulary", -1), ("kv_heads", 10**6), ("head_size", 0)],
)
def test_a_geometry_out_of_bounds_is_refused_before_memory_is_reserved(copy: Path, field: str, value: int) -> None:
    geometry: Geometry = msgspec.structs.replace(read_card(copy).geometry, **{field: value})
    rewrite(copy, geometry=geometry)
    with pytest.raises(BadModelFile, match=field):
        open_text(copy)


@pytest.mark.parametrize(("field", "value"), [("format", 2), ("kind", "image"), ("end_token", 271), ("end_token", -1)])
def test_a_card_of_another_kind_is_refused(copy: Path, field: str, value: object) -> None:
    rewrite(copy, **{field: value})
    with pytest.raises(BadModelFile):
        open_text(copy)


def test_a_graph_that_is_not_what_its_card_says_is_refused(copy: Path) -> None:
    rewrite(copy, geometry=msgspec.structs.replace(read_card(copy).geometry, layers=1))
    with pytest.raises(BadModelFile, match="inputs and outputs"):
        open_text(copy)


def test_bytes_that_are_no_graph_are_refused(copy: Path) -> None:
    (copy / ONNX_FILE).write_bytes(b"not a model")
    rewrite(copy, sha256=sha256_of(copy / ONNX_FILE))
    with pytest.raises(RuntimeFailure, match="cannot load"):
        open_text(copy)


def test_weights_outside_the_folder_are_never_read(copy: Path, tmp_path: Path) -> None:
    graph = onnx.load(copy / ONNX_FILE)
    outside = tmp_path / "outside.bin"
    tensor = graph.graph.initializer[0]
    outside.write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../outside.bin")
    (copy / ONNX_FILE).write_bytes(graph.SerializeToString())
    rewrite(copy, sha256=sha256_of(copy / ONNX_FILE))
    with pytest.raises(ModelError):
        open_text(copy)
