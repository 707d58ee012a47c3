"""Names and types of a graph's inputs and outputs, the same whether read from the file or from an open session.

Exporters leave free dimensions unnamed or name them with anything; here each gets a name that a formula can hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from models.macs import SYMBOL
from models.report import TensorSpec

RawDimension = int | str | None

# ONNX element types that travel as arrays, by NumPy's names.
DTYPES: Final[dict[int, str]] = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64",
}  # fmt: skip
SESSION_DTYPES: Final[dict[str, str]] = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool",
    **{f"tensor({name})": name for name in ("uint8", "int8", "uint16", "int16", "int32", "int64", "uint32", "uint64")},
}  # fmt: skip


class DimensionNames:
    """Gives free dimensions their names, in the order in which they are met: inputs first, then outputs."""

    def __init__(self) -> None:
        self._by_raw: dict[str, str] = {}
        self._made = 0

    def spec(self, name: str, dtype: str, raw: Sequence[RawDimension]) -> TensorSpec:
        """The spec of one tensor."""
        return TensorSpec(name, dtype, tuple(self._dimension(each) for each in raw))

    def _dimension(self, raw: RawDimension) -> int | str:
        if isinstance(raw, int) and raw >= 1:
            return raw
        if not isinstance(raw, str) or raw in ("", "?"):  # unnamed, or named like every other
            return self._fresh()
        if SYMBOL.fullmatch(raw):
            return raw
        if raw not in self._by_raw:
            self._by_raw[raw] = self._fresh()
        return self._by_raw[raw]

    def _fresh(self) -> str:
        self._made += 1
        return f"d{self._made}"


def free_dimensions(specs: Iterable[TensorSpec]) -> tuple[str, ...]:
    """Names of the free dimensions, in the order in which they appear."""
    return tuple(dict.fromkeys(each for spec in specs for each in spec.shape if isinstance(each, str)))
