"""What an open model takes of this machine's memory, and what this machine has: estimates before, never measurements.

Imports no runtime: the command line asks these questions too.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from models.bundle import MANIFEST_FILE, ONNX_FILE, ModelCard
from models.card import TensorCard
from models.limits import GPU_QUESTION_TIMEOUT_S, MAX_BATCH_ROWS, MEMORY_SHARE, MIB, MODEL_BASE_BYTES, MODEL_OVERHEAD


def total_bytes() -> int:
    """Memory of this machine."""
    import psutil

    return int(psutil.virtual_memory().total)


def free_bytes() -> int:
    """Memory that programs can have now without others being swapped out."""
    import psutil

    return int(psutil.virtual_memory().available)


def gpu_bytes() -> tuple[int, int] | None:
    """Memory of the first NVIDIA card and what of it is free, or None: no card, no driver, or no answer in time."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, capture_output=True, timeout=GPU_QUESTION_TIMEOUT_S, check=True).stdout
        total, free = said.decode("ascii").splitlines()[0].split(",")
        return int(total) * MIB, int(free) * MIB
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return None  # whatever it says, it is not how much memory there is


def model_budget() -> int:
    """What all opened models of a process may take together, unless somebody says otherwise."""
    return int(total_bytes() * MEMORY_SHARE)


def text_need(card: ModelCard, bundle: Path, rows: int) -> int:
    """Memory of an open text model with a batch of `rows`: weights, and a quarter of a full cache, for few are full."""
    shape = card.geometry
    cache = shape.layers * 2 * min(rows, MAX_BATCH_ROWS) * shape.kv_heads * shape.context * shape.head_size * 4
    return file_need(bundle / ONNX_FILE) + cache // 4


def tensor_need(card: TensorCard, bundle: Path) -> int:
    """Memory of an open graph: what its check measured, or what its files make likely."""
    likely = sum((_size(bundle / name) for name in card.files), file_need(bundle / ONNX_FILE))
    return max(likely, card.report.memory_bytes if card.report is not None else 0)


def file_need(path: Path) -> int:
    """Memory of a session over one ONNX file."""
    return int(_size(path) * MODEL_OVERHEAD) + MODEL_BASE_BYTES


def bundle_bytes(bundle: Path) -> int:
    """Size of a bundle's files on the disk."""
    return sum(each.stat().st_size for each in bundle.iterdir() if each.is_file() and not each.is_symlink())


def has_manifest(bundle: Path) -> bool:
    """Whether a folder of the store holds a bundle."""
    return (bundle / MANIFEST_FILE).is_file()


def fit(need_bytes: int) -> str:
    """Whether a model has room here: "yes", "tight" when other programs must give way, "no" when it never has."""
    if need_bytes > model_budget():
        return "no"
    return "yes" if need_bytes <= free_bytes() else "tight"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
