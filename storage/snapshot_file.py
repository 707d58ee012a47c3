"""A file of named frames that is written once and read in any order: the form of a snapshot outside the database.

    magic | frame … | index: (length of name, name, offset, length) … | head | trailer

The trailer, of fixed size and last, says where index and head are and has their hash, so that a file that was cut short
or damaged there is known at once. Frames have no hash of their own: whoever reads them checks them against what the
head commits to. Must never know what a frame means.
"""

import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Self

from storage.errors import Closed, Corrupted, Inaccessible, OutOfBounds, WrongDatabase
from storage.files import sync_folder
from storage.limits import MANIFEST_BYTES_MAX, SNAPSHOT_FRAME_BYTES_MAX, SNAPSHOT_FRAMES_MAX, SNAPSHOT_NAME_BYTES_MAX
from storage.translate import translate_os

_MAGIC: Final = b"neurond snap 1\r\n"
_TRAILER: Final = struct.Struct(">QIQI32s16s")  # offset and length of index and of head, their hash, the magic again
_PLACE: Final = struct.Struct(">QI")
_INDEX_BYTES_MAX: Final = SNAPSHOT_FRAMES_MAX * (1 + SNAPSHOT_NAME_BYTES_MAX + _PLACE.size)
_REMEDY: Final = "Make the file again, or fetch it again; nothing was taken from it."


class SnapshotWriter:
    """Writes a snapshot beside its place and puts it there when it is whole; until then there is no such file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._index = bytearray()
        self._frames = 0
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise translate_os(error, self._part) from error
        self._file: IO[bytes] | None = os.fdopen(descriptor, "wb")
        self._offset = 0
        self._write(_MAGIC)

    def add(self, name: bytes, frame: bytes) -> None:
        """Append a frame. Raises OutOfBounds, DiskFull, Inaccessible."""
        if not 0 < len(name) <= SNAPSHOT_NAME_BYTES_MAX or len(frame) > SNAPSHOT_FRAME_BYTES_MAX:
            raise OutOfBounds(f"A frame of {len(frame)} bytes named by {len(name)} does not fit a snapshot.")
        if self._frames >= SNAPSHOT_FRAMES_MAX:
            raise OutOfBounds(f"A snapshot has at most {SNAPSHOT_FRAMES_MAX} frames.")
        self._index += bytes((len(name),)) + name + _PLACE.pack(self._offset, len(frame))
        self._frames += 1
        self._write(frame)

    def finish(self, head: bytes) -> None:
        """Write `head`, make everything durable and put the file in its place. Raises DiskFull, Inaccessible."""
        if len(head) > MANIFEST_BYTES_MAX:
            raise OutOfBounds(f"The head of a snapshot has at most {MANIFEST_BYTES_MAX} bytes, not {len(head)}.")
        index, place = bytes(self._index), self._offset
        self._write(index + head)
        ends = _hash(index + head)
        self._write(_TRAILER.pack(place, len(index), place + len(index), len(head), ends, _MAGIC))
        try:
            if self._file is not None:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
            os.replace(self._part, self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise translate_os(error, self._path) from error
        self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Throw away what was not finished."""
        if self._file is not None:
            with suppress(OSError):  # of a full disk: what it could not write is not wanted any more
                self._file.close()
            self._file = None
            self._part.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        if self._file is None:
            raise Inaccessible(f"{self._path} is finished already.")
        try:
            self._file.write(data)
        except OSError as error:
            raise translate_os(error, self._part) from error
        self._offset += len(data)


class SnapshotReader:
    """An open snapshot file. Any thread may read it."""

    def __init__(self, path: Path) -> None:
        """Open the file at `path`.

        Raises:
            WrongDatabase: it is no snapshot. Corrupted: cut short or damaged. Inaccessible: it cannot be read.
        """
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise translate_os(error, path) from error
        try:
            self.size_bytes = os.fstat(self._descriptor).st_size
            if self._read(0, min(len(_MAGIC), self.size_bytes)) != _MAGIC:
                raise WrongDatabase(f"{path} is no snapshot of a state.", remedy="Name a file that was exported.")
            self.head, self._places = self._ends()
        except BaseException:
            self.close()
            raise

    def names(self) -> Iterator[bytes]:
        """Give the names of all frames in the order in which they were written."""
        return iter(self._places)

    def read(self, name: bytes) -> bytes | None:
        """Return the frame of that name, None without one. Raises Corrupted, Inaccessible."""
        place = self._places.get(name)
        return None if place is None else self._read(*place)

    def close(self) -> None:
        """Close the file; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ends(self) -> tuple[bytes, dict[bytes, tuple[int, int]]]:
        at = self.size_bytes - _TRAILER.size
        if at < len(_MAGIC):
            raise self._damaged("it is cut short")
        index_at, index_bytes, head_at, head_bytes, ends, magic = _TRAILER.unpack(self._read(at, _TRAILER.size))
        if magic != _MAGIC:
            raise self._damaged("it is cut short")
        if head_at != index_at + index_bytes or head_at + head_bytes != at:
            raise self._damaged("its trailer is false")
        if index_bytes > _INDEX_BYTES_MAX or head_bytes > MANIFEST_BYTES_MAX:
            raise self._damaged("its index or head is too large")
        both = self._read(index_at, index_bytes + head_bytes)
        if _hash(both) != ends:
            raise self._damaged("its index is not the one that was written")
        return both[index_bytes:], self._index(both[:index_bytes], index_at)

    def _index(self, index: bytes, end: int) -> dict[bytes, tuple[int, int]]:
        places: dict[bytes, tuple[int, int]] = {}
        at = 0
        while at < len(index):
            name = index[at + 1 : at + 1 + index[at]]
            at += 1 + index[at]
            if not name or at + _PLACE.size > len(index):
                raise self._damaged("its index is malformed")
            offset, length = _PLACE.unpack_from(index, at)
            at += _PLACE.size
            if length > SNAPSHOT_FRAME_BYTES_MAX or offset + length > end:
                raise self._damaged("a frame lies outside of it")
            places[name] = (offset, length)
        return places

    def _read(self, offset: int, length: int) -> bytes:
        if self._descriptor < 0:
            raise Closed(f"{self.path} was closed already.")
        try:
            data = os.pread(self._descriptor, length, offset)
        except OSError as error:
            raise translate_os(error, self.path) from error
        if len(data) != length:
            raise self._damaged("it is cut short")
        return data

    def _damaged(self, how: str) -> Corrupted:
        return Corrupted(f"The snapshot {self.path} is damaged: {how}.", remedy=_REMEDY)


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()
