"""What of a node's earnings belongs to others, by their account; a part of the payment book.

Sums only grow. At most one transfer to an account is under way: it is written down before it is sent, so that a crash
never pays twice. Knows no chain.
"""

from dataclasses import dataclass
from typing import Final

from storage.database import Database
from storage.errors import OutOfBounds
from storage.limits import DUES_KEPT_MAX, HASH_BYTES, INTEGER_MAX

_COLUMNS: Final = "account, owed_rao, paid_rao, sent_rao, sent_from, sent_until"


@dataclass(frozen=True, slots=True)
class DueRow:
    """`owed_rao` in all, `paid_rao` of it. `sent_rao` is on its way, in a block from `sent_from` to `sent_until`."""

    account: bytes
    owed_rao: int
    paid_rao: int
    sent_rao: int = 0
    sent_from: int = 0
    sent_until: int = 0


class DueStore:
    """The table of dues. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owe(self, account: bytes, more_rao: int) -> None:
        """Add to what an account is owed. Raises OutOfBounds when nobody else fits."""
        if len(account) != HASH_BYTES or not 0 <= more_rao <= INTEGER_MAX:
            raise OutOfBounds("A due has an account of 32 bytes and a sum.")
        with self._database.write() as connection:
            known = connection.execute("SELECT owed_rao FROM dues WHERE account = ?", (account,)).fetchone()
            if known is None and connection.execute("SELECT count(*) FROM dues").fetchone()[0] >= DUES_KEPT_MAX:
                raise OutOfBounds(f"The payment book holds dues to {DUES_KEPT_MAX} accounts.")
            connection.execute(
                f"INSERT INTO dues ({_COLUMNS}) VALUES (?, ?, 0, 0, 0, 0) "
                "ON CONFLICT (account) DO UPDATE SET owed_rao = owed_rao + excluded.owed_rao",
                (account, more_rao),
            )

    def rows(self) -> list[DueRow]:
        """All dues, the largest sum first."""
        with self._database.read() as connection:
            query = f"SELECT {_COLUMNS} FROM dues ORDER BY owed_rao DESC, account"
            rows = connection.execute(query).fetchall()
        return [DueRow(*row) for row in rows]

    def begin(self, account: bytes, sent_rao: int, sent_from: int, sent_until: int) -> None:
        """Write down a transfer before it is sent; a known account, and none under way to it."""
        with self._database.write() as connection:
            done = connection.execute(
                "UPDATE dues SET sent_rao = ?, sent_from = ?, sent_until = ? "
                "WHERE account = ? AND sent_rao = 0 AND owed_rao - paid_rao >= ? AND ? > 0",
                (sent_rao, sent_from, sent_until, account, sent_rao, sent_rao),
            )
            if done.rowcount != 1:
                raise OutOfBounds("Nothing of that sum is owed to that account, or a transfer is under way.")

    def end(self, account: bytes, *, arrived: bool) -> None:
        """The transfer under way is in a final block, or can be in none any more."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE dues SET paid_rao = paid_rao + CASE WHEN ? THEN sent_rao ELSE 0 END, sent_rao = 0 "
                "WHERE account = ?",
                (int(arrived), account),
            )
