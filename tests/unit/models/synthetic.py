"""A tiny llama-family model for tests: two layers with seeded weights, a byte-level vocabulary with a few merges.

`write_tiny_gguf(path)` writes the GGUF file, `tiny_bundle(folder)` also converts it. No download, a few milliseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.convert import convert_gguf

LAYERS, HIDDEN, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 2, 64, 4, 2, 96, 320
HEAD_SIZE = HIDDEN // HEADS
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END_TOKEN = 2
MERGES = ("h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "l d", "Ġwor ld", "Ġ t", "Ġt he", "i n")
SYSTEM = "You are tiny"
TEMPLATE = "{% x %}{{ '<|im_start|>system\n" + SYSTEM + "<|im_end|>\n' }}"
TYPE_CODES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 8, "Q6_K": 14}

Value = int | float | str | Sequence[int] | Sequence[str]


def byte_letters() -> list[str]:
    """The 256 letters that byte-level BPE writes for the bytes 0..255."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in shown}
    hidden = [byte for byte in range(256) if byte not in letters]
    letters |= {byte: chr(256 + i) for i, byte in enumerate(hidden)}
    return [letters[byte] for byte in range(256)]


def vocabulary() -> list[str]:
    """Control tokens, bytes, then one token a merge."""
    return [*SPECIAL, *byte_letters(), *(merge.replace(" ", "") for merge in MERGES)]


@dataclass
class GgufImage:
    """Parts of a GGUF file; tests change them before `write`."""

    metadata: dict[str, Value] = field(default_factory=dict)
    tensors: dict[str, tuple[tuple[int, ...], int, bytes]] = field(default_factory=dict)  # shape, type code, bytes
    alignment: int = 32

    def encode(self) -> bytes:
        """The file's bytes."""
        head = b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.metadata))
        head += b"".join(_text(key) + _value(value) for key, value in self.metadata.items())
        body = b""
        for name, (shape, code, raw) in self.tensors.items():
            head += _text(name) + struct.pack("<I", len(shape))
            head += struct.pack(f"<{len(shape)}QIQ", *reversed(shape), code, len(body))
            body += raw + bytes(-len(raw) % self.alignment)
        return head + bytes(-len(head) % self.alignment) + body

    def write(self, path: Path) -> Path:
        """Write the file and return its path."""
        path.write_bytes(self.encode())
        return path


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Value) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if all(isinstance(item, str) for item in value):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_text(str(item)) for item in value)
    return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)


def quantise(weights: NDArray[np.float32], kind: str) -> bytes:
    """Bytes of a tensor in a GGUF storage type, rounded the plain way."""
    if kind == "F32":
        return weights.astype("<f4").tobytes()
    if kind == "F16":
        return weights.astype("<f2").tobytes()
    if kind == "Q6_K":
        return _quantise_q6_k(weights.reshape(-1, 256))
    blocks = weights.reshape(-1, 32)
    if kind == "Q8_0":
        scale = (np.abs(blocks).max(axis=1) / 127).astype("<f2")
        values = np.round(blocks / np.maximum(scale.astype(np.float32), 1e-9)[:, None]).clip(-127, 127).astype(np.int8)
        return b"".join(s.tobytes() + v.tobytes() for s, v in zip(scale, values, strict=True))
    low, high = blocks.min(axis=1), blocks.max(axis=1)
    if kind == "Q4_0":
        low, high = -np.abs(blocks).max(axis=1), np.abs(blocks).max(axis=1) * 7 / 8
    scale, start = ((high - low) / 15).astype("<f2"), low.astype("<f2")
    offset = start.astype(np.float32) if kind == "Q4_1" else -8 * scale.astype(np.float32)
    values = np.round((blocks - offset[:, None]) / np.maximum(scale.astype(np.float32), 1e-9)[:, None])
    nibbles = values.clip(0, 15).astype(np.uint8)
    packed = nibbles[:, :16] | (nibbles[:, 16:] << 4)
    middle = [start[i].tobytes() if kind == "Q4_1" else b"" for i in range(len(blocks))]
    return b"".join(scale[i].tobytes() + middle[i] + packed[i].tobytes() for i in range(len(blocks)))


def _quantise_q6_k(blocks: NDArray[np.float32]) -> bytes:
    out = b""
    for block in blocks:
        sixteenths = block.reshape(16, 16)
        scale = np.float16(np.abs(block).max() / (31 * 127))
        small = np.round(np.abs(sixteenths).max(axis=1) / 31 / np.float32(scale)).clip(1, 127).astype(np.int8)
        step = np.float32(scale) * small.astype(np.float32)
        values = (np.round(sixteenths / step[:, None]).clip(-32, 31) + 32).astype(np.uint8).reshape(2, 4, 32)
        low, high = b"", b""
        for a, b, c, d in values:
            low += ((a & 15) | ((c & 15) << 4)).tobytes() + ((b & 15) | ((d & 15) << 4)).tobytes()
            high += ((a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6)).tobytes()
        out += low + high + small.tobytes() + scale.tobytes()
    return out


def tiny_weights(seed: int = 0, tied: bool = True) -> dict[str, NDArray[np.float32]]:
    """Float weights by GGUF tensor name."""
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int, spread: float) -> NDArray[np.float32]:
        return (random.standard_normal((rows, columns)) * spread).astype(np.float32)

    def vector() -> NDArray[np.float32]:
        return (1 + 0.1 * random.standard_normal(HIDDEN)).astype(np.float32)

    weights = {"token_embd.weight": matrix(len(vocabulary()), HIDDEN, 0.35), "output_norm.weight": vector()}
    if not tied:
        weights["output.weight"] = matrix(len(vocabulary()), HIDDEN, 0.35)
    rows = {"q": HIDDEN, "k": KV_HEADS * HEAD_SIZE, "v": KV_HEADS * HEAD_SIZE, "output": HIDDEN}
    for layer in range(LAYERS):
        p = f"blk.{layer}."
        weights |= {f"{p}attn_{part}.weight": matrix(count, HIDDEN, 0.15) for part, count in rows.items()}
        weights |= {f"{p}ffn_{part}.weight": matrix(FEED_FORWARD, HIDDEN, 0.15) for part in ("gate", "up")}
        weights |= {f"{p}ffn_down.weight": matrix(HIDDEN, FEED_FORWARD, 0.15)}
        weights |= {f"{p}{part}.weight": vector() for part in ("attn_norm", "ffn_norm")}
    return weights


def tiny_metadata() -> dict[str, Value]:
    """Metadata of the tiny model."""
    names = vocabulary()
    return {
        "general.architecture": "llama",
        "llama.block_count": LAYERS,
        "llama.context_length": CONTEXT,
        "llama.embedding_length": HIDDEN,
        "llama.feed_forward_length": FEED_FORWARD,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": KV_HEADS,
        "llama.rope.freq_base": 10_000.0,
        "llama.rope.dimension_count": HEAD_SIZE,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.vocab_size": len(names),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": names,
        "tokenizer.ggml.token_type": [3 if name in SPECIAL else 1 for name in names],
        "tokenizer.ggml.merges": list(MERGES),
        "tokenizer.ggml.eos_token_id": END_TOKEN,
        "tokenizer.chat_template": TEMPLATE,
    }


def tiny_image(
    seed: int = 0, kind: str = "Q4_1", tied: bool = True, weights: Mapping[str, NDArray[np.float32]] | None = None
) -> GgufImage:
    """The tiny model as GGUF parts; matrices stored as `kind`, embedding as Q8_0, norms as F32."""
    image = GgufImage(tiny_metadata())
    for name, array in (tiny_weights(seed, tied) if weights is None else weights).items():
        stored = "F32" if array.ndim == 1 else "Q8_0" if name in ("token_embd.weight", "output.weight") else kind
        image.tensors[name] = (array.shape, TYPE_CODES[stored], quantise(array, stored))
    return image


def write_tiny_gguf(path: Path, seed: int = 0, kind: str = "Q4_1", tied: bool = True) -> Path:
    """Write the tiny model as a GGUF file and return its path."""
    return tiny_image(seed, kind, tied).write(path)


def tiny_bundle(folder: Path, seed: int = 0, kind: str = "Q4_1", tied: bool = True) -> Path:
    """Write and convert the tiny model below `folder`; returns the bundle's path."""
    bundle = folder / "tiny"
    bundle.mkdir(parents=True)
    source = write_tiny_gguf(folder / "tiny.gguf", seed, kind, tied)
    convert_gguf(source, bundle, name="tiny", licence="Apache-2.0")
    return bundle
