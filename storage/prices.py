"""The price book on disk: what a subnet's α cost in each period, of several lengths, oldest forgotten first.

It keeps numbers under (length, subnet, beginning) and the height they reach up to; it knows no chain and no clock.
Losing the file loses only pictures: nobody's money depends on it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

from storage.database import Database, Kind, open_database
from storage.errors import OutOfBounds
from storage.limits import BARS_PER_COMMIT_MAX, BARS_PER_READ_MAX, HASH_BYTES, INTEGER_MAX, PRICES_FILE_BYTES_MAX
from storage.migrations import prices as migrations

PRICES: Final = Kind(
    name="prices",
    application_id=0x6E725072,
    steps=migrations.STEPS,
    when_corrupted=(
        "Stop the node, move this file and its -wal and -shm companions aside and start again: "
        "the charts begin anew, nothing else is lost."
    ),
)
_HEIGHT: Final = "height"
_CHAIN: Final = "chain"
_COLUMNS: Final = "step_s, netuid, start_s, open, high, low, close, volume"


class BarRow(NamedTuple):
    """One period of `step_s` seconds from `start_s` (Unix) on. Prices and the volume are plain numbers, 0 or more."""

    step_s: int
    netuid: int
    start_s: int
    open: int
    high: int
    low: int
    close: int
    volume: int


class SpanRow(NamedTuple):
    """All bars of one subnet since some time, as one."""

    netuid: int
    start_s: int
    open: int
    high: int
    low: int
    close: int
    volume: int


class PriceStore:
    """The price book. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the book at `path`. Raises as `open_database`."""
        return cls(open_database(path, PRICES, bytes_max=PRICES_FILE_BYTES_MAX))

    def close(self) -> None:
        """Close the files; may be called again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, chain: bytes) -> int | None:
        """Return the height of the last kept block of this chain (32 bytes); None, and an empty book, for another."""
        if len(chain) != HASH_BYTES:
            raise OutOfBounds(f"A chain has a name of {HASH_BYTES} bytes, not {len(chain)}.")
        with self._database.write() as connection:
            known = dict(connection.execute("SELECT name, value FROM meta").fetchall())
            if known.get(_CHAIN) != chain:
                connection.execute("DELETE FROM bars")
                connection.execute("DELETE FROM meta")
                connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (_CHAIN, chain))
                return None
            height = known.get(_HEIGHT)
        return None if height is None else int.from_bytes(height, "big")

    def put(self, height: int, bars: Sequence[BarRow], gone: Iterable[tuple[int, int, int]] = ()) -> None:
        """Keep or replace bars up to a block, and forget, by (step, subnet, time), those that begin before the time.

        Raises:
            OutOfBounds, DiskFull: nothing was written.
        """
        if len(bars) > BARS_PER_COMMIT_MAX:
            raise OutOfBounds(f"At most {BARS_PER_COMMIT_MAX} bars are kept at once, not {len(bars)}.")
        if not all(0 <= value <= INTEGER_MAX for value in (height, *(value for bar in bars for value in bar))):
            raise OutOfBounds(f"The price book takes numbers from 0 to {INTEGER_MAX}.")
        with self._database.write() as connection:
            connection.executemany(
                f"INSERT INTO bars ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume",
                bars,
            )
            connection.executemany("DELETE FROM bars WHERE step_s = ? AND netuid = ? AND start_s < ?", gone)
            connection.execute(
                "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_HEIGHT, height.to_bytes(8, "big"))
            )

    def forget(self, netuids: Iterable[int]) -> None:
        """Forget all bars of these subnets; a number that is given away again begins without a past."""
        with self._database.write() as connection:
            steps = [row[0] for row in connection.execute("SELECT DISTINCT step_s FROM bars").fetchall()]
            keys = ((step_s, netuid) for netuid in netuids for step_s in steps)
            connection.executemany("DELETE FROM bars WHERE step_s = ? AND netuid = ?", keys)

    def newest(self, step_s: int, netuids: Iterable[int]) -> list[BarRow]:
        """The newest bar of each of these subnets that has one, in their order."""
        query = f"SELECT {_COLUMNS} FROM bars WHERE step_s = ? AND netuid = ? ORDER BY start_s DESC LIMIT 1"
        with self._database.read() as connection:
            rows = [connection.execute(query, (step_s, netuid)).fetchone() for netuid in netuids]
        return [BarRow(*row) for row in rows if row is not None]

    def bars(self, netuid: int, step_s: int, limit: int, before_s: int = INTEGER_MAX) -> list[BarRow]:
        """The last `limit` bars of a subnet that begin before a time, oldest first."""
        if not 0 <= limit <= BARS_PER_READ_MAX:
            raise OutOfBounds(f"At most {BARS_PER_READ_MAX} bars are read at once, not {limit}.")
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM bars WHERE step_s = ? AND netuid = ? AND start_s < ? "
                "ORDER BY start_s DESC LIMIT ?",
                (step_s, netuid, min(before_s, INTEGER_MAX), limit),
            ).fetchall()
        return [BarRow(*row) for row in reversed(rows)]

    def since(self, step_s: int, start_s: int, netuids: Iterable[int]) -> list[SpanRow]:
        """For each of these subnets with bars that begin at `start_s` or later: all of them as one."""
        query = (
            "SELECT min(start_s), max(high), min(low), sum(volume), max(start_s) FROM bars "
            "WHERE step_s = ? AND netuid = ? AND start_s >= ?"
        )
        edge = "SELECT open, close FROM bars WHERE step_s = ? AND netuid = ? AND start_s = ?"
        found = []
        with self._database.read() as connection:
            for netuid in netuids:
                first, high, low, volume, last = connection.execute(query, (step_s, netuid, start_s)).fetchone()
                if first is not None:
                    opened = connection.execute(edge, (step_s, netuid, first)).fetchone()[0]
                    closed = connection.execute(edge, (step_s, netuid, last)).fetchone()[1]
                    found.append(SpanRow(netuid, first, opened, high, low, closed, volume))
        return found
