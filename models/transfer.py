"""Bytes from a stream into one pinned file: bounded, hashed, reported, visible under its name only when complete."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from models.errors import BadModelFile, HashMismatch
from models.limits import COPY_CHUNK_BYTES, ETA_AFTER_S, REPORT_INTERVAL_S
from models.sources import Progress, Report

BYTES: Final = "bytes"
UNFINISHED: Final = ".unfinished"  # ends the name of everything that a killed process may leave behind


class Meter:
    """Turns counts into progress reports with an estimate of the time left; reports at most ten a second."""

    def __init__(self, report: Report, stage: str, total: int, unit: str = BYTES, already: int = 0) -> None:
        self._report, self._stage, self._total, self._unit = report, stage, total, unit
        self._already = already
        self._began = time.monotonic()
        self._due = self._began

    def update(self, done: int) -> None:
        """Report `done` units, unless the last report was a moment ago and this is not the end."""
        now = time.monotonic()
        if now < self._due and done < self._total:
            return
        self._due = now + REPORT_INTERVAL_S
        fresh, left, spent_s = done - self._already, max(0, self._total - done), now - self._began
        known = fresh > 0 and (spent_s >= ETA_AFTER_S or left == 0)
        self._report(Progress(self._stage, done, self._total, self._unit, spent_s * left / fresh if known else None))


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """Content of an open file in chunks."""
    while chunk := file.read(COPY_CHUNK_BYTES):
        yield chunk


def receive(stream: Iterable[bytes], target: Path, size_bytes: int, sha256: str, meter: Meter) -> None:
    """Write `stream` to `target` atomically. Raises BadModelFile on a wrong length, HashMismatch on wrong content."""
    part = target.with_name(target.name + f".{os.getpid()}{UNFINISHED}")
    digest, done = hashlib.sha256(), 0
    try:
        with part.open("wb") as out:
            for chunk in stream:
                done += len(chunk)
                if done > size_bytes:
                    raise BadModelFile(f"more than the pinned {size_bytes} bytes arrived")
                digest.update(chunk)
                out.write(chunk)
                meter.update(done)
            out.flush()
            os.fsync(out.fileno())
        check_content(done, digest.hexdigest(), size_bytes, sha256)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def check_content(found_bytes: int, found_sha256: str, size_bytes: int, sha256: str) -> None:
    """Raise BadModelFile or HashMismatch unless length and hash are the pinned ones."""
    if found_bytes != size_bytes:
        raise BadModelFile(f"{found_bytes} bytes arrived, {size_bytes} are pinned")
    if found_sha256 != sha256:
        raise HashMismatch(f"the content has SHA-256 {found_sha256}, pinned is {sha256}")
