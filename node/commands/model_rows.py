"""What `neurond models` shows of a model: catalogue, store, this machine's memory and measured speed put together."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from models import CATALOGUE, CatalogueEntry
from models.bundle import ModelCard
from models.card import TensorCard
from models.ensure import is_there
from models.library import Held, Speed, imported, read_speeds
from models.memory import bundle_bytes, fit, tensor_need, text_need
from models.report import Report, TensorSpec
from node.control.schema import ModelInfo

BATCH_ROWS = 8  # of a miner, for the estimate of a text model's memory


class ModelRow(msgspec.Struct, frozen=True):
    """One model. `size_bytes` is what is fetched, `memory_bytes` what it takes when open; `fits`: yes, tight or no."""

    name: str
    title: str
    kind: str
    origin: str  # "catalogue" or "imported"
    licence: str
    size_bytes: int
    memory_bytes: int
    fits: str
    state: str  # "ready" or "absent"
    sha256: str
    loaded: bool = False
    provider: str | None = None
    speed: float | None = None
    speed_unit: str | None = None
    speed_provider: str | None = None
    measured_at: str | None = None


class SourceFile(msgspec.Struct, frozen=True):
    """One file of a model and where it can come from."""

    file: str
    size_bytes: int
    sha256: str
    sources: tuple[str, ...] = ()


class ModelDetails(msgspec.Struct, frozen=True):
    """Everything `neurond models show` knows."""

    model: ModelRow
    folder: str
    files: tuple[SourceFile, ...]
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    macs: str | None = None
    report: Report | None = None
    free_memory_bytes: int = 0
    budget_bytes: int = 0
    gpu_memory_bytes: int | None = None
    gpu_free_bytes: int | None = None


def rows(store: Path, running: Mapping[str, ModelInfo]) -> tuple[ModelRow, ...]:
    """The catalogue and the store's imports; `running` is what a running node knows of the catalogue's."""
    speeds = read_speeds(store)
    known = tuple(_known(entry, store, running.get(entry.name), speeds.get(entry.name)) for entry in CATALOGUE)
    return known + tuple(_own(held, speeds.get(held.card.name)) for held in imported(store))


def _known(entry: CatalogueEntry, store: Path, info: ModelInfo | None, speed: Speed | None) -> ModelRow:
    ready = info.state == "ready" if info is not None else is_there(entry.name, store)
    row = ModelRow(
        name=entry.name, title=entry.title, kind=entry.kind, origin="catalogue", licence=entry.licence,
        size_bytes=entry.download_bytes, memory_bytes=entry.memory_bytes, fits=fit(entry.memory_bytes),
        state="ready" if ready else "absent", sha256=entry.model_sha256,
        loaded=info is not None and info.loaded, provider=None if info is None else info.provider,
    )  # fmt: skip
    return _timed(row, speed)


def _own(held: Held, speed: Speed | None) -> ModelRow:
    card = held.card
    need = text_need(card, held.folder, BATCH_ROWS) if isinstance(card, ModelCard) else tensor_need(card, held.folder)
    row = ModelRow(
        name=card.name, title=card.title if isinstance(card, TensorCard) else card.name, kind=card.kind,
        origin="imported", licence=card.licence, size_bytes=bundle_bytes(held.folder), memory_bytes=need,
        fits=fit(need), state="ready", sha256=card.sha256,
    )  # fmt: skip
    return _timed(row, speed)


def _timed(row: ModelRow, speed: Speed | None) -> ModelRow:
    """With the measured speed, if it is of this very file."""
    if speed is None or speed.sha256 != row.sha256:
        return row
    return msgspec.structs.replace(
        row, speed=speed.value, speed_unit=speed.unit, speed_provider=speed.provider, measured_at=speed.measured_at
    )
