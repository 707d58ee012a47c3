"""What a person hands to a chute, as the inputs of a call: words, a picture, a file, a seed. Pure; reads no file.

Numbers of other kinds have no form for people: who has those writes the JSON of the Open Inference form.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from node.control.limits import ROUTE_BODY_CHARS_MAX

CALL_FILE_BYTES_MAX: Final = ROUTE_BODY_CHARS_MAX * 3 // 4 - 2048
"""Of a file inside a call: in base64 it fits the request, with its names beside it. Larger ones are uploaded first."""
Want = Literal["texts", "picture", "content", "seed", "numbers"]
_FLOATS: Final = ("float32", "float16")
_PICTURE_AXES: Final = 3


class ChutePort(msgspec.Struct, frozen=True):
    """One input of a chute, as its card has it. A word in `shape` stands for a size; `pre` are the steps behind it."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    pre: tuple[Mapping[str, Any], ...] = ()


class ChuteSides(msgspec.Struct, frozen=True):
    """A chute's name and both its sides; those that chat have none."""

    name: str
    inputs: tuple[ChutePort, ...] = ()
    outputs: tuple[ChutePort, ...] = ()


class SidesCard(msgspec.Struct, frozen=True):
    """A chute's card, as far as calling it needs."""

    chute: ChuteSides


def want_of(port: ChutePort) -> Want:
    """Return what a person would give for an input."""
    if port.dtype == "text":
        return "texts"
    if port.dtype == "uint8" and len(port.shape) == _PICTURE_AXES:
        return "picture"
    if port.dtype == "uint8" and len(port.shape) == 1:
        return "content"
    return "seed" if port.dtype in _FLOATS else "numbers"


def texts_input(port: ChutePort, texts: Sequence[str]) -> dict[str, Any]:
    """Return the input that holds these texts."""
    return {"name": port.name, "data": list(texts)}


def picture_input(port: ChutePort, png: bytes) -> dict[str, Any]:
    """Return the input that holds a picture, a PNG file."""
    return {"name": port.name, "png": base64.b64encode(png).decode()}


def content_input(port: ChutePort, content: bytes) -> dict[str, Any]:
    """Return the input that holds a file's bytes; of a long one only the ends, where the chute looks at no more."""
    block = next((int(step["block"]) for step in port.pre if step.get("step") == "byte-ends"), None)
    data = content if block is None or len(content) <= 2 * block else content[:block] + content[-block:]
    return {"name": port.name, "shape": [len(data)], "base64": base64.b64encode(data).decode()}


def noise_input(port: ChutePort, seed: int) -> dict[str, Any]:
    """Return the input that is noise out of a seed; every size that is a word is 1."""
    shape = [axis if isinstance(axis, int) else 1 for axis in port.shape]
    return {"name": port.name, "shape": shape, "law": "normal", "seed": seed}
