"""The runtime tells the truth about providers, and a cache costs only what was written to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from models import TextModel, open_text, runtime_report
from models.bundle import Geometry
from models.errors import RuntimeFailure
from models.providers import CUDA, agrees_and_is_faster, cuda_obstacle
from models.runtime import CPU, Decoder, KvCache, default_threads, session_options


def test_the_report_calls_usable_only_what_a_session_really_got() -> None:
    report = runtime_report()
    assert report.usable[-1] == CPU
    assert (CUDA in report.usable) == (report.cuda_note == "")
    assert set(report.usable) <= set(report.built_for)


def test_options_that_decide_results_are_pinned() -> None:
    options = session_options(3)
    assert options.intra_op_num_threads == 3
    assert options.inter_op_num_threads == 1
    assert options.use_deterministic_compute
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_one_core_is_left_to_the_node() -> None:
    assert 1 <= default_threads() <= max(1, (os.cpu_count() or 2) - 1)


@pytest.mark.parametrize("rows", [0, 65])
def test_a_cache_of_a_silly_size_is_refused(model: TextModel, rows: int) -> None:
    with pytest.raises(RuntimeFailure, match="1 to 64 rows"):
        KvCache(model.card.geometry, rows)


def test_copying_a_row_copies_its_positions_only(model: TextModel) -> None:
    cache = KvCache(model.card.geometry, 2)
    cache.data[:, :, 0] = 1.0
    cache.copy_row(0, 1, 5)
    assert (cache.data[:, :, 1, :, :5] == 1.0).all()
    assert (cache.data[:, :, 1, :, 5:] == 0.0).all()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_an_empty_cache_takes_no_memory() -> None:
    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident_bytes()
    cache = KvCache(Geometry(30, 576, 9, 3, 64, 49_152, 2_048), 8)
    assert cache.data.nbytes > 700 * 2**20
    assert resident_bytes() - before < 16 * 2**20


class Altered:
    """A decoder that adds a constant to every logit and takes its time, or none."""

    def __init__(self, inner: Decoder, error: float) -> None:
        self.geometry, self._inner, self._error, self._memory = inner.geometry, inner, error, dict[int, object]()

    def step(self, *args):  # type: ignore[no-untyped-def]
        key = int(args[3][0])
        if key not in self._memory:
            self._memory[key] = self._inner.step(*args) + self._error
        return self._memory[key]


def test_a_provider_that_is_faster_and_agrees_is_taken_and_one_that_errs_is_not(model: TextModel) -> None:
    exact, wrong = Altered(model.decoder, 0.01), Altered(model.decoder, 3.0)
    for decoder in (exact, wrong):
        agrees_and_is_faster(decoder, model.decoder, model.card)  # type: ignore[arg-type]  # fills its memory
    assert agrees_and_is_faster(exact, model.decoder, model.card)  # type: ignore[arg-type]
    assert not agrees_and_is_faster(wrong, model.decoder, model.card)  # type: ignore[arg-type]
    assert not agrees_and_is_faster(model.decoder, exact, model.card)  # type: ignore[arg-type]


def test_without_a_driver_the_cpu_is_used_and_the_reason_is_said(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.providers._DRIVER_FILES", ())
    assert cuda_obstacle() in ("no NVIDIA driver was found", "this onnxruntime is built without CUDA")
    assert open_text(bundle, prefer_cuda=True).provider == CPU


def test_a_cuda_session_that_falls_back_silently_is_noticed(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("models.providers._DRIVER_FILES", (bundle,))
    assert open_text(bundle, prefer_cuda=True).provider == (CUDA if not cuda_obstacle() else CPU)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("row", "token", "length"), [(-1, 5, 1), (1, 5, 1), (0, 271, 1), (0, -1, 1), (0, 5, 321), (0, 5, 0)]
)
def test_a_step_out_of_range_never_reaches_the_kernels(model: TextModel, row: int, token: int, length: int) -> None:
    cache = KvCache(model.card.geometry, 1)
    ids, lengths = np.array([[token]], np.int64), np.array([length], np.int32)
    with pytest.raises(RuntimeFailure, match="outside the cache"):
        model.decoder.step(cache, row, ids, lengths, np.zeros((1, 1), np.int64))


def test_a_failing_run_is_a_model_error(model: TextModel) -> None:
    cache = KvCache(model.card.geometry, 1)
    with pytest.raises(RuntimeFailure):
        model.decoder.step(cache, 0, np.array([[5]], np.int64), np.array([1], np.int32), np.array([[7]], np.int64))
