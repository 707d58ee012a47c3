"""What `neurond models show` gathers about one model. Opens the graph only to read its inputs and outputs."""

from collections.abc import Mapping
from pathlib import Path

from models import CATALOGUE, ModelError, find_entry
from models.bundle import ONNX_FILE
from models.card import TensorCard
from models.library import read_any_card
from models.memory import free_bytes, gpu_bytes, model_budget
from models.report import Report, TensorSpec
from node.commands.model_rows import ModelDetails, SourceFile, rows
from node.control.schema import ModelInfo


def details(name: str, store: Path, running: Mapping[str, ModelInfo]) -> ModelDetails:
    """Everything about a model of the catalogue or of the store. Raises UnsupportedModel for an unknown name."""
    row = next((each for each in rows(store, running) if each.name == name), None)
    if row is None:
        find_entry(name)  # raises, with the names that are known
        raise ModelError(f"{name} vanished while it was looked at; try again")
    folder = store / name
    card = _card(folder)
    report = card.report if isinstance(card, TensorCard) else None
    inputs, outputs = _ports(folder, card, report)
    gpu = gpu_bytes()
    return ModelDetails(
        model=row, folder=str(folder), files=_files(name, folder, card), inputs=inputs, outputs=outputs,
        macs=None if report is None else report.macs, report=report, free_memory_bytes=free_bytes(),
        budget_bytes=model_budget(), gpu_memory_bytes=None if gpu is None else gpu[0],
        gpu_free_bytes=None if gpu is None else gpu[1],
    )  # fmt: skip


def _card(folder: Path) -> object:
    try:
        return read_any_card(folder)
    except ModelError:
        return None  # not here yet


def _files(name: str, folder: Path, card: object) -> tuple[SourceFile, ...]:
    for entry in CATALOGUE:
        if entry.name == name:
            return tuple(
                SourceFile(each.file_name, each.size_bytes, each.sha256, tuple(map(str, each.sources)))
                for each in entry.pinned()
            )
    if not isinstance(card, TensorCard):
        return ()
    files = {ONNX_FILE: card.sha256, **card.files}
    return tuple(
        SourceFile(each, (folder / each).stat().st_size, pinned)
        for each, pinned in files.items()
        if (folder / each).is_file()
    )


def _ports(folder: Path, card: object, report: Report | None) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs and outputs: from the check, else from the graph itself where the model is no text model."""
    if report is not None:
        return report.inputs, report.outputs
    if not isinstance(card, TensorCard):
        return (), ()
    from models.tensor import TensorModel

    model = TensorModel(folder / ONNX_FILE, threads=1)
    return model.inputs, model.outputs
