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
CARD_FORMAT: Final = 1


class Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds of the verification rule; gaps in logits. See models.verify for what each one bounds."""

    bad_gap: float
    max_gap: float
    max_share_bad: float
    max_mean_gap: float
    nucleus_slack: float


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
    tolerance: Tolerance

    @property
    def context(self) -> int:
        """Longest prompt plus answer, in tokens."""
        return self.geometry.context

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.geometry.vocabulary
