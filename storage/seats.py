"""Who held which seat of a subnet with what stake, block by block, as this node saw it; a part of the market journal.

Only changes are kept, and which stretches of blocks were followed: what lies between two of them is not known. Knows no
chain and decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Final

from storage.database import Database
from storage.errors import OutOfBounds
from storage.limits import HASH_BYTES, INTEGER_MAX, SEAT_ROWS_PER_NOTE_MAX

_PRUNE_BLOCKS: Final = 16  # looking for what can go takes some ms of a worker thread
_COLUMNS: Final = "height, uid, hotkey, stake_rao, permit"


@dataclass(frozen=True, slots=True)
class SeatNote:
    """A seat from `height` on; an empty hotkey is an empty seat."""

    height: int
    uid: int
    hotkey: bytes
    stake_rao: int
    permit: bool


class SeatStore:
    """Seats of all subnets that were followed. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, netuid: int, height: int, changes: Sequence[SeatNote], *, begins: bool, kept_from: int) -> None:
        """Write down what block `height` changed; what was noted of later blocks is forgotten.

        `begins`: blocks before were not followed, and `changes` are all seats. Seats are known from `kept_from` on.
        """
        if len(changes) > SEAT_ROWS_PER_NOTE_MAX or not 0 <= height <= INTEGER_MAX:
            raise OutOfBounds(f"One block changes at most {SEAT_ROWS_PER_NOTE_MAX} seats.")
        if any(len(row.hotkey) not in (0, HASH_BYTES) or not 0 <= row.stake_rao <= INTEGER_MAX for row in changes):
            raise OutOfBounds(f"A hotkey has {HASH_BYTES} bytes or none, a stake 0 to {INTEGER_MAX}.")
        with self._database.write() as connection:
            connection.execute("DELETE FROM seats WHERE netuid = ? AND height > ?", (netuid, height))
            connection.execute("DELETE FROM seat_stretches WHERE netuid = ? AND first > ?", (netuid, height))
            connection.executemany(
                f"INSERT OR REPLACE INTO seats (netuid, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                [(netuid, height, row.uid, row.hotkey, row.stake_rao, int(row.permit)) for row in changes],
            )
            grown = connection.execute(
                "UPDATE seat_stretches SET last = ? WHERE netuid = ? AND ? = 0 "
                "AND first = (SELECT max(first) FROM seat_stretches WHERE netuid = ?)",
                (height, netuid, int(begins), netuid),
            )
            if grown.rowcount != 1:
                connection.execute("INSERT OR REPLACE INTO seat_stretches VALUES (?, ?, ?)", (netuid, height, height))
            if begins or height % _PRUNE_BLOCKS == 0:
                _prune(connection, netuid, kept_from)

    def between(self, netuid: int, first: int, last: int) -> tuple[list[tuple[int, int]], list[SeatNote]]:
        """The stretches that were followed and touch these heights, and all notes up to `last`, oldest first."""
        with self._database.read() as connection:
            stretches = connection.execute(
                "SELECT first, last FROM seat_stretches WHERE netuid = ? AND first <= ? AND last >= ? ORDER BY first",
                (netuid, last, first),
            ).fetchall()
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM seats WHERE netuid = ? AND height <= ? ORDER BY height, uid", (netuid, last)
            ).fetchall()
        notes = [SeatNote(at, uid, bytes(hotkey), stake, bool(permit)) for at, uid, hotkey, stake, permit in rows]
        return [(int(begin), int(end)) for begin, end in stretches], notes


def _prune(connection: Connection, netuid: int, kept_from: int) -> None:
    """Drop what no longer holds at `kept_from`, by one seek for each row."""
    connection.execute("DELETE FROM seat_stretches WHERE netuid = ? AND last < ?", (netuid, kept_from))
    connection.execute(
        "DELETE FROM seats WHERE netuid = ? AND height < (SELECT max(later.height) FROM seats AS later "
        "WHERE later.netuid = seats.netuid AND later.uid = seats.uid AND later.height <= ?)",
        (netuid, kept_from),
    )
