"""What the check of a model file found: its interface, its cost, and every rule it breaks. Plain data, no runtime.

Reports cross from the checking process as JSON and are stored beside imported models; both are read with these types.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from models.limits import (
    MAX_FAILURES,
    MAX_FORMULA_CHARS,
    MAX_INTERFACE_TENSORS,
    MAX_MESSAGE_CHARS,
    MAX_NAME_CHARS,
    MAX_OPERATOR_KINDS,
    MAX_RANK,
    MAX_SYMBOLS,
    MAX_WEIGHT_FILES,
)

Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARS)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Sha256Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Rule(StrEnum):
    """The rules of import. A report names every one that is broken, not only the first."""

    FILE = "file"  # missing, a link, empty, too large, or an archive
    FORMAT = "format"  # no sound ONNX graph
    VERSION = "version"  # IR version or operator set out of range
    DOMAIN = "domain"  # operators that onnxruntime does not bring, or functions of the model's own
    EXTERNAL = "external"  # weights outside the folder, or beyond the end of their file
    WEIGHTS = "weights"  # initialisers of unknown type, of another length than their shape, sparse
    VALUES = "values"  # initialisers that are NaN or infinite
    CONTROL = "control"  # If, Loop and Scan nested too deeply
    INTERFACE = "interface"  # inputs or outputs that are no numeric tensors, too many, or of too many free dimensions
    SIZE = "size"  # too many nodes, or a tensor too large
    SHAPES = "shapes"  # shape inference fails
    MACS = "macs"  # the cost cannot be counted from the graph
    RUNTIME = "runtime"  # onnxruntime cannot load or run it
    RESOURCES = "resources"  # the check ran out of its memory or time


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One broken rule, with a sentence for whoever made the file."""

    rule: Rule
    message: Annotated[str, msgspec.Meta(max_length=MAX_MESSAGE_CHARS)]


class TensorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input or output. `dtype` is NumPy's name; a dimension is a number or the name of a free one."""

    name: Name
    dtype: Name
    shape: Annotated[tuple[int | Name, ...], msgspec.Meta(max_length=MAX_RANK)]


class WeightFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of weights beside the graph."""

    name: Annotated[str, msgspec.Meta(max_length=4 * MAX_NAME_CHARS)]
    sha256: Sha256Hex
    size_bytes: Count


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole check of one ONNX file. Fields beyond the first failure may be empty: look at `ok` first."""

    sha256: Annotated[str, msgspec.Meta(max_length=64)] = ""  # of the ONNX file, hex; empty when it cannot be read
    size_bytes: Count = 0  # of the ONNX file and its files of weights
    ir_version: int = 0
    opset: int = 0  # of the standard operators
    operators: Annotated[dict[Name, Count], msgspec.Meta(max_length=MAX_OPERATOR_KINDS)] = {}  # nodes by operator
    inputs: Annotated[tuple[TensorSpec, ...], msgspec.Meta(max_length=MAX_INTERFACE_TENSORS)] = ()
    outputs: Annotated[tuple[TensorSpec, ...], msgspec.Meta(max_length=MAX_INTERFACE_TENSORS)] = ()
    weight_files: Annotated[tuple[WeightFile, ...], msgspec.Meta(max_length=MAX_WEIGHT_FILES)] = ()
    parameters: Count = 0  # numbers in the initialisers
    macs: Annotated[str, msgspec.Meta(max_length=MAX_FORMULA_CHARS)] = (
        ""  # formula in the free dimensions of the inputs
    )
    pinned: Annotated[dict[Name, Count], msgspec.Meta(max_length=MAX_SYMBOLS)] = {}  # dimensions fixed by the caller
    trial: Annotated[dict[Name, Count], msgspec.Meta(max_length=MAX_SYMBOLS)] = {}  # dimensions of the trial run
    memory_bytes: Count = 0  # what loading and the trial run added to the checking process
    failures: Annotated[tuple[Failure, ...], msgspec.Meta(max_length=MAX_FAILURES)] = ()

    @property
    def ok(self) -> bool:
        """Whether the model may be used."""
        return not self.failures
