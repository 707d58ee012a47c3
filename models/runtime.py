"""onnxruntime as this package uses it: pinned session options, and the truth about which provider runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuntimeReport:
    """What the installed runtime can really do on this machine."""

    version: str
    built_for: tuple[str, ...]  # providers in the wheel; says nothing about this machine
    usable: tuple[str, ...]  # providers a session really got here
    cuda_note: str  # why CUDA is not used, or empty


def runtime_report() -> RuntimeReport:
    """Open a tiny session on every provider and report those that really ran it."""
    raise NotImplementedError
