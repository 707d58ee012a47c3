"""Small ONNX graphs, sound and hostile, written by the tests themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

Dims = Sequence[int | str | None]


def value(name: str, dims: Dims, elem: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, elem, list(dims))


def graph(
    nodes: Sequence[NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: dict[str, np.ndarray] | None = None,
) -> GraphProto:
    made = [numpy_helper.from_array(each, name) for name, each in (weights or {}).items()]
    return helper.make_graph(list(nodes), "g", list(inputs), list(outputs), made)


def model(of: GraphProto, *, opset: int = 17, ir: int = 8, domains: Sequence[str] = ()) -> ModelProto:
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(each, 1) for each in domains)]
    return helper.make_model(of, opset_imports=imports, ir_version=ir)


def linear(rows: Dims = ("n", 3), columns: int = 2) -> ModelProto:
    """y = x @ w + 1, with w of ones."""
    weights = {"w": np.ones((3, columns), np.float32), "b": np.ones(columns, np.float32)}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])]
    return model(graph(nodes, [value("x", rows)], [value("y", [*rows[:-1], columns])], weights))


def save(of: ModelProto, folder: Path, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(of.SerializeToString())
    return path


def nested(depth: int) -> ModelProto:
    """`depth` Ifs within each other."""
    inner = graph([helper.make_node("Identity", ["x"], ["y0"])], [], [value("y0", ["n"])])
    for level in range(1, depth + 1):
        node = helper.make_node("If", ["c"], [f"y{level}"], then_branch=inner, else_branch=inner)
        inner = graph([node], [], [value(f"y{level}", ["n"])])
    outer = graph(inner.node, [value("x", ["n"]), value("c", [], TensorProto.BOOL)], inner.output)
    return model(outer)
