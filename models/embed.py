"""Texts to vectors: tokens, one pass of the graph, mean over the tokens that count, length 1.

Texts are sorted by length and run in small batches: a row gives the same numbers alone or in company, and long texts do
not make short ones wait. Texts beyond the model's length are cut there, as its makers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.bundle import ONNX_FILE, TOKENIZER_FILE, read_bounded
from models.card import TensorCard, check_tensor_bundle
from models.errors import BadModelFile, BadPrompt
from models.limits import (
    EMBED_BATCH_ROWS,
    EMBED_MAX_TOKENS,
    MAX_EMBED_TEXTS,
    MAX_EMBED_TOTAL_CHARS,
    MAX_HIDDEN,
    MAX_TOKENIZER_BYTES,
)
from models.tensor import Stop, TensorModel, open_tensors

INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT: Final = "last_hidden_state"

Vectors = NDArray[np.float32]


class Embedder:
    """An embedding model and its tokenizer. `embed` may be called from several threads."""

    def __init__(self, card: TensorCard, model: TensorModel, tokenizer: Tokenizer) -> None:
        """Raises BadModelFile when the graph is not of the form of a BERT-like encoder."""
        width = next((each.shape[-1] for each in model.outputs if each.name == OUTPUT and len(each.shape) == 3), 0)
        wrong = {each.name for each in model.inputs} != set(INPUTS)
        if wrong or not isinstance(width, int) or not 1 <= width <= MAX_HIDDEN:
            raise BadModelFile(f"{card.name} does not take {', '.join(INPUTS)} and give {OUTPUT} of a fixed width")
        self.card = card
        self.dimensions = width
        self.provider = model.provider
        self._model = model
        self._tokenizer = tokenizer

    def embed(self, texts: Sequence[str], stop: Stop | None = None) -> tuple[Vectors, int]:
        """Vectors of shape (texts, dimensions), each of length 1, and the number of tokens read.

        Raises BadPrompt: no text, too many or too much text, an empty one, or one that is no valid Unicode.
        """
        _check_texts(texts)
        try:
            encoded = self._tokenizer.encode_batch(list(texts))
        except (UnicodeEncodeError, TypeError) as error:
            raise BadPrompt("a text holds characters that are no valid Unicode") from error
        rows = [each.ids for each in encoded]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        vectors = np.empty((len(rows), self.dimensions), np.float32)
        for begin in range(0, len(order), EMBED_BATCH_ROWS):
            chosen = order[begin : begin + EMBED_BATCH_ROWS]
            vectors[chosen] = self._batch([rows[i] for i in chosen], stop)
        return vectors, sum(map(len, rows))

    def _batch(self, rows: list[list[int]], stop: Stop | None) -> Vectors:
        shape = (len(rows), max(map(len, rows)))
        ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros(shape, np.int64)}
        hidden = self._model.run(feeds, stop)[OUTPUT]
        means = np.stack([hidden[i, : len(row)].mean(axis=0) for i, row in enumerate(rows)])
        lengths = np.sqrt((means * means).sum(axis=1, keepdims=True))
        return np.asarray(means / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


def open_embedder(bundle: Path, *, threads: int | None = None, prefer_cuda: bool = True) -> Embedder:
    """Open a bundle folder after hashing it. Raises ModelError."""
    card = check_tensor_bundle(bundle)
    if card.kind != "embedding":
        raise BadModelFile(f"{card.name} is of kind {card.kind}, not an embedding model")
    try:
        tokenizer = Tokenizer.from_buffer(read_bounded(bundle / TOKENIZER_FILE, MAX_TOKENIZER_BYTES))
    except Exception as error:  # the library raises bare Exceptions from its Rust side
        raise BadModelFile(f"{bundle / TOKENIZER_FILE} is no tokenizer: {error!s:.200}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(EMBED_MAX_TOKENS)
    trial = {"batch": 1, "sequence": 64}
    model = open_tensors(bundle / ONNX_FILE, threads=threads, prefer_cuda=prefer_cuda, trial=trial)
    return Embedder(card, model, tokenizer)


def _check_texts(texts: Sequence[str]) -> None:
    if not 1 <= len(texts) <= MAX_EMBED_TEXTS:
        raise BadPrompt(f"1 to {MAX_EMBED_TEXTS} texts can be embedded at once, {len(texts)} came")
    if not all(isinstance(each, str) and each.strip() for each in texts):
        raise BadPrompt("a text to embed is empty")
    if sum(map(len, texts)) > MAX_EMBED_TOTAL_CHARS:
        raise BadPrompt(f"the texts have more than {MAX_EMBED_TOTAL_CHARS} characters; send fewer at once")
