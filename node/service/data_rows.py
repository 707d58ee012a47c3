"""What a node holds of the subnet Data Universe, as items of the data screen: its labels, and others' indexes.

Reads the folder of the subnet, whether the node works in it or not. Blocking: for worker threads.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from node.control.views.data import DataItem, Fact
from node.primitives.types import AccountId
from storage import StorageError

LABELS_LISTED_MAX: Final = 60  # the largest; the rest is in the sum
FOLDER: Final = "data_universe"
_HOUR_MS: Final = 3_600_000


def row_items(subnets: Path) -> Iterator[DataItem]:
    """Yield the rows together, the largest labels, and the indexes of other miners; nothing without a database."""
    from node.subnets.data_universe.limits import STORE_BYTES_DEFAULT
    from node.subnets.data_universe.settings import read_settings, read_status
    from node.subnets.data_universe.shelf import DATABASE

    folder = subnets / FOLDER
    if (folder / DATABASE).is_file():
        try:
            yield from _rows(folder / DATABASE, read_settings(folder).bytes_max, read_status(folder).paused)
        except StorageError as error:
            size = (folder / DATABASE).stat().st_size
            yield DataItem(
                "rows", "rows", "rows of Data Universe", "damaged", size, size, budget_bytes=STORE_BYTES_DEFAULT,
                facts=(Fact("problem", str(error)),), actions=("verify",),
            )  # fmt: skip
    yield from _indexes(folder / "holdings")


def _rows(path: Path, budget: int, paused: str) -> Iterator[DataItem]:
    from node.subnets.data_universe.entities import Source
    from node.subnets.data_universe.forms import hour_iso
    from storage.entities import EntityStore

    with EntityStore.open_to_read(path) as store:
        labels, rows = store.labels(limit=LABELS_LISTED_MAX), store.count()
        sealed, size = sum(row[2] for row in store.rows_by_hour()), store.database.size_bytes()
    facts = [Fact("rows", f"{rows:,} here, {sealed:,} promised"), Fact("labels", f"{len(labels):,} listed")]
    if paused:
        facts.append(Fact("paused", paused))
    yield DataItem(
        "rows", "rows", "rows of Data Universe", "here", size, size, shared=True, budget_bytes=budget,
        facts=tuple(facts), actions=("verify", "export"),
    )  # fmt: skip
    for each in labels:
        source = Source(each.source).name.lower()
        yield DataItem(
            f"rows:{source}/{each.label}"[:200], "rows", f"{source}/{each.label or '–'}", "here", each.size, each.size,
            shared=True, sources=(source,),
            facts=(
                Fact("rows", f"{each.rows:,}"), Fact("from", hour_iso(each.first_hour)),
                Fact("to", hour_iso(each.last_hour)),
            ),
        )  # fmt: skip


def _indexes(folder: Path) -> Iterator[DataItem]:
    files = [path for path in folder.glob("*") if path.suffix in (".idx", ".flat")] if folder.is_dir() else []
    if files:
        size = sum(path.stat().st_size for path in files)
        miners = len({path.name[:64] for path in files})
        yield DataItem(
            "indexes", "index", "indexes of other miners", "here", size, size, sources=(f"{miners} miners",),
            facts=(Fact("files", f"{len(files):,}"),),
        )  # fmt: skip


def check_rows(folder: Path, holder: AccountId | None) -> tuple[int, int]:
    """Hold every promised bucket against its root; return how many there are and how many are not as promised.

    Without a `holder` only the file's structure is checked. Raises StorageError.
    """
    from node.subnets.data_universe.shelf import DATABASE, bucket_root
    from storage.entities import EntityStore
    from storage.quick_check import quick_check

    quick_check(folder / DATABASE, timeout_s=600.0)
    newest = max((int(path.stem) for path in (folder / "snapshots").glob("*.bin") if path.stem.isdecimal()), default=0)
    if holder is None or not newest:
        return 0, 0
    wrong = count = 0
    with EntityStore.open_to_read(folder / DATABASE) as store:
        for bucket in store.sealed():
            count += 1
            wrong += bucket_root(holder, store.bucket_rows(bucket.name, newest)) != bucket.root
    return count, wrong
