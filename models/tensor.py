"""Any ONNX graph as arrays in, arrays out: feeds are checked before the runtime sees them, options are pinned.

The file must be one of the catalogue or one that passed `models.importing`: nothing here protects from a hostile graph,
only from hostile arrays. `run` may be called from several threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from models.errors import BadModelFile, BadTensor, RuntimeFailure
from models.graph_interface import SESSION_DTYPES, DimensionNames
from models.limits import MAX_FEED_BYTES, MAX_FREE_DIMENSION, MAX_INTRA_THREADS
from models.report import TensorSpec
from models.runtime import CPU, default_threads, session_options

Arrays = dict[str, np.ndarray]
_FATAL_ONLY = 4


class Stop:
    """Ends a run from another thread: the runtime looks at it between nodes."""

    def __init__(self) -> None:
        self.options = onnxruntime.RunOptions()
        self.options.log_severity_level = _FATAL_ONLY

    def set(self) -> None:
        """End the run; it raises RuntimeFailure."""
        self.options.terminate = True


class TensorModel:
    """One session. `inputs` and `outputs` say what it takes and gives; `provider` is what it really runs on."""

    def __init__(self, path: Path, *, threads: int | None = None, provider: str = CPU) -> None:
        """Raises RuntimeFailure when the runtime cannot load the file, BadModelFile when it is no graph of arrays."""
        count = default_threads() if threads is None else threads
        if not 1 <= count <= MAX_INTRA_THREADS:
            raise BadModelFile(f"threads must be between 1 and {MAX_INTRA_THREADS}")
        providers = [CPU] if provider == CPU else [provider, CPU]
        options = session_options(count)
        options.log_severity_level = _FATAL_ONLY  # what fails is raised: it need not also be printed
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # the runtime raises bare Exceptions from its C++ side
            raise RuntimeFailure(f"onnxruntime cannot load {path.name}: {error!s:.300}") from error
        self.provider: str = self._session.get_providers()[0]  # the one asked for may have been dropped silently
        names = DimensionNames()
        self.inputs = tuple(_spec(each, names) for each in self._session.get_inputs())
        self.outputs = tuple(_spec(each, names) for each in self._session.get_outputs())
        self._by_name = {each.name: each for each in self.inputs}
        self._results = [each.name for each in self.outputs]

    def check(self, feeds: Mapping[str, np.ndarray]) -> dict[str, int]:
        """The free dimensions that these arrays have. Raises BadTensor, which says what is expected and what came."""
        if feeds.keys() != self._by_name.keys():
            missing, unknown = self._by_name.keys() - feeds.keys(), feeds.keys() - self._by_name.keys()
            raise BadTensor(f"inputs missing: {_listed(missing)}; not known: {_listed(unknown)}")
        free: dict[str, int] = {}
        total = 0
        for name, spec in self._by_name.items():
            array = feeds[name]
            _check_array(spec, array, free)
            total += array.nbytes
        if total > MAX_FEED_BYTES:
            raise BadTensor(f"the arrays have {total} bytes, {MAX_FEED_BYTES} are allowed")
        return free

    def run(self, feeds: Mapping[str, np.ndarray], stop: Stop | None = None) -> Arrays:
        """Run once; blocks. Raises BadTensor before, RuntimeFailure while running."""
        self.check(feeds)
        try:
            results = self._session.run(self._results, dict(feeds), None if stop is None else stop.options)
        except Exception as error:  # as above
            raise RuntimeFailure(f"onnxruntime failed while running the model: {error!s:.300}") from error
        return dict(zip(self._results, results, strict=True))


def open_tensors(
    path: Path, *, threads: int | None = None, prefer_cuda: bool = True, trial: Mapping[str, int] | None = None
) -> TensorModel:
    """Open a graph on CUDA if that is wanted, works, agrees with the CPU and is faster; else on the CPU.

    `trial` are free dimensions at which the graph is known to run; without them CUDA cannot prove itself.
    """
    plain = TensorModel(path, threads=threads)
    if not prefer_cuda or trial is None:
        return plain
    from models.providers import CUDA, cuda_obstacle, tensors_agree_and_are_faster

    if cuda_obstacle():
        return plain
    try:
        fast = TensorModel(path, threads=threads, provider=CUDA)
        if fast.provider == CUDA and tensors_agree_and_are_faster(fast, plain, trial):
            return fast
    except (RuntimeFailure, BadTensor):
        return plain  # the graph has an operator that CUDA cannot run: the CPU can
    return plain


def quiet_feeds(inputs: tuple[TensorSpec, ...], dims: Mapping[str, int]) -> Arrays:
    """Small seeded numbers of the right types and shapes; ones for integers, so that indices stay in range."""
    draw = np.random.default_rng(0)
    feeds: Arrays = {}
    for each in inputs:
        shape = tuple(dims[d] if isinstance(d, str) else d for d in each.shape)
        dtype = np.dtype(each.dtype)
        feeds[each.name] = draw.random(shape).astype(dtype) if dtype.kind == "f" else np.ones(shape, dtype)
    return feeds


def _spec(value: onnxruntime.NodeArg, names: DimensionNames) -> TensorSpec:
    dtype = SESSION_DTYPES.get(value.type)
    if dtype is None:
        raise BadModelFile(f"the graph's {value.name!r:.80} is {value.type:.60}, no tensor of numbers")
    return names.spec(value.name, dtype, value.shape)


def _check_array(spec: TensorSpec, array: np.ndarray, free: dict[str, int]) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != np.dtype(spec.dtype):
        came = str(array.dtype) if isinstance(array, np.ndarray) else type(array).__name__
        raise BadTensor(f"{spec.name!r:.80} must be an array of {spec.dtype}, {came:.40} came")
    fits = array.ndim == len(spec.shape)
    for expected, found in zip(spec.shape, array.shape, strict=True) if fits else ():
        if isinstance(expected, str):
            expected = free.setdefault(expected, found)
        fits = fits and expected == found and 1 <= found <= MAX_FREE_DIMENSION
    if not fits:
        raise BadTensor(f"{spec.name!r:.80} must have the shape {_shown(spec, free)}, {array.shape!s:.120} came")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise BadTensor(f"{spec.name!r:.80} holds NaN or infinite values")


def _shown(spec: TensorSpec, free: Mapping[str, int]) -> str:
    dims = [f"{each}={free[each]}" if isinstance(each, str) and each in free else str(each) for each in spec.shape]
    return f"({', '.join(dims)})"


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(f"{each!s:.60}" for each in names)[:8]) or "none"
