"""The journals of subnets on disk: by author the entries that still count, and the proofs of forks.

It keeps bytes and their order, and knows nothing of what they say: whoever puts entries has checked them. An entry that
is kept is never replaced. Losing the file loses nothing that peers do not have, but for one's own latest entries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import IntegrityError
from typing import Final, Self

from storage.database import Database, Kind, open_database
from storage.errors import Inconsistent, OutOfBounds
from storage.limits import (
    FORKS_KEPT_MAX,
    HASH_BYTES,
    INTEGER_MAX,
    JOURNAL_ENTRIES_PER_READ_MAX,
    JOURNAL_ENTRY_BYTES_MAX,
    JOURNALS_FILE_BYTES_MAX,
)
from storage.migrations import journals as migrations

JOURNALS: Final = Kind(
    name="journals",
    application_id=0x6E724A6E,
    steps=migrations.STEPS,
    when_corrupted=(
        "Stop the node, move this file and its -wal and -shm companions aside and start again: "
        "the node fetches the journals from its peers."
    ),
)


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One entry: its author and hash (32 bytes each), its place, and its bytes."""

    author: bytes
    seq: int
    hash: bytes
    entry: bytes


@dataclass(frozen=True, slots=True)
class ForkRow:
    """The proof that an author (32 bytes) forked; its entries are void from `void_from` on."""

    author: bytes
    void_from: int
    proof: bytes


class JournalStore:
    """The journals on disk. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, path: Path, *, bytes_max: int = JOURNALS_FILE_BYTES_MAX) -> Self:
        """Open or create the store at `path`. Raises as `open_database`."""
        return cls(open_database(path, JOURNALS, bytes_max=bytes_max))

    def close(self) -> None:
        """Close the files; may be called again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- entries ----------------------------------------------------------------------------------------------------

    def put(self, netuid: int, rows: Sequence[JournalRow], keep_from: Iterable[tuple[bytes, int]] = ()) -> None:
        """Keep entries, all or none; then forget what each named author wrote before the entry named with it.

        Raises:
            Inconsistent: an entry of that author and number is kept already.
            DiskFull, OutOfBounds: nothing was written.
        """
        for row in rows:
            _check_row(row)
        try:
            with self._database.write() as connection:
                connection.executemany(
                    "DELETE FROM entries WHERE netuid = ? AND author = ? AND seq < ?",
                    ((netuid, author, seq) for author, seq in keep_from),
                )
                connection.executemany(
                    "INSERT INTO entries (netuid, author, seq, hash, entry) VALUES (?, ?, ?, ?, ?)",
                    ((netuid, row.author, row.seq, row.hash, row.entry) for row in rows),
                )
        except IntegrityError as error:
            raise Inconsistent(f"A journal entry is kept already: {error}.") from error

    def authors(self, netuid: int) -> list[bytes]:
        """Return whose entries are kept, ordered."""
        query = "SELECT DISTINCT author FROM entries WHERE netuid = ? ORDER BY author"
        with self._database.read() as connection:
            return [bytes(author) for (author,) in connection.execute(query, (netuid,)).fetchall()]

    def entries(
        self,
        netuid: int,
        author: bytes,
        start: int = 0,
        *,
        limit: int = JOURNAL_ENTRIES_PER_READ_MAX,
        bytes_max: int = INTEGER_MAX,
    ) -> list[JournalRow]:
        """Return an author's entries from `start` on, in order: at most `limit`, and while they fit `bytes_max`."""
        query = "SELECT seq, hash, entry FROM entries WHERE netuid = ? AND author = ? AND seq >= ? ORDER BY seq LIMIT ?"
        found: list[JournalRow] = []
        with self._database.read() as connection:
            count = max(0, min(limit, JOURNAL_ENTRIES_PER_READ_MAX))
            cursor = connection.execute(query, (netuid, author, start, count))
            for seq, name, entry in cursor:
                bytes_max -= len(entry)
                if bytes_max < 0:
                    break
                found.append(JournalRow(author, seq, bytes(name), bytes(entry)))
            cursor.close()
        return found

    def forget(self, netuid: int, author: bytes) -> None:
        """Forget an author's entries; proofs stay."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM entries WHERE netuid = ? AND author = ?", (netuid, author))

    def size_bytes(self) -> int:
        """Return the bytes on disk."""
        return self._database.size_bytes()

    # --- forks ------------------------------------------------------------------------------------------------------

    def put_fork(self, netuid: int, row: ForkRow) -> None:
        """Keep a proof unless one of an earlier fork of the same author is kept; the oldest beyond the bound go."""
        _check_key(row.author)
        _check_seq(row.void_from)
        if len(row.proof) > JOURNAL_ENTRY_BYTES_MAX:
            raise OutOfBounds(f"A proof has at most {JOURNAL_ENTRY_BYTES_MAX} bytes, not {len(row.proof)}.")
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO forks (netuid, author, void_from, proof) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (netuid, author) DO UPDATE SET void_from = excluded.void_from, proof = excluded.proof "
                "WHERE excluded.void_from < void_from",
                (netuid, row.author, row.void_from, row.proof),
            )
            connection.execute(
                "DELETE FROM forks WHERE number <= (SELECT max(number) FROM forks) - ?", (FORKS_KEPT_MAX,)
            )

    def forks(self, netuid: int) -> list[ForkRow]:
        """Return all proofs of a subnet, by author."""
        query = "SELECT author, void_from, proof FROM forks WHERE netuid = ? ORDER BY author"
        with self._database.read() as connection:
            rows = connection.execute(query, (netuid,)).fetchall()
        return [ForkRow(bytes(author), void_from, bytes(proof)) for author, void_from, proof in rows]


def _check_row(row: JournalRow) -> None:
    _check_key(row.author)
    _check_key(row.hash)
    _check_seq(row.seq)
    if len(row.entry) > JOURNAL_ENTRY_BYTES_MAX:
        raise OutOfBounds(f"A journal entry has at most {JOURNAL_ENTRY_BYTES_MAX} bytes, not {len(row.entry)}.")


def _check_key(value: bytes) -> None:
    if len(value) != HASH_BYTES:
        raise OutOfBounds(f"Authors and hashes have {HASH_BYTES} bytes, not {len(value)}.")


def _check_seq(value: int) -> None:
    if not 0 <= value <= INTEGER_MAX:
        raise OutOfBounds(f"An entry's number is 0 to {INTEGER_MAX}, not {value}.")
