"""A snapshot on its way in: its parts beside the state, across restarts, until it takes the state's place at once.

The rows of a part and the note that it is there are one transaction. Must never judge whether a part is right: whoever
puts it has checked it, and whoever adopts the whole has checked that it is whole.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing

from storage.database import Database
from storage.errors import Inconsistent
from storage.rows import Adoption, check_adoption, check_manifest, check_part

_MANIFEST = "staging.manifest"
ADOPTED = "adopted"
"""Meta name: the height of the last adopted snapshot, 8 bytes big endian."""


class Staging:
    """The staging tables of a chain store. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, manifest: bytes) -> None:
        """Get ready for the snapshot that `manifest` describes; what is there of it stays, of any other it goes."""
        check_manifest(manifest)
        with self._database.write() as connection:
            if _meta(connection, _MANIFEST) != manifest:
                _clear(connection)
                connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_MANIFEST, manifest))

    def manifest(self) -> bytes | None:
        """Return the manifest of the snapshot on its way in, None when there is none."""
        with self._database.read() as connection:
            return _meta(connection, _MANIFEST)

    def put(self, prefix: bytes, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep one checked part: all rows under `prefix`.

        Raises:
            Inconsistent: nothing was begun, or a row is not under the prefix.
            OutOfBounds, DiskFull, Locked, Corrupted, Inaccessible: nothing of it was written.
        """
        check_part(prefix, rows)
        if any(not path.startswith(prefix) for path, _ in rows):
            raise Inconsistent("A row of this part of a snapshot is not under its prefix.")
        with self._database.write() as connection:
            if _meta(connection, _MANIFEST) is None:
                raise Inconsistent("A part of a snapshot came although none is on its way in.")
            connection.executemany("INSERT OR REPLACE INTO staging VALUES (?, ?)", rows)
            connection.execute("INSERT OR REPLACE INTO staged VALUES (?, ?)", (prefix, len(rows)))

    def done(self) -> frozenset[bytes]:
        """Return the prefixes of the parts that are there."""
        with self._database.read() as connection:
            return frozenset(bytes(prefix) for (prefix,) in connection.execute("SELECT prefix FROM staged").fetchall())

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """Give all staged rows in order of path; holds a reader until it is exhausted or closed."""
        query = "SELECT path, value FROM staging ORDER BY path"
        with self._database.read() as connection, closing(connection.execute(query)) as cursor:
            yield from cursor

    def drop(self) -> None:
        """Forget the snapshot on its way in."""
        with self._database.write() as connection:
            _clear(connection)

    def adopt(self, adoption: Adoption) -> None:
        """Make the staged rows the state, and the block they belong to the latest finalised one, in one transaction.

        Blocks that are not final go; older final ones stay, with a gap before the adopted block, whose body is absent.
        The caller vouches that all parts are there and that the certificate holds.

        Raises:
            Inconsistent: nothing was begun, or the block is not above the finalised one.
        """
        check_adoption(adoption)
        block = adoption.block
        with self._database.write() as connection:
            if _meta(connection, _MANIFEST) is None:
                raise Inconsistent("No snapshot is on its way in that could be adopted.")
            (tip,) = connection.execute("SELECT max(height) FROM blocks WHERE finalised = 1").fetchone()
            if tip is not None and block.height <= tip:
                raise Inconsistent(f"The snapshot is of height {block.height}, final is {tip} already.")
            connection.execute("DELETE FROM blocks WHERE finalised = 0")
            connection.execute(
                "INSERT INTO blocks (hash, parent, height, slot, header, finalised) VALUES (?, ?, ?, ?, ?, 1)",
                (block.hash, block.parent, block.height, block.slot, block.header),
            )
            connection.execute(
                "INSERT INTO certificates VALUES (?, ?, ?)", (block.height, block.hash, adoption.certificate)
            )
            connection.executemany(
                "INSERT OR REPLACE INTO steps VALUES (?, ?)", ((step.height, step.step) for step in adoption.steps)
            )
            _take_the_states_place(connection)
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (ADOPTED, block.height.to_bytes(8, "big")))


def _take_the_states_place(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE state")
    connection.execute("ALTER TABLE staging RENAME TO state")
    connection.execute("CREATE TABLE staging (path BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
    connection.execute("DELETE FROM staged")
    connection.execute("DELETE FROM meta WHERE name = ?", (_MANIFEST,))


def _clear(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM staging")
    connection.execute("DELETE FROM staged")
    connection.execute("DELETE FROM meta WHERE name = ?", (_MANIFEST,))


def _meta(connection: sqlite3.Connection, name: str) -> bytes | None:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])
