"""The payment book: the best voucher of every channel, on both of its ends, and what was spent by day.

A voucher is money, so the file is written with synchronous=FULL: what a caller was served for, and what this node has
signed away, survive the power. Numbers only grow here unless a caller of this file says otherwise; it checks no
signature and knows no chain.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from storage.database import Database, Kind, open_database
from storage.dues import DueStore
from storage.errors import OutOfBounds
from storage.limits import CHANNELS_KEPT_MAX, DAYS_KEPT_MAX, HASH_BYTES, INTEGER_MAX, WORD_CHARS_MAX
from storage.migrations import payments as migrations

PAYMENTS: Final = Kind(
    name="payments",
    application_id=0x6E725079,
    steps=migrations.STEPS,
    when_corrupted=(
        "Stop the node and move this file and its -wal and -shm companions aside: vouchers that were not redeemed are "
        "lost with it, and channels that this node pays through are best closed and opened anew."
    ),
)

_SIGNATURE_BYTES: Final = 64
_TAKEN: Final = "channel, payer, sequence, cumulative_rao, digest, signature, spent_rao, credited_rao, redeemed_rao"
_GIVEN: Final = "channel, payee, sequence, cumulative_rao, digest, signature, used_rao"


@dataclass(frozen=True, slots=True)
class TakenRow:
    """The best voucher of a channel to this node. `spent_rao` was delivered for, `credited_rao` given back of it."""

    channel: bytes
    payer: bytes
    sequence: int
    cumulative_rao: int
    digest: bytes
    signature: bytes
    spent_rao: int = 0
    credited_rao: int = 0
    redeemed_rao: int = 0


@dataclass(frozen=True, slots=True)
class GivenRow:
    """The latest voucher of a channel of this node's. `used_rao` is what it holds to be due to the payee."""

    channel: bytes
    payee: bytes
    sequence: int
    cumulative_rao: int
    digest: bytes
    signature: bytes
    used_rao: int = 0


class PaymentStore:
    """The payment book on disk. Any thread may call any method."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dues = DueStore(database)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the book at `path`. Raises as `open_database`."""
        return cls(open_database(path, PAYMENTS, synchronous="FULL"))

    def close(self) -> None:
        """Close the files; may be called again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- as a payee -------------------------------------------------------------------------------------------------

    def take(self, row: TakenRow) -> None:
        """Keep a voucher and the sums of its channel; a voucher over less than the kept one changes the sums alone."""
        _check(row.channel, row.payer, row.digest, row.signature)
        _numbers(row.sequence, row.cumulative_rao, row.spent_rao, row.credited_rao, row.redeemed_rao)
        with self._database.write() as connection:
            known = connection.execute("SELECT cumulative_rao FROM taken WHERE channel = ?", (row.channel,)).fetchone()
            if known is None:
                _room(connection.execute("SELECT count(*) FROM taken").fetchone()[0])
            elif known[0] > row.cumulative_rao:
                connection.execute(
                    "UPDATE taken SET spent_rao = ?, credited_rao = ? WHERE channel = ?",
                    (row.spent_rao, row.credited_rao, row.channel),
                )
                return
            connection.execute(
                f"INSERT OR REPLACE INTO taken ({_TAKEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    row.channel, row.payer, row.sequence, row.cumulative_rao, row.digest, row.signature, row.spent_rao,
                    row.credited_rao, row.redeemed_rao,
                ),
            )  # fmt: skip

    def taken(self) -> list[TakenRow]:
        """The best voucher of every channel to this node, ordered by channel."""
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT {_TAKEN} FROM taken ORDER BY channel").fetchall()
        return [TakenRow(*row) for row in rows]

    def drop_taken(self, channel: bytes) -> None:
        """Forget a channel that is no more; an unknown one is no error."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM taken WHERE channel = ?", (channel,))

    # --- as a payer -------------------------------------------------------------------------------------------------

    def give(self, row: GivenRow) -> None:
        """Keep what is about to be signed away. A voucher over less than a kept one changes `used_rao` alone."""
        _check(row.channel, row.payee, row.digest, row.signature)
        _numbers(row.sequence, row.cumulative_rao, row.used_rao)
        with self._database.write() as connection:
            known = connection.execute("SELECT cumulative_rao FROM given WHERE channel = ?", (row.channel,)).fetchone()
            if known is None:
                _room(connection.execute("SELECT count(*) FROM given").fetchone()[0])
            elif known[0] > row.cumulative_rao:
                connection.execute("UPDATE given SET used_rao = ? WHERE channel = ?", (row.used_rao, row.channel))
                return
            connection.execute(
                f"INSERT OR REPLACE INTO given ({_GIVEN}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (row.channel, row.payee, row.sequence, row.cumulative_rao, row.digest, row.signature, row.used_rao),
            )

    def given(self) -> list[GivenRow]:
        """The latest voucher of every channel of this node's, ordered by channel."""
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT {_GIVEN} FROM given ORDER BY channel").fetchall()
        return [GivenRow(*row) for row in rows]

    def drop_given(self, channel: bytes) -> None:
        """Forget a channel that is no more; an unknown one is no error."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM given WHERE channel = ?", (channel,))

    # --- budget -----------------------------------------------------------------------------------------------------

    def spend(self, day: int, used_rao: int) -> None:
        """Keep what was spent on a day (days since 1970, UTC); the oldest days beyond the limit go."""
        _numbers(day, used_rao)
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO days (day, used_rao) VALUES (?, ?)", (day, used_rao))
            connection.execute("DELETE FROM days WHERE day <= (SELECT max(day) FROM days) - ?", (DAYS_KEPT_MAX,))

    def spent(self, day: int) -> int:
        """What was spent on a day, in rao."""
        with self._database.read() as connection:
            row = connection.execute("SELECT used_rao FROM days WHERE day = ?", (day,)).fetchone()
        return 0 if row is None else int(row[0])

    def put_setting(self, name: str, value: int) -> None:
        """Keep a number under a name of the program's choice."""
        _numbers(value)
        if not 0 < len(name) <= WORD_CHARS_MAX:
            raise OutOfBounds(f"A setting's name has 1 to {WORD_CHARS_MAX} characters, not {len(name)}.")
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))

    def setting(self, name: str) -> int | None:
        """The number under a name; None when nobody ever said."""
        with self._database.read() as connection:
            row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])


def _room(count: int) -> None:
    if count >= CHANNELS_KEPT_MAX:
        raise OutOfBounds(f"The payment book holds {CHANNELS_KEPT_MAX} channels; redeem and close some.")


def _check(channel: bytes, account: bytes, digest: bytes, signature: bytes) -> None:
    if any(len(value) != HASH_BYTES for value in (channel, account, digest)):
        raise OutOfBounds(f"A channel, an account and a digest have {HASH_BYTES} bytes each.")
    if len(signature) != _SIGNATURE_BYTES:
        raise OutOfBounds(f"A signature has {_SIGNATURE_BYTES} bytes, not {len(signature)}.")


def _numbers(*values: int) -> None:
    if not all(0 <= value <= INTEGER_MAX for value in values):
        raise OutOfBounds(f"The payment book takes numbers from 0 to {INTEGER_MAX}.")
