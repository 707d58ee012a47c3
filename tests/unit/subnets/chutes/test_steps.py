"""Steps, pictures and noise: known inputs give known outputs, and what does not fit is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from node.market.errors import TooLarge, Unfit
from node.subnets.chutes.after import Pictures, apply_post, apply_reduce
from node.subnets.chutes.before import apply_before
from node.subnets.chutes.noise import noise
from node.subnets.chutes.png import decode_png, encode_png
from node.subnets.chutes.steps import (
    ArgMax,
    Batch,
    ByteEnds,
    CentreCrop,
    Clip,
    Frames,
    MeanPool,
    Normalise,
    Pixels,
    Resize,
    Scale,
    Sigmoid,
    Softmax,
    Stretch,
    SwapChannels,
    ToChw,
    TopK,
    ToPng,
    Unit,
)

PICTURE = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_a_picture_becomes_what_a_network_takes() -> None:
    steps = (SwapChannels(), Normalise(mean_ppm=(1_000_000,), std_ppm=(2_000_000,)), ToChw(), Batch())
    result = apply_before("p", PICTURE, steps)
    assert result.shape == (1, 3, 2, 4)
    assert result.dtype == np.float32
    assert result[0, 0, 0, 0] == (2 - 1) / 2  # blue of the first pixel


def test_resizing_keeps_the_mean_and_the_size_asked_for() -> None:
    half = apply_before("p", np.array([[[0.0], [2.0]], [[4.0], [6.0]]], np.float32), (Resize(height=1, width=1),))
    assert half.tolist() == [[[3.0]]]
    same = apply_before("p", PICTURE, (Resize(height=2, width=4),))
    assert (same == PICTURE).all()


def test_the_centre_is_cut_out() -> None:
    picture = np.arange(25).reshape(5, 5, 1)
    assert apply_before("p", picture, (CentreCrop(height=1, width=3),)).reshape(-1).tolist() == [11, 12, 13]
    with pytest.raises(Unfit, match="at least 6 x 1, got 5 x 5"):
        apply_before("p", picture, (CentreCrop(height=6, width=1),))


def test_both_ends_of_a_file_are_seen_without_white_space() -> None:
    step = ByteEnds(block=8, first=4, last=4, padding=256)
    data = np.frombuffer(b"  ab" + b"c" * 20 + b"yz \n", np.uint8)
    assert apply_before("f", data, (step,)).tolist() == [[97, 98, 99, 99, 99, 99, 121, 122]]
    assert apply_before("f", np.frombuffer(b"a", np.uint8), (step,)).tolist() == [
        [97, 256, 256, 256, 256, 256, 256, 97]
    ]


def test_frames_bring_the_samples_before_them() -> None:
    frames = apply_before("s", np.arange(1, 6, dtype=np.float32), (Frames(size=2, context=1),))
    assert frames.tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 0]]


def test_what_grows_too_large_is_refused() -> None:
    with pytest.raises(TooLarge):
        apply_before("p", np.zeros((1, 1, 3), np.uint8), (Resize(height=4096, width=4096),))


@pytest.mark.parametrize("step", [ToChw(), Resize(height=1, width=1), Frames(size=1, context=0)])
def test_the_wrong_number_of_axes_is_refused(step: ToChw | Resize | Frames) -> None:
    with pytest.raises(Unfit, match="axes"):
        apply_before("x", np.zeros((2, 2)), (step,))


def test_scaling_is_by_millionths() -> None:
    assert apply_before("x", np.array([2.0], np.float32), (Scale(factor_ppm=500_000),)).tolist() == [1.0]


# --- behind the graph -----------------------------------------------------------------------------------------------


def test_pooling_counts_the_tokens_that_the_mask_counts() -> None:
    hidden = np.array([[[1.0, 0.0], [3.0, 4.0], [100.0, 100.0]]], np.float32)
    mask = np.array([[1, 1, 0]])
    assert apply_reduce("h", hidden, (MeanPool(mask="m"),), {"m": mask}).tolist() == [[2.0, 2.0]]
    unit = apply_reduce("h", hidden, (MeanPool(mask="m"), Unit()), {"m": mask})
    assert np.linalg.norm(unit) == pytest.approx(1.0)
    with pytest.raises(Unfit, match="mean-pool"):
        apply_reduce("h", hidden, (MeanPool(mask="m"),), {})


def test_pictures_are_stretched_and_rounded_to_bytes() -> None:
    values = np.array([[[[-1.0, 0.0], [1.0, 3.0]]]], np.float32)
    assert apply_reduce("p", values, (Stretch(), Pixels()), {}).reshape(-1).tolist() == [0, 64, 128, 255]


def test_the_best_classes_are_named() -> None:
    shown = apply_post("s", np.array([[0.0, 2.0, 1.0]], np.float32), (Softmax(), TopK(k=2)), ("a", "b"))
    assert isinstance(shown, tuple)
    assert [(each.place, each.label) for each in shown[0]] == [(1, "b"), (2, "")]
    assert shown[0][0].value == pytest.approx(np.exp(2) / (1 + np.e + np.exp(2)))
    best = apply_post("s", np.array([[0.0, 2.0]]), (ArgMax(),), ())
    assert isinstance(best, np.ndarray)
    assert best.tolist() == [1]


def test_numbers_are_bounded_and_squashed() -> None:
    values = np.array([-1000.0, 0.0, 1000.0], np.float32)
    squashed = apply_post("s", values, (Sigmoid(), Clip(low_ppm=100_000, high_ppm=900_000)), ())
    assert isinstance(squashed, np.ndarray)
    assert squashed.tolist() == pytest.approx([0.1, 0.5, 0.9])


def test_a_picture_is_a_png_in_the_end() -> None:
    shown = apply_post("p", np.array([[[[0.0, 1.0]]]], np.float32), (ToPng(),), ())
    assert isinstance(shown, Pictures)
    assert decode_png(shown.files[0]).reshape(-1).tolist() == [0, 255]
    with pytest.raises(Unfit, match="last step"):
        apply_post("p", np.zeros((1, 1, 1, 1)), (ToPng(), Softmax()), ())


# --- PNG ------------------------------------------------------------------------------------------------------------


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))))
def test_a_written_png_is_read_back(pixels: "np.ndarray") -> None:
    assert (decode_png(encode_png(pixels)) == pixels).all()


def filtered(kind: int, rows: list[bytes], width: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, len(rows), 8, 0, 0, 0, 0)
    data = b"".join(bytes([kind]) + row for row in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "rows", "pixels"),
    [
        (0, [b"\x01\x02", b"\x03\x04"], [[1, 2], [3, 4]]),
        (1, [b"\x01\x01", b"\x03\x01"], [[1, 2], [3, 4]]),
        (2, [b"\x01\x02", b"\x02\x02"], [[1, 2], [3, 4]]),
        (3, [b"\x01\x02", b"\x03\x02"], [[1, 2], [3, 4]]),
        (4, [b"\x01\x01", b"\x02\x01"], [[1, 2], [3, 4]]),
    ],
)
def test_every_filter_of_the_format_is_undone(kind: int, rows: list[bytes], pixels: list[list[int]]) -> None:
    assert decode_png(filtered(kind, rows, 2))[..., 0].tolist() == pixels


@pytest.mark.parametrize(
    "data",
    [
        b"", b"GIF89a", encode_png(PICTURE)[:-4], encode_png(PICTURE)[:40], filtered(5, [b"\x00"], 1),
        filtered(0, [b"\x00"], 2), filtered(0, [b"\x00"], 5000),
        encode_png(PICTURE).replace(b"\x08\x02\x00\x00\x00", b"\x10\x02\x00\x00\x00"),
    ],
)  # fmt: skip
def test_what_is_no_plain_png_is_refused(data: bytes) -> None:
    with pytest.raises(Unfit):
        decode_png(data)


def test_a_small_file_does_not_unfold_into_a_large_one() -> None:
    bomb = io.BytesIO(filtered(0, [bytes(4000)] * 4000, 4))
    assert len(bomb.getvalue()) < 50_000
    assert decode_png(bomb.getvalue()).shape == (4000, 4, 1)  # reads the rows it says, and stops


# --- noise ----------------------------------------------------------------------------------------------------------


def test_noise_is_the_same_everywhere() -> None:
    assert noise(bytes(32), "x", "uniform", (2,), "float32").tobytes().hex() == PINNED["uniform"]
    assert noise(bytes(32), "x", "normal", (2,), "float32").tobytes().hex() == PINNED["normal"]
    assert noise(bytes(32), "x", "bytes", (4,), "uint8").tobytes().hex() == PINNED["bytes"]


PINNED = {"uniform": "93b42c3ff85ca73e", "normal": "000501bf002031bf", "bytes": "0c5fadc2"}


def test_noise_has_the_law_it_is_called_by() -> None:
    normal = noise(b"s", "x", "normal", (20_000,), "float32").astype(np.float64)
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.02
    uniform = noise(b"s", "x", "uniform", (20_000,), "float32").astype(np.float64)
    assert 0 <= uniform.min() < 0.001
    assert 0.999 < uniform.max() < 1
    assert not (noise(b"s", "x", "bytes", (64,), "uint8") == noise(b"s", "y", "bytes", (64,), "uint8")).all()
