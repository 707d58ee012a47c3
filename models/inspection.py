"""The checking process: reads one request on its input, checks one file, writes one report, and ends.

Started by `models.importing` alone. It bounds its own memory, CPU time and files before it looks at the file, and it
never writes a file: whatever a hostile graph makes of the parser or the runtime stays in here.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from onnx import TypeProto, helper

from models.bundle import sha256_of
from models.graph_interface import DTYPES, free_dimensions
from models.graph_macs import CostUnknown, fit
from models.graph_rules import Findings, check_interface, check_nodes, check_versions, check_weights
from models.graph_shapes import ShapesUnknown, TooLarge, Walker
from models.limits import (
    CHECK_CPU_S,
    CHECK_MEMORY_BYTES,
    KIB,
    MAX_FORMULA_CHARS,
    MAX_GRAPH_BYTES,
    MAX_IMPORT_BYTES,
    MAX_INTERFACE_TENSORS,
)
from models.macs import count_macs, write_formula
from models.report import Report, Rule, TensorSpec
from models.runtime import CPU, session_options
from models.tensor import quiet_feeds

SAMPLES: Final = ((64, 128, 192), (32, 64, 96), (1, 2, 3))  # tried in turn: multiples of strides first
PROOFS: Final = {
    64: (320, 576, 1024),
    32: (160, 320, 576),
    1: (5, 7, 64, 320, 576),
}  # further values, at which the formula must hold
TRIALS: Final = (1, 2, 8, 16, 32, 64, 128, 224, 256, 512, 576)  # of dimensions after the first; the first is 1
TOLERANCE: Final = 0.01  # by which the formula may be off where strides do not divide
ARCHIVES: Final = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")
_REVERSED_DTYPES: Final = {name: elem for elem, name in DTYPES.items()}


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to check."""

    path: str
    dims: dict[str, int]


def main() -> None:
    """Entry of the process."""
    answer = os.dup(sys.stdout.fileno())
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())  # the runtime prints what it thinks of a bad file
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    path = Path(request.path)
    size = path.stat().st_size if path.is_file() else 0
    _bound_this_process(min(size, MAX_IMPORT_BYTES))
    try:
        report = inspect(path, request.dims)
    except MemoryError:
        sys.exit(3)
    with open(answer, "wb") as out:
        out.write(msgspec.json.encode(report))


def inspect(path: Path, dims: dict[str, int]) -> Report:
    """Apply every rule. Rules that need a sound part before them are left out where that part is broken."""
    findings = Findings()
    try:
        return _inspect(path, dims, findings)
    except MemoryError:
        raise
    except Exception as error:  # names that are no UTF-8 and the like make the readers of ONNX raise anything
        findings.add(Rule.FORMAT, f"the file cannot be read: {type(error).__name__} {error!s:.200}")
        return Report(failures=findings.all())


def _inspect(path: Path, dims: dict[str, int], findings: Findings) -> Report:
    model = _parse(path, findings)
    if model is None:
        return Report(failures=findings.all())
    size = path.stat().st_size
    opset = check_versions(model, findings)
    operators = check_nodes(model, opset, findings)
    parameters, files = check_weights(model, path.parent, findings)
    inputs, outputs = check_interface(model.graph, findings)
    report = Report(
        sha256=sha256_of(path), size_bytes=size + sum(each.size_bytes for each in files), ir_version=model.ir_version,
        opset=opset, operators=operators, inputs=inputs, outputs=outputs, weight_files=files, parameters=parameters,
    )  # fmt: skip
    if report.size_bytes > MAX_IMPORT_BYTES:
        findings.add(Rule.FILE, f"{report.size_bytes} bytes with its weights; {MAX_IMPORT_BYTES} are allowed")
    pinned = {name: value for name, value in dims.items() if name in free_dimensions(inputs)}
    for name in sorted(dims.keys() - pinned.keys()):
        findings.add(Rule.INTERFACE, f"the inputs have no free dimension {name}")
    if not findings.broken(
        Rule.VERSION, Rule.DOMAIN, Rule.EXTERNAL, Rule.WEIGHTS, Rule.CONTROL, Rule.INTERFACE, Rule.SIZE
    ):
        report = msgspec.structs.replace(report, macs=_count(model, path.parent, inputs, pinned, findings))
    if not findings.broken():
        trial, memory = _trial_run(path, inputs, pinned, findings)
        report = msgspec.structs.replace(report, trial=trial, memory_bytes=memory)
    return msgspec.structs.replace(report, pinned=pinned, failures=findings.all())


def _parse(path: Path, findings: Findings) -> onnx.ModelProto | None:
    if path.is_symlink() or not path.is_file():
        findings.add(Rule.FILE, f"{path.name!r:.80} is missing, a link, or no regular file")
        return None
    size = path.stat().st_size
    if not 0 < size <= MAX_GRAPH_BYTES:
        findings.add(Rule.FILE, f"{size} bytes; an ONNX file has 1 to {MAX_GRAPH_BYTES}")
        return None
    raw = path.read_bytes()
    if raw.startswith(ARCHIVES):
        findings.add(Rule.FILE, "this is a compressed archive; unpack it and import the ONNX file inside")
        return None
    model = onnx.ModelProto()
    try:
        model.ParseFromString(raw)
    except (DecodeError, RecursionError) as error:
        findings.add(Rule.FORMAT, f"the file is no ONNX model: {error!s:.120}")
        return None
    if not model.graph.node:
        findings.add(Rule.FORMAT, "the file holds no graph")
        return None
    return model


def _count(
    model: onnx.ModelProto, folder: Path, inputs: tuple[TensorSpec, ...], pinned: dict[str, int], findings: Findings
) -> str:
    """The cost formula, from the cost at sampled dimensions."""
    free = [name for name in free_dimensions(inputs) if name not in pinned]
    walker = Walker(model, folder)

    def cost(values: tuple[int, ...]) -> int:
        return walker.cost(_types(inputs, {**pinned, **dict(zip(free, values, strict=True))}))

    error: Exception = ShapesUnknown("")
    for points in SAMPLES:
        try:
            costs = [cost(values) for values in itertools.product(points, repeat=len(free))]
            formula = write_formula(fit(free, points, costs))
            held = len(formula) <= MAX_FORMULA_CHARS and _holds(
                formula, walker, inputs, free, pinned, PROOFS[points[0]]
            )
        except (ShapesUnknown, TooLarge, CostUnknown) as failure:
            error = failure
            continue
        if not held:
            error = CostUnknown("the cost is no polynomial of the second degree in each free dimension")
            continue
        return formula
    rule = Rule.MACS if isinstance(error, CostUnknown) else Rule.SIZE if isinstance(error, TooLarge) else Rule.SHAPES
    hint = "; fix dimensions that work at one value only with --dim NAME=VALUE" if free else ""
    findings.add(rule, f"{error}{hint}")
    return ""


def _holds(
    formula: str, walker: Walker, inputs: tuple[TensorSpec, ...], free: Sequence[str], pinned: dict[str, int],
    proofs: Sequence[int],
) -> bool:  # fmt: skip
    """Whether the formula also gives the cost at dimensions that it was not made from, where the graph allows them."""
    for value in proofs if free else ():
        dims = {**pinned, **{name: value if i or len(free) == 1 else 3 for i, name in enumerate(free)}}
        try:
            expected = walker.cost(_types(inputs, dims))
        except (ShapesUnknown, TooLarge):
            continue  # longer than the graph can take
        if abs(count_macs(formula, dims) - expected) > TOLERANCE * expected:
            return False
    return True


def _types(inputs: tuple[TensorSpec, ...], dims: dict[str, int]) -> dict[str, TypeProto]:
    return {
        each.name: helper.make_tensor_type_proto(
            _REVERSED_DTYPES[each.dtype], [dims[d] if isinstance(d, str) else d for d in each.shape]
        )
        for each in inputs
    }


def _trial_run(
    path: Path, inputs: tuple[TensorSpec, ...], pinned: dict[str, int], findings: Findings
) -> tuple[dict[str, int], int]:
    """Load and run once at the smallest dimensions that work. Returns them, and the memory that this took."""
    free = [name for name in free_dimensions(inputs) if name not in pinned]
    _forget_peak()
    before, error = _memory("VmRSS"), ""
    try:
        session = onnxruntime.InferenceSession(str(path), session_options(1), providers=[CPU])
    except Exception as failure:  # the runtime raises bare Exceptions from its C++ side
        findings.add(Rule.RUNTIME, f"onnxruntime cannot load it: {failure!s:.300}")
        return {}, 0
    for value in TRIALS:
        dims = {**pinned, **{name: value if i else 1 for i, name in enumerate(free)}}
        try:
            results = session.run(None, quiet_feeds(inputs, dims))
        except Exception as failure:  # as above
            error = error or f"{failure!s:.300}"
            continue
        if len(results) > MAX_INTERFACE_TENSORS or not all(isinstance(each, np.ndarray) for each in results):
            findings.add(Rule.RUNTIME, "its outputs are no arrays")
        elif not all(np.isfinite(each).all() for each in results if each.dtype.kind == "f"):
            findings.add(Rule.RUNTIME, "it answers quiet inputs with NaN or infinite numbers")
        return dims, max(0, _memory("VmHWM") - before)
    findings.add(Rule.RUNTIME, f"onnxruntime cannot run it at any of {len(TRIALS)} sizes; fix dimensions that work at "
                 f"one value only with --dim NAME=VALUE: {error}")  # fmt: skip
    return {}, 0


def _memory(field: str) -> int:
    """`VmRSS` (now) or `VmHWM` (largest since `_forget_peak`) of this process in bytes; 0 where nothing tells."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0  # not Linux: the size of the files has to do
    return next((int(each.split()[1]) * KIB for each in lines if each.startswith(f"{field}:")), 0)


def _forget_peak() -> None:
    """Let the peak of memory begin anew: what reading and checking the file took is not what running it takes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _bound_this_process(size: int) -> None:
    """Limits that no code in this process can lift again. Windows has none of them: there, only the clock counts."""
    if sys.platform == "win32":
        return
    import resource

    bounds = {resource.RLIMIT_CPU: CHECK_CPU_S, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    if sys.platform != "darwin":  # macOS counts the address space of libraries shared by everybody
        bounds[resource.RLIMIT_AS] = CHECK_MEMORY_BYTES + 3 * size
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        most = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main()
