"""The store of collected rows: de-duplicated by place and content, in buckets of an hour, with snapshots that last.

A snapshot is what a miner has promised to hold. Rows never change. One that is replaced, expires or is evicted is
marked, leaves with the next snapshot and is deleted one later, so that the last two snapshots can be asked about.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self, TypeVar

from storage.database import Database, Kind, open_database, open_to_read
from storage.entities_rows import BucketName, BucketRow, EntityRow, Ingested, LabelRow
from storage.errors import OutOfBounds
from storage.migrations import entities as migrations

ENTITIES: Final = Kind(
    name="entities",
    application_id=0x6E724475,
    steps=migrations.STEPS,
    when_corrupted=(
        "Stop the node, move this file and its -wal and -shm companions aside and start again: "
        "the collected rows are lost and are collected anew."
    ),
)
BATCH_ROWS_MAX: Final = 20_000  # of one transaction: about half a second, which readers do not notice
CONTENT_CHARS_MAX: Final = 64 * 1024
T = TypeVar("T")
_LOOKUP: Final = 500  # keys of one statement, below SQLite's bound on parameters
_COLUMNS: Final = "uri, uri_hash, source, label, hour, minute, author, content, text_hash, size"
_LIVE_AT: Final = "added <= ? AND (dropped IS NULL OR dropped > ?)"


class EntityStore:
    """Rows on disk. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, path: Path, *, bytes_max: int | None = None) -> Self:
        """Open or create the store. Raises as `open_database`."""
        return cls(open_database(path, ENTITIES, bytes_max=bytes_max))

    @classmethod
    def open_to_read(cls, path: Path) -> Self:
        """Open a store that another process may be writing. Raises as `open_to_read`."""
        return cls(open_to_read(path, ENTITIES))

    def close(self) -> None:
        """Close the files; may be called again."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- rows in ----------------------------------------------------------------------------------------------------

    def ingest(self, rows: Sequence[EntityRow]) -> Ingested:
        """Store a batch: a place is known once, a content once a bucket. Raises OutOfBounds, DiskFull."""
        if len(rows) > BATCH_ROWS_MAX:
            raise OutOfBounds(f"A batch has at most {BATCH_ROWS_MAX} rows, not {len(rows)}.")
        by_uri = {row.uri_hash: row for row in rows}
        with self.database.write() as connection:
            number = self._open(connection)
            known = _known(connection, list(by_uri))
            changed = [row for row in by_uri.values() if known.get(row.uri_hash, row.text_hash) != row.text_hash]
            fresh = [row for row in by_uri.values() if row.uri_hash not in known]
            if changed:
                self._drop_changed(connection, [row.uri_hash for row in changed], number)
            before = connection.total_changes
            connection.executemany(
                f"INSERT OR IGNORE INTO entity ({_COLUMNS}, added) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {number})",
                [*fresh, *changed],
            )
            stored = connection.total_changes - before
            _mark(connection, {BucketName(row.source, row.label, row.hour) for row in (*fresh, *changed)}, number)
        new = max(0, stored - len(changed))
        return Ingested(new, len(changed), len(rows) - new - len(changed))

    def _drop_changed(self, connection: sqlite3.Connection, hashes: Sequence[bytes], number: int) -> None:
        for part in _chunks(hashes):
            marks = ",".join("?" * len(part))
            where = f"dropped IS NULL AND uri_hash IN ({marks})"
            names = connection.execute(f"SELECT DISTINCT source, label, hour FROM entity WHERE {where}", part)
            _mark(connection, {BucketName(*name) for name in names.fetchall()}, number)
            connection.execute(f"UPDATE entity SET dropped = {number} WHERE {where}", part)

    def _open(self, connection: sqlite3.Connection) -> int:
        """The snapshot that changes of now belong to; asked anew each time, for another process may have sealed."""
        return int(self._value(connection, "open") or b"1")

    # --- rows out ---------------------------------------------------------------------------------------------------

    def expire(self, before_hour: int) -> int:
        """Mark the rows of all hours before this one as gone with the next snapshot; return how many."""
        with self.database.write() as connection:
            names = connection.execute(
                "SELECT DISTINCT source, label, hour FROM entity WHERE dropped IS NULL AND hour < ?", (before_hour,)
            ).fetchall()
            number = self._open(connection)
            _mark(connection, (BucketName(*name) for name in names), number)
            return connection.execute(
                f"UPDATE entity SET dropped = {number} WHERE dropped IS NULL AND hour < ?", (before_hour,)
            ).rowcount

    def drop(self, names: Iterable[BucketName]) -> int:
        """Mark whole buckets as gone with the next snapshot; return how many rows that were."""
        count = 0
        with self.database.write() as connection:
            number = self._open(connection)
            for name in names:
                _mark(connection, [name], number)
                count += connection.execute(
                    f"UPDATE entity SET dropped = {number} "
                    "WHERE dropped IS NULL AND source = ? AND label = ? AND hour = ?",
                    name,
                ).rowcount
        return count

    # --- snapshots --------------------------------------------------------------------------------------------------

    def seal(self, root_of: Callable[[list[EntityRow]], bytes], salt: bytes) -> int:
        """Seal what changed as the next snapshot and return its number. `root_of` hashes a bucket's rows in id order.

        `salt` is what the roots depend on beside the rows: with another one than last time all are made anew. Rows that
        come meanwhile belong to the snapshot after it.
        """
        with self.database.write() as connection:
            number = self._open(connection)
            if self._value(connection, "salt") != salt:
                _set(connection, "salt", salt)
                connection.execute(
                    "INSERT OR IGNORE INTO dirty (source, label, hour, snapshot) "
                    f"SELECT DISTINCT source, label, hour, {number} FROM entity"
                )
            _set(connection, "open", str(number + 1).encode())
            dirty = connection.execute(
                "SELECT DISTINCT source, label, hour FROM dirty WHERE snapshot <= ?", (number,)
            ).fetchall()
        for part in _chunks(dirty):
            sealed = [(name, self.bucket_rows(BucketName(*name), number)) for name in part]
            roots = [(*name, len(rows), sum(row.size for row in rows), root_of(rows)) for name, rows in sealed if rows]
            with self.database.write() as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO bucket (source, label, hour, rows, size, root) VALUES (?, ?, ?, ?, ?, ?)",
                    roots,
                )
                gone = [name for name, rows in sealed if not rows]
                connection.executemany("DELETE FROM bucket WHERE source = ? AND label = ? AND hour = ?", gone)
                connection.executemany(
                    f"DELETE FROM dirty WHERE source = ? AND label = ? AND hour = ? AND snapshot <= {number}", part
                )
        self._purge(number - 1)
        return number

    def _purge(self, snapshot: int) -> None:
        """Delete the rows that left with this snapshot or before: no question can be about them any more."""
        with self.database.write() as connection:
            upto = int(self._value(connection, "searchable") or b"0")
            connection.execute(
                "INSERT INTO entity_text (entity_text, rowid, content) "
                "SELECT 'delete', id, content FROM entity WHERE dropped <= ? AND id <= ?",
                (snapshot, upto),
            )
            connection.execute("DELETE FROM entity WHERE dropped <= ?", (snapshot,))

    def sealed(self) -> Iterator[BucketRow]:
        """The buckets of the last snapshot, by source, label and hour."""
        with self.database.read() as connection:
            query = "SELECT source, label, hour, rows, size, root FROM bucket ORDER BY source, label, hour"
            rows = connection.execute(query).fetchall()
        return (BucketRow(BucketName(row[0], row[1], row[2]), row[3], row[4], bytes(row[5])) for row in rows)

    def bucket_rows(self, name: BucketName, snapshot: int) -> list[EntityRow]:
        """The rows of a bucket in one of the last two snapshots, in the order they came."""
        # both unions are needed: the unique index knows only rows that are still there
        query = (
            f"SELECT {_COLUMNS} FROM (SELECT * FROM entity WHERE dropped IS NULL AND hour = ?1 AND source = ?2 "
            "AND label = ?3 AND added <= ?4 UNION ALL SELECT * FROM entity WHERE dropped > ?4 AND hour = ?1 "
            "AND source = ?2 AND label = ?3 AND added <= ?4) ORDER BY id"
        )
        with self.database.read() as connection:
            rows = connection.execute(query, (name.hour, name.source, name.label, snapshot)).fetchall()
        return [EntityRow(*row) for row in rows]

    # --- totals -----------------------------------------------------------------------------------------------------

    def labels(self, source: int | None = None, limit: int = 1000) -> list[LabelRow]:
        """What is held of each label in the last snapshot, largest first; of what is there before the first one."""
        where, values = ("", ()) if source is None else (" WHERE source = ?", (source,))
        with self.database.read() as connection:
            query = (
                f"SELECT source, label, sum(rows), sum(size), min(hour), max(hour) FROM {_totals(connection)}"
                f"{where} GROUP BY source, label ORDER BY sum(size) DESC, source, label LIMIT ?"
            )
            return [LabelRow(*row) for row in connection.execute(query, (*values, max(0, limit))).fetchall()]

    def rows_by_hour(self) -> list[tuple[int, int, int, int]]:
        """(source, hour, rows, bytes), oldest first, of the same rows."""
        with self.database.read() as connection:
            query = (
                f"SELECT source, hour, sum(rows), sum(size) FROM {_totals(connection)} "
                "GROUP BY source, hour ORDER BY hour, source"
            )
            return [tuple(row) for row in connection.execute(query).fetchall()]

    def count(self) -> int:
        """Rows that are there, whether sealed yet or not."""
        with self.database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM entity WHERE dropped IS NULL").fetchone()[0])

    @staticmethod
    def _value(connection: sqlite3.Connection, name: str) -> bytes | None:
        row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])


def _mark(connection: sqlite3.Connection, names: Iterable[BucketName], number: int) -> None:
    """Note that these buckets changed, for the snapshot of that number."""
    connection.executemany(
        f"INSERT OR IGNORE INTO dirty (source, label, hour, snapshot) VALUES (?, ?, ?, {number})", names
    )


def _totals(connection: sqlite3.Connection) -> str:
    """Where totals are taken from: sealed buckets, or single rows while nothing was sealed."""
    if connection.execute("SELECT 1 FROM bucket LIMIT 1").fetchone() is not None:
        return "bucket"
    return "(SELECT source, label, hour, 1 AS rows, size FROM entity WHERE dropped IS NULL)"


def _known(connection: sqlite3.Connection, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
    """The content hash of each place that is known."""
    found: dict[bytes, bytes] = {}
    for part in _chunks(hashes):
        marks = ",".join("?" * len(part))
        query = f"SELECT uri_hash, text_hash FROM entity WHERE dropped IS NULL AND uri_hash IN ({marks})"
        found.update(connection.execute(query, part).fetchall())
    return found


def _set(connection: sqlite3.Connection, name: str, value: bytes) -> None:
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[at : at + _LOOKUP] for at in range(0, len(values), _LOOKUP))
