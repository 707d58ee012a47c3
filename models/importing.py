"""Checking a model file of a stranger before anything of this node opens it.

The work is done by `models.inspection` in a process of its own, with bounds on memory, CPU time and files: a hostile
file can end that process and nothing else. What comes back is a `Report`, bounded and typed; it is data of a stranger.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from models.errors import BadModelFile, ModelRefused
from models.limits import CHECK_TIMEOUT_S, MAX_DIMENSION, MAX_MESSAGE_CHARS, MAX_REPORT_BYTES, MAX_SYMBOLS
from models.macs import SYMBOL, count_macs
from models.report import Failure, Report, Rule, TensorSpec, WeightFile

__all__ = ["Failure", "Report", "Rule", "TensorSpec", "WeightFile", "check_model", "count_macs", "require_sound"]


def check_model(path: Path, *, dims: Mapping[str, int] | None = None, timeout_s: float = CHECK_TIMEOUT_S) -> Report:
    """Check an ONNX file by every rule of import; takes seconds and blocks. Never raises for what the file holds.

    `dims` fixes free dimensions of the inputs that the model only works with at one value. Raises BadModelFile when
    `dims` itself is out of bounds.
    """
    fixed = dict(dims or {})
    if len(fixed) > MAX_SYMBOLS or not all(
        SYMBOL.fullmatch(name) and 1 <= value <= MAX_DIMENSION for name, value in fixed.items()
    ):
        raise BadModelFile(f"at most {MAX_SYMBOLS} dimensions can be fixed, each a name and a number from 1")
    request = msgspec.json.encode({"path": str(path.absolute()), "dims": fixed})
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "models.inspection"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(),
    )  # fmt: skip
    clock = threading.Timer(timeout_s, process.kill)
    clock.start()
    try:
        with process:
            raw = _converse(process, request)
            if len(raw) > MAX_REPORT_BYTES:
                process.kill()  # nobody reads on: it would wait for ever
    finally:
        clock.cancel()
        process.kill()  # nothing when it has ended
    return _read(raw, process.returncode)


def _converse(process: subprocess.Popen[bytes], request: bytes) -> bytes:
    """Hand over the request and read at most one byte more than a report may have."""
    if process.stdin is None or process.stdout is None:
        return b""
    try:
        process.stdin.write(request)
        process.stdin.close()
    except BrokenPipeError:
        return b""  # it ended at once; its exit code says so
    return process.stdout.read(MAX_REPORT_BYTES + 1)


def require_sound(report: Report) -> Report:
    """The report itself. Raises ModelRefused, which lists every broken rule."""
    if not report.ok:
        raise ModelRefused("the model breaks rules of import", report.failures)
    return report


def _read(raw: bytes, code: int) -> Report:
    if code == 0 and len(raw) <= MAX_REPORT_BYTES:
        try:
            return msgspec.json.decode(raw, type=Report)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _gave_up("the check gave no readable report")
    return _gave_up(f"the check ended with code {code}: the file needs more memory or time than a check has")


def _gave_up(why: str) -> Report:
    return Report(failures=(Failure(Rule.RESOURCES, why[:MAX_MESSAGE_CHARS]),))


def _environment() -> dict[str, str]:
    """What the checking process sees of ours: where to find this package, and nothing it does not need."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "LANG") if name in os.environ}
    here = str(Path(__file__).parent.parent)
    return {**kept, "PYTHONPATH": here, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
