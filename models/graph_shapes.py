"""Every shape of a graph at given dimensions, computed node by node, and its cost. Runs inside the checking process.

Shapes come from ONNX's own inference; small integers (shapes, axes, indices) are computed along with them, because
exported graphs reshape by values. Nothing larger than a bound is ever computed, and loops are never run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, TypeProto, defs, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from models.graph_contrib import CONTRIB_SHAPES, ContribError
from models.graph_macs import CostUnknown, Shape, node_macs
from models.limits import MAX_KNOWN_VALUES, MAX_TENSOR_BYTES

VALUE_OPERATORS: Final = frozenset({
    "Abs", "Add", "And", "Cast", "CastLike", "Ceil", "Concat", "Constant", "ConstantOfShape", "Div", "Equal", "Expand",
    "Flatten", "Floor", "Gather", "GatherND", "Greater", "GreaterOrEqual", "Identity", "Less", "LessOrEqual", "Max",
    "Min", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Range", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum",
    "Reshape", "ScatterND", "Shape", "Sign", "Size", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Tile", "Transpose",
    "Unsqueeze", "Where",
})  # fmt: skip
UNREADABLE: Final = (  # what ONNX raises for a node that makes no sense
    ContribError, shape_inference.InferenceError, defs.SchemaError, onnx.checker.ValidationError, RuntimeError,
    ValueError, TypeError,
)  # fmt: skip
STANDARD: Final = ("", "ai.onnx")


class ShapesUnknown(Exception):
    """A shape does not follow from the graph; the message names the node."""


class TooLarge(Exception):
    """A tensor exceeds the bound at these dimensions."""


class Scope:
    """Types and known values by name; a subgraph sees those of the graphs around it."""

    def __init__(self, outer: Scope | None = None) -> None:
        self._outer = outer
        self._types: dict[str, TypeProto] = {}
        self._values: dict[str, np.ndarray] = {}

    def type_of(self, name: str) -> TypeProto | None:
        """Type of a tensor, None when the name means nothing here."""
        found = self._types.get(name)
        return found if found is not None or self._outer is None else self._outer.type_of(name)

    def value_of(self, name: str) -> np.ndarray | None:
        """Content of a small tensor, None when it is not known."""
        if name in self._types:
            return self._values.get(name)
        return None if self._outer is None else self._outer.value_of(name)

    def shape_of(self, name: str) -> Shape | None:
        """Dimensions, None when any of them is unknown."""
        kind = self.type_of(name)
        return None if kind is None else _shape(kind)

    def put(self, name: str, kind: TypeProto, value: np.ndarray | None = None) -> None:
        """Record a tensor. Raises TooLarge."""
        shape, width = _shape(kind), _width(kind.tensor_type.elem_type)
        if shape is not None and int(np.prod([int(d) for d in shape], dtype=object)) * width > MAX_TENSOR_BYTES:
            raise TooLarge(f"the tensor {name!r:.80} has the shape {shape!s:.120}")
        self._types[name] = kind
        if value is not None:
            self._values[name] = value


class Walker:
    """Walks a graph in order. `macs` of a walk is the cost of one run."""

    def __init__(self, model: onnx.ModelProto, folder: Path) -> None:
        self._imports = list(model.opset_import)
        self._versions = {each.domain or "": each.version for each in model.opset_import}
        self._versions.setdefault("", self._versions.get("ai.onnx", 0))
        self._ir = model.ir_version
        self._folder = folder
        self._graph = model.graph
        self._known: dict[int, dict[str, tuple[TypeProto, np.ndarray | None]]] = {}

    def cost(self, inputs: dict[str, TypeProto]) -> int:
        """MACs of one run with inputs of these types. Raises ShapesUnknown, TooLarge, CostUnknown."""
        scope = Scope()
        for name, kind in inputs.items():
            scope.put(name, kind)
        return self._walk(self._graph, scope)

    def _walk(self, graph: onnx.GraphProto, scope: Scope) -> int:
        for name, (kind, value) in self._initialisers(graph).items():
            scope.put(name, kind, value)
        return sum(self._node(node, scope) for node in graph.node)

    def _initialisers(self, graph: onnx.GraphProto) -> dict[str, tuple[TypeProto, np.ndarray | None]]:
        """Types of a graph's weights, and the values of the small ones; read once."""
        found = self._known.get(id(graph))
        if found is None:
            found = self._known[id(graph)] = {each.name: self._initialiser(each) for each in graph.initializer}
        return found

    def _initialiser(self, tensor: TensorProto) -> tuple[TypeProto, np.ndarray | None]:
        small = int(np.prod(tensor.dims, dtype=object)) <= MAX_KNOWN_VALUES
        kind = helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
        return kind, numpy_helper.to_array(tensor, str(self._folder)) if small else None

    def _node(self, node: NodeProto, scope: Scope) -> int:
        if node.op_type in _CONTROL and node.domain in STANDARD:
            return int(_CONTROL[node.op_type](self, node, scope))
        for name in node.input:
            if name and scope.type_of(name) is None:
                raise ShapesUnknown(f"{_named(node)} reads {name!r:.80}, which nothing makes before it")
        try:
            outputs = self._infer(node, scope)
        except UNREADABLE as error:
            raise ShapesUnknown(f"{_named(node)}: {error!s:.200}") from error
        values = self._evaluate(node, outputs, scope)
        for name, kind in outputs.items():
            scope.put(name, kind, values.get(name))
        return node_macs(node, [scope.shape_of(n) for n in node.input], [scope.shape_of(n) for n in node.output])

    def _infer(self, node: NodeProto, scope: Scope) -> dict[str, TypeProto]:
        contrib = CONTRIB_SHAPES.get(node.op_type)
        if contrib is not None and (node.domain == "com.microsoft" or node.op_type == "SimplifiedLayerNormalization"):
            made = contrib(node, [scope.shape_of(name) if name else None for name in node.input])
            first = scope.type_of(node.input[contrib.typed_by])
            elem = first.tensor_type.elem_type if first is not None and not contrib.to_float else TensorProto.FLOAT
            pairs = zip(node.output, made, strict=False)
            return {name: helper.make_tensor_type_proto(elem, shape) for name, shape in pairs if name}
        domain = "" if node.domain in STANDARD else node.domain
        schema = defs.get_schema(node.op_type, self._versions.get(domain, 0), domain)
        types = {name: kind for name in node.input if name and (kind := scope.type_of(name)) is not None}
        known = {name: scope.value_of(name) for name in types}
        data = {name: numpy_helper.from_array(value, name) for name, value in known.items() if value is not None}
        found = shape_inference.infer_node_outputs(
            schema, node, types, data, opset_imports=self._imports, ir_version=self._ir
        )
        return {name: found.get(name, TypeProto()) for name in node.output if name}

    def _evaluate(self, node: NodeProto, outputs: dict[str, TypeProto], scope: Scope) -> dict[str, np.ndarray]:
        """Content of the outputs, when it follows from shapes and small known values."""
        if node.op_type not in VALUE_OPERATORS or node.domain not in STANDARD:
            return {}
        shapes = [_shape(kind) for kind in outputs.values()]
        if any(shape is None or int(np.prod(shape, dtype=object)) > MAX_KNOWN_VALUES for shape in shapes):
            return {}
        if node.op_type in ("Shape", "Size"):
            shape = scope.shape_of(node.input[0])
            return {} if shape is None else {node.output[0]: _shape_value(node, shape)}
        feeds = {name: scope.value_of(name) for name in node.input if name}
        if any(value is None for value in feeds.values()):
            return {}
        try:
            results = ReferenceEvaluator(self._lone(node, outputs)).run(None, feeds)
        except Exception:  # the evaluator raises whatever its kernels raise; the shape stays known without the value
            return {}
        return dict(zip((name for name in node.output if name), results, strict=False))

    def _lone(self, node: NodeProto, outputs: dict[str, TypeProto]) -> onnx.ModelProto:
        """A model of this one node."""
        inputs = [helper.make_empty_tensor_value_info(name) for name in node.input if name]
        made = [helper.make_value_info(name, kind) for name, kind in outputs.items()]
        graph = helper.make_graph([node], "value", inputs, made)
        return helper.make_model(graph, opset_imports=self._imports, ir_version=self._ir)

    def _if(self, node: NodeProto, scope: Scope) -> int:
        """The dearer branch, or the one that is known to be taken."""
        branches = {each.name: each.g for each in node.attribute}
        chosen, costs, made = scope.value_of(node.input[0]), [], []
        for name in ("then_branch", "else_branch"):
            if name not in branches or (chosen is not None and bool(chosen.all()) != (name == "then_branch")):
                continue
            inner = Scope(scope)
            costs.append(self._walk(branches[name], inner))
            made.append([inner.type_of(each.name) for each in branches[name].output])
        for i, output in enumerate(node.output):
            kinds = [kinds[i] for kinds in made if i < len(kinds)]
            if not kinds or any(kind is None for kind in kinds):
                raise ShapesUnknown(f"{_named(node)} has a branch that does not make its output {i}")
            scope.put(output, _common([kind for kind in kinds if kind is not None]))
        return max(costs, default=0)

    def _loop(self, node: NodeProto, scope: Scope) -> int:
        """One round, times the number of rounds where that is known."""
        body, carried = _body(node), list(node.input[2:])
        rounds = scope.value_of(node.input[0]) if node.input and node.input[0] else None
        inner = Scope(scope)
        numbers = [helper.make_tensor_type_proto(TensorProto.INT64, []), helper.make_tensor_type_proto(9, [])]
        self._bind(node, inner, body, [*numbers, *(scope.type_of(name) for name in carried)])
        cost = self._walk(body, inner)
        if cost and (rounds is None or rounds.size != 1):
            raise CostUnknown(f"{_named(node)} multiplies matrices an unknown number of times")
        count = int(rounds.reshape(())) if rounds is not None and rounds.size == 1 else None
        self._finish(node, scope, inner, body, len(carried), count, skipped=1)
        return cost * max(0, count or 0)

    def _scan(self, node: NodeProto, scope: Scope) -> int:
        """One step, times the length that is scanned."""
        body = _body(node)
        numbers = {each.name: each.i for each in node.attribute if each.type == onnx.AttributeProto.INT}
        axes = {each.name: list(each.ints) for each in node.attribute if each.type == onnx.AttributeProto.INTS}
        states = len(node.input) - numbers.get("num_scan_inputs", 0)
        kinds: list[TypeProto | None] = [scope.type_of(name) for name in node.input[:states]]
        length = None
        for i, name in enumerate(node.input[states:]):
            kind, shape = scope.type_of(name), scope.shape_of(name)
            if kind is None or not shape or axes.get("scan_input_axes", [0] * (i + 1))[i] != 0:
                raise ShapesUnknown(f"{_named(node)} scans along another axis than the first, or an unknown length")
            length = shape[0]
            kinds.append(helper.make_tensor_type_proto(kind.tensor_type.elem_type, list(shape[1:])))
        inner = Scope(scope)
        self._bind(node, inner, body, kinds)
        cost = self._walk(body, inner)
        self._finish(node, scope, inner, body, states, length, skipped=0)
        return cost * (length or 0)

    def _bind(self, node: NodeProto, inner: Scope, body: onnx.GraphProto, kinds: Sequence[TypeProto | None]) -> None:
        if len(body.input) != len(kinds) or any(kind is None for kind in kinds):
            raise ShapesUnknown(f"{_named(node)} and its body disagree about their inputs")
        for each, kind in zip(body.input, kinds, strict=True):
            if kind is not None:
                inner.put(each.name, kind)

    def _finish(
        self, node: NodeProto, scope: Scope, inner: Scope, body: onnx.GraphProto, states: int, length: int | None,
        *, skipped: int,
    ) -> None:  # fmt: skip
        """Types of what a loop gives: its state, which must keep its shape, and one row of each round's results."""
        made = [inner.type_of(each.name) for each in body.output][skipped:]
        begun = [inner.type_of(each.name) for each in body.input[2 * skipped : 2 * skipped + states]]
        for i, output in enumerate(node.output):
            kind = made[i] if i < len(made) else None
            if kind is None:
                raise ShapesUnknown(f"{_named(node)} has a body that does not make its output {i}")
            if i < states:
                first = begun[i]
                kind = kind if first is None else _common([first, kind])
            else:
                kind = _stacked(kind, length)
            if output:
                scope.put(output, kind)


_CONTROL: Final[dict[str, Any]] = {"If": Walker._if, "Loop": Walker._loop, "Scan": Walker._scan}


def _shape(kind: TypeProto) -> Shape | None:
    if not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    return tuple(d.dim_value for d in dims) if all(d.HasField("dim_value") for d in dims) else None


def _width(elem_type: int) -> int:
    try:
        return int(np.dtype(helper.tensor_dtype_to_np_dtype(elem_type)).itemsize)
    except (KeyError, TypeError):
        return 1


def _shape_value(node: NodeProto, shape: Shape) -> np.ndarray:
    if node.op_type == "Size":
        return np.array(int(np.prod(shape, dtype=object)), np.int64)
    attributes = {each.name: each.i for each in node.attribute}
    return np.array(shape[attributes.get("start", 0) : attributes.get("end", len(shape))], np.int64)


def _common(kinds: list[TypeProto]) -> TypeProto:
    """The first type, without dimensions when the others have other ones."""
    same = all(_shape(kind) == _shape(kinds[0]) for kind in kinds)
    return kinds[0] if same else helper.make_tensor_type_proto(kinds[0].tensor_type.elem_type, None)


def _stacked(kind: TypeProto, length: int | None) -> TypeProto:
    shape = _shape(kind)
    dims = None if shape is None or length is None else [length, *shape]
    return helper.make_tensor_type_proto(kind.tensor_type.elem_type, dims)


def _body(node: NodeProto) -> onnx.GraphProto:
    for each in node.attribute:
        if each.name == "body":
            return each.g
    raise ShapesUnknown(f"{_named(node)} has no body")


def _named(node: NodeProto) -> str:
    return f"{node.op_type:.60} {node.name!r:.80}" if node.name else f"{node.op_type:.60} -> {node.output[:1]!s:.80}"
