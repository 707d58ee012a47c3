"""What this machine can do as a miner, measured: plain arithmetic, and the model itself when it is here.

Fetches nothing: a model that is not in the store yet is said to be missing, with its size.
"""

import os
import time
from typing import Final

from models import ModelError, find_entry
from models import Progress as ModelProgress
from models.ensure import is_there
from node.control.limits import BENCH_PLAIN_S
from node.control.options import Progress, ProgressSink
from node.control.setup_views import MachineBench
from node.service.model_store import ChosenModel, shared_model_store

_SIDE: Final = 512  # three matrices of 1 MB each stay in most caches; larger ones measure the memory
_BILLION: Final = 1e9


def measure_machine(model: str, seconds: float, progress: ProgressSink) -> MachineBench:
    """Return what was measured; takes `seconds` for the model and a little more. Raises ModelError."""
    from models.memory import total_bytes

    progress(Progress("arithmetic", "multiplying matrices"))
    gflops = _gflops(BENCH_PLAIN_S)
    base = MachineBench(os.cpu_count() or 1, total_bytes(), round(gflops, 1), model)
    chosen = ChosenModel.of(model)
    store = shared_model_store()
    if chosen.bundle is None and not is_there(model, store):
        return _without_model(base)
    return _with_model(base, chosen, seconds, progress)


def _without_model(base: MachineBench) -> MachineBench:
    from msgspec.structs import replace

    size_bytes = find_entry(base.model).size_bytes
    note = f"not on this machine yet: {size_bytes / 1e6:,.0f} MB are fetched when the node becomes a miner"
    return replace(base, model_bytes=size_bytes, note=note)


def _with_model(base: MachineBench, chosen: ChosenModel, seconds: float, progress: ProgressSink) -> MachineBench:
    from msgspec.structs import replace

    from models.bench import measure

    def report(step: ModelProgress) -> None:
        progress(Progress("model", f"running {chosen.name}", step.done, step.total, step.unit, step.eta_s))

    progress(Progress("model", f"opening {chosen.name}"))
    try:
        speed = measure(chosen.bundle or shared_model_store() / chosen.name, report, seconds=seconds)
    except ModelError as error:
        return replace(base, note=f"it cannot be run here: {error}")
    return replace(base, speed=speed.value, speed_unit=speed.unit, provider=speed.provider)


def _gflops(seconds: float) -> float:
    """Multiplications and additions of 32-bit numbers a second, in 10^9, on all cores that numpy uses."""
    import numpy as np

    left = np.full((_SIDE, _SIDE), 1.5, np.float32)
    right = np.full((_SIDE, _SIDE), 0.5, np.float32)
    out = left @ right
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        np.matmul(left, right, out=out)
        rounds += 1
    return 2 * _SIDE**3 * rounds / (time.perf_counter() - began) / _BILLION
