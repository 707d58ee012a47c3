"""The runtime tells the truth about providers, and a cache costs only what was written to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from models import TextModel, runtime_report
from models.bundle import Geometry
from models.errors import RuntimeFailure
from models.runtime import CPU, CUDA, KvCache, default_threads, session_options


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


def test_a_failing_run_is_a_model_error(model: TextModel) -> None:
    cache = KvCache(model.card.geometry, 1)
    with pytest.raises(RuntimeFailure):
        model.decoder.step(cache, 0, np.array([[5]], np.int64), np.array([1], np.int32), np.array([[7]], np.int64))
