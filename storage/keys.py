"""The gateway's own database: API keys by their hash, what was used under each, and answers kept to be given again.

Bounded in every table. Losing it costs the keys (new ones are made in a minute) and the history of use, never money.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from storage.database import Database, Kind, open_database
from storage.errors import OutOfBounds
from storage.limits import (
    HASH_BYTES,
    INTEGER_MAX,
    KEY_NAME_CHARS_MAX,
    KEYS_MAX,
    REPLIES_BYTES_MAX,
    REPLIES_KEPT_MAX,
    REPLY_BYTES_MAX,
    ROWS_PER_READ_MAX,
    USAGE_DAYS_KEPT,
    USAGE_MODELS_PER_DAY_MAX,
    WORD_CHARS_MAX,
)
from storage.migrations import keys as migrations

GATEWAY: Final = Kind(
    name="gateway",
    application_id=0x6E724777,
    steps=migrations.STEPS,
    when_corrupted=(
        "Stop the node, move this file and its -wal and -shm companions aside and start again: "
        "API keys and the history of their use are lost; make new keys with `neurond keys new`."
    ),
)
OTHER_MODELS: Final = "(other)"

_KEY: Final = (
    "id, name, digest, scopes, per_minute, per_day, rao_per_day, created_at_ms, last_used_at_ms, revoked_at_ms"
)
_USE: Final = "key, day, model, requests, prompt_tokens, completion_tokens, units, rao"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An API key. `digest` is its hash; limits of 0 mean no limit, save `rao_per_day`, where 0 means no spending."""

    id: str
    name: str
    digest: bytes
    scopes: str  # words with spaces between them
    per_minute: int
    per_day: int
    rao_per_day: int
    created_at_ms: int
    last_used_at_ms: int | None = None
    revoked_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class UseRow:
    """What was used under one key ("" without one) on one day of UTC (days since 1970) of one model."""

    key: str
    day: int
    model: str
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    units: int = 0
    rao: int = 0


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """A whole answer, kept under the name its caller gave the request; `digest` is that of the request."""

    key: str
    name: str
    digest: bytes
    status: int
    headers: bytes
    body: bytes
    expires_at_ms: int


class KeyStore:
    """The gateway's database. Any thread, and several processes, may call any method."""

    def __init__(
        self, database: Database, *, replies_kept: int = REPLIES_KEPT_MAX, replies_bytes: int = REPLIES_BYTES_MAX
    ) -> None:
        self._database = database
        self._replies_kept = replies_kept
        self._replies_bytes = replies_bytes

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the database at `path`. Raises as `open_database`."""
        return cls(open_database(path, GATEWAY))

    def close(self) -> None:
        """Close the files; may be called again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- keys -------------------------------------------------------------------------------------------------------

    def add(self, row: KeyRow) -> None:
        """Store a new key. Raises OutOfBounds when there are too many, revoked ones included."""
        _check_key(row)
        with self._database.write() as connection:
            count = int(connection.execute("SELECT count(*) FROM keys").fetchone()[0])
            if count >= KEYS_MAX:
                connection.execute(
                    "DELETE FROM keys WHERE id = (SELECT id FROM keys WHERE revoked_at_ms IS NOT NULL "
                    "ORDER BY revoked_at_ms LIMIT 1)"
                )
                if int(connection.execute("SELECT changes()").fetchone()[0]) == 0:
                    raise OutOfBounds(f"There are {KEYS_MAX} API keys already.", remedy="Revoke some first.")
            connection.execute(
                f"INSERT INTO keys ({_KEY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    row.id, row.name, row.digest, row.scopes, row.per_minute, row.per_day, row.rao_per_day,
                    row.created_at_ms, row.last_used_at_ms, row.revoked_at_ms,
                ),
            )  # fmt: skip

    def find(self, digest: bytes) -> KeyRow | None:
        """The key with this hash, revoked or not."""
        with self._database.read() as connection:
            row = connection.execute(f"SELECT {_KEY} FROM keys WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else KeyRow(*row)

    def get(self, key_id: str) -> KeyRow | None:
        """The key with this id, revoked or not."""
        with self._database.read() as connection:
            row = connection.execute(f"SELECT {_KEY} FROM keys WHERE id = ?", (key_id,)).fetchone()
        return None if row is None else KeyRow(*row)

    def all_keys(self) -> list[KeyRow]:
        """Every key, revoked ones included, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT {_KEY} FROM keys ORDER BY created_at_ms, id").fetchall()
        return [KeyRow(*row) for row in rows]

    def any(self) -> bool:
        """Whether there is or was a key."""
        with self._database.read() as connection:
            return connection.execute("SELECT 1 FROM keys LIMIT 1").fetchone() is not None

    def revoke(self, key_id: str, at_ms: int) -> bool:
        """Make a key invalid for ever; False when there is none of that id that is valid."""
        with self._database.write() as connection:
            done = connection.execute(
                "UPDATE keys SET revoked_at_ms = ? WHERE id = ? AND revoked_at_ms IS NULL", (at_ms, key_id)
            )
            return done.rowcount == 1

    def set_limits(self, key_id: str, per_minute: int, per_day: int, rao_per_day: int) -> bool:
        """Change the limits of a valid key; False when there is none of that id."""
        for number in (per_minute, per_day, rao_per_day):
            _check_number(number)
        with self._database.write() as connection:
            done = connection.execute(
                "UPDATE keys SET per_minute = ?, per_day = ?, rao_per_day = ? WHERE id = ? AND revoked_at_ms IS NULL",
                (per_minute, per_day, rao_per_day, key_id),
            )
            return done.rowcount == 1

    def forget_keys(self) -> None:
        """Remove every key, so that the gateway asks for none again."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM keys")

    # --- use --------------------------------------------------------------------------------------------------------

    def add_use(self, rows: Iterable[UseRow], at_ms: int) -> None:
        """Add to what was used; models beyond the bound of a day are counted together, the oldest days go."""
        with self._database.write() as connection:
            for row in rows:
                for number in (row.requests, row.prompt_tokens, row.completion_tokens, row.units, row.rao):
                    _check_number(number)
                model = row.model[:WORD_CHARS_MAX].encode("utf-8", "replace").decode()
                known = {each[0] for each in connection.execute(
                    "SELECT model FROM usage WHERE key = ? AND day = ?", (row.key, row.day)
                )}  # fmt: skip
                if model not in known and len(known) >= USAGE_MODELS_PER_DAY_MAX:
                    model = OTHER_MODELS
                connection.execute(
                    f"INSERT INTO usage ({_USE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key, day, model) "
                    "DO UPDATE SET requests = requests + excluded.requests, "
                    "prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
                    "completion_tokens = completion_tokens + excluded.completion_tokens, "
                    "units = units + excluded.units, rao = rao + excluded.rao",
                    (
                        row.key, row.day, model, row.requests, row.prompt_tokens, row.completion_tokens, row.units,
                        row.rao,
                    ),
                )  # fmt: skip
                connection.execute("UPDATE keys SET last_used_at_ms = ? WHERE id = ?", (at_ms, row.key))
                connection.execute("DELETE FROM usage WHERE day < ?", (row.day - USAGE_DAYS_KEPT,))

    def used(self, key_id: str, day: int) -> tuple[int, int]:
        """Requests made and rao spent under a key on a day."""
        query = "SELECT coalesce(sum(requests), 0), coalesce(sum(rao), 0) FROM usage WHERE key = ? AND day = ?"
        with self._database.read() as connection:
            requests, rao = connection.execute(query, (key_id, day)).fetchone()
        return int(requests), int(rao)

    def usage(self, first_day: int, last_day: int, *, key_id: str | None = None) -> list[UseRow]:
        """What was used on the days from first to last, by day, key and model; at most ROWS_PER_READ_MAX rows."""
        where, values = ("", ()) if key_id is None else (" AND key = ?", (key_id,))
        query = f"SELECT {_USE} FROM usage WHERE day BETWEEN ? AND ?{where} ORDER BY day DESC, key, model LIMIT ?"
        with self._database.read() as connection:
            rows = connection.execute(query, (first_day, last_day, *values, ROWS_PER_READ_MAX)).fetchall()
        return [UseRow(*row) for row in rows]

    # --- answers to be given again ----------------------------------------------------------------------------------

    def keep_reply(self, row: ReplyRow) -> bool:
        """Keep an answer until it expires; one too large is not kept (False), the oldest beyond the bounds go."""
        if len(row.body) > REPLY_BYTES_MAX or len(row.headers) > REPLY_BYTES_MAX:
            return False
        with self._database.write() as connection:
            connection.execute("DELETE FROM replies WHERE key = ? AND name = ?", (row.key, row.name))
            connection.execute(
                "INSERT INTO replies (key, name, digest, status, headers, body, expires_at_ms) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (row.key, row.name, row.digest, row.status, row.headers, row.body, row.expires_at_ms),
            )
            connection.execute(
                "DELETE FROM replies WHERE seq <= (SELECT max(seq) FROM replies) - ?", (self._replies_kept,)
            )
            total = 0
            for seq, size in connection.execute("SELECT seq, length(body) FROM replies ORDER BY seq DESC").fetchall():
                total += int(size)
                if total > self._replies_bytes:
                    connection.execute("DELETE FROM replies WHERE seq <= ?", (seq,))
                    break
        return True

    def reply(self, key_id: str, name: str, at_ms: int) -> ReplyRow | None:
        """The answer kept under a name, if it has not expired."""
        query = (
            "SELECT key, name, digest, status, headers, body, expires_at_ms FROM replies "
            "WHERE key = ? AND name = ? AND expires_at_ms > ?"
        )
        with self._database.read() as connection:
            row = connection.execute(query, (key_id, name, at_ms)).fetchone()
        return None if row is None else ReplyRow(*row)

    def drop_expired(self, at_ms: int) -> None:
        """Remove the answers whose time is over."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM replies WHERE expires_at_ms <= ?", (at_ms,))


def _check_key(row: KeyRow) -> None:
    if len(row.digest) != HASH_BYTES:
        raise OutOfBounds(f"The hash of a key has {HASH_BYTES} bytes, not {len(row.digest)}.")
    if not 0 < len(row.id) <= WORD_CHARS_MAX or len(row.name) > KEY_NAME_CHARS_MAX or not row.name.isprintable():
        raise OutOfBounds(f"A key's name is one line of at most {KEY_NAME_CHARS_MAX} characters.")
    for number in (row.per_minute, row.per_day, row.rao_per_day, row.created_at_ms):
        _check_number(number)


def _check_number(value: int) -> None:
    if not 0 <= value <= INTEGER_MAX:
        raise OutOfBounds(f"The gateway's database takes 0 to {INTEGER_MAX}, not {value}.")
