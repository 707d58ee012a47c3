"""What the steps behind a graph compute: `reduce` at the miner, before anything is sent, and `post` at the reader.

Pure functions of arrays. What is judged is what `reduce` gives; `post` only shows it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from node.market.errors import Unfit
from node.subnets.chutes.png import encode_png
from node.subnets.chutes.steps import (
    ArgMax,
    Clip,
    MeanPool,
    Pixels,
    PostStep,
    ReduceStep,
    Sigmoid,
    Softmax,
    Stretch,
    TopK,
    ToPng,
    Unit,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.generic]
    Floats = NDArray[np.float32]


class Ranked(msgspec.Struct, frozen=True):
    """One of the largest numbers: its place, its name ("" without labels) and its value."""

    place: int
    label: str
    value: float


class Pictures(msgspec.Struct, frozen=True):
    """PNG files, one a member of the batch."""

    files: tuple[bytes, ...]


def apply_reduce(name: str, value: "Array", steps: Sequence[ReduceStep], feeds: Mapping[str, "Array"]) -> "Array":
    """What is sent of a graph's output. Raises Unfit when the arrays do not fit the steps."""
    for step in steps:
        match step:
            case MeanPool():
                value = _mean_pool(name, value, feeds.get(step.mask))
            case Unit():
                value = _unit(value)
            case Stretch():
                value = _stretch(value.astype(np.float32))
            case Pixels():
                value = np.rint(np.clip(value.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    return value


def _mean_pool(name: str, value: "Array", mask: "Array | None") -> "Floats":
    if mask is None or value.ndim != 3 or mask.shape != value.shape[:2]:
        raise Unfit(f"{name}: mean-pool needs [batch, tokens, n] and a mask of [batch, tokens].", param=name)
    counted = mask.astype(np.float32)[..., None]
    sums = (value.astype(np.float32) * counted).sum(axis=1)
    return np.asarray(sums / np.maximum(counted.sum(axis=1), np.float32(1)), np.float32)


def _unit(value: "Array") -> "Floats":
    floats = value.astype(np.float32)
    length = np.sqrt((floats * floats).sum(axis=-1, keepdims=True))
    return np.asarray(floats / np.maximum(length, np.float32(1e-12)), np.float32)


def apply_post(
    name: str, value: "Array", steps: Sequence[PostStep], labels: Sequence[str]
) -> "Array | tuple[tuple[Ranked, ...], ...] | Pictures":
    """What people are shown of an output: numbers, ranked labels or pictures. Raises Unfit."""
    for number, step in enumerate(steps, 1):
        match step:
            case Softmax():
                powers = np.exp(value.astype(np.float32) - value.max(axis=-1, keepdims=True))
                value = powers / powers.sum(axis=-1, keepdims=True)
            case Sigmoid():
                value = np.float32(1) / (np.float32(1) + np.exp(-np.clip(value.astype(np.float32), -80, 80)))
            case Clip():
                value = np.clip(value.astype(np.float32), step.low_ppm / 1_000_000, step.high_ppm / 1_000_000)
            case Stretch():
                value = _stretch(value.astype(np.float32))
            case ArgMax():
                value = value.argmax(axis=-1)
            case TopK() if number == len(steps):
                return _top(value, step.k, labels)
            case ToPng() if number == len(steps):
                return Pictures(tuple(encode_png(each) for each in _pixels(name, value)))
            case _:
                raise Unfit(f"{name}: {type(step).__name__} is a last step.", param=name)
    return value


def _stretch(value: "Floats") -> "Floats":
    axes = tuple(range(1, value.ndim))
    low, high = value.min(axis=axes, keepdims=True), value.max(axis=axes, keepdims=True)
    return np.asarray((value - low) / np.maximum(high - low, np.float32(1e-12)), np.float32)


def _top(value: "Array", k: int, labels: Sequence[str]) -> tuple[tuple[Ranked, ...], ...]:
    rows = value.reshape(-1, value.shape[-1]) if value.ndim else value.reshape(1, 1)
    order = np.argsort(-rows.astype(np.float64), axis=-1, kind="stable")[:, :k]
    return tuple(
        tuple(Ranked(int(at), labels[at] if at < len(labels) else "", float(row[at])) for at in places)
        for row, places in zip(rows, order, strict=True)
    )


def _pixels(name: str, value: "Array") -> "NDArray[np.uint8]":
    """Bytes of [pictures, h, w, channels], from floats in 0..1 or bytes, channels in front or behind."""
    pictures = value if value.ndim == 4 else value[None]
    if pictures.ndim != 4:
        raise Unfit(f"{name}: expected a picture, got {value.ndim} axes.", param=name)
    if pictures.shape[-1] not in (1, 3):
        pictures = pictures.transpose(0, 2, 3, 1)
    if pictures.shape[-1] not in (1, 3):
        raise Unfit(f"{name}: expected 1 or 3 channels, got {pictures.shape[-1]}.", param=name)
    if pictures.dtype == np.uint8:
        return pictures.astype(np.uint8)
    return np.rint(np.clip(pictures.astype(np.float32), 0, 1) * 255).astype(np.uint8)
