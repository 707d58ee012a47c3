"""The rules of import that need no run: versions, operators, weights, interface. Runs inside the checking process.

Every rule is tried and every failure kept; nothing here opens a file outside the model's own folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, defs, helper, numpy_helper

from models.bundle import sha256_of
from models.graph_contrib import CONTRIB_SHAPES
from models.graph_interface import DTYPES, DimensionNames, RawDimension, free_dimensions
from models.graph_shapes import STANDARD
from models.limits import (
    MAX_CONTROL_DEPTH,
    MAX_FAILURES,
    MAX_FAILURES_OF_RULE,
    MAX_IMPORT_BYTES,
    MAX_INITIALISERS,
    MAX_INTERFACE_TENSORS,
    MAX_IR_VERSION,
    MAX_MESSAGE_CHARS,
    MAX_NAME_CHARS,
    MAX_NODES,
    MAX_OPERATOR_KINDS,
    MAX_OPSET,
    MAX_RANK,
    MAX_SYMBOLS,
    MAX_WEIGHT_FILES,
    MIN_IR_VERSION,
    MIN_OPSET,
)
from models.report import Failure, Rule, TensorSpec, WeightFile

MACHINE_LEARNING: Final = "ai.onnx.ml"
CONTRIB: Final = "com.microsoft"
FLOATS: Final = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
WEIGHT_TYPES: Final = frozenset({*DTYPES, TensorProto.BFLOAT16, TensorProto.UINT4, TensorProto.INT4})
RANDOM: Final = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)
_CONTROL: Final = ("If", "Loop", "Scan")


class Findings:
    """Broken rules, the first few of each."""

    def __init__(self) -> None:
        self._found: list[Failure] = []
        self._counts: Counter[Rule] = Counter()

    def add(self, rule: Rule, message: str) -> None:
        """Note a broken rule; once a rule has said enough, further ones are only counted."""
        self._counts[rule] += 1
        if self._counts[rule] <= MAX_FAILURES_OF_RULE and len(self._found) < MAX_FAILURES:
            self._found.append(Failure(rule, message[:MAX_MESSAGE_CHARS]))

    def broken(self, *rules: Rule) -> bool:
        """Whether any of these rules is broken; of none named, any at all."""
        return any(self._counts[rule] for rule in rules) if rules else bool(self._found)

    def all(self) -> tuple[Failure, ...]:
        """Everything that was noted."""
        return tuple(self._found)


def graphs(graph: GraphProto, depth: int = 0) -> Iterator[tuple[GraphProto, int]]:
    """A graph and the graphs within it, with how deeply they are nested. Stops a little below the deepest allowed."""
    yield graph, depth
    if depth > MAX_CONTROL_DEPTH:
        return
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from graphs(attribute.g, depth + 1)
            for each in attribute.graphs:
                yield from graphs(each, depth + 1)


def check_versions(model: onnx.ModelProto, findings: Findings) -> int:
    """IR version and operator sets. Returns the version of the standard operators."""
    if not MIN_IR_VERSION <= model.ir_version <= MAX_IR_VERSION:
        findings.add(Rule.VERSION, f"IR version {model.ir_version}; {MIN_IR_VERSION} to {MAX_IR_VERSION} are run here")
    versions = {each.domain: each.version for each in model.opset_import}
    opset = int(versions.get("", versions.get("ai.onnx", 0)))
    if not MIN_OPSET <= opset <= MAX_OPSET:
        findings.add(Rule.VERSION, f"operator set {opset}; {MIN_OPSET} to {MAX_OPSET} are run here")
    return opset


def check_nodes(model: onnx.ModelProto, opset: int, findings: Findings) -> dict[str, int]:
    """Operators, functions, nesting and count. Returns the number of nodes by operator."""
    if model.functions:
        findings.add(Rule.DOMAIN, "the model brings functions of its own; inline them before export")
    if model.training_info:
        findings.add(Rule.FORMAT, "the model brings training graphs; export it for inference")
    versions = {each.domain: each.version for each in model.opset_import}
    kinds: Counter[str] = Counter()
    for graph, depth in graphs(model.graph):
        if depth > MAX_CONTROL_DEPTH:
            findings.add(Rule.CONTROL, f"If, Loop or Scan nested more than {MAX_CONTROL_DEPTH} deep")
        for node in graph.node:
            name = node.op_type if node.domain in STANDARD else f"{node.domain}:{node.op_type}"
            kinds[name[:MAX_NAME_CHARS]] += 1
            if len(kinds) <= MAX_OPERATOR_KINDS:
                _check_operator(node, opset, versions.get(node.domain, 0), findings)
    if sum(kinds.values()) > MAX_NODES or len(kinds) > MAX_OPERATOR_KINDS:
        findings.add(Rule.SIZE, f"{sum(kinds.values())} nodes of {len(kinds)} operators; {MAX_NODES} of "
                     f"{MAX_OPERATOR_KINDS} are allowed")  # fmt: skip
    return dict(sorted(kinds.items())[:MAX_OPERATOR_KINDS])


def _check_operator(node: NodeProto, opset: int, version: int, findings: Findings) -> None:
    named = f"{node.op_type:.60} ({node.name:.80})" if node.name else f"{node.op_type:.60}"
    contrib = node.op_type in CONTRIB_SHAPES
    if node.domain == CONTRIB or (node.domain in STANDARD and node.op_type == "SimplifiedLayerNormalization"):
        if not contrib:
            findings.add(Rule.DOMAIN, f"{named} of {CONTRIB} is not among the operators that can be imported")
    elif node.domain in STANDARD or node.domain == MACHINE_LEARNING:
        domain = MACHINE_LEARNING if node.domain == MACHINE_LEARNING else ""
        if not defs.has(node.op_type, version if domain else opset, domain):
            findings.add(Rule.DOMAIN, f"{named} is no operator of this version of the standard")
        elif node.op_type in RANDOM:
            findings.add(Rule.DOMAIN, f"{named} draws random numbers of its own; take noise as an input instead")
    else:
        findings.add(Rule.DOMAIN, f"{named} is of the custom domain {node.domain!r:.80}")


def check_weights(model: onnx.ModelProto, folder: Path, findings: Findings) -> tuple[int, tuple[WeightFile, ...]]:
    """Types, lengths, places and values of all constants. Returns the count of numbers, and the files beside."""
    count, places = 0, dict[str, Path | None]()
    for number, tensor in enumerate(_constants(model, findings)):
        if number >= MAX_INITIALISERS:
            findings.add(Rule.SIZE, f"more than {MAX_INITIALISERS} constants")
            break
        if any(dim < 0 for dim in tensor.dims) or len(tensor.dims) > MAX_RANK:
            findings.add(Rule.WEIGHTS, f"{tensor.name!r:.80} has the shape {list(tensor.dims)!s:.80}")
        elif tensor.data_type not in WEIGHT_TYPES:
            findings.add(Rule.WEIGHTS, f"{tensor.name!r:.80} has an element type that is not run here")
        else:
            count += int(np.prod(tensor.dims, dtype=object))
            _check_tensor(tensor, folder, places, findings)
    return count, _weight_files(places, findings)


def _constants(model: onnx.ModelProto, findings: Findings) -> Iterator[TensorProto]:
    """Initialisers, and the constants within nodes."""
    for graph, _ in graphs(model.graph):
        if graph.sparse_initializer:
            findings.add(Rule.WEIGHTS, "sparse initialisers are not run here")
        yield from graph.initializer
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.type == AttributeProto.SPARSE_TENSOR:
                    findings.add(Rule.WEIGHTS, f"{node.op_type:.60} {node.name!r:.80} holds a sparse constant")
                if attribute.type == AttributeProto.TENSOR:
                    yield attribute.t


def _check_tensor(tensor: TensorProto, folder: Path, places: dict[str, Path | None], findings: Findings) -> None:
    external = tensor.data_location == TensorProto.EXTERNAL
    if external and not _check_place(tensor, folder, places, findings):
        return
    try:
        values = numpy_helper.to_array(tensor, str(folder))
    except Exception as error:  # whatever the parser of a stranger's bytes raises
        findings.add(Rule.WEIGHTS, f"{tensor.name!r:.80} does not hold what its shape says: {error!s:.120}")
        return
    if tensor.data_type in FLOATS and not bool(np.isfinite(values.astype(np.float32, copy=False)).all()):
        if tensor.data_type == TensorProto.DOUBLE and bool(np.isfinite(values).all()):
            return
        if _is_mask(values):
            return
        findings.add(Rule.VALUES, f"{tensor.name!r:.80} holds NaN or infinite values")


def _is_mask(values: np.ndarray) -> bool:
    """A lone minus infinity is how exporters write a mask of attention; it is a constant, not a broken weight."""
    return values.size == 1 and bool(np.isneginf(values.reshape(())))


def _check_place(tensor: TensorProto, folder: Path, places: dict[str, Path | None], findings: Findings) -> bool:
    """Weights in a file beside the graph: inside the folder, no link, long enough."""
    entries = {each.key: each.value for each in tensor.external_data}
    location = entries.get("location", "")
    if location not in places:
        places[location] = _inside(folder, location)
    path = places[location]
    if path is None:
        findings.add(Rule.EXTERNAL, f"{tensor.name!r:.80} lies in {location!r:.120}: no file inside the model's folder")
        return False
    try:
        offset, length = int(entries.get("offset", "0")), int(entries.get("length", "-1"))
    except ValueError:
        offset, length = -1, -1
    size = path.stat().st_size
    needed = (int(np.prod(tensor.dims, dtype=object)) * _bits(tensor.data_type) + 7) // 8
    if offset < 0 or offset + needed > size or length not in (-1, needed):
        findings.add(Rule.EXTERNAL, f"{tensor.name!r:.80} needs {needed} bytes at {offset} of {location!r:.120}, "
                     f"which has {size}")  # fmt: skip
        return False
    return True


def _inside(folder: Path, location: str) -> Path | None:
    parts = PurePosixPath(location)
    if not location or "\\" in location or ":" in location or "\0" in location or parts.is_absolute():
        return None
    if ".." in parts.parts:
        return None
    path = folder.joinpath(*parts.parts)
    walked = folder
    for part in parts.parts:
        walked = walked / part
        if walked.is_symlink():
            return None
    return path if path.is_file() else None


def _bits(elem_type: int) -> int:
    if elem_type in (TensorProto.UINT4, TensorProto.INT4):
        return 4
    return int(np.dtype(helper.tensor_dtype_to_np_dtype(elem_type)).itemsize) * 8


def _weight_files(places: dict[str, Path | None], findings: Findings) -> tuple[WeightFile, ...]:
    found = sorted((name, path) for name, path in places.items() if path is not None)
    if len(found) > MAX_WEIGHT_FILES:
        findings.add(Rule.EXTERNAL, f"{len(found)} files of weights; {MAX_WEIGHT_FILES} are allowed")
        return ()
    total = sum(path.stat().st_size for _, path in found)
    if total > MAX_IMPORT_BYTES:
        findings.add(Rule.FILE, f"{total} bytes of weights; {MAX_IMPORT_BYTES} are allowed")
        return ()
    return tuple(WeightFile(name, sha256_of(path), path.stat().st_size) for name, path in found)


def check_interface(graph: GraphProto, findings: Findings) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs that a caller must give, and outputs."""
    weights = {each.name for each in graph.initializer}
    given = [each for each in graph.input if each.name not in weights]
    names = DimensionNames()
    for title, values in (("inputs", given), ("outputs", graph.output)):
        if not 1 <= len(values) <= MAX_INTERFACE_TENSORS:
            findings.add(Rule.INTERFACE, f"{len(values)} {title}; 1 to {MAX_INTERFACE_TENSORS} are allowed")
            return (), ()
    inputs = _specs(given, names, findings, shaped=True)
    outputs = _specs(graph.output, names, findings, shaped=False)
    free = free_dimensions(inputs)
    if len(free) > MAX_SYMBOLS:
        listed = ", ".join(free)[:200]
        findings.add(Rule.INTERFACE, f"{len(free)} free dimensions ({listed}); {MAX_SYMBOLS} are allowed")
    return inputs, outputs


def _specs(
    values: Sequence[onnx.ValueInfoProto], names: DimensionNames, findings: Findings, *, shaped: bool
) -> tuple[TensorSpec, ...]:
    specs = []
    for each in values:
        kind = each.type.tensor_type
        dtype = DTYPES.get(kind.elem_type)
        dims: list[RawDimension] = [d.dim_param or d.dim_value or None for d in kind.shape.dim]
        if not each.type.HasField("tensor_type") or dtype is None or not 1 <= len(each.name) <= MAX_NAME_CHARS:
            findings.add(Rule.INTERFACE, f"{each.name!r:.80} is no tensor of numbers")
        elif len(dims) > MAX_RANK or (shaped and not kind.HasField("shape")):
            findings.add(Rule.INTERFACE, f"{each.name!r:.80} has no shape, or one of more than {MAX_RANK} dimensions")
        else:
            specs.append(names.spec(each.name, dtype, dims))
    return tuple(specs)
