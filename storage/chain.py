"""The chain database: blocks of all forks, the finalised chain, its state, events, certificates and a few named values.

State rows are always the state of the latest finalised block; a commit is one transaction, so a crash leaves the whole
of it or nothing. Must never judge whether a block is valid: it stores bytes and only keeps its own tables consistent.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Self

from storage.database import Database, Kind, Synchronous, open_database, open_to_read
from storage.errors import Inconsistent
from storage.history import History
from storage.limits import BLOCKS_PER_READ_MAX, READ_BYTES_MAX
from storage.migrations import chain as migrations
from storage.pruning import Pruning
from storage.rows import BlockRow, CertificateRow, Commit, HeaderRow, StepRow, Tip, check_commit
from storage.staging import Staging

CHAIN: Final = Kind(
    name="chain",
    application_id=0x6E724368,
    steps=migrations.STEPS,
    when_corrupted=(
        "Stop the node, move this file and its -wal and -shm companions aside and start again: "
        "the chain is fetched from peers anew; keys and signing records are kept in other files."
    ),
)

_HEADER: Final = "SELECT hash, parent, height, slot, header FROM blocks"
_BLOCK: Final = "SELECT hash, parent, height, slot, header, body FROM blocks JOIN bodies ON block = number"


class ChainStore:
    """The chain on disk. Any thread may call any method; commits take turns, reads see the last finished commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.staging = Staging(database)
        self.pruning = Pruning(database)
        self.history = History(database)

    @classmethod
    def open(cls, path: Path, *, bytes_max: int | None = None, survives_power_loss: bool = False) -> Self:
        """Open or create the chain database; `bytes_max` is a quota on the file. Raises as `open_database`.

        With `survives_power_loss` a commit is on the disk when it returns: an authority may sign only for blocks that
        it cannot lose. Others fetch a lost tail from peers and need not wait for the disk.
        """
        synchronous: Synchronous = "FULL" if survives_power_loss else "NORMAL"
        return cls(open_database(path, CHAIN, synchronous=synchronous, bytes_max=bytes_max))

    @classmethod
    def open_to_read(cls, path: Path) -> Self:
        """Open the database of a node that may be running; nothing of it is changed. Raises as `open_to_read`."""
        return cls(open_to_read(path, CHAIN))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; may be called again."""
        self._database.close()

    # --- writing ----------------------------------------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """Write everything of `commit` in one transaction.

        Raises:
            OutOfBounds: a part is larger than storage.limits allows.
            Inconsistent: it contradicts what is stored (a gap, an unknown block, a second block at a final height).
            DiskFull, Locked, Corrupted, Inaccessible: from below.
        In every case nothing was written.
        """
        check_commit(commit)
        if (commit.state or commit.transactions or commit.events) and not commit.finalised:
            raise Inconsistent("State, events and transactions belong to finalised blocks; this commit finalises none.")
        with self._database.write() as connection:
            _insert_blocks(connection, commit)
            _drop_blocks(connection, commit)
            _finalise(connection, commit)
            _insert_certificates(connection, commit)
            _apply_state(connection, commit)
            connection.executemany("INSERT OR REPLACE INTO events VALUES (?, ?, ?)", commit.events)
            connection.executemany("INSERT OR REPLACE INTO transactions VALUES (?, ?, ?)", commit.transactions)
            connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", commit.meta.items())
            _insert_steps(connection, commit)

    # --- blocks -----------------------------------------------------------------------------------------------------

    def tip(self) -> Tip | None:
        """Return the latest finalised block, None in an empty store."""
        with self._database.read() as connection:
            return _tip(connection)

    def block(self, block_hash: bytes) -> BlockRow | None:
        """Return the block of any fork with this hash."""
        with self._database.read() as connection:
            row = connection.execute(f"{_BLOCK} WHERE hash = ?", (block_hash,)).fetchone()
        return None if row is None else BlockRow(*row)

    def header(self, block_hash: bytes) -> HeaderRow | None:
        """Return the header of any fork with this hash, also where its body is pruned or was never there."""
        with self._database.read() as connection:
            row = connection.execute(f"{_HEADER} WHERE hash = ?", (block_hash,)).fetchone()
        return None if row is None else HeaderRow(*row)

    def headers_from(self, height: int, limit: int) -> list[HeaderRow]:
        """Return up to `limit` finalised headers from `height` upwards; where some are pruned, those that are left."""
        query = f"{_HEADER} WHERE finalised = 1 AND height >= ? ORDER BY height LIMIT ?"
        with self._database.read() as connection:
            rows = connection.execute(query, (height, max(0, min(limit, BLOCKS_PER_READ_MAX)))).fetchall()
        return [HeaderRow(*row) for row in rows]

    def has_block(self, block_hash: bytes) -> bool:
        """Tell whether the block is stored, final or not."""
        with self._database.read() as connection:
            return connection.execute("SELECT 1 FROM blocks WHERE hash = ?", (block_hash,)).fetchone() is not None

    def hash_at(self, height: int) -> bytes | None:
        """Return the hash of the finalised block at `height`."""
        with self._database.read() as connection:
            return _hash_at(connection, height)

    def blocks_from(self, height: int, limit: int, *, bytes_max: int = READ_BYTES_MAX) -> list[BlockRow]:
        """Return up to `limit` finalised blocks from `height` upwards.

        Stops before headers and bodies together exceed `bytes_max`, but always gives the first block.
        """
        query = f"{_BLOCK} WHERE finalised = 1 AND height >= ? ORDER BY height LIMIT ?"
        blocks: list[BlockRow] = []
        total = 0
        with (
            self._database.read() as connection,
            closing(connection.execute(query, (height, max(0, min(limit, BLOCKS_PER_READ_MAX))))) as cursor,
        ):
            for row in cursor:
                block = BlockRow(*row)
                total += len(block.header) + len(block.body)
                if blocks and total > bytes_max:
                    break
                blocks.append(block)
        return blocks

    def unfinalised(self) -> list[BlockRow]:
        """Return all blocks that are not final, lowest height first."""
        with self._database.read() as connection:
            rows = connection.execute(f"{_BLOCK} WHERE finalised = 0 ORDER BY height, hash").fetchall()
        return [BlockRow(*row) for row in rows]

    # --- certificates, events, transactions -------------------------------------------------------------------------

    def certificate(self, height: int) -> CertificateRow | None:
        """Return the certificate for the finalised block at `height`, if it is kept."""
        query = "SELECT height, block, certificate FROM certificates WHERE height = ?"
        with self._database.read() as connection:
            row = connection.execute(query, (height,)).fetchone()
        return None if row is None else CertificateRow(*row)

    def latest_certificate(self) -> CertificateRow | None:
        """Return the certificate with the greatest height."""
        query = "SELECT height, block, certificate FROM certificates ORDER BY height DESC LIMIT 1"
        with self._database.read() as connection:
            row = connection.execute(query).fetchone()
        return None if row is None else CertificateRow(*row)

    def steps_above(self, height: int, limit: int) -> list[StepRow]:
        """Return up to `limit` steps of light clients above `height`, lowest first."""
        query = "SELECT height, step FROM steps WHERE height > ? ORDER BY height LIMIT ?"
        with self._database.read() as connection:
            rows = connection.execute(query, (height, max(0, min(limit, BLOCKS_PER_READ_MAX)))).fetchall()
        return [StepRow(*row) for row in rows]

    def latest_step(self) -> StepRow | None:
        """Return the step of light clients with the greatest height."""
        with self._database.read() as connection:
            row = connection.execute("SELECT height, step FROM steps ORDER BY height DESC LIMIT 1").fetchone()
        return None if row is None else StepRow(*row)

    def events_at(self, height: int) -> list[bytes]:
        """Return the events of the finalised block at `height`, in their order."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT event FROM events WHERE height = ? ORDER BY position", (height,))
            return [bytes(event) for (event,) in rows.fetchall()]

    def transaction(self, transaction_hash: bytes) -> tuple[int, int] | None:
        """Return (height, position) of a finalised transaction."""
        query = "SELECT height, position FROM transactions WHERE hash = ?"
        with self._database.read() as connection:
            row = connection.execute(query, (transaction_hash,)).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    # --- state ------------------------------------------------------------------------------------------------------

    def state_get(self, path: bytes) -> bytes | None:
        """Return the value at a 32-byte path in the state of the latest finalised block; a few µs."""
        with self._database.read() as connection:
            row = connection.execute("SELECT value FROM state WHERE path = ?", (path,)).fetchone()
        return None if row is None else bytes(row[0])

    def state_rows(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Give all (path, value) whose path starts with `prefix`, in order of path.

        One snapshot: commits made meanwhile are not seen. It holds a reader until it is exhausted or closed.
        """
        with self._database.read() as connection, closing(_select_rows(connection, prefix)) as cursor:
            yield from cursor

    @contextmanager
    def pinned(self) -> Iterator["PinnedTip | None"]:
        """Give the latest finalised block and its state as of now, unmoved by later commits; None in an empty store.

        Holds a reader, so that the log cannot be cut back: for single answers, not for long.
        """
        with self._database.read() as connection:
            connection.execute("BEGIN")
            try:
                yield _pin(connection)
            finally:
                connection.execute("ROLLBACK")

    # --- the rest ---------------------------------------------------------------------------------------------------

    def meta(self, name: str) -> bytes | None:
        """Return the value stored under `name`."""
        with self._database.read() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def integrity_check(self) -> None:
        """Read and check the whole file; raises Corrupted with the first findings. Seconds per gigabyte."""
        self._database.integrity_check()

    def size_bytes(self) -> int:
        """Return the bytes on disk, the write-ahead log included."""
        return self._database.size_bytes()

    def used_bytes(self) -> int:
        """Return the bytes of the file that hold data; the rest is free for what comes."""
        return self._database.used_bytes()


class PinnedTip:
    """One finalised block with its certificate (None at genesis) and the rows of its state."""

    __slots__ = ("_connection", "certificate", "hash", "header", "height")

    def __init__(
        self, connection: sqlite3.Connection, height: int, block_hash: bytes, header: bytes, certificate: bytes | None
    ) -> None:
        self._connection = connection
        self.height = height
        self.hash = block_hash
        self.header = header
        self.certificate = certificate

    def get(self, path: bytes) -> bytes | None:
        """Return the value at a 32-byte path of the state."""
        row = self._connection.execute("SELECT value FROM state WHERE path = ?", (path,)).fetchone()
        return None if row is None else bytes(row[0])

    def rows(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Give all (path, value) of the state whose path starts with `prefix`, in order of path."""
        with closing(_select_rows(self._connection, prefix)) as cursor:
            yield from cursor


def _pin(connection: sqlite3.Connection) -> PinnedTip | None:
    query = (
        "SELECT b.height, b.hash, b.header, c.certificate FROM blocks b "
        "LEFT JOIN certificates c ON c.height = b.height WHERE b.finalised = 1 ORDER BY b.height DESC LIMIT 1"
    )
    row = connection.execute(query).fetchone()
    return None if row is None else PinnedTip(connection, *row)


def _tip(connection: sqlite3.Connection) -> Tip | None:
    query = "SELECT height, hash FROM blocks WHERE finalised = 1 ORDER BY height DESC LIMIT 1"
    row = connection.execute(query).fetchone()
    return None if row is None else Tip(int(row[0]), bytes(row[1]))


def _hash_at(connection: sqlite3.Connection, height: int) -> bytes | None:
    row = connection.execute("SELECT hash FROM blocks WHERE finalised = 1 AND height = ?", (height,)).fetchone()
    return None if row is None else bytes(row[0])


def _select_rows(connection: sqlite3.Connection, prefix: bytes) -> sqlite3.Cursor:
    beyond = _after(prefix)
    upper = "" if beyond is None else "AND path < ?"
    query = f"SELECT path, value FROM state WHERE path >= ? {upper} ORDER BY path"
    return connection.execute(query, (prefix,) if beyond is None else (prefix, beyond))


def _after(prefix: bytes) -> bytes | None:
    """Return the smallest path beyond all that start with `prefix`; None when there is none."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else None


def _insert_blocks(connection: sqlite3.Connection, commit: Commit) -> None:
    connection.executemany(
        "INSERT INTO blocks (hash, parent, height, slot, header) VALUES (?, ?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING",
        ((block.hash, block.parent, block.height, block.slot, block.header) for block in commit.blocks),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO bodies (block, body) SELECT number, ? FROM blocks WHERE hash = ?",
        ((block.body, block.hash) for block in commit.blocks),
    )


def _drop_blocks(connection: sqlite3.Connection, commit: Commit) -> None:
    for block_hash in commit.drop_blocks:
        row = connection.execute("SELECT finalised FROM blocks WHERE hash = ?", (block_hash,)).fetchone()
        if row is not None and row[0]:
            raise Inconsistent(f"Block {block_hash.hex()} is final and cannot be dropped.")
    connection.executemany("DELETE FROM blocks WHERE hash = ?", ((block_hash,) for block_hash in commit.drop_blocks))


def _finalise(connection: sqlite3.Connection, commit: Commit) -> None:
    tip = _tip(connection)
    for height, block_hash in commit.finalised:
        row = connection.execute("SELECT height, parent FROM blocks WHERE hash = ?", (block_hash,)).fetchone()
        if row is None:
            raise Inconsistent(f"Block {block_hash.hex()} is to be final at height {height} but is not stored.")
        if row[0] != height:
            raise Inconsistent(f"Block {block_hash.hex()} has height {row[0]}, not {height}.")
        if tip is not None and (height != tip.height + 1 or row[1] != tip.hash):
            raise Inconsistent(
                f"Block {block_hash.hex()} at height {height} is no child of {tip.hash.hex()}, final at {tip.height}."
            )
        connection.execute("UPDATE blocks SET finalised = 1 WHERE hash = ?", (block_hash,))
        tip = Tip(height, block_hash)


def _insert_certificates(connection: sqlite3.Connection, commit: Commit) -> None:
    for height, block_hash, _ in commit.certificates:
        if _hash_at(connection, height) != block_hash:
            raise Inconsistent(f"The certificate names block {block_hash.hex()}, which is not final at {height}.")
    connection.executemany("INSERT OR REPLACE INTO certificates VALUES (?, ?, ?)", commit.certificates)


def _insert_steps(connection: sqlite3.Connection, commit: Commit) -> None:
    for step in commit.steps:
        if _hash_at(connection, step.height) is None:
            raise Inconsistent(f"A step of light clients names height {step.height}, which is not final.")
    connection.executemany(
        "INSERT OR REPLACE INTO steps VALUES (?, ?)", ((step.height, step.step) for step in commit.steps)
    )


def _apply_state(connection: sqlite3.Connection, commit: Commit) -> None:
    changes = sorted(commit.state.items())  # in the order of the tree: neighbours share pages
    connection.executemany("DELETE FROM state WHERE path = ?", ((path,) for path, value in changes if value is None))
    connection.executemany(
        "INSERT INTO state VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET value = excluded.value",
        ((path, value) for path, value in changes if value is not None),
    )
