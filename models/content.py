"""What kind of content some bytes are: Magika, from their beginning and end alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np

from models.bundle import ONNX_FILE, read_bounded
from models.card import TensorCard, check_tensor_bundle
from models.errors import BadModelFile
from models.limits import MAX_MANIFEST_BYTES, MAX_NAME_CHARS
from models.tensor import Stop, TensorModel, open_tensors

LABELS_FILE: Final = "labels.json"
EMPTY, TEXT, UNKNOWN = "empty", "txt", "unknown"
_BLOCK: Final = 4_096  # bytes looked at on either side
_EDGE: Final = 1_024  # of them, after white space, what the model sees
_PADDING: Final = 256
_LEAST: Final = 8  # with fewer bytes the model only guesses
_Label = Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARS)]


class _Labels(msgspec.Struct, frozen=True):
    """The parts of the model's configuration that are used; the others describe how it was packed."""

    target_labels_space: Annotated[tuple[_Label, ...], msgspec.Meta(min_length=2, max_length=4_096)]
    thresholds: dict[_Label, float]
    overwrite_map: dict[_Label, _Label]
    medium_confidence_threshold: float


@dataclass(frozen=True, slots=True)
class ContentType:
    """A label as Magika names it, and how sure the model is, 0 to 1."""

    label: str
    score: float


class ContentModel:
    """Magika. `identify` may be called from several threads."""

    def __init__(self, card: TensorCard, model: TensorModel, labels: _Labels) -> None:
        """Raises BadModelFile when graph and labels do not fit."""
        if [each.shape[-1] for each in model.outputs] != [len(labels.target_labels_space)]:
            raise BadModelFile(f"{card.name} has another number of labels than its list")
        self.card = card
        self.provider = model.provider
        self._model = model
        self._labels = labels
        self._input, self._output = model.inputs[0].name, model.outputs[0].name

    def identify(self, content: bytes, stop: Stop | None = None) -> ContentType:
        """The kind of some bytes, `txt` or `unknown` where the model is not sure, `empty` of none."""
        if not content:
            return ContentType(EMPTY, 1.0)
        beginning = content[:_BLOCK].lstrip()[:_EDGE]
        if len(beginning) < _LEAST:
            return ContentType(_plain(content), 1.0)
        end = content[-_BLOCK:].rstrip()[-_EDGE:]
        seen = np.full((1, 2 * _EDGE), _PADDING, np.int32)
        seen[0, : len(beginning)] = np.frombuffer(beginning, np.uint8)
        seen[0, 2 * _EDGE - len(end) :] = np.frombuffer(end, np.uint8)
        scores = self._model.run({self._input: seen}, stop)[self._output][0]
        best = int(scores.argmax())
        label, score = self._labels.target_labels_space[best], float(scores[best])
        if score < self._labels.thresholds.get(label, self._labels.medium_confidence_threshold):
            return ContentType(_plain(content), score)
        return ContentType(self._labels.overwrite_map.get(label, label), score)


def open_content(bundle: Path, *, threads: int | None = None) -> ContentModel:
    """Open a bundle folder after hashing it. Raises ModelError."""
    card = check_tensor_bundle(bundle)
    if card.kind != "content-type":
        raise BadModelFile(f"{card.name} is of kind {card.kind} and knows no content types")
    try:
        labels = msgspec.json.decode(read_bounded(bundle / LABELS_FILE, MAX_MANIFEST_BYTES), type=_Labels)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadModelFile(f"{bundle / LABELS_FILE} is no list of labels: {error}") from error
    return ContentModel(card, open_tensors(bundle / ONNX_FILE, threads=threads, prefer_cuda=False), labels)


def _plain(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return UNKNOWN
    return TEXT
