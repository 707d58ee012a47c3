"""`ensure` builds a bundle once, whoever asks and however often, repairs a damaged one, leaves no half-built one."""

from __future__ import annotations

import hashlib
import multiprocessing
import multiprocessing.queues
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from models.bundle import MANIFEST_FILE, ONNX_FILE, check_bundle
from models.catalogue import CatalogueEntry
from models.ensure import ensure, ensure_entry
from models.errors import HashMismatch, ModelError, ModelUnavailable, UnsupportedModel
from models.fetch import stored_file
from models.sources import Progress, StoreSource
from models.transfer import UNFINISHED
from tests.unit.models.synthetic import tiny_image

RAW = tiny_image().encode()
ENTRY = CatalogueEntry(
    name="tiny",
    kind="text",
    title="Tiny",
    licence="Apache-2.0",
    file_name="tiny.gguf",
    sha256=hashlib.sha256(RAW).hexdigest(),
    size_bytes=len(RAW),
    model_sha256="ccb664111b76ca4cc41c2cec0e4fdd012ab4b7b0128e5f9c7b9a99ef2c1fe7b6",
    bundle_bytes=len(RAW),
    memory_bytes=1,
    sources=(StoreSource(),),
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    target = stored_file(ENTRY, tmp_path)
    target.parent.mkdir()
    target.write_bytes(RAW)
    return tmp_path


def test_a_bundle_is_built_with_progress_and_then_found(store: Path) -> None:
    reports: list[Progress] = []
    bundle = ensure_entry(ENTRY, store, reports.append)
    assert check_bundle(bundle).sha256 == ENTRY.model_sha256
    assert [report.stage for report in reports if report.done == report.total] == ["check", "convert"]
    reports.clear()
    assert ensure_entry(ENTRY, store, reports.append) == bundle
    assert reports == []


def test_a_damaged_bundle_is_rebuilt(store: Path) -> None:
    bundle = ensure_entry(ENTRY, store)
    with (bundle / ONNX_FILE).open("r+b") as file:
        file.write(b"damage")
    check_bundle(ensure_entry(ENTRY, store))
    (bundle / MANIFEST_FILE).write_text("{}")
    check_bundle(ensure_entry(ENTRY, store))


def test_what_killed_processes_left_behind_is_removed(store: Path) -> None:
    (store / ".building").mkdir()
    (store / ".building" / ONNX_FILE).write_bytes(b"half")
    (store / "files" / f"x{UNFINISHED}").write_bytes(b"half")
    (store / "files" / f"wheel-1{UNFINISHED}").mkdir()
    ensure_entry(ENTRY, store)
    assert sorted(path.name for path in store.iterdir()) == [".lock", "files", "tiny"]
    assert [path.name for path in (store / "files").iterdir()] == [stored_file(ENTRY, store).name]


def test_a_conversion_to_other_bytes_than_pinned_is_refused_and_leaves_nothing(store: Path) -> None:
    with pytest.raises(HashMismatch, match="the catalogue pins"):
        ensure_entry(replace(ENTRY, model_sha256="0" * 64), store)
    assert not (store / "tiny").exists()
    assert not (store / ".building").exists()


def test_an_interruption_during_conversion_leaves_nothing_half_built(store: Path) -> None:
    def interrupt(report: Progress) -> None:
        if report.stage == "convert":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_entry(ENTRY, store, interrupt)
    assert not (store / "tiny").exists()
    assert not (store / ".building").exists()
    ensure_entry(ENTRY, store)


def test_a_full_disk_is_said_before_anything_is_written(store: Path) -> None:
    with pytest.raises(ModelUnavailable, match="MiB are free; free some"):
        ensure_entry(replace(ENTRY, bundle_bytes=2**60), store)


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelUnavailable, match="cannot be written"):
        ensure_entry(ENTRY, tmp_path / "file" / "store")


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel):
        ensure("no-such-model", tmp_path)


def build_and_count(store: Path, counts: multiprocessing.queues.Queue[int]) -> None:
    """Body of one process: how many tensors it converted itself."""
    converted: set[int] = set()

    def note(report: Progress) -> None:
        if report.stage == "convert":
            converted.add(report.done)

    try:
        check_bundle(ensure_entry(ENTRY, store, note))
        counts.put(int(bool(converted)))
    except ModelError:
        counts.put(100)


def test_of_many_processes_one_builds_and_all_get_the_bundle(store: Path) -> None:
    context = multiprocessing.get_context("spawn")
    counts: multiprocessing.queues.Queue[int] = context.Queue()
    workers = [context.Process(target=build_and_count, args=(store, counts)) for _ in range(3)]
    for worker in workers:
        worker.start()
    results = [counts.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(results) == 1


def test_a_bundle_of_another_model_under_the_same_name_is_replaced(store: Path) -> None:
    bundle = ensure_entry(ENTRY, store)
    shutil.copy(bundle / MANIFEST_FILE, store / "manifest")
    renamed = replace(ENTRY, name="other")
    shutil.copytree(bundle, store / "other")
    assert check_bundle(ensure_entry(renamed, store)).name == "other"
