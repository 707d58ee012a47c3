"""The steps around content and voice models, with seeded graphs of their forms: bytes and sounds of strangers."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from models.content import LABELS_FILE, ContentModel, open_content
from models.errors import BadModelFile, BadTensor
from models.limits import MAX_RECORDING_S
from models.voice import FRAME, RATE_HZ, Stretch, open_voice, read_wav, stretches
from tests.unit.models.bundles import linear_bundle, write_bundle
from tests.unit.models.graphs import graph, model, value
from tests.unit.models.speech import wav

LABELS = {
    "target_labels_space": ["first", "second", "noise"], "thresholds": {"second": 0.9},
    "overwrite_map": {"noise": "unknown"}, "medium_confidence_threshold": 0.5, "beg_size": 1024,
}  # fmt: skip


def chooser() -> ModelProto:
    """Scores by the first and the last byte seen: first = byte 0 / 255, second = last byte / 255, noise = 0.55."""
    nodes = [
        helper.make_node("Cast", ["bytes"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["f", "ends"], ["g"], axis=1),
        helper.make_node("Mul", ["g", "scale"], ["m"]),
        helper.make_node("Add", ["m", "add"], ["scores"]),
    ]
    weights = {
        "ends": np.array([0, 2047, 0], np.int64), "scale": np.array([1 / 255, 1 / 255, 0], np.float32),
        "add": np.array([0, 0, 0.55], np.float32),
    }  # fmt: skip
    inputs = [value("bytes", ["n", 2048], TensorProto.INT32)]
    return model(graph(nodes, inputs, [value("scores", ["n", 3])], weights))


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> ContentModel:
    folder = tmp_path_factory.mktemp("content") / "tiny"
    return open_content(write_bundle(folder, "content-type", chooser(), **{LABELS_FILE: msgspec.json.encode(LABELS)}))


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        (b"", "empty"),
        (b"short", "txt"),
        (b"\xff\xfe", "unknown"),
        (b"   \n short", "txt"),  # white space before it is not content
        (b"\xf0" + b"a" * 5000 + b"\x10", "first"),
        (b"  \n\xf0" + b"a" * 5000 + b"\x10 \n", "first"),  # white space at either end is not looked at
        (b"\x10" + b"a" * 5000 + b"\xf0", "second"),
        (b"\x10" + b"a" * 5000 + b"\xf0 \n", "second"),
        (b"\x10" + b"a" * 5000 + b"\xd0", "unknown"),  # best, but below its own threshold, and no text
        (b"\x10" + b"a" * 5000 + b"a", "unknown"),  # what the model calls noise
        (b"\x10" + b"a" * 30, "unknown"),
    ],
)
def test_content_is_judged_by_what_stands_at_its_ends(content: ContentModel, raw: bytes, label: str) -> None:
    assert content.identify(raw).label == label


def test_labels_that_do_not_fit_the_graph_are_refused(tmp_path: Path) -> None:
    fewer = msgspec.json.encode({**LABELS, "target_labels_space": ["a", "b"]})
    with pytest.raises(BadModelFile, match="number of labels"):
        open_content(write_bundle(tmp_path / "fewer", "content-type", chooser(), **{LABELS_FILE: fewer}))
    with pytest.raises(BadModelFile, match="no list of labels"):
        open_content(write_bundle(tmp_path / "none", "content-type", chooser(), **{LABELS_FILE: b"[]"}))
    with pytest.raises(BadModelFile, match="knows no content types"):
        open_content(linear_bundle(tmp_path / "linear"))


def listener() -> ModelProto:
    """P(speech) = mean of the frame + first number of the state; the state counts frames in tenths."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("ReduceMax", ["state"], ["count"], axes=[0, 2], keepdims=0),
        helper.make_node("Add", ["mean", "count"], ["output"]),
        helper.make_node("Cast", ["sr"], ["rate"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["rate", "rate160k"], ["tenth"]),
        helper.make_node("Add", ["state", "tenth"], ["stateN"]),
    ]
    inputs = [
        value("input", ["batch", "sequence"]),
        value("state", [2, "batch", 128]),
        value("sr", [], TensorProto.INT64),
    ]
    outputs = [value("output", ["batch", 1]), value("stateN", [2, "batch", 128])]
    return model(graph(nodes, inputs, outputs, {"rate160k": np.array(160_000, np.float32)}), opset=13)


def test_frames_carry_their_state_and_begin_anew_with_every_recording(tmp_path: Path) -> None:
    heard = open_voice(write_bundle(tmp_path / "tiny", "voice-activity", listener()))
    for _ in range(2):
        np.testing.assert_allclose(heard.frames(np.zeros(3 * FRAME - 5, np.float32)), [0, 0.1, 0.2], atol=1e-6)
    for wrong in (np.zeros(0, np.float32), np.zeros(10), np.zeros((2, 10), np.float32),
                  np.zeros(MAX_RECORDING_S * RATE_HZ + 1, np.float32), np.array([np.nan], np.float32)):  # fmt: skip
        with pytest.raises(BadTensor):
            heard.frames(wrong)
    with pytest.raises(BadModelFile, match="hears no voices"):
        open_voice(linear_bundle(tmp_path / "linear"))


def test_stretches_begin_sure_end_late_and_bridge_short_gaps() -> None:
    talk = [0.1, 0.9, 0.4, 0.4, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.9, 0.9, 0.1]
    assert stretches(talk) == [Stretch(32, 13 * 32)]
    assert stretches([*talk, *[0.0] * 5, 0.9, 0.0]) == [Stretch(32, 13 * 32)]  # 32 ms are no speech
    assert stretches([*[0.9] * 8, *[0.4] * 6, *[0.9] * 8]) == [Stretch(0, 22 * 32)]  # doubt does not end it
    assert len(stretches([*[0.9] * 8, *[0.3] * 6, *[0.9] * 8])) == 2
    assert stretches([0.9] * 10) == [Stretch(0, 320)]
    assert stretches([0.4] * 50) == stretches([]) == []


def test_sound_files_are_read_within_bounds() -> None:
    tone = (np.sin(np.arange(1000) / 10) / 2).astype(np.float32)
    np.testing.assert_allclose(read_wav(wav(tone)), tone, atol=1e-4)
    stereo = np.stack([tone, np.zeros_like(tone)], axis=1).reshape(-1)
    np.testing.assert_allclose(read_wav(wav(stereo, channels=2)), tone / 2, atol=1e-4)
    whole = wav(tone)
    for raw in (b"", b"RIFF", whole[:30], whole[:44], wav(tone, rate_hz=8_000), wav(tone, width=1), wav(tone[:0]),
                b"RIFX" + whole[4:], whole[:20] + b"\x03\x00" + whole[22:]):  # fmt: skip
        with pytest.raises(BadTensor):
            read_wav(raw)
    for cut in range(0, len(whole), 97):
        try:
            assert len(read_wav(whole[:cut])) <= len(tone)
        except BadTensor:
            continue
