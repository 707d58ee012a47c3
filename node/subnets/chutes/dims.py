"""Sizes with names: arrays whose axes are fixed or symbolic, and a bundle's work as a formula of them. Pure integers.

An axis is a number, or a word that stands for the same number everywhere in one call. The formula is that of
`models.macs`: `22713216*batch*tokens + 768*batch*tokens^2`.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Final

import msgspec

from models.errors import BadModelFile
from models.macs import Polynomial, count_macs, parse_formula
from node.market.errors import TooLarge, Unfit
from node.subnets.chutes.limits import AXIS_MAX

Symbol = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,31}$")]
Axis = Annotated[int, msgspec.Meta(ge=1, le=AXIS_MAX)] | Symbol
MACS_PER_UNIT: Final = 1_000_000
_FORMULAS_KEPT: Final = 512


def bind(
    name: str, axes: Sequence[int | str], shape: Sequence[int], sizes: dict[str, int], limits: Mapping[str, int]
) -> None:
    """Fit a shape to its axes and note what the symbols stand for in `sizes`.

    Raises Unfit for another rank or size, TooLarge for a symbol above its limit.
    """
    if len(axes) != len(shape) or any(
        size != (axis if isinstance(axis, int) else sizes.get(axis, size))
        for axis, size in zip(axes, shape, strict=True)
    ):
        raise Unfit(f"{name}: expected shape {shown(axes, sizes)}, got {shown(shape)}.", param=name)
    for axis, size in zip(axes, shape, strict=True):
        if isinstance(axis, str):
            if not 1 <= size <= limits[axis]:
                raise TooLarge(f"{name}: {axis} is {size}; 1 to {limits[axis]} is allowed.", param=name)
            if sizes.setdefault(axis, size) != size:
                raise Unfit(f"{name}: {axis} is {sizes[axis]} and {size} in one array.", param=name)


def fixed(axes: Iterable[int | str], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The axes as numbers. Raises KeyError for a symbol that nothing bound."""
    return tuple(axis if isinstance(axis, int) else sizes[axis] for axis in axes)


def shown(axes: Sequence[int | str], sizes: Mapping[str, int] | None = None) -> str:
    """[batch=2, 3, 224] for people."""
    known = sizes or {}
    named = (f"{axis}={known[axis]}" if isinstance(axis, str) and axis in known else str(axis) for axis in axes)
    return f"[{', '.join(named)}]"


def elements(shape: Iterable[int]) -> int:
    """How many numbers an array of that shape holds."""
    product = 1
    for size in shape:
        product *= size
    return product


@lru_cache(maxsize=_FORMULAS_KEPT)
def symbols_of(formula: str) -> frozenset[str]:
    """The sizes that a formula names. Raises BadModelFile for what is no formula."""
    polynomial: Polynomial = parse_formula(formula)
    return frozenset(name for monomial in polynomial for name, _ in monomial)


def units(formula: str, sizes: Mapping[str, int]) -> int:
    """What is billed for one call with these sizes: millions of multiply-accumulates, a begun one counts; at least 1.

    Raises BadModelFile for a size that the formula needs and `sizes` lacks.
    """
    return max(1, -(-count_macs(formula, sizes) // MACS_PER_UNIT))


def formula_fault(formula: str) -> str:
    """What is wrong with a formula; "" when it can be counted with."""
    try:
        symbols_of(formula)
    except BadModelFile as error:
        return str(error)
    return ""
