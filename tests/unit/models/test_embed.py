"""Embedding: rows of length 1, the same alone and in company, padding never counted, hostile texts refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.bundle import TOKENIZER_FILE
from models.embed import Embedder, open_embedder
from models.errors import BadModelFile, BadPrompt
from models.limits import EMBED_MAX_TOKENS, MAX_EMBED_TEXTS, MAX_EMBED_TOTAL_CHARS
from tests.unit.models.bundles import DIMENSIONS, embedding_bundle, encoder, linear_bundle, tokenizer, write_bundle
from tests.unit.models.graphs import linear


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return open_embedder(embedding_bundle(tmp_path_factory.mktemp("embed") / "tiny"), threads=1)


def test_vectors_have_length_one_and_are_the_mean_of_their_tokens(opened: Embedder) -> None:
    vectors, tokens = opened.embed(["guitar music", "stock market falls"])
    assert (vectors.shape, vectors.dtype, tokens) == ((2, DIMENSIONS), np.float32, 5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    table = np.random.default_rng(3).standard_normal((8, DIMENSIONS)).astype(np.float32)
    mean = (table[2] + table[3]) / 2
    np.testing.assert_allclose(vectors[0], mean / np.linalg.norm(mean), rtol=1e-5)


def test_a_text_gives_the_same_bits_alone_and_among_others_of_any_length(opened: Embedder) -> None:
    texts = ["guitar " * (1 + 7 * n % 19) + "music" for n in range(21)]
    together, _ = opened.embed(texts)
    alone = np.concatenate([opened.embed([each])[0] for each in texts])
    np.testing.assert_array_equal(together, alone)


def test_a_long_text_is_cut_where_the_model_ends(opened: Embedder) -> None:
    long, tokens = opened.embed(["guitar " * 400 + "stock " * 400])
    assert tokens == EMBED_MAX_TOKENS
    np.testing.assert_array_equal(long, opened.embed(["guitar " * EMBED_MAX_TOKENS])[0])


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "came"),
        (["a"] * (MAX_EMBED_TEXTS + 1), "came"),
        (["a", ""], "empty"),
        ([" \n"], "empty"),
        (["a" * (MAX_EMBED_TOTAL_CHARS + 1)], "characters"),
        (["\ud800"], "Unicode"),
    ],
)
def test_texts_that_cannot_be_embedded_are_refused(opened: Embedder, texts: list[str], said: str) -> None:
    with pytest.raises(BadPrompt, match=said):
        opened.embed(texts)


def test_a_bundle_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match="not an embedding model"):
        open_embedder(linear_bundle(tmp_path / "linear"))
    with pytest.raises(BadModelFile, match="does not take input_ids"):
        open_embedder(write_bundle(tmp_path / "form", "embedding", linear(), **{TOKENIZER_FILE: tokenizer()}))
    with pytest.raises(BadModelFile, match="no tokenizer"):
        open_embedder(write_bundle(tmp_path / "words", "embedding", encoder(), **{TOKENIZER_FILE: b"{}"}))
