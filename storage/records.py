"""A validator's record of its judging, an epoch at a time, with the seeds of its draws; a part of the market journal.

Lines of an open epoch are appended in order, without gaps; a closed one has a head and is never changed. Epochs beyond
RECORD_EPOCHS_KEPT_MAX are forgotten, oldest first. What the bytes mean is the market's affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from storage.database import Database
from storage.errors import Inconsistent, OutOfBounds
from storage.limits import (
    HASH_BYTES,
    INTEGER_MAX,
    RECORD_ANSWER_BYTES_MAX,
    RECORD_ANSWERS_KEPT_MAX,
    RECORD_BOOK_BYTES_MAX,
    RECORD_EPOCHS_KEPT_MAX,
    RECORD_LINE_BYTES_MAX,
    RECORD_LINES_MAX,
    SEED_CHAINS_KEPT_MAX,
)


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One epoch of a validator's record; `head` is empty while it is open, `before` is the book it began with."""

    epoch: int
    before: bytes
    head: bytes


@dataclass(frozen=True, slots=True)
class SeedRow:
    """One chain of seeds: where it begins, the secret it unrolls from, and the last round drawn from it."""

    first_round: int
    root: bytes
    used_round: int


class RecordStore:
    """The record of one validator in one subnet. Any thread may call any method; writes are durable on return."""

    def __init__(self, database: Database, netuid: int, validator: bytes) -> None:
        _check_key(validator)
        _check_number(netuid)
        self._database = database
        self._key = (netuid, validator)

    def open_epoch(self, epoch: int, before: bytes) -> None:
        """Begin an epoch's record; one that is known stays as it is. The oldest beyond the bound go."""
        _check_number(epoch)
        _check_size(before, RECORD_BOOK_BYTES_MAX, "A score book")
        with self._database.write() as connection:
            connection.execute("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, x'')", (*self._key, epoch, before))
            self._prune(connection)

    def append(self, epoch: int, first: int, lines: Sequence[bytes]) -> None:
        """Add lines from number `first` on. Raises Inconsistent unless they follow the last one of an open epoch."""
        for line in lines:
            _check_size(line, RECORD_LINE_BYTES_MAX, "A line of a record")
        if first + len(lines) > RECORD_LINES_MAX:
            raise OutOfBounds(f"A record has at most {RECORD_LINES_MAX} lines.")
        key = (*self._key, epoch)
        with self._database.write() as connection:
            query = "SELECT head FROM records WHERE netuid = ? AND validator = ? AND epoch = ?"
            row = connection.execute(query, key).fetchone()
            known = connection.execute(
                "SELECT count(*) FROM record_lines WHERE netuid = ? AND validator = ? AND epoch = ?", key
            ).fetchone()[0]
            if row is None or row[0] or known != first:
                raise Inconsistent(f"Lines from number {first} on do not follow what is kept of epoch {epoch}.")
            connection.executemany(
                "INSERT INTO record_lines VALUES (?, ?, ?, ?, ?)",
                ((*key, first + number, line) for number, line in enumerate(lines)),
            )

    def close_epoch(self, epoch: int, head: bytes) -> None:
        """Give an epoch its head. Raises Inconsistent when it is not open."""
        _check_size(head, RECORD_LINE_BYTES_MAX, "The head of a record")
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE records SET head = ? WHERE netuid = ? AND validator = ? AND epoch = ? AND head = x''",
                (head, *self._key, epoch),
            ).rowcount
            if changed != 1:
                raise Inconsistent(f"The record of epoch {epoch} is not open.")

    def latest(self) -> RecordRow | None:
        """Return the newest epoch, open or closed."""
        query = "SELECT epoch, before, head FROM records WHERE netuid = ? AND validator = ? ORDER BY epoch DESC LIMIT 1"
        with self._database.read() as connection:
            row = connection.execute(query, self._key).fetchone()
        return None if row is None else RecordRow(row[0], bytes(row[1]), bytes(row[2]))

    def epoch(self, epoch: int) -> RecordRow | None:
        """Return one epoch."""
        query = "SELECT epoch, before, head FROM records WHERE netuid = ? AND validator = ? AND epoch = ?"
        with self._database.read() as connection:
            row = connection.execute(query, (*self._key, epoch)).fetchone()
        return None if row is None else RecordRow(row[0], bytes(row[1]), bytes(row[2]))

    def heads(self) -> list[bytes]:
        """Return the heads of closed epochs, oldest first."""
        query = "SELECT head FROM records WHERE netuid = ? AND validator = ? AND head <> x'' ORDER BY epoch"
        with self._database.read() as connection:
            return [bytes(row[0]) for row in connection.execute(query, self._key).fetchall()]

    def lines(self, epoch: int, first: int = 0, limit: int = RECORD_LINES_MAX) -> list[bytes]:
        """Return at most `limit` lines of an epoch from number `first` on."""
        query = (
            "SELECT line FROM record_lines WHERE netuid = ? AND validator = ? AND epoch = ? AND number >= ? "
            "ORDER BY number LIMIT ?"
        )
        values = (*self._key, epoch, max(0, first), max(0, min(limit, RECORD_LINES_MAX)))
        with self._database.read() as connection:
            return [bytes(row[0]) for row in connection.execute(query, values).fetchall()]

    # --- answers ----------------------------------------------------------------------------------------------------

    def keep_answer(self, epoch: int, question: bytes, miner: bytes, body: bytes) -> None:
        """Keep what a miner answered to a challenge; the oldest beyond the bound go."""
        _check_key(question)
        _check_key(miner)
        _check_size(body, RECORD_ANSWER_BYTES_MAX, "An answer")
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO record_answers (netuid, validator, epoch, question, miner, body) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (*self._key, epoch, question, miner, body),
            )
            connection.execute(
                "DELETE FROM record_answers WHERE seq <= (SELECT max(seq) FROM record_answers) - ?",
                (RECORD_ANSWERS_KEPT_MAX,),
            )

    def answer(self, question: bytes, miner: bytes) -> bytes | None:
        """Return what a miner answered to a challenge, if it is still kept."""
        query = "SELECT body FROM record_answers WHERE question = ? AND miner = ? AND netuid = ? AND validator = ?"
        with self._database.read() as connection:
            row = connection.execute(query, (question, miner, *self._key)).fetchone()
        return None if row is None else bytes(row[0])

    # --- seeds ------------------------------------------------------------------------------------------------------

    def keep_seeds(self, row: SeedRow) -> None:
        """Keep a new chain of seeds; one that is known stays as it is. The oldest beyond the bound go."""
        _check_key(row.root)
        _check_number(row.first_round)
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO seeds VALUES (?, ?, ?, ?, ?)",
                (*self._key, row.first_round, row.root, row.used_round),
            )
            connection.execute(
                "DELETE FROM seeds WHERE netuid = ? AND validator = ? AND first_round NOT IN "
                "(SELECT first_round FROM seeds WHERE netuid = ? AND validator = ? ORDER BY first_round DESC LIMIT ?)",
                (*self._key, *self._key, SEED_CHAINS_KEPT_MAX),
            )

    def use_round(self, first_round: int, used_round: int) -> None:
        """Remember that a round was drawn; never goes back."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE seeds SET used_round = max(used_round, ?) "
                "WHERE netuid = ? AND validator = ? AND first_round = ?",
                (used_round, *self._key, first_round),
            )

    def seeds(self) -> list[SeedRow]:
        """Return the chains of seeds that are kept, oldest first."""
        query = (
            "SELECT first_round, root, used_round FROM seeds WHERE netuid = ? AND validator = ? ORDER BY first_round"
        )
        with self._database.read() as connection:
            return [SeedRow(row[0], bytes(row[1]), row[2]) for row in connection.execute(query, self._key).fetchall()]

    def _prune(self, connection: Connection) -> None:
        kept = connection.execute(
            "SELECT epoch FROM records WHERE netuid = ? AND validator = ? ORDER BY epoch DESC LIMIT 1 OFFSET ?",
            (*self._key, RECORD_EPOCHS_KEPT_MAX - 1),
        ).fetchone()
        if kept is not None:
            for table in ("records", "record_lines", "record_answers"):
                connection.execute(
                    f"DELETE FROM {table} WHERE netuid = ? AND validator = ? AND epoch < ?", (*self._key, kept[0])
                )


def _check_key(value: bytes) -> None:
    if len(value) != HASH_BYTES:
        raise OutOfBounds(f"A key or digest has {HASH_BYTES} bytes, not {len(value)}.")


def _check_number(value: int) -> None:
    if not 0 <= value <= INTEGER_MAX:
        raise OutOfBounds(f"The journal takes 0 to {INTEGER_MAX}, not {value}.")


def _check_size(value: bytes, bytes_max: int, what: str) -> None:
    if len(value) > bytes_max:
        raise OutOfBounds(f"{what} has at most {bytes_max} bytes, not {len(value)}.")
