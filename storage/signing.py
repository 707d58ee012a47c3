"""The signing record: refuses to sign twice, across crashes, restarts and copies of the home directory.

Each lane (say, the votes of one key) has a position that only grows; it is on disk before the signature exists.
A file of its own with synchronous=FULL, because losing it with the power could make the node sign twice.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from storage.database import Database, Kind, open_database
from storage.errors import CopiedHome, OutOfBounds, SignRefused
from storage.host import host_fingerprint
from storage.limits import HASH_BYTES, INTEGER_MAX, LANE_CHARS_MAX, NOTE_BYTES_MAX, POSITION_PARTS_MAX
from storage.lock import FileLock
from storage.migrations import signing as migrations

SIGNING: Final = Kind(
    name="signing",
    application_id=0x6E725367,
    steps=migrations.STEPS,
    when_corrupted=(
        "Do not delete it and go on: it is what keeps this key from signing twice. Restore nothing either, a backup is "
        "older than the last signature. Move it aside, and let this key sign again only after every block it could "
        "have signed is final."
    ),
)

_SILENCE: Final = "silence"
"""Name of the note that says that this record may have forgotten signatures."""
_PART_BYTES: Final = 8  # big endian, so that the order of the bytes is the order of the tuples


@dataclass(frozen=True, slots=True)
class OwedSilence:
    """A record that may have forgotten signatures: new (of a key that may be old), or of an accepted copy.

    `until` is the time from which it may sign again, in the caller's unit; None until the caller has named one.
    """

    copied: bool
    until: int | None


class SignGuard:
    """The signing record of one home. Any thread may call it; one process at a time may hold it.

    `fresh` tells that opening it made it. A fresh record and an accepted copy owe silence (`owed_silence`), across
    restarts, until `end_silence`: the caller signs nothing meanwhile.
    """

    def __init__(self, database: Database, lock: FileLock, *, fresh: bool) -> None:
        self._database = database
        self._lock = lock
        self.fresh = fresh

    @classmethod
    def open(cls, path: Path, *, host: bytes | None = None, accept_copied_home: bool = False) -> Self:
        """Open or create the record at `path`.

        `host` is the fingerprint to compare, by default that of this machine and file.

        Raises:
            CopiedHome: the record was made elsewhere and `accept_copied_home` is false.
            Locked: another process holds it.
            Corrupted, WrongDatabase, TooNew, DiskFull, Inaccessible: as `open_database`.
        """
        lock = FileLock(path.with_name(path.name + ".lock"))
        lock.acquire()
        try:
            database = open_database(path, SIGNING, synchronous="FULL")
            try:
                fresh = _bind(database, host or host_fingerprint(path), accept=accept_copied_home)
            except BaseException:
                database.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(database, lock, fresh=fresh)

    def advance(
        self, lane: str, position: tuple[int, ...], digest: bytes, *, note: tuple[str, bytes] | None = None
    ) -> None:
        """Record that `digest` (32 bytes) will be signed at `position`; on disk for good when this returns.

        The same digest at the recorded position may be signed again; that is how a crash between record and signature
        heals. `note` (name, bytes) is kept in the same transaction: what the signer must remember together with it.

        Raises:
            SignRefused: the lane has gone beyond, or has another digest there. Do not sign.
        """
        _check(lane, position, digest)
        if note is not None and len(note[1]) > NOTE_BYTES_MAX:
            raise OutOfBounds(f"A note has at most {NOTE_BYTES_MAX} bytes, not {len(note[1])}.")
        key = _encode(position)
        with self._database.write() as connection:
            row = connection.execute("SELECT position, digest FROM positions WHERE lane = ?", (lane,)).fetchone()
            if row is not None:
                if len(row[0]) != len(key):
                    raise SignRefused(f"Lane {lane} counts positions in {len(row[0]) // _PART_BYTES} parts.")
                if (row[0], row[1]) == (key, digest):
                    return
                if key <= row[0]:
                    raise SignRefused(f"Lane {lane} signed at {_decode(row[0])}; {position} is not after it.")
            connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (lane, key, digest))
            if note is not None:
                connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", note)

    def note(self, name: str) -> bytes | None:
        """Return the latest note of that name."""
        with self._database.read() as connection:
            row = connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def owed_silence(self) -> OwedSilence | None:
        """Return what silence this record owes, None when it may sign."""
        note = self.note(_SILENCE)
        if not note:
            return None
        return OwedSilence(note[:1] == b"c", int.from_bytes(note[1:], "big") if len(note) > 1 else None)

    def keep_silent(self, until: int) -> None:
        """Owe silence until `until`, or until the later time that was named before; on disk when this returns."""
        owed = self.owed_silence()
        late = max(until, (owed.until or 0) if owed is not None else 0)
        kind = b"c" if owed is None or owed.copied else b"f"
        self._put_silence(kind + late.to_bytes(_PART_BYTES, "big"))

    def end_silence(self) -> None:
        """Owe none any more."""
        self._put_silence(b"")

    def _put_silence(self, note: bytes) -> None:
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (_SILENCE, note))

    def position(self, lane: str) -> tuple[int, ...] | None:
        """Return the last position that was recorded for `lane`."""
        with self._database.read() as connection:
            row = connection.execute("SELECT position FROM positions WHERE lane = ?", (lane,)).fetchone()
        return None if row is None else _decode(row[0])

    def close(self) -> None:
        """Close the record and give it free for another process; may be called again."""
        self._database.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bind(database: Database, host: bytes, *, accept: bool) -> bool:
    """Compare or set the fingerprint; tell whether the record is new."""
    with database.write() as connection:
        row = connection.execute("SELECT fingerprint FROM host WHERE one = 1").fetchone()
        if row is not None and row[0] == host:
            return False
        if row is not None and not accept:
            raise CopiedHome(f"{database.path} was made on another machine, or is a copy or a restored backup.")
        connection.execute("INSERT OR REPLACE INTO host VALUES (1, ?)", (host,))
        connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (_SILENCE, b"f" if row is None else b"c"))
        return row is None


def _check(lane: str, position: tuple[int, ...], digest: bytes) -> None:
    if not 0 < len(lane) <= LANE_CHARS_MAX:
        raise OutOfBounds(f"A lane's name has 1 to {LANE_CHARS_MAX} characters, not {len(lane)}.")
    if not 0 < len(position) <= POSITION_PARTS_MAX:
        raise OutOfBounds(f"A position has 1 to {POSITION_PARTS_MAX} parts, not {len(position)}.")
    if any(not 0 <= part <= INTEGER_MAX for part in position):
        raise OutOfBounds(f"A part of a position is between 0 and {INTEGER_MAX}; {position} is not.")
    if len(digest) != HASH_BYTES:
        raise OutOfBounds(f"A digest has {HASH_BYTES} bytes, not {len(digest)}.")


def _encode(position: tuple[int, ...]) -> bytes:
    return b"".join(part.to_bytes(_PART_BYTES, "big") for part in position)


def _decode(key: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(key[i : i + _PART_BYTES], "big") for i in range(0, len(key), _PART_BYTES))
