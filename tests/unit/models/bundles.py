"""Bundles of each kind with seeded graphs of the real forms: the steps around a model are tested without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from models.bundle import MANIFEST_FILE, ONNX_FILE, TOKENIZER_FILE, sha256_of
from models.card import FORMAT, TensorCard, TensorKind, encode_tensor_card
from tests.unit.models.graphs import graph, linear, model, save, value

WORDS = ("[UNK]", "a", "guitar", "music", "stock", "market", "plays", "falls")
DIMENSIONS = 8


def write_bundle(folder: Path, kind: TensorKind, of: ModelProto, **files: bytes) -> Path:
    folder.mkdir(parents=True)
    save(of, folder, ONNX_FILE)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    pins = {name: sha256_of(folder / name) for name in files}
    card = TensorCard(FORMAT, folder.name, kind, folder.name, "MIT", sha256_of(folder / ONNX_FILE), pins, "imported")
    (folder / MANIFEST_FILE).write_bytes(encode_tensor_card(card))
    return folder


def tokenizer() -> bytes:
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made.to_str().encode()


def encoder() -> ModelProto:
    """hidden = table[ids] + types; the padding row is huge, so that it shows when it is counted in."""
    table = np.random.default_rng(3).standard_normal((len(WORDS), DIMENSIONS)).astype(np.float32)
    table[0] = 1_000
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Add", ["attention_mask", "token_type_ids"], ["sum"]),
        helper.make_node("Sub", ["sum", "attention_mask"], ["none"]),
        helper.make_node("Cast", ["none"], ["zero"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["zero", "last"], ["wide"]),
        helper.make_node("Add", ["rows", "wide"], ["last_hidden_state"]),
    ]
    dims = ["batch", "sequence"]
    inputs = [value(name, dims, TensorProto.INT64) for name in ("input_ids", "attention_mask", "token_type_ids")]
    weights = {"table": table, "last": np.array([-1], np.int64)}
    return model(graph(nodes, inputs, [value("last_hidden_state", [*dims, DIMENSIONS])], weights))


def embedding_bundle(folder: Path) -> Path:
    return write_bundle(folder, "embedding", encoder(), **{TOKENIZER_FILE: tokenizer()})


def terrain() -> ModelProto:
    """denoised = noisy / (sigma * (2 + difficulty))."""
    nodes = [
        helper.make_node("Add", ["difficulty", "two"], ["d"]),
        helper.make_node("Mul", ["d", "sigma"], ["s"]),
        helper.make_node("Reshape", ["s", "shape"], ["r"]),
        helper.make_node("Div", ["noisy", "r"], ["denoised"]),
    ]
    picture = ["batch", 1, 128, 128]
    inputs = [value("noisy", picture), value("sigma", ["batch"]), value("difficulty", ["batch"])]
    weights = {"two": np.array([2], np.float32), "shape": np.array([-1, 1, 1, 1], np.int64)}
    return model(graph(nodes, inputs, [value("denoised", picture)], weights))


def terrain_bundle(folder: Path) -> Path:
    return write_bundle(folder, "image-generation", terrain())


def linear_bundle(folder: Path) -> Path:
    return write_bundle(folder, "tensor", linear())
