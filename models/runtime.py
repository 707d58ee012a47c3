"""onnxruntime as this package uses it: pinned session options, the key/value cache, and one step of a decoder.

A cache is one block of anonymous memory that the kernels update in place: pages that no token has reached cost nothing.
Rows of a step are neighbours in the cache, and each row's result is the same alone or in company.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.bundle import Geometry
from models.errors import BadModelFile, RuntimeFailure
from models.limits import MAX_BATCH_ROWS, MAX_INTRA_THREADS

CPU: Final = "CPUExecutionProvider"
_ERRORS_ONLY: Final = 3

Logits = NDArray[np.float32]
Ids = NDArray[np.int64]


def default_threads() -> int:
    """Threads for one model: one core is left to the rest of the node."""
    return max(1, min(MAX_INTRA_THREADS, (os.cpu_count() or 2) - 1))


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """Options that keep results equal from run to run and leave idle cores idle."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = _ERRORS_ONLY
    options.enable_mem_pattern = False  # shapes change every step: patterns would only pile up
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


class KvCache:
    """Keys and values of up to `rows` sequences; shape [layers, 2, rows, kv_heads, context, head_size]."""

    def __init__(self, geometry: Geometry, rows: int) -> None:
        if not 1 <= rows <= MAX_BATCH_ROWS:
            raise RuntimeFailure(f"a cache has 1 to {MAX_BATCH_ROWS} rows, {rows} were asked for")
        shape = (geometry.layers, 2, rows, geometry.kv_heads, geometry.context, geometry.head_size)
        memory = mmap.mmap(-1, int(np.prod(shape)) * np.dtype(np.float32).itemsize)
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            memory.madvise(mmap.MADV_NOHUGEPAGE)  # huge pages would back contexts that are never filled
        self.rows = rows
        self.data: NDArray[np.float32] = np.frombuffer(memory, dtype=np.float32).reshape(shape)
        self.bound: dict[tuple[Decoder, int, int], onnxruntime.IOBinding] = {}  # by first row and count; see `step`

    def copy_row(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` positions of one row over another."""
        self.data[:, :, target, :, :length] = self.data[:, :, source, :, :length]


class Decoder:
    """One ONNX session of a decoder. `step` may be called from several threads with different caches."""

    def __init__(self, model: Path, geometry: Geometry, threads: int, provider: str = CPU) -> None:
        providers = [CPU] if provider == CPU else [provider, CPU]
        try:
            self._session = onnxruntime.InferenceSession(str(model), session_options(threads), providers=providers)
        except Exception as error:  # the runtime raises bare Exceptions from its C++ side
            raise RuntimeFailure(f"onnxruntime cannot load {model.name}: {error!s:.300}") from error
        self.geometry = geometry
        self.provider: str = self._session.get_providers()[0]  # the one asked for may have been dropped silently
        self._check_interface()
        parts = [(layer, part) for layer in range(geometry.layers) for part in ("key", "value")]
        self._past = [f"past.{layer}.{part}" for layer, part in parts]
        self._present = [f"present.{layer}.{part}" for layer, part in parts]

    def step(self, cache: KvCache, row: int, ids: Ids, lengths: NDArray[np.int32], wanted: Ids) -> Logits:
        """Feed `ids` [B,S] to cache rows row..row+B-1, which then hold `lengths` [B] positions.

        Returns logits [B,K,vocabulary] at the offsets `wanted` [B,K] within S. S above 1 needs B = 1.
        """
        count, offsets = ids.shape[0], wanted.shape[1]
        self._check_step(cache, row, ids, lengths)
        logits = np.empty((count, offsets, self.geometry.vocabulary), np.float32)
        key = (self, row, count)
        binding = cache.bound.get(key)
        if binding is None:
            binding = cache.bound[key] = self._bind_cache(cache, row, count)
        binding.bind_cpu_input("input_ids", ids)
        binding.bind_cpu_input("seqlens_k", lengths - np.int32(1))
        binding.bind_cpu_input("total_seq", lengths.max(keepdims=True))
        binding.bind_cpu_input("logit_positions", wanted.reshape(count, offsets, 1))
        binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # the runtime raises bare Exceptions from its C++ side
            raise RuntimeFailure(f"onnxruntime failed while running the model: {error!s:.300}") from error
        return logits

    def _bind_cache(self, cache: KvCache, row: int, count: int) -> onnxruntime.IOBinding:
        """Bind rows row..row+count-1 as past and present. Kept with the cache: a step would spend 0.3 ms on it anew."""
        binding = self._session.io_binding()
        layers = cache.data.reshape(-1, *cache.data.shape[2:])
        shape = (count, *layers.shape[2:])
        first, stride = layers.ctypes.data + row * layers.strides[1], layers.strides[0]
        for i, (past, present) in enumerate(zip(self._past, self._present, strict=True)):
            binding.bind_input(past, "cpu", 0, np.float32, shape, first + i * stride)
            binding.bind_output(present, "cpu", 0, np.float32, shape, first + i * stride)
        return binding

    def _check_step(self, cache: KvCache, row: int, ids: Ids, lengths: NDArray[np.int32]) -> None:
        """The kernels trust these numbers with memory: nothing out of range may reach them."""
        shape = self.geometry
        fits = row >= 0 and row + len(ids) <= cache.rows and int(lengths.max()) <= shape.context
        if not fits or int(ids.min()) < 0 or int(ids.max()) >= shape.vocabulary or int(lengths.min()) < ids.shape[1]:
            raise RuntimeFailure("a step outside the cache, the context or the vocabulary was asked for")

    def _check_interface(self) -> None:
        """The graph must have exactly the inputs and outputs that `step` binds, with the card's sizes."""
        shape = self.geometry
        cache: list[int | str] = ["B", shape.kv_heads, "T", shape.head_size]
        want_in: dict[str, list[int | str]] = {
            "input_ids": ["B", "S"], "seqlens_k": ["B"], "total_seq": [1], "logit_positions": ["B", "K", 1],
        }  # fmt: skip
        want_out: dict[str, list[int | str]] = {"logits": ["B", "K", shape.vocabulary]}
        for layer in range(shape.layers):
            for part in ("key", "value"):
                want_in[f"past.{layer}.{part}"] = want_out[f"present.{layer}.{part}"] = cache
        found_in = {value.name: list(value.shape) for value in self._session.get_inputs()}
        found_out = {value.name: list(value.shape) for value in self._session.get_outputs()}
        if (found_in, found_out) != (want_in, want_out):
            raise BadModelFile("the ONNX graph does not have the inputs and outputs that its card describes")
