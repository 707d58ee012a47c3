"""The cost formula of a graph: multiply-accumulates as a polynomial in the free dimensions of its inputs.

Written as `3/4*H*W*N + 1024*N^2`. Formulas come from strangers: parsing and evaluating are bounded, and exact.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from models.errors import BadModelFile
from models.limits import MAX_DIMENSION, MAX_FORMULA_CHARS, MAX_FORMULA_DEGREE, MAX_FORMULA_TERMS, MAX_MACS

SYMBOL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}", re.ASCII)
_NUMBER: Final = re.compile(r"([0-9]{1,24})(?:/([0-9]{1,6}))?", re.ASCII)
_POWER: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,31})(?:\^([1-9]))?", re.ASCII)

Monomial = tuple[tuple[str, int], ...]  # ((symbol, power), ...), sorted; () is the constant term
Polynomial = Mapping[Monomial, Fraction]


def count_macs(formula: str, dims: Mapping[str, int]) -> int:
    """MACs of one run at these dimensions, rounded down. Raises BadModelFile: no formula, or a dimension is missing."""
    total = Fraction(0)
    for monomial, coefficient in parse_formula(formula).items():
        term = coefficient
        for symbol, power in monomial:
            value = dims.get(symbol)
            if value is None or not 0 <= value <= MAX_DIMENSION:
                raise BadModelFile(f"the cost formula needs the dimension {symbol}, from 0 to {MAX_DIMENSION}")
            term *= value**power
        total += term
    return min(max(0, math.floor(total)), MAX_MACS)


def parse_formula(text: str) -> dict[Monomial, Fraction]:
    """The polynomial of a formula. Raises BadModelFile."""
    if not text or len(text) > MAX_FORMULA_CHARS:
        raise BadModelFile(f"a cost formula has 1 to {MAX_FORMULA_CHARS} characters")
    parts = text.replace(" - ", " + -").split(" + ")
    if len(parts) > MAX_FORMULA_TERMS:
        raise BadModelFile(f"a cost formula has at most {MAX_FORMULA_TERMS} terms")
    found: dict[Monomial, Fraction] = {}
    for part in parts:
        monomial, coefficient = _parse_term(part)
        if monomial in found:
            raise BadModelFile(f"the cost formula has two terms in {_show(monomial) or 'numbers'}")
        found[monomial] = coefficient
    return found


def _parse_term(text: str) -> tuple[Monomial, Fraction]:
    negative = text.startswith("-")
    first, *rest = text.removeprefix("-").split("*")
    number = _NUMBER.fullmatch(first)
    if number is None or number[2] in ("0", "00", "000", "0000", "00000", "000000"):
        raise BadModelFile(f"{text!r:.60} is no term of a cost formula; write 3*N, 1/2*N^2 or 12")
    powers: dict[str, int] = {}
    for factor in rest:
        match = _POWER.fullmatch(factor)
        if match is None or match[1] in powers:
            raise BadModelFile(f"{factor!r:.60} is no factor of a cost formula")
        powers[match[1]] = int(match[2] or 1)
    if sum(powers.values()) > MAX_FORMULA_DEGREE:
        raise BadModelFile(f"a term of a cost formula has at most degree {MAX_FORMULA_DEGREE}")
    coefficient = Fraction(int(number[1]), int(number[2] or 1))
    return tuple(sorted(powers.items())), -coefficient if negative else coefficient


def write_formula(polynomial: Polynomial) -> str:
    """The one text of a polynomial: highest degree first, then by name."""
    terms = [(monomial, value) for monomial, value in polynomial.items() if value]
    terms.sort(key=lambda term: (-sum(power for _, power in term[0]), term[0]))
    text = ""
    for monomial, value in terms:
        sign = " - " if value < 0 else " + "
        shown = "*".join(filter(None, (str(abs(value)), _show(monomial))))
        text += (sign if text else "-" if value < 0 else "") + shown
    return text or "0"


def _show(monomial: Monomial) -> str:
    return "*".join(symbol if power == 1 else f"{symbol}^{power}" for symbol, power in monomial)
