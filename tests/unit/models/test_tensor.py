"""A graph of arrays runs only with arrays that fit it; whatever else comes is named, with what was expected."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from models.errors import BadModelFile, BadTensor, RuntimeFailure
from models.limits import MAX_FEED_BYTES, MAX_FREE_DIMENSION
from models.runtime import CPU
from models.tensor import Stop, TensorModel, open_tensors, quiet_feeds
from tests.unit.models.graphs import graph, linear, model, save, value


@pytest.fixture
def opened(tmp_path: Path) -> TensorModel:
    return open_tensors(save(linear(), tmp_path), threads=1)


def test_it_says_what_it_takes_and_gives_and_runs(opened: TensorModel) -> None:
    assert [(each.name, each.dtype, each.shape) for each in opened.inputs] == [("x", "float32", ("n", 3))]
    assert [(each.name, each.dtype, each.shape) for each in opened.outputs] == [("y", "float32", ("n", 2))]
    assert opened.provider == CPU
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert opened.check({"x": x}) == {"n": 2}
    np.testing.assert_array_equal(opened.run({"x": x})["y"], [[4, 4], [13, 13]])


@pytest.mark.parametrize(
    ("feeds", "said"),
    [
        ({}, "missing: x"),
        ({"x": np.ones((1, 3), np.float32), "evil": np.ones(1)}, "not known: evil"),
        ({"x": np.ones((1, 3), np.float64)}, "array of float32, float64 came"),
        ({"x": np.ones((1, 3), np.int64)}, "float32, int64"),
        ({"x": [[1.0, 2.0, 3.0]]}, "float32, list"),
        ({"x": np.array([["a"] * 3])}, "float32, <U1"),
        ({"x": np.array([[object()] * 3])}, "float32, object"),
        ({"x": np.ones(3, np.float32)}, r"shape \(n, 3\), \(3,\) came"),
        ({"x": np.ones((2, 4), np.float32)}, r"shape \(n=2, 3\), \(2, 4\) came"),
        ({"x": np.ones((0, 3), np.float32)}, r"\(0, 3\) came"),
        ({"x": np.broadcast_to(np.float32(1), (MAX_FREE_DIMENSION + 1, 3))}, "came"),
        ({"x": np.array([[1, np.nan, 3]], np.float32)}, "NaN"),
        ({"x": np.array([[1, -np.inf, 3]], np.float32)}, "infinite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_what_was_expected(
    opened: TensorModel, feeds: dict[str, np.ndarray], said: str
) -> None:
    with pytest.raises(BadTensor, match=said):
        opened.run(feeds)


def test_one_name_of_a_dimension_means_one_size(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["a", "b"], ["y"])]
    made = model(graph(nodes, [value("a", ["n"]), value("b", ["n"])], [value("y", ["n"])]))
    opened = TensorModel(save(made, tmp_path), threads=1)
    with pytest.raises(BadTensor, match=r"'b' must have the shape \(n=2\), \(1,\) came"):
        opened.run({"a": np.ones(2, np.float32), "b": np.ones(1, np.float32)})


def test_arrays_are_bounded_together(tmp_path: Path) -> None:
    side = int((MAX_FEED_BYTES / 4) ** 0.5) + 1
    node = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    opened = TensorModel(save(model(graph([node], [value("x", ["n", "m"])], [value("y", [])])), tmp_path), threads=1)
    with pytest.raises(BadTensor, match="bytes"):
        opened.run({"x": np.broadcast_to(np.float32(1), (side, side))})


def test_a_loop_that_never_ends_is_stopped_from_another_thread(tmp_path: Path) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go2"]), helper.make_node("Add", ["v", "v"], ["v2"])], "body",
        [value("i", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("v", ["n"])],
        [value("go2", [], TensorProto.BOOL), value("v2", ["n"])],
    )  # fmt: skip
    node = helper.make_node("Loop", ["", "yes", "x"], ["y"], body=body)
    made = model(graph([node], [value("x", ["n"])], [value("y", ["n"])], {"yes": np.array(True)}))
    opened, stop, ended = TensorModel(save(made, tmp_path), threads=1), Stop(), threading.Event()

    def run() -> None:
        with pytest.raises(RuntimeFailure, match=r"(?i)terminate"):
            opened.run({"x": np.ones(1, np.float32)}, stop)
        ended.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    time.sleep(0.1)
    assert not ended.is_set()
    stop.set()
    assert ended.wait(20)


def test_a_file_that_is_no_graph_of_arrays_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    with pytest.raises(RuntimeFailure, match=r"cannot load bad\.onnx"):
        TensorModel(tmp_path / "bad.onnx", threads=1)
    text = [value("x", ["n"], TensorProto.STRING)], [value("y", ["n"], TensorProto.STRING)]
    made = model(graph([helper.make_node("Identity", ["x"], ["y"])], *text))
    with pytest.raises(BadModelFile, match="no tensor of numbers"):
        TensorModel(save(made, tmp_path), threads=1)
    with pytest.raises(BadModelFile, match="threads"):
        TensorModel(save(linear(), tmp_path), threads=0)


def test_quiet_feeds_fit_the_model_they_are_made_for_and_are_always_the_same(opened: TensorModel) -> None:
    feeds = quiet_feeds(opened.inputs, {"n": 5})
    assert opened.check(feeds) == {"n": 5}
    np.testing.assert_array_equal(feeds["x"], quiet_feeds(opened.inputs, {"n": 5})["x"])
