"""Large content as chunks: a manifest of BLAKE3 hashes, the files that are offered, and a file that is being filled.

Everything here reads or writes disks and belongs into worker threads. A chunk is believed by its hash alone, a manifest
by the hash that names it; what lies on the disk is hashed again rather than remembered.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from blake3 import blake3

from p2p import limits
from p2p.errors import BlobError

HASH_BYTES = 32

Lookup = Callable[[bytes], Path | None]
"""SHA-256 -> the file that holds this content, or None. Called in worker threads; the content is checked here."""


class Manifest(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A content: its size, SHA-256, and the BLAKE3 hashes of its chunks, joined; every chunk but the last is full."""

    size_bytes: int
    sha256: bytes
    hashes: bytes

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return len(self.hashes) // HASH_BYTES

    def chunk_hash(self, index: int) -> bytes:
        """BLAKE3 hash of one chunk."""
        return self.hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]

    def chunk_bytes(self, index: int) -> int:
        """Size of one chunk."""
        return min(limits.BLOB_CHUNK_BYTES, self.size_bytes - index * limits.BLOB_CHUNK_BYTES)


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes whose BLAKE3 hash is the blob's id."""
    return msgspec.msgpack.encode(manifest)


def blob_id_of(raw_manifest: bytes) -> bytes:
    """The id of the blob with this manifest (32 bytes)."""
    return blake3(raw_manifest).digest()


def decode_manifest(raw: bytes, blob_id: bytes, sha256: bytes, size_bytes: int) -> Manifest:
    """The manifest called `blob_id`, of a content with this hash and size. Raises BlobError for anything else."""
    if blob_id_of(raw) != blob_id:
        raise BlobError("a manifest is not the one that was asked for")
    try:
        manifest = msgspec.msgpack.decode(raw, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BlobError("a manifest is malformed") from error
    chunks = -(-size_bytes // limits.BLOB_CHUNK_BYTES)
    if (manifest.size_bytes, manifest.sha256, len(manifest.hashes)) != (size_bytes, sha256, chunks * HASH_BYTES):
        raise BlobError("a manifest describes another content")
    return manifest


def describe(path: Path) -> Manifest:
    """Hash a file into its manifest. Raises BlobError when it is too large, OSError."""
    sha256, hashes, size_bytes = hashlib.sha256(), bytearray(), 0
    for chunk in _chunks(path):
        sha256.update(chunk)
        hashes += blake3(chunk).digest()
        size_bytes += len(chunk)
        if size_bytes > limits.BLOB_MAX_BYTES:
            raise BlobError(f"{path} is larger than {limits.BLOB_MAX_BYTES} bytes")
    return Manifest(size_bytes, sha256.digest(), bytes(hashes))


@dataclass(frozen=True, slots=True)
class _Offer:
    path: Path
    stamp: tuple[int, int]
    raw_manifest: bytes
    sha256: bytes


class Shelf:
    """The contents this node gives to others: manifests are made on demand and forgotten when a file changes."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._offers: dict[bytes, _Offer] = {}
        self._making = threading.Lock()

    def find(self, sha256: bytes) -> bytes | None:
        """The id of the blob with this content, None when it is not here. Hashes the file the first time."""
        path = self._lookup(sha256)
        if path is None:
            return None
        with self._making:
            for blob_id, offer in self._offers.items():
                if offer.path == path and offer.sha256 == sha256 and _stamp(path) == offer.stamp:
                    return blob_id
            return self._offer(path, sha256)

    def manifest(self, blob_id: bytes) -> bytes | None:
        """The encoded manifest of an offered blob."""
        offer = self._current(blob_id)
        return None if offer is None else offer.raw_manifest

    def chunk(self, blob_id: bytes, index: int) -> bytes | None:
        """One chunk of an offered blob, None when there is none."""
        offer = self._current(blob_id)
        if offer is None or not 0 <= index <= limits.BLOB_MAX_BYTES // limits.BLOB_CHUNK_BYTES:
            return None
        return _read_chunk(offer.path, index) or None

    def _offer(self, path: Path, sha256: bytes) -> bytes | None:
        stamp = _stamp(path)
        manifest = describe(path)
        if manifest.sha256 != sha256 or stamp is None or _stamp(path) != stamp:
            return None  # damaged, or being written: nothing to give away
        raw = encode_manifest(manifest)
        blob_id = blob_id_of(raw)
        self._offers.pop(blob_id, None)
        self._offers[blob_id] = _Offer(path, stamp, raw, sha256)
        if len(self._offers) > limits.BLOBS_OFFERED_MAX:
            del self._offers[next(iter(self._offers))]
        return blob_id

    def _current(self, blob_id: bytes) -> _Offer | None:
        offer = self._offers.get(blob_id)
        if offer is not None and _stamp(offer.path) != offer.stamp:
            self._offers.pop(blob_id, None)
            return None
        return offer


class PartFile:
    """A file that is filled chunk by chunk, in any order, by several threads; its path ends in .part until complete."""

    def __init__(self, folder: Path, blob_id: bytes, manifest: Manifest) -> None:
        self.path = folder / f"{blob_id.hex()}.part"
        self._manifest = manifest

    def open(self) -> list[int]:
        """Make or reopen the file; the chunks that are still missing, in order. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.truncate(self._manifest.size_bytes)
        present = (blake3(chunk).digest() for chunk in _chunks(self.path))
        return [index for index, found in enumerate(present) if found != self._manifest.chunk_hash(index)]

    def put(self, index: int, chunk: bytes) -> bool:
        """Check a chunk and write it; False when it is not what the manifest says. Raises OSError."""
        if blake3(chunk).digest() != self._manifest.chunk_hash(index):
            return False
        with self.path.open("r+b") as file:
            file.seek(index * limits.BLOB_CHUNK_BYTES)
            file.write(chunk)
        return True

    def get(self, index: int) -> bytes:
        """A chunk that was written. Raises OSError."""
        return _read_chunk(self.path, index)

    def is_whole(self) -> bool:
        """Whether the file's SHA-256 is the content's. Raises OSError."""
        digest = hashlib.sha256()
        for chunk in _chunks(self.path):
            digest.update(chunk)
        return digest.digest() == self._manifest.sha256

    def remove(self) -> None:
        """Delete the file. Raises OSError."""
        self.path.unlink(missing_ok=True)


def make_room(folder: Path, needed_bytes: int, budget_bytes: int, in_use: frozenset[Path]) -> None:
    """Delete the oldest unfinished files until `needed_bytes` more fit. Raises BlobError when they cannot."""
    parts = sorted(
        (path for path in folder.glob("*.part") if path not in in_use), key=lambda path: path.stat().st_mtime
    )
    held = sum(path.stat().st_size for path in folder.glob("*.part"))
    while held + needed_bytes > budget_bytes and parts:
        oldest = parts.pop(0)
        held -= oldest.stat().st_size
        oldest.unlink()
    if held + needed_bytes > budget_bytes:
        raise BlobError(
            f"{needed_bytes / 1e6:.0f} MB do not fit into the {budget_bytes / 1e6:.0f} MB kept for downloads from peers"
        )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(limits.BLOB_CHUNK_BYTES):
            yield chunk


def _read_chunk(path: Path, index: int) -> bytes:
    with path.open("rb") as file:
        file.seek(index * limits.BLOB_CHUNK_BYTES)
        return file.read(limits.BLOB_CHUNK_BYTES)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of the last change, None when the file is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
