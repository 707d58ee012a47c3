"""Shapes of the operators that onnxruntime adds to the standard, as far as exporters write them.

An operator of `com.microsoft` that is not listed here cannot be imported: its cost could not be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from onnx import NodeProto

Shape = tuple[int, ...]
Shapes = list[Shape | None]


class ContribError(Exception):
    """The inputs do not fit the operator."""


@dataclass(frozen=True, slots=True)
class ContribShape:
    """How the outputs of an operator follow from its inputs; their type is that of one input, or float32."""

    rule: Callable[[NodeProto, Sequence[Shape | None]], Shapes]
    typed_by: int = 0
    to_float: bool = False

    def __call__(self, node: NodeProto, inputs: Sequence[Shape | None]) -> Shapes:
        try:
            return self.rule(node, inputs)
        except (IndexError, TypeError, ValueError) as error:
            raise ContribError(f"the inputs do not fit {node.op_type}") from error


def attribute(node: NodeProto, name: str, default: int) -> int:
    """An integer attribute of a node."""
    return next((int(each.i) for each in node.attribute if each.name == name), default)


def _like_first(node: NodeProto, inputs: Sequence[Shape | None]) -> Shapes:
    return [inputs[0]] * len(node.output)


def _normalised(node: NodeProto, inputs: Sequence[Shape | None]) -> Shapes:
    return [inputs[0], None, None, inputs[0]]


def _broadcast(node: NodeProto, inputs: Sequence[Shape | None]) -> Shapes:
    first, second = inputs[0], inputs[3]
    if first is None or second is None:
        return [None]
    rank = max(len(first), len(second))
    pairs = zip((1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True)
    return [tuple(max(pair) for pair in pairs)]


def _matmul(node: NodeProto, inputs: Sequence[Shape | None]) -> Shapes:
    first, second = inputs[0], inputs[1]
    if first is None or second is None:
        return [None]
    rows = first[-1] if attribute(node, "transA", 0) else first[-2]
    columns = second[-2] if attribute(node, "transB", 0) else second[-1]
    return [(*(first if len(first) >= len(second) else second)[:-2], rows, columns)]


def _matmul_bits(node: NodeProto, inputs: Sequence[Shape | None]) -> Shapes:
    first = inputs[0]
    if first is None:
        return [None]
    if first[-1] != attribute(node, "K", 0) or attribute(node, "N", 0) < 1:
        raise ValueError("K")
    return [(*first[:-1], attribute(node, "N", 0))]


def _gather_quantized(node: NodeProto, inputs: Sequence[Shape | None]) -> Shapes:
    indices, scales = inputs[1], inputs[2]
    if indices is None or scales is None:
        return [None]
    return [(*indices, scales[-1] * attribute(node, "block_size", 128))]


def _group_attention(node: NodeProto, inputs: Sequence[Shape | None]) -> Shapes:
    query, past = inputs[0], inputs[3] if len(inputs) > 3 else None
    if query is not None and inputs[1] is None:  # query, key and value packed into one
        heads, shared = attribute(node, "num_heads", 1), attribute(node, "kv_num_heads", 1)
        query = (*query[:-1], query[-1] * heads // (heads + 2 * shared))
    return [query, past, past]


def _multi_attention(node: NodeProto, inputs: Sequence[Shape | None]) -> Shapes:
    query, value = inputs[0], inputs[2] if len(inputs) > 2 else None
    if query is None or value is None or len(query) != 3 or len(value) != 3:
        raise ValueError("packed")
    return [(*query[:-1], value[-1]), None, None]


CONTRIB_SHAPES: Final[dict[str, ContribShape]] = {
    **dict.fromkeys(
        ("BiasAdd", "BiasGelu", "FastGelu", "Gelu", "QuickGelu", "QLinearLeakyRelu", "QLinearSigmoid",
         "QLinearSoftmax", "SimplifiedLayerNormalization"),
        ContribShape(_like_first),
    ),
    "SkipLayerNormalization": ContribShape(_normalised),
    "SkipSimplifiedLayerNormalization": ContribShape(_normalised),
    "QLinearAdd": ContribShape(_broadcast),
    "QLinearMul": ContribShape(_broadcast),
    "FusedMatMul": ContribShape(_matmul),
    "MatMulIntegerToFloat": ContribShape(_matmul, to_float=True),
    "DynamicQuantizeMatMul": ContribShape(_matmul, to_float=True),
    "MatMulNBits": ContribShape(_matmul_bits),
    "GatherBlockQuantized": ContribShape(_gather_quantized, typed_by=2),
    "GroupQueryAttention": ContribShape(_group_attention),
    "MultiHeadAttention": ContribShape(_multi_attention),
}  # fmt: skip
