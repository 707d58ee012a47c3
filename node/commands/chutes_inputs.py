"""Inputs of a call as a person gives them on the command line: words, a picture, a file, a seed."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from node.commands.errors import NothingThere
from node.subnets.chutes.bundle import Chute, Input
from node.subnets.chutes.limits import INLINE_BYTES_MAX


def inputs_of(
    chute: Chute, *, texts: Sequence[str], picture: Path | None, content: Path | None, seed: int | None
) -> list[dict[str, Any]]:
    """The inputs in the Open Inference form, one for each that the chute takes. Raises UsageError, NothingThere."""
    return [_one(port, texts, picture, content, seed) for port in chute.inputs]


def _one(
    port: Input, texts: Sequence[str], picture: Path | None, content: Path | None, seed: int | None
) -> dict[str, Any]:
    if port.dtype == "text":
        if not texts:
            raise click.UsageError(f"The input {port.name} takes texts: give --text.")
        return {"name": port.name, "data": list(texts)}
    if port.dtype == "uint8" and len(port.shape) == 3:
        if picture is None:
            raise click.UsageError(f"The input {port.name} takes a picture: give --picture.")
        return {"name": port.name, "png": base64.b64encode(_read(picture, 16 * INLINE_BYTES_MAX)).decode()}
    if port.dtype == "uint8" and len(port.shape) == 1:
        if content is None:
            raise click.UsageError(f"The input {port.name} takes bytes: give --bytes.")
        data = _ends(_read(content, None), port)
        return {"name": port.name, "shape": [len(data)], "base64": base64.b64encode(data).decode()}
    if port.dtype in ("float32", "float16") and seed is not None:
        shape = [axis if isinstance(axis, int) else 1 for axis in port.shape]
        return {"name": port.name, "shape": shape, "law": "normal", "seed": seed}
    raise click.UsageError(f"The input {port.name} takes {port.dtype} numbers: give --inputs, or --seed for noise.")


def _ends(data: bytes, port: Input) -> bytes:
    """What of a long file a chute looks at that sees both ends: as much of each as fits one call."""
    from node.subnets.chutes.steps import ByteEnds

    steps = [step for step in port.pre if isinstance(step, ByteEnds)]
    if not steps or len(data) <= 2 * steps[0].block:
        return data
    return data[: steps[0].block] + data[-steps[0].block :]


def _read(path: Path, bytes_max: int | None) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read() if bytes_max is None else file.read(bytes_max)
    except OSError as error:
        raise NothingThere(f"{path} cannot be read: {error.strerror}.", remedy="Name a file.") from error
