"""Whether a picture is safe to show: Open-NSFW with the steps before it that it was trained with, but for one.

Its training pictures were JPEGs at the moment of scaling; here the scaled pixels go in as they are, which moves the
result a little. The number is an estimate: below 0.2 is safe, above 0.8 is not, between is for people to look at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from models.bundle import ONNX_FILE
from models.card import TensorCard, check_tensor_bundle
from models.errors import BadModelFile, BadTensor
from models.limits import MAX_PICTURE_PIXELS
from models.pixels import Pixels, resize
from models.tensor import Stop, TensorModel, open_tensors

SAFE_BELOW: Final = 0.2
UNSAFE_ABOVE: Final = 0.8
_SCALED: Final = 256
_SEEN: Final = 224
_MEAN: Final = np.array([104.0, 117.0, 123.0], np.float32)  # of the training pictures: blue, green, red


class SafetyModel:
    """Open-NSFW. `unsafe` may be called from several threads."""

    def __init__(self, card: TensorCard, model: TensorModel) -> None:
        """Raises BadModelFile when the graph is not of this form."""
        if len(model.inputs) != 1 or model.inputs[0].shape[1:] != (_SEEN, _SEEN, 3):
            raise BadModelFile(f"{card.name} does not take pictures of {_SEEN} x {_SEEN} pixels")
        self.card = card
        self.provider = model.provider
        self._model = model
        self._input, self._output = model.inputs[0].name, model.outputs[0].name

    def unsafe(self, pixels: Pixels, stop: Stop | None = None) -> float:
        """Probability that RGB bytes [H,W,3] are not safe to show. Raises BadTensor."""
        return float(self._model.run({self._input: prepare(pixels)[None]}, stop)[self._output][0, 1])


def prepare(pixels: Pixels) -> np.ndarray:
    """Float32 [224,224,3], blue first, less the mean. Raises BadTensor unless these are RGB bytes [H,W,3]."""
    fits = isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    if not fits or not 1 <= pixels.shape[0] * pixels.shape[1] <= MAX_PICTURE_PIXELS:
        raise BadTensor(f"a picture is an array of bytes [H,W,3] of at most {MAX_PICTURE_PIXELS} pixels")
    edge = (_SCALED - _SEEN) // 2
    seen = resize(pixels, _SCALED, _SCALED)[edge : edge + _SEEN, edge : edge + _SEEN]
    return np.ascontiguousarray(seen[..., ::-1].astype(np.float32) - _MEAN)


def open_safety(bundle: Path, *, threads: int | None = None, prefer_cuda: bool = True) -> SafetyModel:
    """Open a bundle folder after hashing it. Raises ModelError."""
    card = check_tensor_bundle(bundle)
    if card.kind != "image-safety":
        raise BadModelFile(f"{card.name} is of kind {card.kind} and judges no pictures")
    model = open_tensors(bundle / ONNX_FILE, threads=threads, prefer_cuda=prefer_cuda, trial={"batch": 1})
    return SafetyModel(card, model)
