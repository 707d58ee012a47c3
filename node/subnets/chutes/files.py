"""The files of chutes on this node's disk: from the program itself, from the model catalogue, or from other nodes.

A file is known by its SHA-256 and its size. Nothing is opened before its hash was checked, and a graph from a stranger
not before it passed every rule of import in a process of its own.
"""

import hashlib
import os
from functools import partial
from pathlib import Path
from typing import Final

import trio

from models import ModelUnavailable
from models.bundle import sha256_of
from node.primitives.types import Hash
from node.subnets.base import BlobRef, Host
from node.subnets.chutes.bundle import Chute, File, Role
from node.subnets.chutes.limits import FETCH_BYTES_MAX, FILES_BYTES_MAX
from node.subnets.chutes.messages import BLOB_TYPE

FILES: Final = "files"
_CHECKED: Final = ".checked"
_DECODER: Final = ".decoder"  # passed every rule but the trial run
_sound: set[str] = set()
"""Graphs that passed the rules in this process, hash and suffix; bounded by what fits a disk."""

HOUSE_FOLDER: Final = Path(__file__).parent / "house"


class Shelf:
    """Where files lie. One for each role; the folder is the subnet's own."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}
        self._fetching = trio.Lock()  # one at a time: a file may be a gigabyte

    async def path(self, file: File, host: Host, *, is_decoder: bool = False) -> Path:
        """A checked file, fetched if need be; `is_decoder` says that a text runtime will open it.

        Raises ModelError, MarketError.
        """
        known = self._paths.get(file.sha256)
        if known is not None and known.exists():
            if known.parent.name == FILES:
                os.utime(known)  # used now, whatever the file system notes by itself
            return known
        async with self._fetching:
            path = self._shipped(file) or await self._from_catalogue(file, host)
            path = path or await self._fetched(file, host, is_decoder=is_decoder)
            self._paths[file.sha256] = path
            return path

    async def all(self, chute: Chute, host: Host) -> dict[Role, Path]:
        """Every file of a chute. Raises ModelError, MarketError."""
        return {file.role: await self.path(file, host, is_decoder=chute.is_text) for file in chute.files}

    def _shipped(self, file: File) -> Path | None:
        path = HOUSE_FOLDER / f"{file.sha256[:16]}.onnx"
        return path if path.is_file() and sha256_of(path) == file.sha256 else None

    async def _from_catalogue(self, file: File, host: Host) -> Path | None:
        """The file as part of a model that the catalogue knows."""
        name = catalogue_name(file)
        if name is None:
            return None
        folder = await host.models.bundle(name)
        return await trio.to_thread.run_sync(_in_folder, folder, file)

    async def _fetched(self, file: File, host: Host, *, is_decoder: bool) -> Path:
        path = host.folder / FILES / file.sha256
        if not await trio.to_thread.run_sync(_is_whole, path, file.size):
            if file.size > FETCH_BYTES_MAX:
                raise ModelUnavailable(f"a file of {file.size} bytes is not fetched by itself; put it into {path}")
            data = await host.blobs.get(reference(file), max_bytes=file.size)
            await trio.to_thread.run_sync(make_room, host.folder, file.size)
            await trio.to_thread.run_sync(partial(store, data, file, host.folder))
        if file.role == "model":
            await trio.to_thread.run_sync(partial(_check, path, is_decoder=is_decoder))
        return path


def reference(file: File) -> BlobRef:
    """How other nodes know the file."""
    return BlobRef(Hash(bytes.fromhex(file.sha256)), file.size, BLOB_TYPE)


def store(data: bytes, file: File, folder: Path) -> Path:
    """Write a file into the subnet's folder, whole or not at all. Raises ModelUnavailable for another content."""
    if len(data) != file.size or hashlib.sha256(data).hexdigest() != file.sha256:
        raise ModelUnavailable(f"what came for the {file.role} is another file")
    path = folder / FILES / file.sha256
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(data)
    unfinished.replace(path)
    return path


def make_room(folder: Path, size: int, *, bytes_max: int = FILES_BYTES_MAX) -> None:
    """Delete files that were unused for longest until `size` more bytes fit; an open one is read to its end."""
    kept = [path for path in (folder / FILES).glob("*") if path.is_file()]
    stats = sorted((path.stat().st_atime, path.stat().st_size, path) for path in kept)
    total = sum(each for _, each, _ in stats) + size
    for _, each, path in stats:
        if total <= bytes_max:
            return
        path.unlink(missing_ok=True)
        total -= each


def catalogue_name(file: File) -> str | None:
    """The catalogue's model that holds this file."""
    from models import CATALOGUE

    for entry in CATALOGUE:
        if file.sha256 in (entry.model_sha256, *(pinned.sha256 for pinned in entry.pinned() if pinned.place)):
            return entry.name
    return None


def _in_folder(folder: Path, file: File) -> Path | None:
    fits = (path for path in sorted(folder.iterdir()) if path.is_file() and path.stat().st_size == file.size)
    return next((path for path in fits if sha256_of(path) == file.sha256), None)


def _is_whole(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _check(path: Path, *, is_decoder: bool) -> None:
    """Let a graph pass the rules of import, once. A decoder's inputs depend on each other: no trial can run it."""
    from models.importing import Rule, check_model, require_sound

    passed = [_CHECKED, _DECODER] if is_decoder else [_CHECKED]
    if any(path.with_suffix(suffix).exists() for suffix in passed):
        return
    suffix = next((suffix for suffix in passed if path.name + suffix in _sound), "")
    if not suffix:
        report = check_model(path)
        untried = is_decoder and all(each.rule in (Rule.RUNTIME, Rule.MACS) for each in report.failures)
        if not untried:
            require_sound(report)
        suffix = _CHECKED if report.ok else _DECODER
        _sound.add(path.name + suffix)
    path.with_suffix(suffix).touch(mode=0o600)
