"""Inputs of a call as a person gives them on the command line: words, a picture, a file, a seed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from node.commands.errors import NothingThere
from node.control.chute_inputs import (
    CALL_FILE_BYTES_MAX,
    ChutePort,
    ChuteSides,
    content_input,
    noise_input,
    picture_input,
    texts_input,
    want_of,
)

_CONTENT_BYTES_MAX: Final = 1 << 30  # read whole, of which a chute may look at the ends alone


def inputs_of(
    chute: ChuteSides, *, texts: Sequence[str], picture: Path | None, content: Path | None, seed: int | None
) -> list[dict[str, Any]]:
    """The inputs in the Open Inference form, one for each that the chute takes. Raises UsageError, NothingThere."""
    return [_one(port, texts, picture, content, seed) for port in chute.inputs]


def _one(
    port: ChutePort, texts: Sequence[str], picture: Path | None, content: Path | None, seed: int | None
) -> dict[str, Any]:
    match want_of(port):
        case "texts" if texts:
            return texts_input(port, texts)
        case "texts":
            raise click.UsageError(f"The input {port.name} takes texts: give --text.")
        case "picture" if picture is not None:
            return _fits(picture_input(port, _read(picture, CALL_FILE_BYTES_MAX)), picture)
        case "picture":
            raise click.UsageError(f"The input {port.name} takes a picture: give --picture.")
        case "content" if content is not None:
            return _fits(content_input(port, _read(content, _CONTENT_BYTES_MAX)), content)
        case "content":
            raise click.UsageError(f"The input {port.name} takes bytes: give --bytes.")
        case "seed" if seed is not None:
            return noise_input(port, seed)
        case _:
            raise click.UsageError(
                f"The input {port.name} takes {port.dtype} numbers: give --inputs, or --seed for noise."
            )


def _fits(given: dict[str, Any], path: Path) -> dict[str, Any]:
    data = given.get("png") or given.get("base64") or ""
    if len(data) * 3 // 4 > CALL_FILE_BYTES_MAX:
        raise _too_large(path, CALL_FILE_BYTES_MAX)
    return given


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise NothingThere(f"{path} cannot be read: {error.strerror}.", remedy="Name a file.") from error
    if len(data) > bytes_max:
        raise _too_large(path, bytes_max)
    return data


def _too_large(path: Path, bytes_max: int) -> click.UsageError:
    return click.UsageError(f"{path} is larger than the {bytes_max:,} bytes that go into one call. Make it smaller.")
