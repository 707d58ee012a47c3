"""GGUF (llama family) to a bundle: ONNX with 8-bit weights, tokenizer and card. Same input, same bytes, any machine.

Whatever the converter does not understand it refuses by name: an unknown tensor left out would be another model.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from models.bundle import (
    CARD_FORMAT,
    CONVERTER,
    DEFAULT_TOLERANCE,
    MANIFEST_FILE,
    ONNX_FILE,
    TOKENIZER_FILE,
    Geometry,
    ModelCard,
    Tolerance,
    encode_card,
    sha256_of,
)
from models.decoder_graph import DecoderWeights, build_decoder
from models.errors import BadModelFile, UnsupportedModel
from models.gguf import GgufFile
from models.limits import (
    MAX_CONTEXT_TOKENS,
    MAX_FEED_FORWARD,
    MAX_HEADS,
    MAX_HIDDEN,
    MAX_LAYERS,
    MAX_VOCABULARY,
)
from models.quant import BLOCK, Blocks, read_blocks, read_floats
from models.tokens import TURN_END, TURN_START, tokenizer_from_gguf

_LAYER_MATRICES: Final = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
_LAYER_VECTORS: Final = ("attn_norm", "ffn_norm")
_ROPE_BASE: Final = (1.0, 1e9)
_EPSILON: Final = (1e-12, 1e-2)
_HEAD_SIZES: Final = range(16, 257, 16)  # what the attention kernel accepts, as far as tried


def convert_gguf(
    source: Path,
    folder: Path,
    *,
    name: str,
    licence: str,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ModelCard:
    """Write the bundle of `source` into the existing `folder`; `progress(matrices done, matrices in all)`."""
    with GgufFile(source) as file:
        geometry, weights = _plan(file, progress)
        tokenizer = tokenizer_from_gguf(file).encode()
        end_token = file.integer("tokenizer.ggml.eos_token_id", 0, geometry.vocabulary - 1)
        default_system = _default_system(file)
        pieces = build_decoder(geometry, weights)
    digest = hashlib.sha256()
    with (folder / ONNX_FILE).open("wb") as out:
        for piece in pieces:
            digest.update(piece)
            out.write(piece)
    card = ModelCard(
        format=CARD_FORMAT,
        name=name,
        kind="text",
        licence=licence,
        sha256=digest.hexdigest(),
        tokenizer_sha256=hashlib.sha256(tokenizer).hexdigest(),
        source_sha256=sha256_of(source),
        converter=CONVERTER,
        geometry=geometry,
        end_token=end_token,
        default_system=default_system,
        tolerance=tolerance,
    )
    (folder / TOKENIZER_FILE).write_bytes(tokenizer)
    (folder / MANIFEST_FILE).write_bytes(encode_card(card))
    return card


def _plan(file: GgufFile, progress: Callable[[int, int], None]) -> tuple[Geometry, DecoderWeights]:
    """Geometry and checked access to weights; refuses every tensor and key that would be ignored wrongly."""
    if file.text("general.architecture") != "llama":
        raise UnsupportedModel(f"architecture {file.text('general.architecture')!r:.40} is not implemented; use llama")
    odd = [key for key in file.metadata if "rope.scaling" in key or "expert" in key]
    if odd:
        raise UnsupportedModel(f"metadata {odd[0]!r:.80} asks for a variant that is not implemented")
    hidden = file.integer("llama.embedding_length", BLOCK, MAX_HIDDEN)
    heads = file.integer("llama.attention.head_count", 1, MAX_HEADS)
    feed_forward = file.integer("llama.feed_forward_length", BLOCK, MAX_FEED_FORWARD)
    vocabulary = len(file.texts("tokenizer.ggml.tokens"))
    geometry = Geometry(
        layers=file.integer("llama.block_count", 1, MAX_LAYERS),
        hidden=hidden,
        heads=heads,
        kv_heads=file.integer("llama.attention.head_count_kv", 1, heads),
        head_size=hidden // heads,
        vocabulary=file.integer("llama.vocab_size", vocabulary, MAX_VOCABULARY),
        context=min(file.integer("llama.context_length", 1, 2**31), MAX_CONTEXT_TOKENS),
    )
    rotated = file.integer("llama.rope.dimension_count", 1, MAX_HIDDEN)
    whole = hidden % heads == 0 and heads % geometry.kv_heads == 0 and hidden % BLOCK == 0 and feed_forward % BLOCK == 0
    if not whole or geometry.head_size not in _HEAD_SIZES or rotated != geometry.head_size:
        raise UnsupportedModel(f"head layout {heads}/{geometry.kv_heads} of {hidden} is not supported")
    tied = "output.weight" not in file.tensors
    shapes = _expected_shapes(geometry, feed_forward, tied)
    _check_tensors(file, shapes)
    weights = DecoderWeights(
        blocks=_block_reader(file, geometry, sum(len(shape) == 2 for shape in shapes.values()), progress),
        vector=lambda tensor: read_floats(file, file.tensors[tensor]),
        tied_head=tied,
        epsilon=file.real("llama.attention.layer_norm_rms_epsilon", *_EPSILON),
        rope_base=file.real("llama.rope.freq_base", *_ROPE_BASE),
    )
    return geometry, weights


def _expected_shapes(geometry: Geometry, feed_forward: int, tied: bool) -> dict[str, tuple[int, ...]]:
    hidden, key_rows = geometry.hidden, geometry.kv_heads * geometry.head_size
    rows = (hidden, key_rows, key_rows, hidden, feed_forward, feed_forward, hidden)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (geometry.vocabulary, hidden),
        "output_norm.weight": (hidden,),
    }
    if not tied:
        shapes["output.weight"] = (geometry.vocabulary, hidden)
    for layer in range(geometry.layers):
        for part, count in zip(_LAYER_MATRICES, rows, strict=True):
            columns = feed_forward if part == "ffn_down" else hidden
            shapes[f"blk.{layer}.{part}.weight"] = (count, columns)
        shapes |= {f"blk.{layer}.{part}.weight": (hidden,) for part in _LAYER_VECTORS}
    return shapes


def _check_tensors(file: GgufFile, shapes: dict[str, tuple[int, ...]]) -> None:
    unknown = sorted(file.tensors.keys() - shapes.keys())
    if unknown:
        raise UnsupportedModel(f"tensor {unknown[0]!r:.80} belongs to a variant that is not implemented")
    for name, shape in shapes.items():
        info = file.tensors.get(name)
        if info is None or info.shape != shape:
            found = "missing" if info is None else f"of shape {info.shape}"
            raise BadModelFile(f"tensor {name!r} is {found}; its shape must be {shape}")


def _block_reader(
    file: GgufFile, geometry: Geometry, total: int, progress: Callable[[int, int], None]
) -> Callable[[str], Blocks]:
    done = 0

    def read(tensor: str) -> Blocks:
        nonlocal done
        done += 1
        progress(done, total)
        blocks = read_blocks(file, file.tensors[tensor])
        if tensor.endswith("attn_q.weight"):
            return blocks.select_rows(half_rotation_order(geometry.heads, geometry.head_size))
        if tensor.endswith("attn_k.weight"):
            return blocks.select_rows(half_rotation_order(geometry.kv_heads, geometry.head_size))
        return blocks

    return read


def half_rotation_order(heads: int, head_size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Row order that undoes GGUF's interleaving of rotary pairs within each head."""
    rows = np.arange(heads * head_size, dtype=np.int64).reshape(heads, head_size // 2, 2)
    return rows.swapaxes(1, 2).reshape(-1)


def _default_system(file: GgufFile) -> str:
    """The system message that the chat template inserts. Raises UnsupportedModel for other chat forms."""
    template = file.text("tokenizer.chat_template")
    if TURN_START not in template or TURN_END not in template:
        raise UnsupportedModel("the chat template is not of the <|im_start|> form, the only one implemented")
    found = re.search(re.escape(TURN_START) + r"system\n(.*?)" + re.escape(TURN_END), template, re.DOTALL)
    return found.group(1) if found and "{" not in found.group(1) else ""
