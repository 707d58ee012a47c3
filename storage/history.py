"""Events of finalised blocks that name an account: a search through the bytes, newest first, a stretch at a time.

There is no index: events are many, accounts that anybody asks about are few, and a stretch of blocks is read in
milliseconds. Must never decode an event; what its bytes mean is the caller's business.
"""

from dataclasses import dataclass

from storage.database import Database
from storage.limits import EVENT_SEARCH_HEIGHTS, EVENTS_PER_SEARCH_MAX


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event and its place."""

    height: int
    position: int
    event: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a search found, newest first, and the lowest height up to which it has looked at everything."""

    rows: tuple[EventRow, ...]
    searched_from: int


class History:
    """The stored events. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def naming(self, needle: bytes, below: tuple[int, int], limit: int) -> Stretch:
        """Return up to `limit` events before the place `below` (height, position) in which `needle` occurs.

        Looks back at most `EVENT_SEARCH_HEIGHTS` blocks; `searched_from` says how far it came.
        """
        height, position = below
        bottom = max(0, height - EVENT_SEARCH_HEIGHTS)
        count = max(1, min(limit, EVENTS_PER_SEARCH_MAX))
        query = (
            "SELECT height, position, event FROM events WHERE height >= ? AND height <= ? "
            "AND (height < ? OR position < ?) AND instr(event, ?) > 0 ORDER BY height DESC, position DESC LIMIT ?"
        )
        with self._database.read() as connection:
            found = connection.execute(query, (bottom, height, height, position, needle, count)).fetchall()
        rows = tuple(EventRow(int(at), int(place), bytes(event)) for at, place, event in found)
        return Stretch(rows, rows[-1].height if len(rows) == count else bottom)

    def oldest(self) -> int | None:
        """Return the lowest height of which an event is kept, None when there is none."""
        with self._database.read() as connection:
            row = connection.execute("SELECT min(height) FROM events").fetchone()
        return None if row is None or row[0] is None else int(row[0])
