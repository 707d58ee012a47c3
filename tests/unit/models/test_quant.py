"""Every storage type comes out of the reader as the weights that went in, up to the rounding of its bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import BadModelFile
from models.gguf import GgufFile
from models.quant import read_blocks, read_floats
from tests.unit.models.synthetic import TYPE_CODES, GgufImage, quantise

WEIGHTS = np.random.default_rng(3).standard_normal((8, 256)).astype(np.float32)


def stored(folder: Path, weights: NDArray[np.float32], kind: str, raw: bytes | None = None) -> GgufFile:
    image = GgufImage({}, {"w": (weights.shape, TYPE_CODES[kind], quantise(weights, kind) if raw is None else raw)})
    return GgufFile(image.write(folder / f"{kind}.gguf"))


@pytest.mark.parametrize(
    ("kind", "error"),
    [("F32", 0.0), ("F16", 1e-3), ("Q8_0", 0.015), ("Q6_K", 0.08), ("Q4_0", 0.5), ("Q4_1", 0.25)],
)
def test_floats_are_within_half_a_step_of_the_original(tmp_path: Path, kind: str, error: float) -> None:
    with stored(tmp_path, WEIGHTS, kind) as file:
        read = read_floats(file, file.tensors["w"])
    assert read.shape == WEIGHTS.shape
    assert np.abs(read - WEIGHTS).max() <= error


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0"])
def test_types_with_one_scale_a_block_keep_their_exact_values(tmp_path: Path, kind: str) -> None:
    with stored(tmp_path, WEIGHTS, kind) as file:
        raw = file.raw(file.tensors["w"]).reshape(-1, 34 if kind == "Q8_0" else 18)
        scale = np.ascontiguousarray(raw[:, :2]).view("<f2").astype(np.float32)
        body = raw[:, 2:]
        values = body.view(np.int8) if kind == "Q8_0" else np.concatenate([body & 15, body >> 4], 1).astype(int) - 8
        assert np.array_equal(read_blocks(file, file.tensors["w"]).dequantised().reshape(-1, 32), scale * values)


def test_four_bits_with_offset_lose_less_than_a_thirtieth_of_a_step(tmp_path: Path) -> None:
    with stored(tmp_path, WEIGHTS, "Q4_1") as file:
        raw = file.raw(file.tensors["w"]).reshape(-1, 20)
        blocks = read_blocks(file, file.tensors["w"])
    scale = np.ascontiguousarray(raw[:, :2]).view("<f2").astype(np.float32)
    start = np.ascontiguousarray(raw[:, 2:4]).view("<f2").astype(np.float32)
    exact = scale * np.concatenate([raw[:, 4:] & 15, raw[:, 4:] >> 4], 1) + start
    error = np.abs(blocks.dequantised().reshape(-1, 32) - exact) / scale
    assert error.max() <= 1 / 30
    assert blocks.zero is not None


def test_a_block_of_one_constant_keeps_it(tmp_path: Path) -> None:
    raw = np.float16(0).tobytes() + np.float16(-1.5).tobytes() + bytes(range(16))
    with stored(tmp_path, np.zeros((1, 32), np.float32), "Q4_1", raw) as file:
        assert (read_blocks(file, file.tensors["w"]).dequantised() == -1.5).all()


def test_an_offset_far_from_zero_is_rounded_not_clipped(tmp_path: Path) -> None:
    raw = np.float16(0.01).tobytes() + np.float16(5).tobytes() + bytes(16)
    with stored(tmp_path, np.zeros((1, 32), np.float32), "Q4_1", raw) as file:
        assert np.abs(read_blocks(file, file.tensors["w"]).dequantised() - 5).max() < 0.01


@pytest.mark.parametrize("kind", ["F32", "F16", "Q4_1"])
def test_a_weight_that_is_no_number_is_refused(tmp_path: Path, kind: str) -> None:
    raw = bytearray(quantise(np.ones((1, 32), np.float32), kind))
    raw[:2] = np.float16("nan").tobytes()
    if kind == "F32":
        raw[:4] = np.float32("inf").tobytes()
    with stored(tmp_path, np.ones((1, 32), np.float32), kind, bytes(raw)) as file:  # noqa: SIM117
        with pytest.raises(BadModelFile, match="not a finite number"):
            read_blocks(file, file.tensors["w"])


def test_reordering_rows_reorders_the_weights(tmp_path: Path) -> None:
    order = np.arange(8, dtype=np.int64)[::-1].copy()
    with stored(tmp_path, WEIGHTS, "Q4_1") as file:
        blocks = read_blocks(file, file.tensors["w"])
    assert np.array_equal(blocks.select_rows(order).dequantised(), blocks.dequantised()[::-1])
