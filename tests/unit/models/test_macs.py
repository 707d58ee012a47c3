"""The cost of a graph is counted from the graph: known layers, formulas in free dimensions, branches and loops."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from models.errors import BadModelFile
from models.graph_macs import fit
from models.inspection import inspect
from models.limits import MAX_FORMULA_CHARS, MAX_MACS
from models.macs import count_macs, parse_formula, write_formula
from models.report import Report, Rule
from tests.unit.models.graphs import graph, model, save, value


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def _convolution() -> ModelProto:
    node = helper.make_node("Conv", ["x", "w"], ["y"], strides=[2, 2], pads=[1, 1, 1, 1])
    return model(graph([node], [value("x", ["n", 4, "h", "w_"])], [value("y", [None] * 4)], {"w": ones(8, 4, 3, 3)}))


def _attention() -> ModelProto:
    nodes = [helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1]), helper.make_node("MatMul", ["x", "t"], ["y"])]
    return model(graph(nodes, [value("x", ["b", "s", 16])], [value("y", [None] * 3)]))


def _reshaped() -> ModelProto:
    """Heads are split by a shape that the graph computes from its input."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["n"], axis=0),
        helper.make_node("Concat", ["n", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["r"]),
        helper.make_node("MatMul", ["r", "w"], ["y"]),
    ]
    weights = {"zero": np.array([0], np.int64), "rest": np.array([4, 2], np.int64), "w": ones(2, 5)}
    return model(graph(nodes, [value("x", ["n", 8])], [value("y", [None] * 3)], weights))


def _recurrent() -> ModelProto:
    node = helper.make_node("LSTM", ["x", "w", "r"], ["", "h"], hidden_size=3)
    weights = {"w": ones(1, 12, 5), "r": ones(1, 12, 3)}
    return model(graph([node], [value("x", ["t", "n", 5])], [value("h", [None] * 3)], weights))


def _einsum() -> ModelProto:
    node = helper.make_node("Einsum", ["x", "w"], ["y"], equation="...ij,jk->...ik")
    return model(graph([node], [value("x", ["n", 3, 4])], [value("y", [None] * 3)], {"w": ones(4, 5)}))


def _gemm() -> ModelProto:
    node = helper.make_node("Gemm", ["x", "w"], ["y"], transA=1)
    return model(graph([node], [value("x", [4, "n"])], [value("y", [None] * 2)], {"w": ones(4, 5)}))


def _bits() -> ModelProto:
    node = helper.make_node(
        "MatMulNBits", ["x", "q", "s"], ["y"], domain="com.microsoft", K=32, N=6, bits=4, block_size=32
    )
    weights = {"q": np.zeros((6, 1, 16), np.uint8), "s": ones(6)}
    graph_ = graph([node], [value("x", ["n", 32])], [value("y", [None] * 2)], weights)
    return model(graph_, domains=["com.microsoft"])


def _branches() -> ModelProto:
    """Two branches of other cost: the dearer counts."""
    cheap = graph([helper.make_node("MatMul", ["x", "small"], ["a"])], [], [value("a", [None] * 2)])
    dear_nodes = [helper.make_node("MatMul", ["x", "big"], ["m"]), helper.make_node("MatMul", ["m", "back"], ["b"])]
    dear = graph(dear_nodes, [], [value("b", [None] * 2)])
    node = helper.make_node("If", ["c"], ["y"], then_branch=cheap, else_branch=dear)
    weights = {"small": ones(3, 3), "big": ones(3, 7), "back": ones(7, 3)}
    inputs = [value("x", ["n", 3]), value("c", [], TensorProto.BOOL)]
    return model(graph([node], inputs, [value("y", [None] * 2)], weights))


def _loop(rounds: int | None) -> ModelProto:
    body = helper.make_graph(
        [helper.make_node("MatMul", ["v", "w"], ["v2"]), helper.make_node("Identity", ["go"], ["go2"])], "body",
        [value("i", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("v", [None, 3])],
        [value("go2", [], TensorProto.BOOL), value("v2", [None, 3])],
    )  # fmt: skip
    node = helper.make_node("Loop", ["count", "", "x"], ["y"], body=body)
    weights = {"w": ones(3, 3)} | ({} if rounds is None else {"count": np.array(rounds, np.int64)})
    inputs = [value("x", ["n", 3])] + ([value("count", [], TensorProto.INT64)] if rounds is None else [])
    return model(graph([node], inputs, [value("y", [None, 3])], weights))


def checked(of: ModelProto, folder: Path) -> Report:
    return inspect(save(of, folder), {})


@pytest.mark.parametrize(
    ("made", "formula"),
    [
        (_convolution(), "72*h*n*w_"),  # every second pixel of both axes: 8 * 4 * 9 / 4
        (_attention(), "16*b*s^2"),
        (_reshaped(), "40*n"),
        (_recurrent(), "96*n*t"),
        (_einsum(), "60*n"),
        (_gemm(), "20*n"),
        (_bits(), "192*n"),
        (_branches(), "42*n"),
        (_loop(5), "45*n"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_formula_of_a_known_layer(made: ModelProto, formula: str, tmp_path: Path) -> None:
    report = checked(made, tmp_path)
    assert report.failures == ()
    assert report.macs == formula


def test_matrices_in_a_loop_of_unknown_length_cannot_be_priced(tmp_path: Path) -> None:
    assert {each.rule for each in checked(_loop(None), tmp_path).failures} == {Rule.MACS}


def test_a_cost_that_is_no_polynomial_is_not_approximated(tmp_path: Path) -> None:
    """Of the input, at most 200 rows are multiplied."""
    nodes = [helper.make_node("Slice", ["x", "begin", "end"], ["s"]), helper.make_node("MatMul", ["s", "w"], ["y"])]
    weights = {"begin": np.array([0], np.int64), "end": np.array([200], np.int64), "w": ones(3, 3)}
    made = model(graph(nodes, [value("x", ["n", 3])], [value("y", [None] * 2)], weights))
    assert {each.rule for each in checked(made, tmp_path).failures} == {Rule.MACS}
    assert inspect(tmp_path / "model.onnx", {"n": 900}).macs == "1800"


@given(st.lists(st.fractions(min_value=-50, max_value=50, max_denominator=16), min_size=9, max_size=9))
def test_fitting_finds_the_polynomial_that_made_the_costs(coefficients: list[Fraction]) -> None:
    def at(x: int, y: int) -> Fraction:
        return sum((c * x ** (i // 3) * y ** (i % 3) for i, c in enumerate(coefficients)), Fraction(0))

    points = (64, 128, 192)
    found = fit(("a", "b"), points, [at(x, y) * 16 for x in points for y in points])  # type: ignore[misc]
    text = write_formula(found)
    assert parse_formula(text) == (found or {(): 0})
    total = at(320, 448) * 16
    assert sum(c * 320 ** dict(m).get("a", 0) * 448 ** dict(m).get("b", 0) for m, c in found.items()) == total


def test_a_formula_is_evaluated_exactly_and_rounded_down() -> None:
    assert count_macs("3/4*H*W + 1024*N^2 - 5", {"H": 5, "W": 5, "N": 3}) == 18 + 9216 - 5
    assert count_macs("0", {}) == 0
    assert count_macs("1*n^2", {"n": 2**40}) == MAX_MACS


@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "2*", "2**x", "1/0", "2*x*x", "2*x + 3*x", "2*x^0", "2*x^10", "import os", "2*é", "1e9",
     "2 * x", "9" * 25, "1 + " * 100 + "1", "1*" + "a" * MAX_FORMULA_CHARS, "1*a^9", "2*x\n"],
)  # fmt: skip
def test_a_formula_of_a_stranger_is_parsed_strictly(text: str) -> None:
    with pytest.raises(BadModelFile):
        parse_formula(text)


@pytest.mark.parametrize("dims", [{}, {"n": -1}, {"n": 2**41}])
def test_a_formula_without_its_dimension_is_not_guessed(dims: dict[str, int]) -> None:
    with pytest.raises(BadModelFile, match="dimension n"):
        count_macs("2*n", dims)
