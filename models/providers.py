"""Which execution provider really runs here. The runtime lists what it was built for, and falls back without a word.

CUDA is used for a model only after it has proved itself on this machine: the same numbers as the CPU within the model's
own tolerance, and faster. Anything else runs on the CPU, which every machine has.
"""

from __future__ import annotations

import contextlib
import ctypes.util
import io
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.bundle import ModelCard
from models.errors import RuntimeFailure
from models.limits import CUDA_TENSOR_TOLERANCE, CUDA_TRIAL_PROMPT_TOKENS, CUDA_TRIAL_STEPS
from models.runtime import CPU, Decoder, KvCache, session_options
from models.tensor import TensorModel, quiet_feeds

CUDA: Final = "CUDAExecutionProvider"
_DRIVER_FILES: Final = (Path("/dev/nvidiactl"), Path("/dev/dxg"))  # native Linux, Linux inside Windows
_FATAL_ONLY, _WARNINGS = 4, 2


@dataclass(frozen=True, slots=True)
class RuntimeReport:
    """What the installed runtime can really do on this machine."""

    version: str
    built_for: tuple[str, ...]  # providers in the wheel; says nothing about this machine
    usable: tuple[str, ...]  # providers a session really got here
    cuda_note: str  # why CUDA is not used, or empty


def runtime_report() -> RuntimeReport:
    """Run a one-node model on CUDA where there is a driver, and report the providers that really work."""
    note = cuda_obstacle()
    usable = (CPU,) if note else (CUDA, CPU)
    return RuntimeReport(onnxruntime.__version__, tuple(onnxruntime.get_available_providers()), usable, note)


def cuda_obstacle() -> str:
    """What keeps CUDA from being used here; empty when a session really runs on it."""
    if CUDA not in onnxruntime.get_available_providers():
        return "this onnxruntime is built without CUDA"
    if not _has_driver():
        return "no NVIDIA driver was found"
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it misses
        onnxruntime.preload_dlls(directory="")
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "probe", [value], [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnxruntime.set_default_logger_severity(_FATAL_ONLY)
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), session_options(1), providers=[CUDA, CPU])
        session.run(None, {"x": np.ones(1, np.float32)})
    except Exception as error:  # the runtime raises bare Exceptions from its C++ side
        return f"CUDA failed to start: {error!s:.200}"
    finally:
        onnxruntime.set_default_logger_severity(_WARNINGS)
    if session.get_providers()[0] != CUDA:
        return "a CUDA library is missing or the driver is too old; install the cuda extra"
    return ""


def open_decoder(model: Path, card: ModelCard, threads: int, prefer_cuda: bool) -> Decoder:
    """A decoder on CUDA if that is wanted, works, agrees with the CPU and is faster; else on the CPU."""
    plain = Decoder(model, card.geometry, threads)
    if not prefer_cuda or cuda_obstacle():
        return plain
    try:
        fast = Decoder(model, card.geometry, threads, CUDA)
        if fast.provider == CUDA and agrees_and_is_faster(fast, plain, card):
            return fast
    except RuntimeFailure:
        return plain  # the graph has an operator that CUDA cannot run: the CPU can
    return plain


def agrees_and_is_faster(candidate: Decoder, reference: Decoder, card: ModelCard) -> bool:
    """Run both over the same tokens: every logit within the largest gap of the tolerance, in less time."""
    expected, reference_s = _trial(reference)
    found, candidate_s = _trial(candidate)
    return float(np.abs(found - expected).max()) <= card.tolerance.max_gap and candidate_s < reference_s


def tensors_agree_and_are_faster(candidate: TensorModel, reference: TensorModel, trial: Mapping[str, int]) -> bool:
    """Run both graphs over the same small arrays: equal but for rounding, in less time."""
    feeds = quiet_feeds(reference.inputs, trial)
    expected, reference_s = _timed_run(reference, feeds)
    found, candidate_s = _timed_run(candidate, feeds)
    agree = all(
        np.allclose(found[name], each, rtol=CUDA_TENSOR_TOLERANCE, atol=CUDA_TENSOR_TOLERANCE)
        for name, each in expected.items()
    )
    return agree and candidate_s < reference_s


def _timed_run(model: TensorModel, feeds: dict[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], float]:
    """The second run's results and seconds: the first one also loads kernels."""
    model.run(feeds)
    began = time.perf_counter()
    results = model.run(feeds)
    return results, time.perf_counter() - began


def _trial(decoder: Decoder) -> tuple[NDArray[np.float32], float]:
    """Logits of a short prompt and some steps, and the seconds that the steps took."""
    cache, vocabulary = KvCache(decoder.geometry, rows=1), decoder.geometry.vocabulary
    length = min(CUDA_TRIAL_PROMPT_TOKENS, decoder.geometry.context - CUDA_TRIAL_STEPS)
    prompt = (np.arange(length, dtype=np.int64) * 7 % vocabulary)[None]
    logits = [decoder.step(cache, 0, prompt, np.array([length], np.int32), np.array([[length - 1]], np.int64))[0, 0]]
    began = time.perf_counter()
    for i in range(CUDA_TRIAL_STEPS):
        token = np.array([[i * 11 % vocabulary]], np.int64)
        at = np.array([length + i + 1], np.int32)
        logits.append(decoder.step(cache, 0, token, at, np.zeros((1, 1), np.int64))[0, 0])
    return np.array(logits), time.perf_counter() - began


def _has_driver() -> bool:
    if sys.platform == "win32":
        return ctypes.util.find_library("nvcuda") is not None
    return any(path.exists() for path in _DRIVER_FILES)
