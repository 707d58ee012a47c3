"""Other weights under the name of the real ones, for `bench_cheats`: bundles that a miner who cheats would rather run.

All are made from the real model in the store: with layers left out, rounded to 4 bits, disturbed, and in float32.
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models import Tolerance
from models.bundle import MANIFEST_FILE, ONNX_FILE, TOKENIZER_FILE, Geometry, encode_card, read_card
from models.convert import _plan
from models.decoder_graph import DecoderWeights, build_decoder
from models.gguf import GgufFile
from models.quant import BLOCK, Blocks
from models.verify import FLOAT_TOLERANCE
from node.subnets.nineteen.altered import alter_bundle

FEWER_LAYERS: Final = 27  # of 30: a tenth of the work saved
_LEVELS: Final = 15


def fewer_layers(bundle: Path, source: Path, target: Path) -> Path:
    """A smaller sibling: the last layers are left out."""
    return _rebuilt(bundle, source, target, lambda shape: msgspec.structs.replace(shape, layers=FEWER_LAYERS), None)


def four_bits(bundle: Path, source: Path, target: Path) -> Path:
    """Every block of 32 weights rounded to 16 levels; kept in 8 bits, so that it runs on the same kernels."""
    return _rebuilt(bundle, source, target, lambda shape: shape, _to_four_bits)


def disturbed(bundle: Path, _source: Path, target: Path) -> Path:
    """Scales moved by a few percent, as another training would."""
    return alter_bundle(bundle, target)


def float32(bundle: Path, _source: Path, target: Path) -> Path:
    """The same weights in float32, multiplied in float32."""
    graph = onnx.load_model(bundle / ONNX_FILE)
    arrays = {each.name: each for each in graph.graph.initializer}
    for node in graph.graph.node:
        if node.op_type != "MatMulNBits":
            continue
        parts = [numpy_helper.to_array(arrays[name]) for name in node.input[1:]]
        zero = None if len(parts) < 3 else parts[2].reshape(parts[1].shape)
        weights = Blocks(parts[0], parts[1], zero).dequantised().T
        name = node.output[0] + ".float"
        graph.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(weights), name))
        node.CopyFrom(helper.make_node("MatMul", [node.input[0], name], list(node.output), name=node.name))
    used = {name for node in graph.graph.node for name in node.input}
    kept = [each for each in graph.graph.initializer if each.name in used]
    del graph.graph.initializer[:]
    graph.graph.initializer.extend(kept)
    return _written(bundle, target, [graph.SerializeToString()], read_card(bundle).geometry, FLOAT_TOLERANCE)


VARIANTS: Final[dict[str, Callable[[Path, Path, Path], Path]]] = {
    "fewer": fewer_layers, "four": four_bits, "disturbed": disturbed, "float": float32,
}  # fmt: skip


def _rebuilt(
    bundle: Path, source: Path, target: Path, shape: Callable[[Geometry], Geometry],
    change: Callable[[Blocks], Blocks] | None,
) -> Path:  # fmt: skip
    with GgufFile(source) as file:
        geometry, weights = _plan(file, lambda _done, _total: None)
        geometry = shape(geometry)
        if change is not None:
            weights = _changed(weights, change)
        return _written(bundle, target, build_decoder(geometry, weights), geometry, read_card(bundle).tolerance)


def _changed(weights: DecoderWeights, change: Callable[[Blocks], Blocks]) -> DecoderWeights:
    return replace(weights, blocks=lambda name: change(weights.blocks(name)))


def _to_four_bits(blocks: Blocks) -> Blocks:
    weights = blocks.dequantised().reshape(blocks.values.shape)
    low = np.minimum(weights.min(axis=-1), 0.0)
    high = np.maximum(weights.max(axis=-1), 0.0)
    scale: NDArray[np.float32] = np.maximum((high - low) / np.float32(_LEVELS), np.float32(1e-9)).astype(np.float32)
    zero = np.clip(np.round(-low / scale), 0, _LEVELS)
    values = np.clip(np.round(weights / scale[..., None]) + zero[..., None], 0, _LEVELS)
    return Blocks(values.astype(np.uint8).reshape(-1, blocks.values.shape[1], BLOCK), scale, zero.astype(np.uint8))


def _written(bundle: Path, target: Path, pieces: list[bytes], geometry: Geometry, tolerance: Tolerance) -> Path:
    target.mkdir(parents=True)
    digest = hashlib.sha256()
    with (target / ONNX_FILE).open("wb") as out:
        for piece in pieces:
            digest.update(piece)
            out.write(piece)
    shutil.copyfile(bundle / TOKENIZER_FILE, target / TOKENIZER_FILE)
    card = msgspec.structs.replace(
        read_card(bundle), sha256=digest.hexdigest(), geometry=geometry, tolerance=tolerance
    )  # fmt: skip
    (target / MANIFEST_FILE).write_bytes(encode_card(card))
    return target
