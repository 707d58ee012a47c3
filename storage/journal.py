"""The market journal: recent tasks, verdicts and receipts of this node, and its score book.

Bounded: the oldest rows go when a table reaches its limit. It serves screens, audits and restarts, never consensus, so
scores may be floats here. Losing it costs history and the score book's memory, nothing else.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from sqlite3 import Connection
from typing import Final, Self

from storage.database import Database, Kind, open_database
from storage.errors import OutOfBounds
from storage.limits import (
    HASH_BYTES,
    INTEGER_MAX,
    PREVIEW_CHARS_MAX,
    REASON_CHARS_MAX,
    RECEIPTS_KEPT_MAX,
    ROWS_PER_READ_MAX,
    SECRET_BYTES_MAX,
    SECRETS_KEPT_MAX,
    TASKS_KEPT_MAX,
    VERDICTS_KEPT_MAX,
    WORD_CHARS_MAX,
)
from storage.migrations import market as migrations
from storage.receipts import ReceiptStore
from storage.records import RecordStore
from storage.seats import SeatStore

MARKET: Final = Kind(
    name="market",
    application_id=0x6E724D6B,
    steps=migrations.STEPS,
    when_corrupted=(
        "Stop the node, move this file and its -wal and -shm companions aside and start again: "
        "only the history of tasks and the running scores are lost."
    ),
)

_TASK: Final = "id, netuid, kind, miner, validator, created_at_ms, status, latency_ms, score, tokens, preview"
_VERDICT: Final = "task, netuid, miner, validator, score, reason, judged_at_ms"


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task as this node saw it with one miner; keyed by `id` (32 bytes) and `miner` together."""

    id: bytes
    netuid: int
    kind: str
    miner: bytes
    validator: bytes
    created_at_ms: int
    status: str
    latency_ms: int | None = None
    score: float | None = None
    tokens: int = 0
    preview: str = ""
    """Cut to PREVIEW_CHARS_MAX when stored."""


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A validator's judgement of one miner's answer to one task; `score` None means that nothing can be said."""

    task: bytes
    netuid: int
    miner: bytes
    validator: bytes
    score: float | None
    reason: str
    judged_at_ms: int


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line of the score book: running score, weight of what it rests on, and the height of the last change."""

    hotkey: bytes
    score: float
    samples: float
    last_height: int


@dataclass(frozen=True, slots=True)
class SecretRow:
    """What opens one commit (32-byte digest) of this node's; made at `height`."""

    digest: bytes
    height: int
    body: bytes


class MarketStore:
    """The market journal on disk. Any thread may call any method."""

    def __init__(
        self,
        database: Database,
        *,
        tasks_kept: int = TASKS_KEPT_MAX,
        verdicts_kept: int = VERDICTS_KEPT_MAX,
        receipts_kept: int = RECEIPTS_KEPT_MAX,
    ) -> None:
        self._database = database
        self._tasks_kept = tasks_kept
        self._verdicts_kept = verdicts_kept
        self._receipts = ReceiptStore(database, kept=receipts_kept)
        self.seats = SeatStore(database)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the journal at `path`. Raises as `open_database`."""
        return cls(open_database(path, MARKET))

    def close(self) -> None:
        """Close the files; may be called again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- tasks and verdicts -----------------------------------------------------------------------------------------

    def record_tasks(self, rows: Iterable[TaskRow]) -> None:
        """Store tasks, replacing what is known of the same task and miner; the oldest beyond the limit go."""
        tasks = [_checked_task(row) for row in rows]
        columns = ("netuid", "kind", "validator", "created_at_ms", "status", "latency_ms", "score", "tokens", "preview")
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
        with self._database.write() as connection:
            connection.executemany(
                f"INSERT INTO tasks ({_TASK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                f"ON CONFLICT (id, miner) DO UPDATE SET {updates}",
                (
                    (
                        task.id,
                        task.netuid,
                        task.kind,
                        task.miner,
                        task.validator,
                        task.created_at_ms,
                        task.status,
                        task.latency_ms,
                        task.score,
                        task.tokens,
                        task.preview,
                    )
                    for task in tasks
                ),
            )
            _trim(connection, "tasks", self._tasks_kept)

    def task(self, task_id: bytes) -> list[TaskRow]:
        """Return what is known of one task, one row a miner, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT {_TASK} FROM tasks WHERE id = ? ORDER BY seq", (task_id,)).fetchall()
        return [TaskRow(*row) for row in rows]

    def tasks(self, limit: int, *, skip: int = 0, netuid: int | None = None) -> list[TaskRow]:
        """Return the newest tasks, newest first; at most ROWS_PER_READ_MAX."""
        where, values = ("", ()) if netuid is None else (" WHERE netuid = ?", (netuid,))
        query = f"SELECT {_TASK} FROM tasks{where} ORDER BY seq DESC LIMIT ? OFFSET ?"
        with self._database.read() as connection:
            rows = connection.execute(query, (*values, _page(limit), max(0, skip))).fetchall()
        return [TaskRow(*row) for row in rows]

    def record_verdicts(self, rows: Iterable[VerdictRow]) -> None:
        """Store verdicts, replacing an earlier one on the same task and miner; the oldest beyond the limit go."""
        verdicts = [_checked_verdict(row) for row in rows]
        columns = ("netuid", "validator", "score", "reason", "judged_at_ms")
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
        with self._database.write() as connection:
            connection.executemany(
                f"INSERT INTO verdicts ({_VERDICT}) VALUES (?, ?, ?, ?, ?, ?, ?) "
                f"ON CONFLICT (task, miner) DO UPDATE SET {updates}",
                ((v.task, v.netuid, v.miner, v.validator, v.score, v.reason, v.judged_at_ms) for v in verdicts),
            )
            _trim(connection, "verdicts", self._verdicts_kept)

    def verdicts(self, limit: int, *, miner: bytes | None = None) -> list[VerdictRow]:
        """Return the newest verdicts, newest first; at most ROWS_PER_READ_MAX."""
        where, values = ("", ()) if miner is None else (" WHERE miner = ?", (miner,))
        query = f"SELECT {_VERDICT} FROM verdicts{where} ORDER BY seq DESC LIMIT ?"
        with self._database.read() as connection:
            rows = connection.execute(query, (*values, _page(limit))).fetchall()
        return [VerdictRow(*row) for row in rows]

    def verdicts_of(self, task_id: bytes) -> list[VerdictRow]:
        """Return the judgements of one task, one a miner and validator."""
        query = f"SELECT {_VERDICT} FROM verdicts WHERE task = ? LIMIT ?"
        with self._database.read() as connection:
            rows = connection.execute(query, (task_id, ROWS_PER_READ_MAX)).fetchall()
        return [VerdictRow(*row) for row in rows]

    # --- score book -------------------------------------------------------------------------------------------------

    def load_scores(self, netuid: int) -> list[ScoreRow]:
        """Return the score book of one subnet that an earlier version kept, ordered by hotkey.

        Today a book follows from its record (`records`); this is what the first record of an old home begins with.
        """
        query = "SELECT hotkey, score, samples, last_height FROM scores WHERE netuid = ? ORDER BY hotkey"
        with self._database.read() as connection:
            rows = connection.execute(query, (netuid,)).fetchall()
        return [ScoreRow(*row) for row in rows]

    # --- records and receipts ---------------------------------------------------------------------------------------

    def records(self, netuid: int, validator: bytes) -> RecordStore:
        """The record of one validator in one subnet."""
        return RecordStore(self._database, netuid, validator)

    @property
    def receipts(self) -> ReceiptStore:
        """What both sides signed of finished calls and challenges."""
        return self._receipts

    # --- secrets ----------------------------------------------------------------------------------------------------

    def keep_secret(self, netuid: int, row: SecretRow) -> None:
        """Keep what opens a commit; the oldest beyond the limit go."""
        _check_key(row.digest, "a digest")
        _check_number(row.height, "a height")
        if len(row.body) > SECRET_BYTES_MAX:
            raise OutOfBounds(f"A secret has at most {SECRET_BYTES_MAX} bytes, not {len(row.body)}.")
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO secrets (netuid, digest, height, body) VALUES (?, ?, ?, ?)",
                (netuid, row.digest, row.height, row.body),
            )
            _trim(connection, "secrets", SECRETS_KEPT_MAX)

    def secrets(self, netuid: int) -> list[SecretRow]:
        """Return what opens this node's commits in a subnet, oldest first."""
        query = "SELECT digest, height, body FROM secrets WHERE netuid = ? ORDER BY seq"
        with self._database.read() as connection:
            rows = connection.execute(query, (netuid,)).fetchall()
        return [SecretRow(bytes(digest), height, bytes(body)) for digest, height, body in rows]

    def drop_secrets(self, netuid: int, digests: Iterable[bytes]) -> None:
        """Forget what opens these commits; unknown ones are no error."""
        with self._database.write() as connection:
            connection.executemany(
                "DELETE FROM secrets WHERE netuid = ? AND digest = ?", ((netuid, digest) for digest in digests)
            )


def _trim(connection: Connection, table: str, kept: int) -> None:
    connection.execute(f"DELETE FROM {table} WHERE seq <= (SELECT max(seq) FROM {table}) - ?", (kept,))


def _page(limit: int) -> int:
    return max(0, min(limit, ROWS_PER_READ_MAX))


def _checked_task(row: TaskRow) -> TaskRow:
    _check_key(row.id, "a task id")
    _check_key(row.miner, "a miner")
    _check_key(row.validator, "a validator")
    for number, what in ((row.netuid, "a netuid"), (row.created_at_ms, "a time"), (row.tokens, "a count of tokens")):
        _check_number(number, what)
    if row.latency_ms is not None:
        _check_number(row.latency_ms, "a latency")
    if row.score is not None:
        _check_float(row.score, "a score")
    for word in (row.kind, row.status):
        if len(word) > WORD_CHARS_MAX:
            raise OutOfBounds(f"Kind and status have at most {WORD_CHARS_MAX} characters, not {len(word)}.")
    return replace(row, preview=_storable(row.preview[:PREVIEW_CHARS_MAX]))


def _checked_verdict(row: VerdictRow) -> VerdictRow:
    _check_key(row.task, "a task id")
    _check_key(row.miner, "a miner")
    _check_key(row.validator, "a validator")
    _check_number(row.netuid, "a netuid")
    _check_number(row.judged_at_ms, "a time")
    if row.score is not None:
        _check_float(row.score, "a score")
    return replace(row, reason=_storable(row.reason[:REASON_CHARS_MAX]))


def _storable(text: str) -> str:
    """Return `text` without the lone surrogates that a cut answer can hold and that no database takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _check_key(value: bytes, what: str) -> None:
    if len(value) not in (0, HASH_BYTES):
        raise OutOfBounds(f"The journal takes {HASH_BYTES} bytes, or none, for {what}; not {len(value)}.")


def _check_number(value: int, what: str) -> None:
    if not 0 <= value <= INTEGER_MAX:
        raise OutOfBounds(f"The journal takes 0 to {INTEGER_MAX} for {what}, not {value}.")


def _check_float(value: float, what: str) -> None:
    if not math.isfinite(value):
        raise OutOfBounds(f"The journal takes finite numbers for {what}, not {value}.")
