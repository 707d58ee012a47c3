"""The ONNX graph of a llama-family decoder with key/value cache, 8-bit weights and a choice of logit positions.

Inputs: `input_ids` [B,S]; `seqlens_k` [B] (total length - 1 of each row); `total_seq` [1]; `logit_positions` [B,K,1]
(offsets within S whose logits are wanted); `past.<layer>.<key|value>` [B,kv_heads,T,head_size]. Outputs: `logits`
[B,K,vocabulary] and `present.…`. The same weights give the same bytes on every machine: fixed order, no time stamps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.bundle import Geometry
from models.quant import BLOCK, F32, MIDDLE, Blocks

_CONTRIB: Final = "com.microsoft"
_OPSET: Final = 21
_CONTRIB_OPSET: Final = 1
_IR_VERSION: Final = 10
_INT8_COMPUTE: Final = 4  # the kernels' accuracy level: int8 activations, the only fast one for 8-bit weights
_ELEMENT_TYPES: Final = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.uint8): TensorProto.UINT8,
    np.dtype(np.int64): TensorProto.INT64,
}
_GRAPH_TAG: Final = b"\x3a"  # field 7 of ModelProto, length-delimited
_PI: Final = "3.14159265358979323846264338327950288419716939937510582097494459"
_TAYLOR_TERMS: Final = 24  # of cosine and sine on [-pi, pi]: the rest is below 1e-18


@dataclass(frozen=True, slots=True)
class DecoderWeights:
    """How the builder asks for weights: GGUF tensor names in, arrays out."""

    blocks: Callable[[str], Blocks]  # rows of query and key already in half-rotation order
    vector: Callable[[str], F32]
    tied_head: bool  # the output head shares the embedding table
    epsilon: float
    rope_base: float


def rotary_tables(base: float, head_size: int, positions: int) -> tuple[F32, F32]:
    """Cosine and sine tables [positions, head_size / 2], from basic operations only, hence equal on every machine."""
    half = head_size // 2
    angles = np.empty((positions, half), np.float64)
    with localcontext() as context:
        context.prec = 50
        turn = 2 * Decimal(_PI)
        for i in range(half):
            step = Decimal(base) ** (Decimal(-2 * i) / Decimal(head_size))
            column = [(p * step).remainder_near(turn) for p in range(positions)]
            angles[:, i] = [float(angle) for angle in column]
    square = angles * angles
    cosine, sine = np.zeros_like(angles), np.zeros_like(angles)
    for k in range(_TAYLOR_TERMS, -1, -1):  # Horner: both series nest from the smallest term outwards
        cosine = 1.0 - square * cosine / ((2 * k + 1) * (2 * k + 2))
        sine = 1.0 - square * sine / ((2 * k + 2) * (2 * k + 3))
    return cosine.astype(np.float32), (angles * sine).astype(np.float32)


class _Graph:
    """Nodes and arrays in the order they are added; arrays are encoded at once, so that each is held only once."""

    def __init__(self) -> None:
        self.skeleton = onnx.GraphProto(name="decoder")
        self.arrays: list[bytes] = []

    def constant(self, name: str, array: NDArray[np.generic]) -> str:
        holder = onnx.GraphProto()
        tensor = holder.initializer.add()
        tensor.name = name
        tensor.data_type = _ELEMENT_TYPES[array.dtype]
        tensor.dims.extend(array.shape)
        tensor.raw_data = array.tobytes()
        self.arrays.append(holder.SerializeToString(deterministic=True))
        return name

    def node(
        self,
        op: str,
        inputs: list[str],
        outputs: list[str],
        attributes: dict[str, int | float] | None = None,
        contrib: bool = True,
    ) -> str:
        domain = _CONTRIB if contrib else ""
        made = helper.make_node(op, inputs, outputs, name=outputs[0] + "/node", domain=domain, **(attributes or {}))
        self.skeleton.node.append(made)
        return outputs[0]

    def linear(self, source: str, name: str, blocks: Blocks, output: str) -> str:
        """Product with an 8-bit matrix [rows, columns]."""
        names = [source, self.constant(name + ".values", blocks.values), self.constant(name + ".scale", blocks.scale)]
        if blocks.zero is not None:
            names.append(self.constant(name + ".zero", blocks.zero))
        return self.product(names, blocks, output)

    def product(self, inputs: list[str], blocks: Blocks, output: str) -> str:
        rows, count, _ = blocks.values.shape
        attributes: dict[str, int | float] = {
            "K": count * BLOCK, "N": rows, "bits": 8, "block_size": BLOCK, "accuracy_level": _INT8_COMPUTE,
        }  # fmt: skip
        return self.node("MatMulNBits", inputs, [output], attributes)


def build_decoder(geometry: Geometry, weights: DecoderWeights) -> list[bytes]:
    """The serialised ONNX model, in pieces to be written one after the other."""
    graph = _Graph()
    cosine, sine = rotary_tables(weights.rope_base, geometry.head_size, geometry.context)
    graph.constant("cos_cache", cosine)
    graph.constant("sin_cache", sine)
    embedding = weights.blocks("token_embd.weight")
    hidden = _embed(graph, embedding, geometry)
    normed = graph.node(
        "SimplifiedLayerNormalization",
        [hidden, graph.constant("blk.0.attn_norm", weights.vector("blk.0.attn_norm.weight"))],
        ["blk.0.normed"],
        {"axis": -1, "epsilon": weights.epsilon},
        contrib=False,
    )
    for layer in range(geometry.layers):
        hidden, attended = _attention(graph, geometry, weights, layer, hidden, normed)
        hidden, normed = _feed_forward(graph, geometry, weights, layer, hidden, attended)
    wanted = graph.node("GatherND", [normed, "logit_positions"], ["wanted"], {"batch_dims": 1}, contrib=False)
    if weights.tied_head:
        table = [wanted, "embedding.values", "embedding.scale"]
        graph.product(table if embedding.zero is None else [*table, "embedding.zero"], embedding, "logits")
    else:
        graph.linear(wanted, "head", weights.blocks("output.weight"), "logits")
    return _serialise(graph, geometry)


def _embed(graph: _Graph, blocks: Blocks, geometry: Geometry) -> str:
    zero = blocks.zero if blocks.zero is not None else np.full(blocks.scale.shape, MIDDLE, np.uint8)
    graph.constant("embedding.values", blocks.values)
    graph.constant("embedding.scale", blocks.scale)
    graph.constant("embedding.zero", zero)
    shape = np.array([geometry.vocabulary, geometry.hidden], np.int64)
    table = ["embedding.values", graph.constant("embedding.shape", shape)]
    graph.node("Reshape", table, ["embedding.table"], contrib=False)
    return graph.node(
        "GatherBlockQuantized",
        ["embedding.table", "input_ids", "embedding.scale", "embedding.zero"],
        ["embedded"],
        {"gather_axis": 0, "quantize_axis": 1, "block_size": BLOCK, "bits": 8},
    )


def _attention(
    graph: _Graph, geometry: Geometry, weights: DecoderWeights, layer: int, hidden: str, normed: str
) -> tuple[str, str]:
    """Attention of one layer. Returns the names of the residual stream and of its normalised form."""
    p = f"blk.{layer}."
    parts = [
        graph.linear(normed, p + part, weights.blocks(f"{p}attn_{part}.weight"), p + part + ".out") for part in "qkv"
    ]
    cache = [f"past.{layer}.key", f"past.{layer}.value", "seqlens_k", "total_seq", "cos_cache", "sin_cache"]
    graph.node(
        "GroupQueryAttention",
        parts + cache,
        [p + "attended", f"present.{layer}.key", f"present.{layer}.value"],
        {
            "num_heads": geometry.heads,
            "kv_num_heads": geometry.kv_heads,
            "do_rotary": 1,
            "rotary_interleaved": 0,
            "scale": 1.0 / float(np.sqrt(geometry.head_size)),
        },
    )
    projected = graph.linear(p + "attended", p + "o", weights.blocks(p + "attn_output.weight"), p + "o.out")
    return _add_and_norm(graph, weights, projected, hidden, p + "ffn_norm", p + "attention")


def _feed_forward(
    graph: _Graph, geometry: Geometry, weights: DecoderWeights, layer: int, hidden: str, normed: str
) -> tuple[str, str]:
    """Gated feed-forward of one layer; its closing normalisation is the next layer's first."""
    p = f"blk.{layer}."
    gate = graph.linear(normed, p + "gate", weights.blocks(p + "ffn_gate.weight"), p + "gate.out")
    up = graph.linear(normed, p + "up", weights.blocks(p + "ffn_up.weight"), p + "up.out")
    sigmoid = graph.node("Sigmoid", [gate], [p + "sigmoid"], contrib=False)
    silu = graph.node("Mul", [gate, sigmoid], [p + "silu"], contrib=False)
    gated = graph.node("Mul", [silu, up], [p + "gated"], contrib=False)
    down = graph.linear(gated, p + "down", weights.blocks(p + "ffn_down.weight"), p + "down.out")
    last = layer == geometry.layers - 1
    norm = "output_norm" if last else f"blk.{layer + 1}.attn_norm"
    return _add_and_norm(graph, weights, down, hidden, norm, p + "feed_forward")


def _add_and_norm(
    graph: _Graph, weights: DecoderWeights, delta: str, hidden: str, norm: str, output: str
) -> tuple[str, str]:
    scale = graph.constant(norm, weights.vector(norm + ".weight"))
    outputs = [output + ".normed", "", "", output + ".residual"]
    graph.node("SkipSimplifiedLayerNormalization", [delta, hidden, scale], outputs, {"epsilon": weights.epsilon})
    return output + ".residual", output + ".normed"


def _serialise(graph: _Graph, geometry: Geometry) -> list[bytes]:
    def value(name: str, kind: int, shape: list[int | str]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [
        value("input_ids", TensorProto.INT64, ["B", "S"]),
        value("seqlens_k", TensorProto.INT32, ["B"]),
        value("total_seq", TensorProto.INT32, [1]),
        value("logit_positions", TensorProto.INT64, ["B", "K", 1]),
    ]
    outputs = [value("logits", TensorProto.FLOAT, ["B", "K", geometry.vocabulary])]
    for layer in range(geometry.layers):
        for part in ("key", "value"):
            shape: list[int | str] = ["B", geometry.kv_heads, "T", geometry.head_size]
            inputs.append(value(f"past.{layer}.{part}", TensorProto.FLOAT, shape))
            outputs.append(value(f"present.{layer}.{part}", TensorProto.FLOAT, shape))
    interface = onnx.GraphProto()
    interface.input.extend(inputs)
    interface.output.extend(outputs)
    head = onnx.ModelProto(ir_version=_IR_VERSION, producer_name="neurond")
    tail = onnx.ModelProto(
        opset_import=[helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, _CONTRIB_OPSET)]
    )
    # Concatenated messages are one message: the parts need never be copied into a whole.
    body = [_bytes_of(graph.skeleton), *graph.arrays, _bytes_of(interface)]
    size = sum(map(len, body))
    return [_bytes_of(head), _GRAPH_TAG + _varint(size), *body, _bytes_of(tail)]


def _bytes_of(message: onnx.GraphProto | onnx.ModelProto) -> bytes:
    encoded: bytes = message.SerializeToString(deterministic=True)
    return encoded


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
