"""How the benchmarks measure and print: CPU seconds, the best of several turns, rivals in turn within one run.

CPU time of the process (all its threads, user and system) hardly moves when other programs use the machine, and a
ratio of two figures of one run moves even less; both are therefore what the claims are made of. The garbage collector
stays on, as it does in a node.
"""

import gc
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from time import process_time
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_WHAT_CHARS: Final = 58
_FIGURE_CHARS: Final = 18


def best_cpu_s(work: Callable[[], object], turns: int = 5) -> float:
    """CPU seconds of the fastest of `turns` runs of `work`."""
    return rivals_cpu_s({"": work}, turns)[""]


def rivals_cpu_s(rivals: Mapping[str, Callable[[], object]], turns: int = 5) -> dict[str, float]:
    """CPU seconds of each rival's fastest run; they take turns, so that all meet the same moods of the machine."""
    best = dict.fromkeys(rivals, float("inf"))
    for _ in range(turns):
        for name, work in rivals.items():
            gc.collect()
            begin = process_time()
            work()
            best[name] = min(best[name], process_time() - begin)
    return best


def title(claim: str) -> None:
    """Print what is measured, and where."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    print(claim)
    print(f"  [{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, load {load}]")


def show(what: str, figure: str, against: str = "") -> None:
    """Print one figure and what it is measured against."""
    print(f"  {what:<{_WHAT_CHARS}}{figure:>{_FIGURE_CHARS}}   {against}".rstrip())


def grouped(number: float) -> str:
    """A whole number, digits in groups of three."""
    return f"{number:,.0f}".replace(",", " ")


def per_s(count: int, cpu_s: float) -> str:
    """A rate, for reading."""
    return f"{grouped(count / cpu_s)} /s"


def at_least(value: float, target: float, unit: str = "") -> str:
    """How a figure stands to a target that it should reach."""
    return f"target >= {target:g}{unit}: {'met' if value >= target else 'missed'}"


def at_most(value: float, target: float, unit: str = "") -> str:
    """How a figure stands to a target that it should stay below."""
    return f"target <= {target:g}{unit}: {'met' if value <= target else 'missed'}"
