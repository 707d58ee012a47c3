"""What the steps before a graph compute. Pure functions of arrays; the same on every machine up to rounding.

The integer steps are exact. A picture is [height, width, channels].
"""

from typing import TYPE_CHECKING

import numpy as np

from node.market.errors import TooLarge, Unfit
from node.subnets.chutes.limits import ARRAY_BYTES_MAX
from node.subnets.chutes.steps import (
    Batch,
    ByteEnds,
    CentreCrop,
    Frames,
    Normalise,
    PreStep,
    Resize,
    Scale,
    SwapChannels,
    ToChw,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

_PPM = np.float32(1_000_000)
_WHITE = b" \t\n\r\x0b\x0c"


def apply_before(name: str, value: "Array", steps: tuple[PreStep, ...]) -> "Array":
    """Send an array through the steps; `name` is what messages call it. Raises Unfit, TooLarge."""
    for step in steps:
        value = _one(name, value, step)
        if value.nbytes > ARRAY_BYTES_MAX:
            raise TooLarge(f"{name}: {value.nbytes} bytes after a step; {ARRAY_BYTES_MAX} at most.", param=name)
    return np.ascontiguousarray(value) if value.ndim else value


def _one(name: str, value: "Array", step: PreStep) -> "Array":
    match step:
        case ByteEnds():
            return _byte_ends(_ranked(name, value, 1), step)
        case Frames():
            return _frames(_ranked(name, value, 1), step)
        case Resize():
            return _resize(_ranked(name, value, 3), step.height, step.width)
        case CentreCrop():
            return _crop(name, _ranked(name, value, 3), step.height, step.width)
        case Scale():
            return value.astype(np.float32) * (np.float32(step.factor_ppm) / _PPM)
        case Normalise():
            return _normalise(name, value, step)
        case SwapChannels():
            return value[..., ::-1]
        case ToChw():
            return _ranked(name, value, 3).transpose(2, 0, 1)
        case Batch():
            return value[None]
        case _:
            raise Unfit(f"{name}: {type(step).__name__} does not work on numbers.", param=name)


def _ranked(name: str, value: "Array", rank: int) -> "Array":
    if value.ndim != rank:
        raise Unfit(f"{name}: expected {rank} axes, got {value.ndim}.", param=name)
    return value


def _byte_ends(value: "Array", step: ByteEnds) -> "NDArray[np.int32]":
    """As content-type detectors take a file: both ends, stripped, padded towards the middle."""
    data = value.astype(np.uint8).tobytes()
    head = data[: step.block].lstrip(_WHITE)[: step.first]
    tail = data[-step.block :].rstrip(_WHITE)[-step.last :] if step.last else b""
    filled = np.full((1, step.first + step.last), step.padding, np.int32)
    filled[0, : len(head)] = np.frombuffer(head, np.uint8)
    if tail:
        filled[0, -len(tail) :] = np.frombuffer(tail, np.uint8)
    return filled


def _frames(value: "Array", step: Frames) -> "NDArray[np.float32]":
    samples = value.astype(np.float32)
    count = -(-samples.shape[0] // step.size) or 1
    padded = np.zeros(step.context + count * step.size, np.float32)
    padded[step.context : step.context + samples.shape[0]] = samples
    width = step.context + step.size
    return np.stack([padded[at * step.size : at * step.size + width] for at in range(count)])


def _resize(value: "Array", height: int, width: int) -> "NDArray[np.float32]":
    """Bilinear: sample points are centres of the new pixels, edges are repeated."""
    picture = value.astype(np.float32)
    for axis, size in ((0, height), (1, width)):
        old = picture.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * (old / size) - 0.5, 0, old - 1)
        low = np.floor(at).astype(np.int64)
        part = (at - low).astype(np.float32).reshape([-1 if each == axis else 1 for each in range(3)])
        first, second = np.take(picture, low, axis), np.take(picture, np.minimum(low + 1, old - 1), axis)
        picture = first + (second - first) * part
    return picture


def _crop(name: str, value: "Array", height: int, width: int) -> "Array":
    if value.shape[0] < height or value.shape[1] < width:
        got = f"{value.shape[0]} x {value.shape[1]}"
        raise Unfit(f"{name}: expected a picture of at least {height} x {width}, got {got}.", param=name)
    top, left = (value.shape[0] - height) // 2, (value.shape[1] - width) // 2
    return value[top : top + height, left : left + width]


def _normalise(name: str, value: "Array", step: Normalise) -> "NDArray[np.float32]":
    for numbers in (step.mean_ppm, step.std_ppm):
        if len(numbers) not in (1, value.shape[-1] if value.ndim else 1):
            raise Unfit(f"{name}: expected {len(numbers)} channels, got {value.shape[-1:]}.", param=name)
    mean, std = (np.array(each, np.float64).astype(np.float32) / _PPM for each in (step.mean_ppm, step.std_ppm))
    return np.asarray((value.astype(np.float32) - mean) / std, np.float32)
