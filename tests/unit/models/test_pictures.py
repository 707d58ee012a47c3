"""Pictures: PNGs of strangers are read within bounds, ours are exact, and a seed always draws the same land."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import BadModelFile, BadSampling, BadTensor
from models.images import SIDE, SIDES, ImageModel, ImageRequest, open_images, relief, request_of
from models.limits import MAX_IMAGE_SEED, MAX_PICTURE_BYTES, MAX_PROMPT_CHARS
from models.pixels import SIGNATURE, read_png, resize, write_png
from models.vision import prepare
from tests.unit.models.bundles import linear_bundle, terrain_bundle


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(lines: bytes, width: int, height: int, *, colour: int = 0, depth: int = 8, palette: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    middle = chunk(b"PLTE", palette) if palette else b""
    return SIGNATURE + chunk(b"IHDR", header) + middle + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read_back(height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    np.testing.assert_array_equal(read_png(write_png(pixels)), pixels)
    np.testing.assert_array_equal(read_png(write_png(pixels[..., 0]))[..., 1], pixels[..., 0])
    wide = pixels[..., 0].astype(np.uint16) * 257
    np.testing.assert_array_equal(read_png(write_png(wide))[..., 2], pixels[..., 0])


@pytest.mark.parametrize("kind", range(5))
def test_every_filter_of_the_format_is_undone(kind: int) -> None:
    """Filtered by the definition, byte by byte; few values, so that neighbours are often equally close."""
    rows = np.random.default_rng(5).choice(np.array([0, 1, 2, 3, 250], np.uint8), (20, 3, 3))
    above, coded = [0] * 9, b""
    for row in rows.reshape(20, 9).tolist():
        line = []
        for i, byte in enumerate(row):
            left, up, corner = row[i - 3] if i > 2 else 0, above[i], above[i - 3] if i > 2 else 0
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda each: (abs(guess - each), (left, up, corner).index(each)))
            line.append((byte - [0, left, up, (left + up) // 2, paeth][kind]) % 256)
        coded += bytes([kind, *line])
        above = row
    np.testing.assert_array_equal(read_png(png(coded, 3, 20, colour=2)), rows)


def test_palettes_and_transparency_become_rgb() -> None:
    colours = bytes([255, 0, 0, 0, 0, 255])
    np.testing.assert_array_equal(
        read_png(png(b"\0\1\0", 2, 1, colour=3, palette=colours)), [[[0, 0, 255], [255, 0, 0]]]
    )
    half = png(bytes([0, 0, 0, 0, 128]), 1, 1, colour=6)
    np.testing.assert_array_equal(read_png(half), [[[127, 127, 127]]])


GOOD = png(b"\0\1\2", 2, 1)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"GIF89a", SIGNATURE, GOOD[:-1], GOOD[:-20], GOOD[:40] + b"?" + GOOD[41:],
        GOOD + b"\0" * MAX_PICTURE_BYTES, png(b"\0\1\2", 3, 1), png(b"\0\1\2\3", 2, 1), png(b"\5\1\2", 2, 1),
        png(b"\0\1\2", 0, 1), png(b"\0\1", 1, 1, depth=1),
        png(b"\0\1\2", 2, 1, colour=7), png(b"\0\1\2", 2, 1, colour=3), png(b"\0\1\2", 2, 1, colour=3, palette=b"abc"),
        png(b"\0", 8192, 8192), png(b"\0", 2**31, 1),
        SIGNATURE + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""),
    ],
)  # fmt: skip
def test_a_broken_or_boundless_picture_is_refused(raw: bytes) -> None:
    with pytest.raises(BadTensor):
        read_png(raw)


def test_a_picture_of_too_many_pixels_is_refused_by_its_header() -> None:
    with pytest.raises(BadTensor, match="in all"):
        read_png(png(b"", 8192, 2049))


def test_a_small_file_that_unpacks_without_end_is_refused_at_its_stated_size() -> None:
    with pytest.raises(BadTensor, match="as many pixels"):
        read_png(png(bytes(50_000_000), 10, 10))


@settings(max_examples=200)
@given(st.binary(max_size=80))
def test_any_bytes_give_a_picture_or_the_one_error(raw: bytes) -> None:
    for content in (raw, SIGNATURE + raw, GOOD[: 8 + len(raw)] + raw):
        try:
            assert read_png(content).ndim == 3
        except BadTensor:
            continue


def test_resizing_keeps_what_is_even_and_averages_what_shrinks() -> None:
    even = np.full((37, 51, 3), 93, np.uint8)
    np.testing.assert_array_equal(resize(even, 256, 19), np.full((256, 19, 3), 93, np.uint8))
    stripes = np.tile(np.array([0, 200], np.uint8), (64, 32))
    assert abs(int(resize(stripes, 8, 8)[4, 4]) - 100) <= 1
    np.testing.assert_array_equal(resize(stripes, 64, 64), stripes)


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> ImageModel:
    return open_images(terrain_bundle(tmp_path_factory.mktemp("images") / "tiny"), threads=1)


def test_a_seed_draws_the_same_land_and_another_seed_another(land: ImageModel) -> None:
    first = land.generate(ImageRequest(7))
    assert first == land.generate(ImageRequest(7)) != land.generate(ImageRequest(8))
    assert first != land.generate(ImageRequest(7, steepness=90))
    for side in SIDES:
        assert read_png(land.generate(ImageRequest(7, side=side))).shape == (side, side, 3)
    grey = read_png(land.generate(ImageRequest(7, style="height")))
    assert (grey[..., 0] == grey[..., 2]).all()


def test_heights_begin_at_zero_and_stay_within_the_models_range(land: ImageModel) -> None:
    heights = land.heights(ImageRequest(1))
    assert (heights.shape, heights.dtype, float(heights.min())) == ((SIDE, SIDE), np.float32, 0.0)
    assert 0 < float(heights.max()) <= 22.2


def test_flat_land_is_drawn_without_dividing_by_zero() -> None:
    drawn = relief(np.zeros((4, 4), np.float32))
    assert drawn.shape == (4, 4, 3)
    assert (drawn == drawn[0, 0]).all()


def test_a_prompt_means_its_words_for_land_and_seeds_itself() -> None:
    assert request_of("steep mountains").steepness > request_of("gentle plains").steepness
    assert request_of("a cat") == request_of("a cat") != request_of("a dog")
    assert request_of("hills", seed=5, side=256) == ImageRequest(5, 40, 256)
    for prompt in ("", " ", "x" * (MAX_PROMPT_CHARS + 1)):
        with pytest.raises(BadSampling):
            request_of(prompt)


@pytest.mark.parametrize(
    "change",
    [{"seed": -1}, {"seed": MAX_IMAGE_SEED + 1}, {"steepness": 0}, {"steepness": 101}, {"side": 100}, {"style": "oil"}],
)
def test_a_request_out_of_range_is_refused_before_it_runs(land: ImageModel, change: dict[str, int]) -> None:
    with pytest.raises(BadSampling):
        land.generate(ImageRequest(**{"seed": 1, **change}))


def test_a_bundle_that_makes_no_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match="makes no pictures"):
        open_images(linear_bundle(tmp_path / "linear"))


def test_pictures_are_prepared_blue_first_and_centred() -> None:
    red = np.zeros((300, 500, 3), np.uint8)
    red[..., 0] = 255
    np.testing.assert_array_equal(prepare(red)[0, 0], [-104, -117, 132])
    for wrong in (red[..., :2], red.astype(np.float32), red[0]):
        with pytest.raises(BadTensor):
            prepare(wrong)  # type: ignore[arg-type]
