"""Everything that a node stores and shares, one item each, with its size, its budget and where it comes from.

Sizes come from the file system and the stores' own counts; nothing is hashed or opened for writing here. Blocking: for
worker threads.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from models import CATALOGUE, CatalogueEntry
from models.ensure import is_there
from models.sources import HuggingFaceFile, InstalledPackage, PackageWheel, PeerSource, StoreSource
from node.control.data_api import BLOBS_LISTED_MAX
from node.control.views.data import DataBoard, DataItem, DataKind, Fact
from node.primitives.types import HASH_BYTES
from node.service.data_checks import CheckNotes
from node.service.data_rows import row_items
from node.service.home import Home
from node.service.logbook import FILE_BYTES_MAX, FILES_KEPT
from node.service.roles.blobs import BUDGET_BYTES
from node.service.snapshots import SUFFIX
from p2p.blobs import BlobProgress
from storage.limits import JOURNALS_FILE_BYTES_MAX

if TYPE_CHECKING:
    from node.service.app import Running

FILES_MAX: Final = 200_000  # looked at in one folder; more is nobody's
MODELS_LISTED_MAX: Final = 64


def data_board(
    running: Running, home: Home, store: Path, notes: CheckNotes, fetching: dict[str, BlobProgress]
) -> DataBoard:
    """Return all items; `store` is where models lie, `fetching` what is on its way, by name. Raises OSError."""
    disk = shutil.disk_usage(home.path)
    blobs, omitted = _blobs(home)
    items = [
        *_chain(running, home), *_snapshots(home), *_databases(home), *row_items(home.subnets),
        *(_fetch(name, at) for name, at in fetching.items()), *blobs, *_models(running, store),
    ]  # fmt: skip
    return DataBoard(
        home=str(home.path),
        used_bytes=folder_bytes(home.path),
        models_bytes=folder_bytes(store),
        disk_free_bytes=disk.free,
        disk_total_bytes=disk.total,
        items=tuple(_noted(item, notes) for item in items),
        omitted=omitted,
    )


def folder_bytes(folder: Path) -> int:
    """Return what the files below a folder take; links are not followed."""
    return sum(size_of(path) for path in islice(folder.rglob("*"), FILES_MAX) if not path.is_symlink())


def size_of(path: Path) -> int:
    """Return the size of a file; 0 for a folder, and for one that has just gone."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _noted(item: DataItem, notes: CheckNotes) -> DataItem:
    note = notes.of(item.id)
    if note is None:
        return item
    state = "damaged" if item.state == "here" and not note.sound else item.state
    return replace(item, checked_ms=note.at_ms, sound=note.sound, state=state)


def _chain(running: Running, home: Home) -> Iterator[DataItem]:
    status, store = running.keeper.status, running.chain.store
    size = store.size_bytes() + size_of(home.chain.with_name(home.chain.name + "-wal"))
    facts = [
        Fact("keeps", f"{status.mode}: headers from {status.headers_from:,}, blocks from {status.bodies_from:,}"),
        Fact("final", f"block {running.chain.final.header.height:,}"),
        Fact("in use", f"{store.used_bytes():,} of {size:,} bytes of the file"),
    ]
    if status.warning:
        facts.append(Fact("warning", status.warning))
    yield DataItem(
        "chain", "chain", "blocks and state", "here", size, size, shared=True, budget_bytes=status.budget_bytes,
        facts=tuple(facts), actions=("verify", "export"),
    )  # fmt: skip


def _snapshots(home: Home) -> Iterator[DataItem]:
    files = [path for path in home.snapshots.glob(f"*{SUFFIX}") if path.stem.isdecimal()]
    for path in sorted(files, key=lambda each: -int(each.stem)):
        size = size_of(path)
        yield DataItem(
                f"snapshot:{path.stem}", "snapshot", f"state of block {int(path.stem):,}", "here", size, size,
                shared=True, facts=(Fact("file", path.name),), actions=("verify", "export"),
            )  # fmt: skip


def _databases(home: Home) -> Iterator[DataItem]:
    logs = [home.log, *(home.log.with_name(f"{home.log.name}.{number}") for number in range(1, FILES_KEPT + 1))]
    named: tuple[tuple[str, DataKind, str, list[Path], int | None], ...] = (
        ("journals", "journals", "journals of subnets", [home.journals], JOURNALS_FILE_BYTES_MAX),
        ("records", "records", "tasks, verdicts, receipts", [home.market], None),
        ("payments", "records", "vouchers and channels", [home.payments], None),
        ("logs", "logs", "log files", logs, FILE_BYTES_MAX * (FILES_KEPT + 1)),
    )
    for name, kind, title, paths, budget in named:
        size = sum(size_of(each) + size_of(each.with_name(each.name + "-wal")) for each in paths)
        if size:
            actions = () if kind == "logs" else ("verify",)
            yield DataItem(
                name, kind, title, "here", size, size, shared=kind == "journals", budget_bytes=budget,
                facts=(Fact("file", paths[0].name),), actions=actions,  # type: ignore[arg-type]
            )  # fmt: skip


def _blobs(home: Home) -> tuple[list[DataItem], int]:
    """The contents of the shelf: all of them as one item, then the largest by themselves; and how many are left out."""
    found = sorted(
        ((size_of(path), path) for path in islice(home.blobs.glob("*"), FILES_MAX) if is_content(path)),
        key=lambda each: (-each[0], each[1].name),
    )  # fmt: skip
    if not found:
        return [], 0
    total = sum(size for size, _ in found)
    pinned = sum(size for size, path in found if is_pinned(path))
    facts = (Fact("contents", f"{len(found):,}"), Fact("own, never given up", f"{pinned:,} bytes"))
    whole = DataItem(
        "blobs", "blobs", "contents of subnets", "here", total, total, shared=True, budget_bytes=BUDGET_BYTES,
        facts=facts, actions=("verify",),
    )  # fmt: skip
    return [whole, *(_blob(path, size) for size, path in found[:BLOBS_LISTED_MAX])], max(
        0, len(found) - BLOBS_LISTED_MAX
    )


def _blob(path: Path, size: int) -> DataItem:
    own = is_pinned(path)
    return DataItem(
        f"blob:{path.name}", "blob", path.name[:16], "here", size, size, shared=True, pinned=own,
        sources=("this node",) if own else (), facts=(Fact("sha256", path.name),),
        actions=("verify", "export") if own else ("verify", "export", "drop"),
    )  # fmt: skip


def is_content(path: Path) -> bool:
    """Tell whether a file of the shelf is a content, named by its hash."""
    name = path.name
    return len(name) == 2 * HASH_BYTES and all(char in "0123456789abcdef" for char in name)


def is_pinned(path: Path) -> bool:
    """Tell whether a content is this node's own."""
    return path.with_name(f"{path.name}.pin").exists()


def _fetch(name: str, at: BlobProgress) -> DataItem:
    left = "unknown" if at.eta_s is None else f"{at.eta_s:.0f} s"
    return DataItem(
        f"fetch:{name}", "fetch", f"on its way: {name[:40]}", "partly", at.done_bytes, at.total_bytes,
        sources=(f"{at.peers} peers",), facts=(Fact("rate", f"{at.bytes_per_s:,.0f} bytes/s"), Fact("left", left)),
    )  # fmt: skip


def _models(running: Running, store: Path) -> Iterator[DataItem]:
    loaded = {model.name: model for model in running.models.loaded()}
    for entry in CATALOGUE[:MODELS_LISTED_MAX]:
        held = loaded.get(entry.name)
        here = held is not None or is_there(entry.name, store)
        have = folder_bytes(store / entry.name) if here else 0
        provider = "" if held is None or held.provider is None else f"on {held.provider}"
        facts = [
            Fact("kind", entry.kind), Fact("licence", entry.licence), Fact("sha256", entry.model_sha256 or "–"),
            Fact("in memory", provider or ("yes" if held is not None else "no")),
        ]  # fmt: skip
        yield DataItem(
            f"model:{entry.name}", "model", entry.name, "here" if here else "absent", have, entry.bundle_bytes,
            shared=here, sources=_origins(entry), facts=tuple(facts),
            actions=("verify", "repair") if here else ("repair",),
        )  # fmt: skip


def _origins(entry: CatalogueEntry) -> tuple[str, ...]:
    """Where the model's file comes from, in the order in which it is tried."""
    return tuple(dict.fromkeys(_ORIGINS.get(type(each), "elsewhere") for each in entry.sources))


_ORIGINS: Final[dict[type, str]] = {
    StoreSource: "this machine's store",
    InstalledPackage: "an installed package",
    PackageWheel: "a Python package",
    HuggingFaceFile: "Hugging Face",
    PeerSource: "peers",
}
