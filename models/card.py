"""The bundle of a model that is no text model: `model.onnx`, the files its kind needs, and `manifest.json`, its card.

Read as hostile: sizes before content, hashes before use, nothing outside the folder. Text models have `models.bundle`.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from models.bundle import MANIFEST_FILE, ONNX_FILE, read_bounded, sha256_of
from models.errors import BadModelFile, HashMismatch
from models.limits import MAX_IMPORT_BYTES, MAX_MANIFEST_BYTES, MAX_NAME_CHARS, MAX_REPORT_BYTES, MAX_WEIGHT_FILES
from models.report import Report, Sha256Hex

FORMAT: Final = 1
MODEL_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
TensorKind = Literal["embedding", "image-generation", "image-safety", "content-type", "voice-activity", "tensor"]
Origin = Literal["catalogue", "imported"]
_Line = Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARS)]
_FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class TensorCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a model. `sha256` (of the ONNX file) is its id on the wire."""

    format: int
    name: _Line
    kind: TensorKind
    title: _Line
    licence: _Line
    sha256: Sha256Hex
    files: Annotated[dict[_FileName, Sha256Hex], msgspec.Meta(max_length=MAX_WEIGHT_FILES + 8)]  # beside the ONNX file
    origin: Origin
    report: Report | None = None  # of the check at import


def encode_tensor_card(card: TensorCard) -> bytes:
    """Manifest bytes of a card; equal cards give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"


def read_tensor_card(folder: Path) -> TensorCard:
    """The card of a bundle, files not yet hashed. Raises BadModelFile."""
    try:
        raw = read_bounded(folder / MANIFEST_FILE, MAX_MANIFEST_BYTES + MAX_REPORT_BYTES)
        card = msgspec.json.decode(raw, type=TensorCard)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadModelFile(f"{folder / MANIFEST_FILE} is no model card: {error}") from error
    if card.format != FORMAT:
        raise BadModelFile(f"{folder / MANIFEST_FILE} has format {card.format}, this version reads {FORMAT}")
    return card


def check_tensor_bundle(folder: Path) -> TensorCard:
    """Read the card and hash every file against it. Raises BadModelFile or HashMismatch."""
    card = read_tensor_card(folder)
    for name, pinned in {ONNX_FILE: card.sha256, **card.files}.items():
        path = folder / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_IMPORT_BYTES:
            raise BadModelFile(f"{path} is missing, a link, or too large; delete the folder to fetch it again")
        found = sha256_of(path)
        if found != pinned:
            raise HashMismatch(
                f"{path} has SHA-256 {found}, its card says {pinned}; delete the folder to fetch it again"
            )
    return card


def place_file(source: Path, target: Path) -> None:
    """Put a file of the store into a bundle: by a link on the disk where that works, else by a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
