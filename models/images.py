"""Pictures from a seed: height maps of terrain by a one-step diffusion model, plain or drawn as a relief.

The same request gives the same bytes on one kind of machine, alone or in company: each picture has noise of its own.
The model knows no language: words of a prompt say how steep the land is, its bytes are the seed where none is given.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.bundle import ONNX_FILE
from models.card import TensorCard, check_tensor_bundle
from models.errors import BadModelFile, BadSampling
from models.limits import MAX_IMAGE_SEED, MAX_PROMPT_CHARS
from models.pixels import Pixels, resize, write_png
from models.tensor import Stop, TensorModel, open_tensors

SIDE: Final = 128  # pixels of the model's own pictures
SIDES: Final = (128, 256, 512, 1024)
STEEPEST: Final = 100
STYLES: Final = ("relief", "height")
Style = Literal["relief", "height"]

# Constants of the trained model: noise it starts from, and the curve between its numbers and metres.
_SIGMA: Final = np.float32(80.0)
_HIGHEST: Final = 22.16864013671875
_CURVE: Final = 0.1

# Words a prompt may use for the land, and the steepness (1 to 100) that they mean.
WORDS: Final = {
    "flat": 3, "plain": 8, "plains": 8, "gentle": 20, "meadow": 15, "meadows": 15, "dunes": 30, "hill": 40, "hills": 40,
    "hilly": 40, "valley": 45, "valleys": 45, "rugged": 60, "rocky": 65, "canyon": 75, "mountain": 80, "mountains": 80,
    "mountainous": 80, "steep": 85, "alpine": 92, "extreme": 100,
}  # fmt: skip

# Colours of the relief from the lowest land to the highest: water, shore, grass, wood, rock, snow.
_HEIGHTS: Final = (0.0, 0.08, 0.12, 0.35, 0.6, 0.8, 1.0)
_COLOURS: Final = (
    (38, 84, 140), (94, 148, 184), (216, 204, 156), (110, 150, 84), (76, 104, 62), (128, 116, 104), (246, 246, 248),
)  # fmt: skip
_LIGHT: Final = np.array([-0.55, -0.55, 0.63])  # from the upper left, as maps are drawn


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One picture: everything that decides its pixels."""

    seed: int  # 0 to MAX_IMAGE_SEED
    steepness: int = 50  # 1 to STEEPEST
    side: int = SIDE  # one of SIDES, pixels
    style: Style = "relief"

    def check(self) -> None:
        """Raises BadSampling for a value out of range."""
        if not 0 <= self.seed <= MAX_IMAGE_SEED:
            raise BadSampling(f"the seed of a picture is a number from 0 to {MAX_IMAGE_SEED}")
        if not 1 <= self.steepness <= STEEPEST:
            raise BadSampling(f"steepness is a number from 1 to {STEEPEST}")
        if self.side not in SIDES:
            raise BadSampling(f"a picture's side is one of {', '.join(map(str, SIDES))} pixels")
        if self.style not in STYLES:
            raise BadSampling(f"a picture's style is one of {', '.join(STYLES)}")


def request_of(prompt: str, *, seed: int | None = None, side: int = SIDE, style: Style = "relief") -> ImageRequest:
    """The request that a prompt means: its words for the land, and where no seed is given, one made of its bytes.

    Raises BadSampling for an empty or overlong prompt, or a value out of range.
    """
    if not prompt.strip() or len(prompt) > MAX_PROMPT_CHARS:
        raise BadSampling(f"a prompt has 1 to {MAX_PROMPT_CHARS} characters")
    digest = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()
    known = [WORDS[word] for word in re.findall(r"[a-z]+", prompt.lower()) if word in WORDS]
    steepness = round(sum(known) / len(known)) if known else 1 + digest[8] * STEEPEST // 256
    request = ImageRequest(int.from_bytes(digest[:6], "big") if seed is None else seed, steepness, side, style)
    request.check()
    return request


class ImageModel:
    """The model of terrain. `generate` may be called from several threads."""

    def __init__(self, card: TensorCard, model: TensorModel) -> None:
        """Raises BadModelFile when the graph is not of this form."""
        if {each.name for each in model.inputs} != {"noisy", "sigma", "difficulty"}:
            raise BadModelFile(f"{card.name} does not take noisy, sigma and difficulty")
        self.card = card
        self.provider = model.provider
        self._model = model

    def heights(self, request: ImageRequest, stop: Stop | None = None) -> NDArray[np.float32]:
        """Heights [128,128] above the lowest point, in metres: what two nodes compare. Raises BadSampling."""
        request.check()
        noise = np.random.default_rng(request.seed).standard_normal((1, 1, SIDE, SIDE), dtype=np.float32)
        feeds = {
            "noisy": noise * _SIGMA,
            "sigma": np.full(1, _SIGMA, np.float32),
            "difficulty": np.full(1, (request.steepness - 1) / (STEEPEST - 1), np.float32),
        }
        values = self._model.run(feeds, stop)["denoised"][0, 0].astype(np.float64)
        unit = np.clip((values + 1.0) / 2.0, 0.0, 1.0)
        metres = np.clip(_CURVE * np.sinh(unit * np.arcsinh(_HIGHEST / _CURVE)), 0.0, _HIGHEST)
        return np.asarray(metres - metres.min(), np.float32)

    def generate(self, request: ImageRequest, stop: Stop | None = None) -> bytes:
        """The picture as a PNG: RGB in the style relief, 8 bits of grey in the style height. Raises BadSampling."""
        heights = self.heights(request, stop)
        drawn = relief(heights) if request.style == "relief" else _grey(heights)
        return write_png(drawn if request.side == SIDE else resize(drawn, request.side, request.side))


def relief(heights: NDArray[np.float32]) -> Pixels:
    """RGB bytes of a height map [H,W]: colours by height, light by slope."""
    unit = _unit(heights)
    colours = np.stack([np.interp(unit, _HEIGHTS, [c[i] for c in _COLOURS]) for i in range(3)], axis=-1)
    down, right = np.gradient(unit * 24.0)
    normals = np.stack([-right, -down, np.ones_like(unit)], axis=-1)
    normals /= np.sqrt((normals * normals).sum(axis=-1, keepdims=True))
    light = np.clip(normals @ _LIGHT, 0.0, 1.0)[..., None]
    return np.asarray(np.clip(colours * (0.45 + 0.85 * light) + 0.5, 0, 255), np.uint8)


def _grey(heights: NDArray[np.float32]) -> Pixels:
    return (_unit(heights) * 255.0 + 0.5).astype(np.uint8)


def _unit(heights: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = heights.astype(np.float64)
    return np.asarray((wide - wide.min()) / max(float(np.ptp(wide)), 1e-6))


def open_images(bundle: Path, *, threads: int | None = None, prefer_cuda: bool = False) -> ImageModel:
    """Open a bundle folder after hashing it. CUDA draws other last digits: off unless asked for. Raises ModelError."""
    card = check_tensor_bundle(bundle)
    if card.kind != "image-generation":
        raise BadModelFile(f"{card.name} is of kind {card.kind} and makes no pictures")
    model = open_tensors(bundle / ONNX_FILE, threads=threads, prefer_cuda=prefer_cuda, trial={"batch": 1})
    return ImageModel(card, model)
