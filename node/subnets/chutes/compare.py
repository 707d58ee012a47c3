"""Whether an answer's arrays are those of the model: within the chute's tolerance, not bit by bit. Pure.

Other processors round differently, so equality would punish honest miners; another model differs by far more.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from node.subnets.base import Code
from node.subnets.chutes.after import Pictures, apply_post
from node.subnets.chutes.arrays import is_finite
from node.subnets.chutes.bundle import Chute, Output
from node.subnets.chutes.png import decode_png
from node.subnets.chutes.steps import ToPng

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

PSNR_MIN_DB: Final = 40.0  # of two pictures whose numbers differ: nobody sees less
_TOP_MARGIN: Final = 2.0  # tolerances by which the best must lead for another best to be wrong


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a comparison; `worst` is the largest deviation in tolerances, at most 1 in a right answer."""

    code: Code
    evidence: str
    worst: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the answer is right."""
        return self.code is Code.OK


def compare(chute: Chute, expected: "Mapping[str, Array]", got: "Mapping[str, Array]") -> Finding:
    """Compare the outputs of an answer with those of an own run."""
    if list(got) != list(expected):
        return Finding(Code.MALFORMED, f"outputs {', '.join(got)[:80] or 'none'}, not {', '.join(expected)[:80]}")
    worst = 0.0
    for output in chute.outputs:
        found = _one(chute, output, expected[output.name], got[output.name])
        worst = max(worst, found.worst)
        if not found.ok:
            return found
    return Finding(Code.OK, f"largest deviation {worst:.3g} of the tolerance", worst)


def _one(chute: Chute, output: Output, expected: "Array", got: "Array") -> Finding:
    name = output.name
    if (got.dtype, got.shape) != (expected.dtype, expected.shape):
        shapes = f"{got.dtype.name}{list(got.shape)}, not {expected.dtype.name}{list(expected.shape)}"
        return Finding(Code.MALFORMED, f"{name}: {shapes}")
    if not is_finite(got):
        return Finding(Code.WRONG, f"{name}: NaN or infinity")
    if expected.dtype.kind != "f":
        equal = bool((got == expected).all())
        if not equal and chute.kind == "image-generation" and _looks_equal(output, expected, got):
            return Finding(Code.OK, f"{name}: the pictures are equal to {PSNR_MIN_DB:.0f} dB", 1.0)
        return Finding(Code.OK if equal else Code.WRONG, f"{name}: whole numbers differ", 0.0 if equal else math.inf)
    wanted, found = expected.astype(np.float64), got.astype(np.float64)
    allowed = chute.eps * (1.0 + np.abs(wanted))
    gaps = np.abs(found - wanted)
    worst = _ratio(gaps, allowed)
    if worst <= 1.0:
        return _same_best(chute, name, wanted, found, worst)
    if chute.kind == "image-generation" and _looks_equal(output, expected, got):
        return Finding(Code.OK, f"{name}: the pictures are equal to {PSNR_MIN_DB:.0f} dB", 1.0)
    return Finding(Code.WRONG, f"{name}: off by {worst:.3g} times the tolerance", worst)


def _ratio(gaps: "NDArray[np.float64]", allowed: "NDArray[np.float64]") -> float:
    """The largest gap in tolerances; without tolerance any gap is infinitely many."""
    if not gaps.size:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(gaps == 0.0, 0.0, gaps / allowed)
    return float(ratios.max())


def _same_best(
    chute: Chute, name: str, wanted: "NDArray[np.float64]", found: "NDArray[np.float64]", worst: float
) -> Finding:
    """A classifier's best class must be the same wherever it leads by more than two tolerances."""
    if chute.kind != "classification" or wanted.ndim == 0 or wanted.shape[-1] < 2:
        return Finding(Code.OK, "", worst)
    rows, others = wanted.reshape(-1, wanted.shape[-1]), found.reshape(-1, wanted.shape[-1])
    ordered = np.sort(rows, axis=-1)
    clear = ordered[:, -1] - ordered[:, -2] > _TOP_MARGIN * chute.eps * (1.0 + np.abs(ordered[:, -1]))
    wrong = clear & (rows.argmax(axis=-1) != others.argmax(axis=-1))
    if wrong.any():
        return Finding(Code.WRONG, f"{name}: another best class in {int(wrong.sum())} of {len(rows)} rows", worst)
    return Finding(Code.OK, "", worst)


def _looks_equal(output: Output, expected: "Array", got: "Array") -> bool:
    if not output.post or not isinstance(output.post[-1], ToPng):
        return False
    first, second = (apply_post(output.name, each, output.post, ()) for each in (expected, got))
    if not isinstance(first, Pictures) or not isinstance(second, Pictures):
        return False
    pairs = zip(first.files, second.files, strict=True)
    return all(psnr_db(decode_png(one), decode_png(other)) >= PSNR_MIN_DB for one, other in pairs)


def psnr_db(one: "NDArray[np.uint8]", other: "NDArray[np.uint8]") -> float:
    """Peak signal to noise of two 8-bit pictures of one shape, in dB; infinite for equal ones."""
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return math.inf if error == 0.0 else 10.0 * math.log10(255.0**2 / error)
