"""Data sets in the Hugging Face layout: shards under data/, a card README.md with a YAML header, stats.json. Blocking.

Parquet where the library `pyarrow` is installed (the extra `data`), JSON lines otherwise. A data set gets its name when
it is whole; a folder that holds something already is refused.
"""

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from node.subnets.data_universe.anonymise import COLUMNS, KEY_BYTES, iso_of, row_of
from node.subnets.data_universe.card import Sums, card
from node.subnets.data_universe.errors import ExportFailed
from node.subnets.data_universe.limits import EXPORT_ROWS_MAX, EXPORT_SHARD_ROWS
from node.subnets.data_universe.shelf import entity_of
from storage.entities import EntityStore
from storage.entities_rows import QUERY_ROWS_MAX, EntityQuery, Found
from storage.entities_search import search

STATS_VERSION: Final = "2.0.0"
_GROUP_ROWS: Final = 50_000  # of one row group: a few MB of memory
_TOPICS_MAX: Final = 1000
Tell = Callable[[int, int], None]


class Exported(msgspec.Struct, frozen=True):
    """A data set that was written. Times are ISO 8601; `bytes` are all its files'."""

    id: str
    folder: str
    rows: int
    bytes: int
    format: str
    files: tuple[str, ...]
    start: str
    end: str
    made_at: str


class _Shard(Protocol):
    def write(self, rows: Sequence[dict[str, str]]) -> None: ...

    def close(self) -> None: ...


class _Parquet:
    ending = "parquet"

    def __init__(self, path: Path) -> None:
        import pyarrow as arrow
        from pyarrow import parquet

        self._arrow: Any = arrow
        self._schema = arrow.schema([(name, arrow.string()) for name in COLUMNS])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Sequence[dict[str, str]]) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(list(rows), schema=self._schema))

    def close(self) -> None:
        self._writer.close()


class _Lines:
    ending = "jsonl"

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def write(self, rows: Sequence[dict[str, str]]) -> None:
        self._file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def close(self) -> None:
        self._file.close()


def export(
    store: EntityStore, folder: Path, query: EntityQuery, *, name: str, licence: str = "other",
    shard_rows: int = EXPORT_SHARD_ROWS, tell: Tell = lambda _done, _of: None,
) -> Exported:  # fmt: skip
    """Write what a query finds as a data set into a new folder. Raises ExportFailed, storage.StorageError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportFailed(f"{folder} holds something already.")
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        (part / "data").mkdir(parents=True)
        sums = Sums()
        kind = _Parquet if find_spec("pyarrow") is not None else _Lines
        count = _write_shards(store, part / "data", query, kind, shard_rows, sums, tell)
        if not count:
            raise ExportFailed("No row fits: there is nothing to write.", remedy="Ask for less, or collect first.")
        _write_about(part, name, licence, sums, kind.ending)
        if folder.exists():
            folder.rmdir()
        os.replace(part, folder)
    except OSError as error:
        raise ExportFailed(f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    files = tuple(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))
    size = sum((folder / file).stat().st_size for file in files)
    return Exported(
        secrets.token_hex(8), str(folder), sums.rows, size, kind.ending, files, iso_of(sums.first), iso_of(sums.last),
        _now(),
    )  # fmt: skip


def rows_found(store: EntityStore, query: EntityQuery) -> Iterator[Found]:
    """Everything a query finds, page by page."""
    left = min(query.limit, EXPORT_ROWS_MAX)
    before = query.before
    while left > 0:
        page = _page(query, before, min(left, QUERY_ROWS_MAX))
        found = search(store, page)
        yield from found
        left -= len(found)
        if len(found) < page.limit:
            return
        before = found[-1].id


def _page(query: EntityQuery, before: int | None, limit: int) -> EntityQuery:
    return EntityQuery(
        query.source, query.label, query.words, query.all_words, query.authors, query.uri_hash, query.start, query.end,
        limit, before,
    )  # fmt: skip


def _write_shards(
    store: EntityStore, folder: Path, query: EntityQuery, kind: type[_Parquet] | type[_Lines], shard_rows: int,
    sums: Sums, tell: Tell,
) -> int:  # fmt: skip
    """Write all rows; return the number of shards, which then have their names."""
    key = secrets.token_bytes(KEY_BYTES)
    total = min(query.limit, store.count())
    shard: _Shard | None = None
    group: list[dict[str, str]] = []
    shards = in_shard = 0
    for found in rows_found(store, query):
        if shard is None:
            shard, in_shard = kind(folder / f"{shards:05}.part"), 0
            shards += 1
        entity = entity_of(found.row)
        group.append(row_of(entity, key))
        in_shard += 1
        sums.rows += 1
        sums.first, sums.last = min(sums.first, entity.minute), max(sums.last, entity.minute)
        sums.labels[entity.label] += 1
        sums.sources[entity.source.name.lower()] += 1
        if len(group) >= _GROUP_ROWS or in_shard >= shard_rows:
            shard.write(group)
            group = []
            tell(sums.rows, total)
        if in_shard >= shard_rows:
            shard.close()
            shard = None
    if shard is not None:
        shard.write(group)
        shard.close()
    for number in range(shards):
        (folder / f"{number:05}.part").rename(folder / f"train-{number:05}-of-{shards:05}.{kind.ending}")
    tell(sums.rows, sums.rows)
    return shards


def _write_about(folder: Path, name: str, licence: str, sums: Sums, ending: str) -> None:
    topics = [
        {
            "topic": label,
            "topic_type": "label",
            "total_count": count,
            "total_percentage": round(100 * count / sums.rows, 4),
        }
        for label, count in sums.labels.most_common(_TOPICS_MAX)
    ]
    stats = {
        "version": STATS_VERSION,
        "data_source": ",".join(sorted(sums.sources)),
        "summary": {
            "total_rows": sums.rows,
            "last_update_dt": _now(),
            "start_dt": iso_of(sums.first),
            "end_dt": iso_of(sums.last),
            "update_history": [{"row_count": sums.rows, "update_timestamp": _now()}],
            "metadata": {"rows_by_source": dict(sums.sources.most_common())},
        },
        "topics": topics,
    }
    (folder / "stats.json").write_text(json.dumps(stats, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card(name, licence, sums, ending), encoding="utf-8")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
