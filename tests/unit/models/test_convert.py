"""The converter: the graph computes the llama forward pass, writes equal bytes each time, refuses what it ignores."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models import open_text
from models.bundle import MANIFEST_FILE, ONNX_FILE, TOKENIZER_FILE
from models.convert import convert_gguf
from models.decoder_graph import rotary_tables
from models.errors import BadModelFile, ModelError, UnsupportedModel
from models.gguf import GgufFile
from models.quant import read_blocks, read_floats
from tests.unit.models.synthetic import (
    HEAD_SIZE,
    HEADS,
    KV_HEADS,
    LAYERS,
    SPECIAL,
    GgufImage,
    tiny_bundle,
    tiny_image,
    tiny_metadata,
)

Array = NDArray[np.float64]


def convert(folder: Path, image: GgufImage) -> None:
    out = folder / "out"
    out.mkdir()
    convert_gguf(image.write(folder / "m.gguf"), out, name="m", licence="x")


def rms_norm(x: Array, scale: Array) -> Array:
    result: Array = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * scale
    return result


def rotate_pairs(x: Array) -> Array:
    """Rotary embedding in the interleaved form that GGUF weights are stored for; x [S, heads, head_size]."""
    out = x.copy()
    for position in range(x.shape[0]):
        for i in range(HEAD_SIZE // 2):
            angle = position * 10_000.0 ** (-2 * i / HEAD_SIZE)
            a, b = x[position, :, 2 * i], x[position, :, 2 * i + 1]
            out[position, :, 2 * i] = a * math.cos(angle) - b * math.sin(angle)
            out[position, :, 2 * i + 1] = a * math.sin(angle) + b * math.cos(angle)
    return out


def reference_logits(source: Path, tokens: list[int]) -> Array:
    """The forward pass in float64 straight from the file's weights, with none of the converter's tricks."""
    with GgufFile(source) as file:
        w = {
            name: (read_floats(file, info) if len(info.shape) == 1 else read_blocks(file, info).dequantised())
            for name, info in file.tensors.items()
        }
    weights = {name: array.astype(np.float64) for name, array in w.items()}
    x: Array = weights["token_embd.weight"][tokens]
    length = len(tokens)
    mask = np.where(np.tri(length, dtype=bool), 0.0, -np.inf)
    for layer in range(LAYERS):
        p = f"blk.{layer}."
        n = rms_norm(x, weights[p + "attn_norm.weight"])
        q = rotate_pairs((n @ weights[p + "attn_q.weight"].T).reshape(length, HEADS, HEAD_SIZE))
        k = rotate_pairs((n @ weights[p + "attn_k.weight"].T).reshape(length, KV_HEADS, HEAD_SIZE))
        v = (n @ weights[p + "attn_v.weight"].T).reshape(length, KV_HEADS, HEAD_SIZE)
        heads = []
        for head in range(HEADS):
            shared = head // (HEADS // KV_HEADS)
            score = q[:, head] @ k[:, shared].T / math.sqrt(HEAD_SIZE) + mask
            share = np.exp(score - score.max(-1, keepdims=True))
            heads.append(share / share.sum(-1, keepdims=True) @ v[:, shared])
        x = x + np.concatenate(heads, -1) @ weights[p + "attn_output.weight"].T
        n = rms_norm(x, weights[p + "ffn_norm.weight"])
        gate = n @ weights[p + "ffn_gate.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * (n @ weights[p + "ffn_up.weight"].T)) @ weights[p + "ffn_down.weight"].T
    head_matrix = weights.get("output.weight", weights["token_embd.weight"])
    logits: Array = rms_norm(x, weights["output_norm.weight"]) @ head_matrix.T
    return logits


@pytest.mark.parametrize(("kind", "tied"), [("Q4_1", True), ("Q8_0", False), ("F16", True)])
def test_the_graph_computes_the_llama_forward_pass(tmp_path: Path, kind: str, tied: bool) -> None:
    model = open_text(tiny_bundle(tmp_path, kind=kind, tied=tied), threads=1)
    tokens = [1, 40, 41, 200, 7, 7, 99, 150, 260, 12]
    expected = reference_logits(tmp_path / "tiny.gguf", tokens)
    found = np.array(list(model.teacher_forced(tokens[:1], [*tokens[1:], 0])), np.float64)
    error = np.abs(found - expected)
    assert error.mean() < 0.02 * expected.std()  # activations are rounded to 8 bits inside
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.999


def test_conversion_gives_the_same_bytes_each_time_and_on_every_machine(tmp_path: Path) -> None:
    first, second = tiny_bundle(tmp_path / "a"), tiny_bundle(tmp_path / "b")
    for name in (ONNX_FILE, TOKENIZER_FILE, MANIFEST_FILE):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    # Changes only together with CONVERTER: it is the id of every model that was ever converted.
    assert hashlib.sha256((first / ONNX_FILE).read_bytes()).hexdigest() == (
        "ccb664111b76ca4cc41c2cec0e4fdd012ab4b7b0128e5f9c7b9a99ef2c1fe7b6"
    )


def test_rotary_tables_are_cosine_and_sine() -> None:
    cosine, sine = rotary_tables(100_000.0, 64, 2048)
    angles = np.arange(2048)[:, None] * 100_000.0 ** (-np.arange(0, 64, 2) / 64)
    assert np.abs(cosine - np.cos(angles)).max() < 1e-7
    assert np.abs(sine - np.sin(angles)).max() < 1e-7


def test_an_unknown_tensor_is_refused_rather_than_ignored(tmp_path: Path) -> None:
    image = tiny_image()
    image.tensors["blk.0.attn_q.bias"] = ((64,), 0, bytes(256))
    with pytest.raises(UnsupportedModel, match=r"blk\.0\.attn_q\.bias"):
        convert(tmp_path, image)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    image = tiny_image()
    del image.tensors["blk.1.ffn_up.weight"]
    with pytest.raises(BadModelFile, match=r"blk\.1\.ffn_up\.weight' is missing"):
        convert(tmp_path, image)


def test_a_tensor_of_the_wrong_shape_is_named(tmp_path: Path) -> None:
    image = tiny_image()
    image.tensors["output_norm.weight"] = ((32,), 0, bytes(128))
    with pytest.raises(BadModelFile, match=r"output_norm\.weight' is of shape \(32,\)"):
        convert(tmp_path, image)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("general.architecture", "gemma", "'gemma' is not implemented"),
        ("tokenizer.ggml.pre", "llama-bpe", "supported: 'gpt2'/'smollm'"),
        ("llama.rope.scaling.type", "yarn", "rope.scaling"),
        ("llama.rope.dimension_count", 8, "head layout"),
        ("llama.attention.head_count", 3, "head layout"),
        ("llama.block_count", 10**6, "block_count"),
        ("llama.attention.layer_norm_rms_epsilon", float("nan"), "epsilon"),
        ("tokenizer.chat_template", "{{ plain }}", "chat template"),
        ("tokenizer.ggml.eos_token_id", 9999, "eos_token_id"),
        ("tokenizer.ggml.merges", ["q z"], "not in the vocabulary"),
        ("tokenizer.ggml.merges", ["alone"], "not in the vocabulary"),
        ("tokenizer.ggml.token_type", [1, 2], "differ in length"),
    ],
)
def test_metadata_that_would_make_another_model_is_refused(
    tmp_path: Path, key: str, value: int | float | str | list[str] | list[int], message: str
) -> None:
    image = tiny_image()
    image.metadata[key] = value
    with pytest.raises(ModelError, match=message):
        convert(tmp_path, image)


def test_missing_metadata_is_named(tmp_path: Path) -> None:
    for key in tiny_metadata():
        image = tiny_image()
        del image.metadata[key]
        with pytest.raises(ModelError, match=key.rpartition(".")[2]):
            convert_gguf(image.write(tmp_path / "m.gguf"), tmp_path, name="m", licence="x")


def test_a_vocabulary_that_repeats_a_token_is_refused(tmp_path: Path) -> None:
    image = tiny_image()
    image.metadata["tokenizer.ggml.tokens"] = [*SPECIAL, *["x"] * (271 - len(SPECIAL))]
    with pytest.raises(BadModelFile, match="repeat a token"):
        convert(tmp_path, image)
