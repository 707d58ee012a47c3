"""A bundle: the folder a model runs from. `model.onnx`, `tokenizer.json` and `manifest.json` (the model card).

The card pins the SHA-256 of both files; the hash of the ONNX file is the model's id on the wire. A bundle is read as
hostile: sizes are checked first, hashes are checked before use, and nothing outside the folder is ever opened.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from models.errors import BadModelFile, HashMismatch
from models.limits import (
    COPY_CHUNK_BYTES,
    MAX_CONTEXT_TOKENS,
    MAX_HEADS,
    MAX_HIDDEN,
    MAX_LAYERS,
    MAX_MANIFEST_BYTES,
    MAX_MODEL_FILE_BYTES,
    MAX_TOKENIZER_BYTES,
    MAX_VOCABULARY,
)

ONNX_FILE: Final = "model.onnx"
TOKENIZER_FILE: Final = "tokenizer.json"
MANIFEST_FILE: Final = "manifest.json"
CONVERTER: Final = "gguf-llama-q8/1"  # changes whenever the bytes that are written change
CARD_FORMAT: Final = 1


class Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds of the verification rule; gaps in logits, budgets for an answer of n judged tokens."""

    max_gap: float  # no single token may lie further off
    bad_gap: float  # from here on a token counts as bad
    bad_allowed: float  # bad tokens allowed: bad_allowed + bad_per_token * n
    bad_per_token: float
    sum_allowed: float  # sum of gaps allowed: sum_allowed + sum_per_token * n
    sum_per_token: float
    edge_slack: float  # logits by which tokens at the edge of top-k and top-p may have moved against each other
    logprob_mean: float = 0.1  # nats by which told probabilities may be off: logprob_mean + logprob_once / n
    logprob_once: float = 0.5


# Measured with SmolLM2 135M in int8, single steps against one prefill, 64 tokens. Honest (800 answers): mean gap 0.003,
# largest 1.8, at most two bad tokens, sum at most 1.5. A 4-bit copy, one layer less or another seed have mean gaps of
# 0.4 to 2: of 40 answers each none passes.
DEFAULT_TOLERANCE: Final = Tolerance(
    max_gap=2.5,
    bad_gap=0.3,
    bad_allowed=2.0,
    bad_per_token=0.02,
    sum_allowed=1.4,
    sum_per_token=0.012,
    edge_slack=0.25,
)


class Geometry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shape of a decoder: what the runtime needs to lay out the key/value cache."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int  # tokens of prompt and answer together


class ModelCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a model, as stored in the manifest. `sha256` (of the ONNX file) is the model's id."""

    format: int
    name: str
    kind: str
    licence: str
    sha256: str
    tokenizer_sha256: str
    source_sha256: str  # of the file it was converted from
    converter: str
    geometry: Geometry
    end_token: int
    default_system: str  # system message of a chat that brings none
    tolerance: Tolerance

    @property
    def context(self) -> int:
        """Longest prompt plus answer, in tokens."""
        return self.geometry.context

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.geometry.vocabulary


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(COPY_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def encode_card(card: ModelCard) -> bytes:
    """Manifest bytes of a card; equal cards give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"


def read_card(folder: Path) -> ModelCard:
    """The card of a bundle, bounds checked, files not yet hashed. Raises BadModelFile."""
    try:
        raw = read_bounded(folder / MANIFEST_FILE, MAX_MANIFEST_BYTES)
        card = msgspec.json.decode(raw, type=ModelCard)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadModelFile(f"{folder / MANIFEST_FILE} is no model card: {error}") from error
    _check_geometry(card)
    return card


def check_bundle(folder: Path) -> ModelCard:
    """Read the card and hash both files against it. Raises BadModelFile or HashMismatch."""
    card = read_card(folder)
    pins = (
        (ONNX_FILE, MAX_MODEL_FILE_BYTES, card.sha256),
        (TOKENIZER_FILE, MAX_TOKENIZER_BYTES, card.tokenizer_sha256),
    )
    for name, most, pinned in pins:
        path = folder / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > most:
            raise BadModelFile(
                f"{path} is missing, a link, or larger than {most} bytes; delete the folder to rebuild it"
            )
        found = sha256_of(path)
        if found != pinned:
            raise HashMismatch(f"{path} has SHA-256 {found}, its card says {pinned}; delete the folder to rebuild it")
    return card


def read_bounded(path: Path, most: int) -> bytes:
    """Content of a regular file of at most `most` bytes. Raises BadModelFile."""
    if path.is_symlink() or not path.is_file():
        raise BadModelFile(f"{path} is missing or not a regular file")
    with path.open("rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise BadModelFile(f"{path} exceeds {most} bytes")
    return raw


def _check_geometry(card: ModelCard) -> None:
    shape = card.geometry
    bounds = (
        ("layers", shape.layers, MAX_LAYERS),
        ("hidden", shape.hidden, MAX_HIDDEN),
        ("heads", shape.heads, MAX_HEADS),
        ("kv_heads", shape.kv_heads, MAX_HEADS),
        ("head_size", shape.head_size, MAX_HIDDEN),
        ("vocabulary", shape.vocabulary, MAX_VOCABULARY),
        ("context", shape.context, MAX_CONTEXT_TOKENS),
    )
    for name, value, most in bounds:
        if not 1 <= value <= most:
            raise BadModelFile(f"model card: {name} is {value}, allowed are 1 to {most}")
    if card.format != CARD_FORMAT or card.kind != "text":
        raise BadModelFile(f"model card: format {card.format} kind {card.kind!r:.20} is not known to this version")
    if not 0 <= card.end_token < shape.vocabulary:
        raise BadModelFile("model card: the end token lies outside the vocabulary")
