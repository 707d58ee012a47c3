"""What one node costs, in multiply-accumulates, and the polynomial that costs at sampled dimensions add up to.

Only products of matrices count: they are the work of a model, and they cannot be written in two ways of other cost.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import prod
from typing import Final

from onnx import NodeProto

from models.graph_contrib import attribute
from models.macs import Monomial

Shape = tuple[int, ...]
Known = Sequence[Shape]
_NEEDED: Final = {"Conv": (0, 1), "LSTM": (0, 1, 2), "GRU": (0, 1, 2), "RNN": (0, 1, 2), "QLinearConv": (0, 3),
                  "QLinearMatMul": (0, 3), "MatMulNBits": (0,), "GroupQueryAttention": (0,)}  # fmt: skip


class CostUnknown(Exception):
    """The cost does not follow from the graph; the message names the node."""


def node_macs(node: NodeProto, inputs: Sequence[Shape | None], outputs: Sequence[Shape | None]) -> int:
    """MACs of one run of this node, 0 for operators that multiply no matrices. Raises CostUnknown."""
    rule = _RULES.get(node.op_type)
    if rule is None:
        return 0
    present = [shape for name, shape in zip(node.input, inputs, strict=True) if name]
    needed = _NEEDED.get(node.op_type)
    wanted = present if needed is None else [inputs[i] for i in needed if i < len(inputs)]
    output = next((shape for name, shape in zip(node.output, outputs, strict=True) if name), None)
    if output is None or any(shape is None for shape in wanted):
        raise CostUnknown(
            f"the shapes around {node.op_type} {node.name!r:.80} depend on the values that run through it"
        )
    try:
        filled = [shape if shape is not None else () for shape in inputs]
        return int(rule(node, filled, output))
    except (IndexError, ValueError, KeyError) as error:
        raise CostUnknown(f"{node.op_type} {node.name!r:.80} has inputs of unusual shape") from error


def _matmul(node: NodeProto, inputs: Known, output: Shape) -> int:
    return prod(output) * inputs[0][-1]


def _transposed_matmul(node: NodeProto, inputs: Known, output: Shape) -> int:
    return prod(output) * (inputs[0][-2] if attribute(node, "transA", 0) else inputs[0][-1])


def _convolution(weights: int) -> Callable[[NodeProto, Known, Shape], int]:
    def rule(node: NodeProto, inputs: Known, output: Shape) -> int:
        return prod(output) * prod(inputs[weights][1:])

    return rule


def _transposed_convolution(node: NodeProto, inputs: Known, output: Shape) -> int:
    return prod(inputs[0]) * prod(inputs[1][1:])


def _recurrent(node: NodeProto, inputs: Known, output: Shape) -> int:
    return inputs[0][0] * inputs[0][1] * (prod(inputs[1]) + prod(inputs[2]))


def _einsum(node: NodeProto, inputs: Known, output: Shape) -> int:
    """Every index runs once through its whole range, whatever order the runtime contracts in."""
    if len(inputs) < 2:
        return 0
    equation = next(each.s.decode("ascii") for each in node.attribute if each.name == "equation").replace(" ", "")
    sizes: dict[str, int] = {}
    for term, shape in zip(equation.split("->")[0].split(","), inputs, strict=True):
        before, dots, after = term.partition("...")
        hidden = len(shape) - len(before) - len(after)
        if hidden < 0 or (hidden and not dots):
            raise ValueError(equation)
        labels = [*before, *(f".{hidden - i}" for i in range(hidden)), *after]
        for label, size in zip(labels, shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    return prod(sizes.values())


def _attention(node: NodeProto, inputs: Known, output: Shape) -> int:
    """Scores and their sum over the values; keys include those of the cache that is given."""
    query, key, value = inputs[0], inputs[1], inputs[2]
    past = inputs[4][-2] if len(inputs) > 4 and inputs[4] else 0
    if len(query) == 4:
        return query[0] * query[1] * query[2] * (key[2] + past) * (query[3] + value[3])
    heads, shared = attribute(node, "q_num_heads", 1), attribute(node, "kv_num_heads", 1)
    return query[0] * query[1] * (key[1] + past) * (query[2] + heads * value[2] // shared)


def _group_attention(node: NodeProto, inputs: Known, output: Shape) -> int:
    """The cache is a buffer of its whole length."""
    length = inputs[3][2] if len(inputs) > 3 and inputs[3] else output[1]
    return 2 * prod(output) * length


def _multi_attention(node: NodeProto, inputs: Known, output: Shape) -> int:
    return output[0] * output[1] * inputs[1][1] * (inputs[0][-1] + output[2])


_RULES: Final[dict[str, Callable[[NodeProto, Known, Shape], int]]] = {
    "MatMul": _matmul, "MatMulInteger": _matmul, "QLinearMatMul": _matmul, "MatMulIntegerToFloat": _matmul,
    "DynamicQuantizeMatMul": _matmul, "Gemm": _transposed_matmul, "FusedMatMul": _transposed_matmul,
    "MatMulNBits": _matmul, "Conv": _convolution(1), "ConvInteger": _convolution(1), "DeformConv": _convolution(1),
    "QLinearConv": _convolution(3), "ConvTranspose": _transposed_convolution, "LSTM": _recurrent, "GRU": _recurrent,
    "RNN": _recurrent, "Einsum": _einsum, "Attention": _attention, "GroupQueryAttention": _group_attention,
    "MultiHeadAttention": _multi_attention,
}  # fmt: skip


def fit(symbols: Sequence[str], points: Sequence[int], costs: Sequence[int]) -> dict[Monomial, Fraction]:
    """The polynomial of degree 2 in each symbol through `costs` at every combination of 3 points, in product order."""
    inverse = _inverse(points)
    flat = [Fraction(cost) for cost in costs]
    for axis in range(len(symbols)):
        flat = _apply(inverse, flat, 3 ** (len(symbols) - 1 - axis))
    powers = itertools.product(range(3), repeat=len(symbols))
    return {
        tuple(sorted((s, p) for s, p in zip(symbols, chosen, strict=True) if p)): value
        for chosen, value in zip(powers, flat, strict=True)
        if value
    }


def _apply(matrix: list[list[Fraction]], flat: list[Fraction], stride: int) -> list[Fraction]:
    """Multiply along one axis, whose neighbours lie `stride` apart."""
    result = list(flat)
    for begin in range(len(flat)):
        if (begin // stride) % 3 == 0:
            column = [flat[begin + i * stride] for i in range(3)]
            for row in range(3):
                result[begin + row * stride] = sum(
                    (a * b for a, b in zip(matrix[row], column, strict=True)), Fraction(0)
                )
    return result


def _inverse(points: Sequence[int]) -> list[list[Fraction]]:
    """Coefficients of 1, x, x^2 from values at three points (Lagrange's form)."""
    columns = []
    for i, at in enumerate(points):
        one, two = (other for j, other in enumerate(points) if j != i)
        scale = Fraction(1, (at - one) * (at - two))
        columns.append([scale * one * two, -scale * (one + two), scale])
    return [[columns[i][row] for i in range(3)] for row in range(3)]
