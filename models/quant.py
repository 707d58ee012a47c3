"""Weights in blocks of 32: from the storage types of GGUF to 8-bit blocks with float32 scale and integer zero point.

Types with at most 8 bits and one scale a block of 32 keep their values (Q4_1 up to the rounding of its zero point); the
others are rounded to 8 bits. Only basic IEEE operations are used, so every machine writes the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadModelFile, UnsupportedModel
from models.gguf import GgufFile, TensorInfo

BLOCK: Final = 32
MIDDLE: Final = 128  # zero point of symmetric blocks, and the one the runtime assumes when none is given
_STEPS_Q4: Final = 17  # 15 * 17 = 255: stretches 4 bits over 8, so that the zero point gets finer too

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Blocks:
    """Weights [rows, blocks * 32] as `scale * (values - zero)`; `zero` None means 128 everywhere."""

    values: U8  # [rows, blocks, 32]
    scale: F32  # [rows, blocks]
    zero: U8 | None  # [rows, blocks]

    def dequantised(self) -> F32:
        """The weights as float32 [rows, columns]."""
        zero: NDArray[np.float32] | np.float32
        zero = np.float32(MIDDLE) if self.zero is None else self.zero.astype(np.float32)[..., None]
        weights = (self.values.astype(np.float32) - zero) * self.scale[..., None]
        return weights.reshape(self.values.shape[0], -1)

    def select_rows(self, order: NDArray[np.int64]) -> Blocks:
        """The same weights with rows in another order."""
        return Blocks(self.values[order], self.scale[order], None if self.zero is None else self.zero[order])


def _halves(raw: U8) -> F32:
    values: F32 = np.ascontiguousarray(raw).view("<f2").astype(np.float32)
    return values


def _nibbles(raw: U8) -> U8:
    return np.concatenate([raw & 15, raw >> 4], axis=-1)


def read_blocks(file: GgufFile, info: TensorInfo) -> Blocks:
    """A two-dimensional tensor as 8-bit blocks. Raises BadModelFile when its rows are no whole blocks."""
    if len(info.shape) != 2 or info.shape[1] % BLOCK:
        raise BadModelFile(f"tensor {info.name!r:.80} of shape {info.shape} cannot be cut into blocks of {BLOCK}")
    rows, count = info.shape[0], info.shape[1] // BLOCK
    if info.type.name not in ("Q8_0", "Q4_0", "Q4_1"):
        return _round_to_8_bits(read_floats(file, info).reshape(rows, count, BLOCK))
    raw = file.raw(info).reshape(rows, count, info.type.block_bytes)
    scale = _finite(_halves(raw[..., 0:2])[..., 0], info)
    if info.type.name == "Q8_0":
        return Blocks(raw[..., 2:] ^ np.uint8(MIDDLE), scale, None)  # int8 + 128
    if info.type.name == "Q4_0":
        return Blocks(_nibbles(raw[..., 2:]), scale, np.full((rows, count), 8, np.uint8))
    minimum = _finite(_halves(raw[..., 2:4])[..., 0], info)
    return _from_q4_1(_nibbles(raw[..., 4:]), scale, minimum)


def read_floats(file: GgufFile, info: TensorInfo) -> F32:
    """A tensor of any supported type as float32 in its own shape. Raises BadModelFile when a weight is not finite."""
    raw = file.raw(info)
    if info.type.name == "F32":
        weights: F32 = raw.view("<f4").astype(np.float32)
    elif info.type.name == "F16":
        weights = _halves(raw)
    elif info.type.name == "Q6_K":
        weights = _from_q6_k(raw.reshape(-1, info.type.block_bytes))
    elif info.type.name in ("Q8_0", "Q4_0", "Q4_1"):
        weights = read_blocks(file, info).dequantised()
    else:
        raise UnsupportedModel(f"tensor {info.name!r:.80} has storage type {info.type.name}")
    return _finite(weights.reshape(info.shape), info)


def _finite(weights: F32, info: TensorInfo) -> F32:
    if not bool(np.isfinite(weights).all()):
        raise BadModelFile(f"tensor {info.name!r:.80} holds a weight that is not a finite number")
    return weights


def _from_q4_1(values: U8, scale: F32, minimum: F32) -> Blocks:
    """`scale * q + minimum` as `scale/17 * (17 q - zero)`; a block of one constant becomes its own scale."""
    constant = scale == 0
    safe = np.where(constant, np.float32(1), scale)
    zero = np.round(-_STEPS_Q4 * minimum / safe)
    if bool(((zero < 0) | (zero > 255))[~constant].any()):
        weights = scale[..., None] * values + minimum[..., None]  # offset outside 8 bits: round the whole tensor
        return _round_to_8_bits(weights)
    fine = values * np.uint8(_STEPS_Q4)
    fine[constant] = 1
    out_scale = np.where(constant, minimum, scale / np.float32(_STEPS_Q4)).astype(np.float32)
    return Blocks(fine, out_scale, np.where(constant, 0, zero).astype(np.uint8))


def _round_to_8_bits(weights: F32) -> Blocks:
    scale = (np.abs(weights).max(axis=-1) / np.float32(127)).astype(np.float32)
    safe = np.where(scale == 0, np.float32(1), scale)
    values = np.round(weights / safe[..., None]) + MIDDLE
    return Blocks(np.clip(values, 0, 255).astype(np.uint8), scale, None)


def _from_q6_k(raw: U8) -> F32:
    """Super-blocks of 256: 4 low bits, 2 high bits, sixteen int8 scales and one float16 scale."""
    count = raw.shape[0]
    low = raw[:, :128].reshape(count, 2, 64)
    high = raw[:, 128:192].reshape(count, 2, 32)
    scales = np.ascontiguousarray(raw[:, 192:208]).view(np.int8).astype(np.float32)
    scale = _halves(raw[:, 208:210])
    quarters = [
        (low[:, :, :32] & 15) | ((high & 3) << 4),
        (low[:, :, 32:] & 15) | (((high >> 2) & 3) << 4),
        (low[:, :, :32] >> 4) | (((high >> 4) & 3) << 4),
        (low[:, :, 32:] >> 4) | (((high >> 6) & 3) << 4),
    ]
    values = np.stack(quarters, axis=2).astype(np.float32) - np.float32(32)
    weights: F32 = values.reshape(count, 16, 16) * scales[:, :, None] * scale[:, :, None]
    return weights.reshape(-1)
