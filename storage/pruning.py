"""Forgetting old blocks, a bounded step at a time, so that a commit never waits for long.

Each step is one transaction that also moves the horizon, so that a crash leaves nothing half forgotten. Must never
touch the latest finalised block, the genesis, the state or the steps of light clients.
"""

import sqlite3
from collections.abc import Sequence

from storage.database import Database
from storage.errors import Inconsistent
from storage.limits import PRUNED_HEADERS_MAX
from storage.rows import Horizon
from storage.staging import ADOPTED

_BODIES, _HEADERS = "pruned.bodies", "pruned.headers"
"""Meta names: everything below was pruned; 8 bytes big endian."""


class Pruning:
    """What of the past is kept. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def horizon(self) -> Horizon:
        """Return from where on everything is stored."""
        with self._database.read() as connection:
            adopted = _number(connection, ADOPTED)
            bodies, headers = _number(connection, _BODIES), _number(connection, _HEADERS)
        return Horizon(max(headers, adopted), max(bodies, adopted + 1 if adopted else 0))

    def swept_bodies(self) -> int:
        """Return the height from which the next step of `prune_bodies` goes on."""
        with self._database.read() as connection:
            return max(1, _number(connection, _BODIES))

    def swept_headers(self) -> int:
        """Return the height from which the next step of `prune_headers` goes on."""
        with self._database.read() as connection:
            return max(1, _number(connection, _HEADERS))

    def weigh_bodies(self, oldest_slot: int, below: int) -> tuple[int, int]:
        """Return number and bytes of the bodies before a slot and below a height that could go. Reads every header."""
        query = (
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM blocks JOIN bodies ON block = number "
            "WHERE finalised = 1 AND height >= ? AND height < ? AND slot < ?"
        )
        with self._database.read() as connection:
            start = max(1, _number(connection, _BODIES))
            count, size = connection.execute(query, (start, below, oldest_slot)).fetchone()
        return int(count), int(size)

    def prune_bodies(self, below: int, transactions: Sequence[bytes]) -> None:
        """Forget bodies, events and certificates of the finalised blocks below `below`, and those `transactions`.

        `transactions` are the hashes of what the forgotten bodies contain; those of later blocks are left alone.

        Raises:
            Inconsistent: `below` reaches the latest finalised block.
        """
        with self._database.write() as connection:
            start = max(1, _number(connection, _BODIES))
            _check_below_tip(connection, below)
            bounds = (start, below)
            connection.execute(
                "DELETE FROM bodies WHERE block IN "
                "(SELECT number FROM blocks WHERE finalised = 1 AND height >= ? AND height < ?)",
                bounds,
            )
            connection.execute("DELETE FROM events WHERE height >= ? AND height < ?", bounds)
            connection.execute("DELETE FROM certificates WHERE height >= ? AND height < ?", bounds)
            connection.executemany(
                "DELETE FROM transactions WHERE hash = ? AND height < ?", ((each, below) for each in transactions)
            )
            _put_number(connection, _BODIES, max(below, start))

    def prune_headers(self, below: int) -> int:
        """Forget headers whose bodies are pruned, below `below`, one step of them; return how many there were.

        Raises:
            Inconsistent: `below` reaches the latest finalised block.
        """
        query = "SELECT height FROM blocks WHERE finalised = 1 AND height >= ? AND height < ? ORDER BY height LIMIT ?"
        with self._database.write() as connection:
            _check_below_tip(connection, below)
            start, below = max(1, _number(connection, _HEADERS)), min(below, _number(connection, _BODIES))
            heights = [int(row[0]) for row in connection.execute(query, (start, below, PRUNED_HEADERS_MAX)).fetchall()]
            if heights:
                connection.execute(
                    "DELETE FROM blocks WHERE finalised = 1 AND height >= ? AND height <= ?", (start, heights[-1])
                )
                _put_number(connection, _HEADERS, heights[-1] + 1)
        return len(heights)


def _check_below_tip(connection: sqlite3.Connection, below: int) -> None:
    (tip,) = connection.execute("SELECT max(height) FROM blocks WHERE finalised = 1").fetchone()
    if tip is None or below > tip:
        raise Inconsistent(f"Blocks below {below} cannot be pruned: the latest finalised one is {tip}.")


def _number(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int.from_bytes(row[0], "big")


def _put_number(connection: sqlite3.Connection, name: str, number: int) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, number.to_bytes(8, "big")))
