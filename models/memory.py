"""What an open model takes of this machine's memory, and what this machine has: estimates before, never measurements.

Imports no runtime: the command line asks these questions too.
"""

from __future__ import annotations

from pathlib import Path

from models.bundle import MANIFEST_FILE, ONNX_FILE, ModelCard
from models.card import TensorCard
from models.limits import MAX_BATCH_ROWS, MEMORY_SHARE, MODEL_BASE_BYTES, MODEL_OVERHEAD


def total_bytes() -> int:
    """Memory of this machine."""
    import psutil

    return int(psutil.virtual_memory().total)


def free_bytes() -> int:
    """Memory that programs can have now without others being swapped out."""
    import psutil

    return int(psutil.virtual_memory().available)


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


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
