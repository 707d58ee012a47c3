"""Receipts of finished work with what is counted of them; a part of the market journal, bounded by their number."""

from dataclasses import dataclass
from typing import Final, Literal

from storage.database import Database
from storage.errors import OutOfBounds
from storage.limits import HASH_BYTES, INTEGER_MAX, RECEIPT_BYTES_MAX, ROWS_PER_READ_MAX, WORD_CHARS_MAX

Group = Literal["day", "model", "miner"]

_COLUMNS: Final = (
    "digest, receipt, netuid, kind, caller, miner, model, kept_at_ms, "
    "prompt_tokens, completion_tokens, units, spent_rao"
)
_GROUPS: Final = {"day": "date(kept_at_ms / 1000, 'unixepoch')", "model": "model", "miner": "lower(hex(miner))"}
MODEL_CHARS_MAX: Final = 200  # a catalogue name or a hash; longer ones are cut


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A receipt as bytes, known by its 32-byte digest, and what is counted of it. Times are unix ms."""

    digest: bytes
    receipt: bytes
    netuid: int = 0
    kind: str = ""
    caller: bytes = b""
    miner: bytes = b""
    model: str = ""
    kept_at_ms: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    units: int = 0
    spent_rao: int = 0


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums over one group of receipts; `group` is a day (UTC), a model, or a miner's key in hex."""

    group: str
    netuid: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    units: int
    spent_rao: int


class ReceiptStore:
    """Receipts on disk, by digest; the oldest beyond `kept` go. Any thread may call any method."""

    def __init__(self, database: Database, *, kept: int) -> None:
        self._database = database
        self._kept = kept

    def record(self, row: ReceiptRow) -> None:
        """Keep a receipt; one that is known already stays as it is."""
        _check(row)
        with self._database.write() as connection:
            connection.execute(
                f"INSERT OR IGNORE INTO receipts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    row.digest, row.receipt, row.netuid, row.kind, row.caller, row.miner, row.model[:MODEL_CHARS_MAX],
                    row.kept_at_ms, row.prompt_tokens, row.completion_tokens, row.units, row.spent_rao,
                ),
            )  # fmt: skip
            connection.execute("DELETE FROM receipts WHERE seq <= (SELECT max(seq) FROM receipts) - ?", (self._kept,))

    def note_spent(self, digest: bytes, spent_rao: int) -> None:
        """Write down what was paid for the work of a receipt; an unknown one is no error."""
        if not 0 <= spent_rao <= INTEGER_MAX:
            raise OutOfBounds(f"The journal takes 0 to {INTEGER_MAX} rao, not {spent_rao}.")
        with self._database.write() as connection:
            connection.execute("UPDATE receipts SET spent_rao = ? WHERE digest = ?", (spent_rao, digest))

    def find(self, digest: bytes) -> ReceiptRow | None:
        """Return the receipt with this digest."""
        with self._database.read() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM receipts WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else ReceiptRow(*row)

    def starting_with(self, prefix: bytes) -> list[ReceiptRow]:
        """Return at most two receipts whose digest starts with these bytes: enough to tell whether it is one."""
        beyond = prefix + b"\xff" * (HASH_BYTES - len(prefix))
        query = f"SELECT {_COLUMNS} FROM receipts WHERE digest >= ? AND digest <= ? LIMIT 2"
        with self._database.read() as connection:
            rows = connection.execute(query, (prefix, beyond)).fetchall()
        return [ReceiptRow(*row) for row in rows]

    def newest(self, limit: int, *, skip: int = 0, kind: str | None = None) -> list[ReceiptRow]:
        """Return the newest receipts, newest first; at most ROWS_PER_READ_MAX."""
        where, values = ("", ()) if kind is None else (" WHERE kind = ?", (kind,))
        query = f"SELECT {_COLUMNS} FROM receipts{where} ORDER BY seq DESC LIMIT ? OFFSET ?"
        page = (max(0, min(limit, ROWS_PER_READ_MAX)), max(0, skip))
        with self._database.read() as connection:
            rows = connection.execute(query, (*values, *page)).fetchall()
        return [ReceiptRow(*row) for row in rows]

    def between(self, caller: bytes, miner: bytes, netuid: int, *, kind: str) -> list[bytes]:
        """Return the newest receipts of a kind that a caller gave a miner in a subnet; at most ROWS_PER_READ_MAX."""
        query = (
            "SELECT receipt FROM receipts WHERE caller = ? AND miner = ? AND netuid = ? AND kind = ? "
            f"ORDER BY seq DESC LIMIT {ROWS_PER_READ_MAX}"
        )
        with self._database.read() as connection:
            return [bytes(row[0]) for row in connection.execute(query, (caller, miner, netuid, kind)).fetchall()]

    def usage(self, group: Group, *, caller: bytes | None = None, kind: str | None = None) -> list[UsageRow]:
        """Return sums by group and subnet, the largest number of calls first; at most ROWS_PER_READ_MAX rows."""
        conditions = {"caller": caller, "kind": kind}
        chosen = {name: value for name, value in conditions.items() if value is not None}
        where = " WHERE " + " AND ".join(f"{name} = ?" for name in chosen) if chosen else ""
        order = "1 DESC" if group == "day" else "3 DESC, 1"
        query = (
            f"SELECT {_GROUPS[group]}, netuid, count(*), sum(prompt_tokens), sum(completion_tokens), sum(units), "
            f"sum(spent_rao) FROM receipts{where} GROUP BY 1, 2 ORDER BY {order} LIMIT {ROWS_PER_READ_MAX}"
        )
        with self._database.read() as connection:
            return [UsageRow(*row) for row in connection.execute(query, tuple(chosen.values())).fetchall()]


def _check(row: ReceiptRow) -> None:
    if len(row.digest) != HASH_BYTES:
        raise OutOfBounds(f"A digest has {HASH_BYTES} bytes, not {len(row.digest)}.")
    if any(len(key) not in (0, HASH_BYTES) for key in (row.caller, row.miner)):
        raise OutOfBounds(f"A key has {HASH_BYTES} bytes, or none.")
    if len(row.receipt) > RECEIPT_BYTES_MAX:
        raise OutOfBounds(f"A receipt has at most {RECEIPT_BYTES_MAX} bytes, not {len(row.receipt)}.")
    if len(row.kind) > WORD_CHARS_MAX:
        raise OutOfBounds(f"A kind has at most {WORD_CHARS_MAX} characters, not {len(row.kind)}.")
    numbers = (row.netuid, row.kept_at_ms, row.prompt_tokens, row.completion_tokens, row.units, row.spent_rao)
    if not all(0 <= number <= INTEGER_MAX for number in numbers):
        raise OutOfBounds(f"The journal takes numbers from 0 to {INTEGER_MAX}.")
