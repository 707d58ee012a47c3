"""The catalogue's models that are no text models, where their bundles are in the store: known input, known output."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from models import is_ready
from models.catalogue import (
    ALL_MINILM_L6_V2,
    CATALOGUE,
    MAGIKA,
    OPEN_NSFW,
    SILERO_VAD,
    TERRAIN_DIFFUSION,
    CatalogueEntry,
)
from models.content import open_content
from models.embed import open_embedder
from models.images import SIDE, ImageRequest, open_images
from models.inspection import inspect
from models.pixels import read_png, resize
from models.tensor import TensorModel, quiet_feeds
from models.vision import SAFE_BELOW, open_safety
from models.voice import RATE_HZ, open_voice, read_wav, stretches
from tests.unit.models.speech import vowels, wav

pytestmark = pytest.mark.real_model

STORE = Path(os.environ.get("NEUROND_MODEL_STORE") or os.environ.get("NEUROND_MODELS") or "no-store")


def bundle(entry: CatalogueEntry) -> Path:
    if not is_ready(entry.name, STORE):
        pytest.skip(f"no bundle of {entry.name} in the store; set NEUROND_MODEL_STORE to a store that has it")
    return STORE / entry.name


@pytest.mark.parametrize(
    "entry", [each for each in CATALOGUE if each.kind != "text"], ids=lambda each: each.name
)  # fmt: skip
def test_the_catalogues_own_graphs_keep_the_rules_of_import(entry: CatalogueEntry) -> None:
    pinned = {"sequence": 576} if entry is SILERO_VAD else {}
    report = inspect(bundle(entry) / "model.onnx", pinned)
    assert report.failures == ()
    assert report.sha256 == entry.model_sha256
    model = TensorModel(bundle(entry) / "model.onnx", threads=1)
    assert (model.inputs, model.outputs) == (report.inputs, report.outputs)
    assert model.check(quiet_feeds(model.inputs, dict(entry.trial))) == dict(entry.trial)


def test_sentences_about_one_thing_lie_close_and_others_apart() -> None:
    model = open_embedder(bundle(ALL_MINILM_L6_V2), threads=1)
    texts = ["A man is playing the guitar on stage.", "Someone performs music with a guitar.",
             "Stock markets fell sharply on Tuesday."]  # fmt: skip
    vectors, tokens = model.embed(texts)
    assert (vectors.shape, tokens, model.dimensions) == ((3, 384), 29, 384)
    close = vectors @ vectors.T
    assert close[0, 1] == pytest.approx(0.663, abs=0.01)
    assert close[0, 2] == pytest.approx(-0.110, abs=0.01)
    np.testing.assert_allclose(vectors[0, :3], [0.01434755, 0.04430692, -0.01218722], atol=1e-4)
    np.testing.assert_array_equal(model.embed([texts[2]])[0], vectors[2:])


def test_a_seed_draws_one_land_and_its_picture_is_safe() -> None:
    model = open_images(bundle(TERRAIN_DIFFUSION), threads=1)
    heights = model.heights(ImageRequest(7))
    assert (heights.shape, float(heights.min())) == ((SIDE, SIDE), 0.0)
    assert float(heights.sum()) == pytest.approx(4817.74, rel=1e-3)
    png = model.generate(ImageRequest(7))
    assert png == open_images(bundle(TERRAIN_DIFFUSION), threads=2).generate(ImageRequest(7))
    rough, flat = model.heights(ImageRequest(7, steepness=95)), model.heights(ImageRequest(7, steepness=2))
    assert np.abs(np.gradient(rough)).mean() > 2 * np.abs(np.gradient(flat)).mean()
    assert open_safety(bundle(OPEN_NSFW), threads=1).unsafe(read_png(png)) < SAFE_BELOW


def test_picture_safety_gives_the_numbers_of_its_makers_pipeline() -> None:
    """Measured with the package's own steps (Pillow, JPEG in between): 0.1976 for grey, 0.2143 for this tone."""
    model = open_safety(bundle(OPEN_NSFW), threads=1)
    assert model.unsafe(np.full((300, 200, 3), 128, np.uint8)) == pytest.approx(0.1976, abs=0.002)
    assert model.unsafe(np.full((300, 300, 3), (224, 172, 140), np.uint8)) == pytest.approx(0.2143, abs=0.005)
    noise = np.random.default_rng(1).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    assert model.unsafe(resize(noise, 300, 420)) < 0.01


def test_content_is_known_by_its_bytes() -> None:
    model = open_content(bundle(MAGIKA), threads=1)
    here = Path(__file__)
    known = {
        here.read_bytes(): "python",
        (here.parents[3] / "pyproject.toml").read_bytes(): "toml",
        (here.parents[3] / "docs" / "architecture.md").read_bytes(): "markdown",
        b'#include <stdio.h>\nint main(void) { printf("hi"); return 0; }\n': "c",
        b"hi": "txt", b"": "empty", b"\xff\xfe": "unknown", b" " * 5000: "txt",
    }  # fmt: skip
    assert {content[:20]: model.identify(content).label for content in known} == {
        content[:20]: label for content, label in known.items()
    }


def test_speech_is_told_from_silence_and_noise() -> None:
    model = open_voice(bundle(SILERO_VAD), threads=1)
    quiet = np.zeros(RATE_HZ, np.float32)
    noise = (np.random.default_rng(1).standard_normal(RATE_HZ) * 0.05).astype(np.float32)
    assert max(model.frames(quiet)) < 0.1
    assert max(model.frames(noise)) < 0.3
    spoken = vowels("aeiouaieoa")
    heard = model.frames(read_wav(wav(np.concatenate([quiet, spoken, quiet]))))
    (found,) = stretches(heard)
    assert abs(found.begin_ms - 1_000) < 300
    assert abs(found.end_ms - 1_000 - len(spoken) * 1_000 // RATE_HZ) < 300
