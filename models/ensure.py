"""From a catalogue name to a verified, runnable bundle: fetch, convert, check. Safe when many processes call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from models.sources import Progress

PeerFetch = Callable[[str], Iterator[bytes]]


def ensure(
    name: str,
    store: Path,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    peer_fetch: PeerFetch | None = None,
    hub_endpoint: str | None = None,
    wheel_folder: Path | None = None,
) -> Path:
    """Path of the ready bundle `store/<name>`, made if needed. Raises ModelError with every source's reason."""
    raise NotImplementedError
