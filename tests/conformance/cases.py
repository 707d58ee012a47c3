"""Vector files: reading them, converting their numbers, comparing what the node computes with what they expect.

A file holds cases; a case has a kind, an input and an expectation with a tolerance. Only tests read floats: what is
expected is printed in decimals, the node's numbers are raw integers and are divided for the comparison.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

from node.primitives.errors import InvariantBroken, NodeError
from node.primitives.fixed import I32F32, FixedFormat

Json: TypeAlias = Any
Handler: TypeAlias = Callable[["Case"], Json]

REFERENCE_RELATIVE = Fraction(1, 10**12)
"""A printed reference output is exact; a decimal in it is the nearest double of the raw number."""


class MalformedCase(Exception):
    """The case lacks something its kind needs, or holds something unreadable."""


class Mismatch(Exception):
    """The node computes something else than the case expects."""


@dataclass(frozen=True)
class Case:
    """One case of a vector file."""

    file: str
    data: Mapping[str, Json]
    defaults: Mapping[str, Json] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.data.get("id", "case without id"))

    @property
    def kind(self) -> str:
        return str(self.data.get("kind", ""))

    @property
    def literals(self) -> str:
        return str(self.data.get("literals", ""))

    @property
    def expected_literals(self) -> str:
        """How the literals of the expectation were converted."""
        return self.literals.split("expected:")[-1]

    def __getitem__(self, name: str) -> Json:
        """A required input."""
        return self.pick(name)

    def pick(self, *names: str) -> Json:
        """The first of these inputs that is there."""
        inputs = self.data.get("input", self.data.get("inputs"))
        if not isinstance(inputs, Mapping):
            raise MalformedCase("the case has no input object")
        for name in names:
            if name in inputs:
                return inputs[name]
        raise MalformedCase(f"input lacks {' or '.join(names)}; it has {', '.join(inputs) or 'nothing'}")

    def get(self, name: str, default: Json = None) -> Json:
        """An optional input."""
        inputs = self.data.get("input", {})
        return inputs.get(name, default) if isinstance(inputs, Mapping) else default

    def i32(self, value: Json) -> int:
        """A literal of this case as raw I32F32."""
        return raw(value, I32F32, self.literals)

    def i32s(self, values: Sequence[Json]) -> list[int]:
        return [self.i32(value) for value in values]


def load(path: Path) -> tuple[list[Case], Mapping[str, Json]]:
    """The cases of a file and its head; raises `MalformedCase` if it is no vector file."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise MalformedCase(f"{path.name} cannot be read as JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("cases"), list):
        raise MalformedCase(f"{path.name} has no list of cases")
    defaults = document.get("semantics", {}).get("config_defaults", {}) if document.get("semantics") else {}
    broken = [i for i, case in enumerate(document["cases"]) if not isinstance(case, dict)]
    if broken:
        raise MalformedCase(f"{path.name}: case number {broken[0]} is not an object")
    return [Case(path.name, case, defaults) for case in document["cases"]], document


def exact(value: Json, literals: str = "") -> Fraction:
    """A decimal literal as the number the rules were tested with: a single or a double."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedCase(f"{value!r} is not a number")
    if isinstance(value, int):
        return Fraction(value)
    if literals.startswith(("f32", "x:f32")):
        return Fraction(struct.unpack("f", struct.pack("f", value))[0])
    return Fraction(value)


def raw(value: Json, fmt: FixedFormat, literals: str = "") -> int:
    """A literal as raw fixed-point number, nearest, ties to even."""
    number = exact(value, literals)
    return fmt.from_ratio_half_even(number.numerator, number.denominator)


def as_number(value: int, fmt: FixedFormat) -> Fraction:
    """A raw fixed-point number as it is meant."""
    return Fraction(value, fmt.one)


def compare(
    actual: Json, expected: Json, tolerance: Fraction, relative: bool, where: str = "", literals: str = ""
) -> None:
    """Raise `Mismatch` unless every expected part is met; None in an expectation asserts nothing."""
    if expected is None and not (where == "" and actual is None):
        if where == "":
            raise Mismatch(f"expected nothing, got {shown(actual)}")
        return
    if isinstance(expected, Mapping):
        if not isinstance(actual, Mapping):
            raise Mismatch(f"{where}: expected an object, got {shown(actual)}")
        for key, value in expected.items():
            if key not in actual:
                raise MalformedCase(f"the expectation names {key!r}, which this kind does not compute")
            compare(actual[key], value, tolerance, relative, f"{where}.{key}", literals)
        return
    if isinstance(expected, list):
        if not isinstance(actual, list | tuple) or len(actual) != len(expected):
            raise Mismatch(f"{where}: expected {len(expected)} values, got {shown(actual)}")
        for index, (left, right) in enumerate(zip(actual, expected, strict=True)):
            compare(left, right, tolerance, relative, f"{where}[{index}]", literals)
        return
    _compare_scalar(actual, expected, tolerance, relative, where or "result", literals)


def _compare_scalar(
    actual: Json, expected: Json, tolerance: Fraction, relative: bool, where: str, literals: str
) -> None:
    if isinstance(expected, bool | str) or expected is None or isinstance(actual, bool | str) or actual is None:
        if actual != expected:
            raise Mismatch(f"{where}: expected {expected!r}, got {shown(actual)}")
        return
    wanted, got = exact(expected, literals), Fraction(actual)
    if isinstance(expected, float) and tolerance == 0:
        if float(got) != expected:  # the expectation is printed as a double
            raise Mismatch(f"{where}: expected {expected!r}, got {float(got)!r}")
        return
    allowed = tolerance * abs(wanted) if relative else tolerance
    if abs(got - wanted) > allowed:
        raise Mismatch(f"{where}: expected {shown(wanted)} within {float(allowed)}, got {shown(got)}")


def shown(value: Json) -> str:
    """A value for a message."""
    if isinstance(value, Fraction):
        return str(value.numerator) if value.denominator == 1 else repr(float(value))
    return repr(value)


def error_name(error: NodeError) -> str:
    """An error as expectations name it: its code in capitals."""
    return "".join(word.capitalize() for word in error.code.split("_"))


def check(case: Case, handler: Handler) -> None:
    """Run one case: its expectation within its tolerance, and its reference output exactly."""
    if "expected" not in case.data:
        raise MalformedCase("the case has no expectation")
    try:
        actual = handler(case)
    except NodeError as error:
        actual = error_name(error)
        if not isinstance(case.data["expected"], str):
            raise Mismatch(f"refused as {actual}: {error}") from error
    except InvariantBroken as error:
        raise MalformedCase(f"the input is impossible: {error}") from error
    tolerance = exact(case.data.get("tolerance", 0) or 0)
    relative = case.data.get("tolerance_is") == "relative"
    compare(actual, case.data["expected"], tolerance, relative, literals=case.expected_literals)
    if case.data.get("reference_output") is not None:
        compare(actual, case.data["reference_output"], REFERENCE_RELATIVE, True, "reference_output")
