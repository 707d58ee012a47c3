"""The models of a store beyond the catalogue: importing a user's own, finding, listing and removing, measured speeds.

A name means one model: no import may take a name of the catalogue. What a bundle holds is hashed against what the check
saw, so that a file that changes in between is refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

from models.bundle import MANIFEST_FILE, ONNX_FILE, ModelCard, check_bundle, read_bounded, read_card
from models.card import FORMAT, MODEL_NAME, TensorCard, check_tensor_bundle, encode_tensor_card, read_tensor_card
from models.catalogue import CATALOGUE, find_entry
from models.ensure import ensure
from models.errors import BadModelFile, ModelError, ModelRefused, ModelUnavailable, UnsupportedModel
from models.fetch import stored_file
from models.importing import check_model, require_sound
from models.limits import MAX_MANIFEST_BYTES, MAX_NAME_CHARS, MAX_STORE_MODELS, MIB
from models.lock import file_lock
from models.report import Failure, Rule
from models.sources import PeerFetch, Report
from models.transfer import Meter

SPEEDS_FILE: Final = "speeds.json"
RESERVED: Final = frozenset({"files", "from-peers", SPEEDS_FILE})  # the store's own
GGUF_MAGIC: Final = b"GGUF"
_IMPORTING: Final = ".importing"

Card = ModelCard | TensorCard


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast a model ran on this machine."""

    sha256: str  # of the model that was measured
    provider: str
    value: float
    unit: Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARS)]  # "tokens/s", "texts/s", "runs/s"
    measured_at: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class Held:
    """A bundle that lies in the store."""

    card: Card
    folder: Path


def locate(
    name: str,
    store: Path,
    progress: Report = lambda _: None,
    *,
    peer_fetch: PeerFetch | None = None,
) -> Path:
    """The bundle of a name: of the catalogue, fetched if needed, or imported. Raises ModelError."""
    if any(entry.name == name for entry in CATALOGUE):
        return ensure(name, store, progress, peer_fetch=peer_fetch)
    if MODEL_NAME.fullmatch(name) and (store / name / MANIFEST_FILE).is_file():
        return store / name
    find_entry(name)  # raises, with the names that are known
    raise UnsupportedModel(name)


def read_any_card(folder: Path) -> Card:
    """The card of a bundle of any kind, files not hashed. Raises BadModelFile."""
    try:
        return read_tensor_card(folder)
    except BadModelFile:
        return read_card(folder)


def check_any_bundle(folder: Path) -> Card:
    """Hash every file of a bundle of any kind. Raises BadModelFile or HashMismatch."""
    return check_tensor_bundle(folder) if isinstance(read_any_card(folder), TensorCard) else check_bundle(folder)


def imported(store: Path) -> tuple[Held, ...]:
    """The imported models of a store, by name; folders that hold no sound card are passed over."""
    known = {entry.name for entry in CATALOGUE}
    found: list[Held] = []
    if not store.is_dir():
        return ()
    for folder in sorted(store.iterdir()):
        if folder.name in known or folder.is_symlink() or not (folder / MANIFEST_FILE).is_file():
            continue
        try:
            found.append(Held(read_any_card(folder), folder))
        except ModelError:
            continue  # not a bundle of this version: `rm` still takes it
        if len(found) == MAX_STORE_MODELS:
            break
    return tuple(found)


def import_onnx(
    path: Path, name: str, store: Path, *, licence: str, title: str = "", dims: Mapping[str, int] | None = None
) -> TensorCard:
    """Check an ONNX file and put it into the store. Raises ModelRefused with every broken rule, BadModelFile."""
    _check_name(name, store)
    report = require_sound(check_model(path, dims=dims))
    nested = [each.name for each in report.weight_files if "/" in each.name or each.name in (ONNX_FILE, MANIFEST_FILE)]
    if nested:
        why = f"weights lie in {nested[0]!r:.80}: put them beside the ONNX file, under a name of their own"
        raise ModelRefused("the model breaks rules of import", (Failure(Rule.EXTERNAL, why),))
    files = {each.name: each.sha256 for each in report.weight_files}
    card = TensorCard(FORMAT, name, "tensor", title or name, licence, report.sha256, files, "imported", report)
    with _building(store, name, report.size_bytes) as folder:
        for source, target in {path: ONNX_FILE, **{path.parent / each: each for each in files}}.items():
            shutil.copyfile(source, folder / target)
        (folder / MANIFEST_FILE).write_bytes(encode_tensor_card(card))
        check_tensor_bundle(folder)  # what was checked is what was copied
    return card


def import_gguf(path: Path, name: str, store: Path, *, licence: str, progress: Report = lambda _: None) -> ModelCard:
    """Convert a GGUF file of the llama family into the store. Raises BadModelFile, UnsupportedModel."""
    from models.convert import convert_gguf  # with the tools of model files

    _check_name(name, store)
    meter: Meter | None = None

    def step(done: int, total: int) -> None:
        nonlocal meter
        meter = meter or Meter(progress, "convert", total, "matrices")
        meter.update(done)

    with _building(store, name, 2 * path.stat().st_size) as folder:
        return convert_gguf(path, folder, name=name, licence=licence, progress=step)


def is_gguf(path: Path) -> bool:
    """Whether a file begins like a GGUF file."""
    with path.open("rb") as file:
        return file.read(len(GGUF_MAGIC)) == GGUF_MAGIC


def remove(name: str, store: Path) -> int:
    """Delete a model and the files it was made from. Returns the bytes set free. Raises ModelUnavailable."""
    if not MODEL_NAME.fullmatch(name) or not (store / name).is_dir() or (store / name).is_symlink():
        raise ModelUnavailable(f"the store {store} has no model {name!r:.60}")
    kept = {each.sha256 for entry in CATALOGUE if entry.name != name for each in entry.pinned()}
    before = _folder_bytes(store)
    with file_lock(store / ".lock"):
        for entry in CATALOGUE:
            for each in entry.pinned() if entry.name == name else ():
                if each.sha256 not in kept:
                    stored_file(each, store).unlink(missing_ok=True)
        shutil.rmtree(store / name)
        speeds = read_speeds(store)
        if speeds.pop(name, None) is not None:
            _write_speeds(store, speeds)
    return max(0, before - _folder_bytes(store))


def read_speeds(store: Path) -> dict[str, Speed]:
    """Measured speeds by model; empty when there are none, or when the file is damaged."""
    try:
        return msgspec.json.decode(read_bounded(store / SPEEDS_FILE, MAX_MANIFEST_BYTES), type=dict[str, Speed])
    except (BadModelFile, msgspec.MsgspecError, UnicodeDecodeError):
        return {}  # a measurement can be made again


def write_speed(store: Path, name: str, speed: Speed) -> None:
    """Keep a measurement."""
    with file_lock(store / ".lock"):
        _write_speeds(store, {**read_speeds(store), name: speed})


def _write_speeds(store: Path, speeds: dict[str, Speed]) -> None:
    part = store / f".{SPEEDS_FILE}"
    part.write_bytes(msgspec.json.format(msgspec.json.encode(speeds), indent=2) + b"\n")
    part.replace(store / SPEEDS_FILE)


def _check_name(name: str, store: Path) -> None:
    if not MODEL_NAME.fullmatch(name):
        raise BadModelFile(f"{name!r:.80} is no name for a model; use small letters, digits, dots and dashes")
    if any(entry.name == name for entry in CATALOGUE):
        raise BadModelFile(f"{name} is a model of the catalogue; choose another name")
    if name in RESERVED or (store / name).exists():
        raise BadModelFile(f"{name} is taken in this store; remove it first, or choose another name")


@contextmanager
def _building(store: Path, name: str, needed: int) -> Iterator[Path]:
    """A folder that takes its name in the store when everything in it succeeded."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(store).free) < needed:
            raise ModelUnavailable(
                f"{name} needs {needed // MIB} MiB in {store}, {free // MIB} MiB are free; free some"
            )
        with file_lock(store / ".lock"):
            folder = store / _IMPORTING
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                yield folder
                folder.rename(store / name)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise ModelUnavailable(
            f"the model store {store} cannot be written: {error}; free space or fix its rights"
        ) from error


def _folder_bytes(store: Path) -> int:
    """Bytes on the disk: a file with two names counts once."""
    found = {stat.st_ino: stat.st_size for each in store.rglob("*") if each.is_file() for stat in (each.stat(),)}
    return sum(found.values())
