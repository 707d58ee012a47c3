"""The tokenizer of a bundle without its weights: what a back end needs of a model that runs elsewhere."""

from __future__ import annotations

from pathlib import Path

from models.bundle import TOKENIZER_FILE, ModelCard, check_bundle, read_bounded
from models.limits import MAX_TOKENIZER_BYTES
from models.tokens import TextCodec


def open_codec(bundle: Path) -> tuple[ModelCard, TextCodec]:
    """The card and the tokenizer of a bundle folder, after hashing it. Raises ModelError."""
    card = check_bundle(bundle)
    raw = read_bounded(bundle / TOKENIZER_FILE, MAX_TOKENIZER_BYTES)
    return card, TextCodec(raw, card.vocabulary, card.default_system)
